//! Sweeps over arrays in parallel: halves them until one half fits a thread and its cache.
//!
//! The places of the cuts depend only on the shape, and the sums of two halves merge in a fixed order. So any number of threads
//! gives the same bits.

use std::ops::Range;

use ndarray::{ArrayViewD, ArrayViewMutD, Axis, IxDyn};
use unifocal_core::{
    Classes, Error as CoreError, Input, Pooling, Segmentation,
    data::{Annotated, Channels, Element, Field, ForEachRegion, Position, Shape},
    engine::Kept,
    formula::{ClassSums, Loss},
};

use crate::rows::{self, Row, RowMut};
use crate::simd::Checked;
use crate::target::{self, TargetArray};
use crate::threads::{self, Join};
use crate::workspace;

/// The largest half, in numbers of the prediction, that is not halved again. With target and gradient, it fills half of a
/// second-level cache.
pub(crate) const LEAF: usize = 1 << 16;

/// Voxels are cut at multiples of this, so that only the last half has an incomplete chunk.
pub(crate) const GRAIN: usize = 1 << 12;

/// Where to cut an array [N, C, rows…, voxels]; `None` if it is small enough.
pub(crate) fn middle(shape: &[usize]) -> Option<(Axis, usize)> {
    if shape.iter().product::<usize>() <= LEAF {
        return None;
    }
    let last = shape.len() - 1;
    let axis = (0..=last).find(|axis| *axis != 1 && shape[*axis] > 1)?;
    let len = shape[axis];
    if axis < last {
        return Some((Axis(axis), len / 2));
    }
    let grain = len.div_ceil(GRAIN) / 2 * GRAIN;
    (grain > 0).then_some((Axis(axis), grain))
}

/// How to evaluate an array, whatever the loss.
pub(crate) struct Options {
    pub(crate) input: Input,
    pub(crate) pooling: Pooling,
    pub(crate) simd: Checked,
    /// The number of regions of a sample, each of which is a group of its own; 1 if the channels are classes.
    pub(crate) regions: usize,
}

/// The inputs that all halves share.
pub(crate) struct Task<'t, L> {
    pub(crate) loss: &'t L,
    pub(crate) classes: Classes<'t>,
    pub(crate) options: Options,
    /// Threads in place of the default ones.
    pub(crate) threads: Option<&'t dyn Join>,
    /// The number of classes.
    pub(crate) count: usize,
    /// The number of groups.
    pub(crate) groups: usize,
}

impl<L> Task<'_, L> {
    /// The number of sums of a sample.
    pub(crate) fn sums_per_sample(&self) -> usize {
        self.options.regions * self.count
    }

    /// A row of the gradient, with its regions as samples.
    pub(crate) fn row_mut<'a, T: Copy>(
        &self,
        gradient: ArrayViewMutD<'a, T>,
        outer: &[usize],
    ) -> Channels<RowMut<'a, T>> {
        let row = RowMut::new(rows::row(gradient, 2, outer));
        match self.options.regions {
            1 => Channels::together(row),
            _ => Channels::new_mut(row),
        }
    }

    pub(crate) fn join<A: Send, B: Send>(
        &self,
        a: impl FnOnce() -> A + Send,
        b: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        threads::join(self.threads, a, b)
    }
}

/// A prediction [N, C, rows…, voxels] with its target and weights: the whole, a half of it, or a half of a half.
#[derive(Clone)]
pub(crate) struct Half<'a, P, T> {
    pub(crate) prediction: ArrayViewD<'a, P>,
    pub(crate) target: T,
    pub(crate) weights: Option<ArrayViewD<'a, f64>>,
    /// Whether each channel is annotated, sample by sample; `None` if all are.
    pub(crate) annotated: Option<&'a [bool]>,
    /// Its first sample in the whole array.
    pub(crate) sample: usize,
    pub(crate) voxel: usize,
}

/// The voxel weights of a row.
pub(crate) enum WeightRow<'a> {
    /// Every voxel weighs 1.
    One(Shape),
    /// The caller's weights.
    PerVoxel(Row<'a, f64>),
}

impl Field for WeightRow<'_> {
    type Item = f64;

    #[inline(always)]
    fn shape(&self) -> Shape {
        match self {
            Self::One(shape) => *shape,
            Self::PerVoxel(weights) => weights.shape(),
        }
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> f64 {
        match self {
            Self::One(_) => 1.0,
            Self::PerVoxel(weights) => weights.get(sample, channel, voxel),
        }
    }

    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[f64]> {
        match self {
            Self::One(_) => None,
            Self::PerVoxel(weights) => weights.slice(sample, channel, voxels),
        }
    }

    #[inline(always)]
    fn read<R>(
        &self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
        to: &mut [R],
        convert: impl Fn(f64) -> R,
    ) {
        match self {
            Self::One(_) => to.fill_with(|| convert(1.0)),
            Self::PerVoxel(weights) => weights.read(sample, channel, voxels, to, convert),
        }
    }

    #[inline(always)]
    fn constant(&self) -> Option<f64> {
        match self {
            Self::One(_) => Some(1.0),
            Self::PerVoxel(_) => None,
        }
    }
}

/// A row of the prediction with the same row of the target.
pub(crate) type RowSegmentation<'r, P, T> = Segmentation<
    Channels<Row<'r, P>>,
    Annotated<'r, <T as target::sealed::Sealed>::Row<'r>>,
    ForEachRegion<WeightRow<'r>>,
    Checked,
>;

impl<'a, P: Element, T: TargetArray> Half<'a, P, T> {
    pub(crate) fn middle(&self) -> Option<(Axis, usize)> {
        middle(self.prediction.shape())
    }

    /// The half within this range of an axis.
    pub(crate) fn within(mut self, axis: Axis, range: Range<usize>) -> Self {
        if range.end < self.prediction.len_of(axis) {
            (self, _) = self.split(axis, range.end);
        }
        if range.start > 0 {
            (_, self) = self.split(axis, range.start);
        }
        self
    }

    /// Splits the half at this index of an axis.
    pub(crate) fn split(self, axis: Axis, index: usize) -> (Self, Self) {
        // All axes between the samples and this one have length 1, so the voxels of each half are contiguous.
        let inner: usize = self.prediction.shape()[axis.0 + 1..].iter().product();
        let [sample, voxel] = match axis {
            Axis(0) => [index, 0],
            _ => [0, index * inner],
        };
        let (prediction, other_prediction) = self.prediction.split_at(axis, index);
        let (target, other_target) = self.target.split(axis, index);
        let (weights, other_weights) = self
            .weights
            .map(|weights| weights.split_at(target::without_class_axis(axis), index))
            .unzip();
        let (annotated, other_annotated) = match self.annotated {
            Some(annotated) if axis == Axis(0) => {
                let (annotated, other) = annotated.split_at(index * prediction.len_of(Axis(1)));
                (Some(annotated), Some(other))
            }
            annotated => (annotated, annotated),
        };
        let first = Self {
            prediction,
            target,
            weights,
            annotated,
            ..self
        };
        let second = Self {
            prediction: other_prediction,
            target: other_target,
            weights: other_weights,
            annotated: other_annotated,
            sample: self.sample + sample,
            voxel: self.voxel + voxel,
        };
        (first, second)
    }

    /// Adds the half's sums to those of its groups. Leaves in the gradient, if there is one, what
    /// [`backward`](Half::backward) needs.
    pub(crate) fn forward<L: Loss<K>, const K: usize>(
        self,
        task: &Task<'_, L>,
        sums: &mut [ClassSums<f64, K>],
        gradient: Option<ArrayViewMutD<'_, P::Real>>,
    ) -> Result<(), CoreError> {
        let Some((axis, index)) = self.middle() else {
            let mut gradient = gradient;
            return workspace::with(|workspace| {
                self.for_each_row(task, |outer, segmentation| {
                    let row = gradient.as_mut().map(|gradient| gradient.view_mut());
                    let mut row = row.map(|gradient| task.row_mut(gradient, outer));
                    segmentation.forward(task.loss, &task.classes, sums, row.as_mut(), workspace)
                })
            });
        };
        let (first, second) = self.split(axis, index);
        let (gradient, other_gradient) = gradient
            .map(|gradient| gradient.split_at(axis, index))
            .unzip();
        if axis == Axis(0) && task.options.pooling == Pooling::PerSample {
            let (sums, others) = sums.split_at_mut(index * task.sums_per_sample());
            let (left, right) = task.join(
                || first.forward(task, sums, gradient),
                || second.forward(task, others, other_gradient),
            );
            return left.and(right);
        }
        let mut others = vec![ClassSums::default(); sums.len()];
        let (left, right) = task.join(
            || first.forward(task, sums, gradient),
            || second.forward(task, &mut others, other_gradient),
        );
        left.and(right)?;
        for (sums, others) in sums.iter_mut().zip(&others) {
            sums.merge(others);
        }
        Ok(())
    }

    /// Writes the gradient for the slopes of the half's groups.
    pub(crate) fn backward<L: Loss<K>, const K: usize>(
        self,
        task: &Task<'_, L>,
        slopes: &[[f64; K]],
        kept: Kept,
        mut gradient: ArrayViewMutD<'_, P::Real>,
    ) -> Result<(), CoreError> {
        let Some((axis, index)) = self.middle() else {
            return workspace::with(|workspace| {
                self.for_each_row(task, |outer, segmentation| {
                    let mut row = task.row_mut(gradient.view_mut(), outer);
                    let (loss, classes) = (task.loss, &task.classes);
                    segmentation.backward(loss, classes, slopes, &mut row, kept, workspace)
                })
            });
        };
        let (first, second) = self.split(axis, index);
        let (gradient, other_gradient) = gradient.split_at(axis, index);
        let [slopes, others] = match (axis, task.options.pooling) {
            (Axis(0), Pooling::PerSample) => slopes.split_at(index * task.sums_per_sample()).into(),
            _ => [slopes, slopes],
        };
        let (left, right) = task.join(
            || first.backward(task, slopes, kept, gradient),
            || second.backward(task, others, kept, other_gradient),
        );
        left.and(right)
    }

    /// Sums and gradient, sample by sample, so that the gradient finds the data in the cache.
    pub(crate) fn sums_and_gradient<L: Loss<K>, const K: usize>(
        self,
        task: &Task<'_, L>,
        sums: &mut [ClassSums<f64, K>],
        mut gradient: ArrayViewMutD<'_, P::Real>,
    ) -> Result<(), CoreError> {
        if task.options.pooling == Pooling::PerSample
            && let Some((axis @ Axis(0), index)) = self.middle()
        {
            let (first, second) = self.split(axis, index);
            let (gradient, other_gradient) = gradient.split_at(axis, index);
            let (sums, others) = sums.split_at_mut(index * task.sums_per_sample());
            let (left, right) = task.join(
                || first.sums_and_gradient(task, sums, gradient),
                || second.sums_and_gradient(task, others, other_gradient),
            );
            return left.and(right);
        }
        self.clone()
            .forward(task, sums, Some(gradient.view_mut()))?;
        let mut slopes = vec![[0.0; K]; sums.len()];
        let groups = sums.chunks(task.count).zip(slopes.chunks_mut(task.count));
        for (group, (sums, slopes)) in groups.enumerate() {
            let classes = task.classes.of_group(group, task.count);
            classes.slopes(task.loss, sums, slopes);
        }
        for slope in slopes.as_flattened_mut() {
            *slope /= task.groups as f64;
        }
        self.backward(task, &slopes, Kept::ByForward, gradient)
    }

    /// Calls `visit` with each row and its index. Converts positions in errors to those in the whole array.
    pub(crate) fn for_each_row<L>(
        &self,
        task: &Task<'_, L>,
        mut visit: impl FnMut(&[usize], &RowSegmentation<'_, P, T>) -> Result<(), CoreError>,
    ) -> Result<(), CoreError> {
        let shape = self.prediction.shape();
        let outer = IxDyn(&shape[2..shape.len() - 1]);
        for (number, outer) in ndarray::indices(outer).into_iter().enumerate() {
            let outer = ndarray::Dimension::slice(&outer);
            let row = self.row(&task.options, outer)?;
            visit(outer, &row).map_err(|error| self.at_row(&task.options, number, error))?;
        }
        Ok(())
    }

    /// The row at this index of all spatial axes but the last.
    fn row(
        &self,
        options: &Options,
        outer: &[usize],
    ) -> Result<RowSegmentation<'_, P, T>, CoreError> {
        let prediction = Row::new(rows::row(self.prediction.view(), 2, outer));
        let weights = match &self.weights {
            Some(weights) => WeightRow::PerVoxel(Row::new(rows::row(weights.view(), 1, outer))),
            None => WeightRow::One(prediction.shape().without_channels()),
        };
        let regions = options.regions;
        let prediction = match regions {
            1 => Channels::together(prediction),
            _ => Channels::new(prediction),
        };
        Ok(
            Segmentation::new(prediction, self.target.row(outer, regions > 1))?
                .with_annotated(self.annotated)?
                .with_input(options.input)?
                .with_voxel_weights(ForEachRegion::new(weights, regions))?
                .with_regions(regions)?
                .with_pooling(options.pooling)
                .with_vectors(options.simd),
        )
    }

    /// Moves the position in an error from a row to the whole array.
    fn at_row(&self, options: &Options, number: usize, error: CoreError) -> CoreError {
        let first = self.voxel + number * self.prediction.len_of(Axis(self.prediction.ndim() - 1));
        error.map_position(|at| Position {
            sample: self.sample + at.sample / options.regions,
            channel: at.channel + at.sample % options.regions,
            voxel: first + at.voxel,
        })
    }
}
