//! Slabs of an array that several processes share, and sums with the bits of one process.

use std::num::NonZeroUsize;
use std::ops::Range;

use ndarray::{Axis, Dimension};
use unifocal_core::{
    Pooling,
    data::Element,
    formula::{ClassSums, Loss},
};

use crate::evaluation::expect_shape;
use crate::halves::{GRAIN, Half, LEAF, Task, middle};
use crate::{Error, Evaluation, TargetArray};

/// The division of an array among several processes, each of which holds a slab of it.
///
/// One process halves an array until a half is small, and adds up the sums of the halves in the order in which they were cut. So the
/// processes divide the array at these cuts alone: each of them computes the sums of the [halves](Evaluation::slab_sums) that begin in
/// its share of the slices, and [merging](Evaluation::merge_slabs) them in order gives the bits of one process. A half can extend into
/// the next share, so slabs overlap by up to 1/32 of a slab, or 2¹⁶ numbers.
///
/// # Examples
///
/// Two processes share a volume:
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use ndarray::{Array, Axis, Slice};
/// use unifocal_ndarray::{Evaluation, Slabs, core::Tversky};
///
/// let prediction = Array::from_elem((1, 2, 40, 64, 64), 0.5_f32); // [N, C, z, y, x]
/// let labels = Array::from_shape_fn((1, 40, 64, 64), |(_, z, _, x)| u8::from(z + x < 50));
///
/// let two = NonZeroUsize::MIN.saturating_add(1);
/// let slabs = Slabs::new(prediction.shape(), two)?;
/// let mut halves = Vec::new();
/// for process in 0..2 {
///     let [_, slices] = slabs.range(process);
///     assert!(slices.len() < 30);
///     // Each process reads its slices alone.
///     let prediction = prediction.slice_axis(Axis(2), Slice::from(slices.clone()));
///     let labels = labels.slice_axis(Axis(1), Slice::from(slices));
///     halves.extend(Evaluation::labels(prediction, labels).slab_sums(&Tversky::dice(), &slabs, process)?);
/// }
/// let whole = Evaluation::labels(prediction.view(), labels.view());
/// assert_eq!(whole.merge_slabs(&slabs, halves)?, whole.sums(&Tversky::dice())?);
/// # Ok::<(), unifocal_ndarray::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slabs {
    /// [N, C, spatial…], with at least one spatial axis.
    shape: Vec<usize>,
    count: NonZeroUsize,
}

/// Halves have at most this fraction of a slab, unless they are too small to be cut.
const FRACTION: usize = 32;

impl Slabs {
    /// Divides an array [N, C, spatial…] of this shape into `count` slabs, along the samples and the first spatial axis.
    ///
    /// # Errors
    ///
    /// The shape has fewer than two axes, or a length of 0.
    pub fn new(shape: &[usize], count: NonZeroUsize) -> Result<Self, Error> {
        let (what, found) = ("array", shape.to_vec());
        if shape.len() < 2 {
            return Err(Error::Rank { what, found });
        }
        if shape.contains(&0) {
            return Err(Error::Empty { what, found });
        }
        let mut shape = found;
        if shape.len() == 2 {
            shape.push(1);
        }
        Ok(Self { shape, count })
    }

    /// The number of slabs.
    pub fn count(&self) -> NonZeroUsize {
        self.count
    }

    /// The samples, and the indices on the first spatial axis, that the process with slab `index` has to hold. There is at least one of
    /// each, and two of the indices if the axis is that long: their distance in memory tells which axes are contiguous. `index` is below
    /// the number of slabs.
    pub fn range(&self, index: usize) -> [Range<usize>; 2] {
        let slices = self.shape[2];
        let all = self.shape[0] * slices;
        let reach = (self.most() / self.shape[1]).max(GRAIN);
        let end = self.start(index + 1) + reach.div_ceil(self.voxels_per_slice());
        let (start, end) = (self.start(index).min(all - 1), end.min(all));
        let samples = start / slices..(end - 1) / slices + 1;
        if samples.len() > 1 {
            return [samples, 0..slices];
        }
        let [start, end] = [start, end].map(|slice| slice - samples.start * slices);
        let start = if end - start == 1 {
            start.saturating_sub(1)
        } else {
            start
        };
        [samples, start..end.max(slices.min(start + 2))]
    }

    /// The indices on the first spatial axis that belong to slab `index` in a sample, without those that it shares with the next one.
    pub fn own(&self, index: usize, sample: usize) -> Range<usize> {
        let slices = self.shape[2];
        let place = |slice: usize| slice.saturating_sub(sample * slices).min(slices);
        place(self.start(index))..place(self.start(index + 1))
    }

    /// The first slice of a slab, counted over all samples.
    fn start(&self, index: usize) -> usize {
        let all = (self.shape[0] * self.shape[2]) as u128;
        // The quotient is at most `all`, which is a usize.
        (all * index.min(self.count.get()) as u128 / self.count.get() as u128) as usize
    }

    fn voxels_per_slice(&self) -> usize {
        self.shape[3..].iter().product()
    }

    /// The size of the largest half that is not cut further, in numbers of the prediction.
    fn most(&self) -> usize {
        let all: usize = self.shape.iter().product();
        LEAF.max(all.div_ceil(FRACTION * self.count.get()))
    }

    /// The shape with the last axes merged, so that `axes` remain.
    fn merged(&self, axes: usize) -> Vec<usize> {
        let (first, last) = self.shape.split_at(axes - 1);
        [first, &[last.iter().product()]].concat()
    }

    /// Where to cut a half of this shape.
    fn cut(&self, shape: &[usize]) -> Option<(Axis, usize)> {
        let all: usize = shape.iter().product();
        (all > self.most()).then(|| middle(shape)).flatten()
    }

    /// The halves within these ranges, in order.
    fn halves(&self, ranges: Vec<Range<usize>>, halves: &mut Vec<Vec<Range<usize>>>) {
        let shape: Vec<usize> = ranges.iter().map(Range::len).collect();
        let Some((Axis(axis), index)) = self.cut(&shape) else {
            halves.push(ranges);
            return;
        };
        let middle = ranges[axis].start + index;
        let (mut first, mut second) = (ranges.clone(), ranges);
        first[axis].end = middle;
        second[axis].start = middle;
        self.halves(first, halves);
        self.halves(second, halves);
    }

    /// Merges the sums of halves into those of a whole of this shape; `None` if halves are missing.
    fn merge<L, const K: usize>(
        &self,
        task: &Task<'_, L>,
        shape: Vec<usize>,
        halves: &mut impl Iterator<Item = Vec<ClassSums<f64, K>>>,
    ) -> Option<Vec<ClassSums<f64, K>>> {
        let Some((axis, index)) = self.cut(&shape) else {
            return halves.next();
        };
        let (mut first, mut second) = (shape.clone(), shape);
        first[axis.0] = index;
        second[axis.0] -= index;
        let mut sums = self.merge(task, first, halves)?;
        let others = self.merge(task, second, halves)?;
        if axis == Axis(0) && task.options.pooling == Pooling::PerSample {
            sums.extend(others);
        } else {
            for (sums, others) in sums.iter_mut().zip(&others) {
                sums.merge(others);
            }
        }
        Some(sums)
    }
}

impl<P, D, T> Evaluation<'_, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
{
    /// The sums of each half that begins in slab `index`. The arrays of this evaluation are the slab's [range](Slabs::range) of the
    /// whole ones, with the same order of axes in memory. Positions in errors are those in the whole array.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value); arrays of another shape than the slab's.
    pub fn slab_sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        slabs: &Slabs,
        index: usize,
    ) -> Result<Vec<Vec<ClassSums<f64, K>>>, Error> {
        let task = self.task(loss, self.settings.classes())?;
        let [samples, slices] = slabs.range(index);
        let held = self.whole(slabs.shape.len())?;
        let mut expected = slabs.shape.clone();
        (expected[0], expected[2]) = (samples.len(), slices.len());
        expect_shape("prediction", held.prediction.shape(), &expected)?;
        let inner = slabs.voxels_per_slice();
        let held = Half {
            sample: samples.start,
            voxel: slices.start * inner,
            ..self.whole(3)?
        };
        let axes = held.prediction.ndim();
        // The voxels, or the slices, on the first spatial axis after merging.
        let step = if axes == 3 { inner } else { 1 };
        let mut halves = Vec::new();
        let whole = slabs.merged(axes);
        slabs.halves(whole.iter().map(|len| 0..*len).collect(), &mut halves);
        let own = slabs.start(index)..slabs.start(index + 1);
        let begins =
            |ranges: &[Range<usize>]| ranges[0].start * slabs.shape[2] + ranges[2].start / step;
        let own = halves
            .into_iter()
            .filter(|ranges| own.contains(&begins(ranges)));
        own.map(|mut ranges| {
            ranges[0] = ranges[0].start - samples.start..ranges[0].end - samples.start;
            let first = slices.start * step;
            ranges[2] = ranges[2].start - first..ranges[2].end - first;
            let groups = match task.options.pooling {
                Pooling::PerSample => ranges[0].len() * task.options.regions,
                Pooling::Batch => task.groups,
            };
            let half = (ranges.into_iter().enumerate())
                .fold(held.clone(), |half, (axis, range)| {
                    half.within(Axis(axis), range)
                });
            let mut sums = vec![ClassSums::default(); groups * task.count];
            half.forward(&task, &mut sums, None)?;
            Ok(sums)
        })
        .collect()
    }

    /// Merges the halves of all slabs, in order, into the [`sums`](Evaluation::sums) of the whole array, with the same bits. Of the arrays
    /// of this evaluation, only their order of axes in memory counts: they may be those of any slab.
    ///
    /// # Errors
    ///
    /// Halves are missing, or there are too many.
    pub fn merge_slabs<const K: usize>(
        &self,
        slabs: &Slabs,
        halves: Vec<Vec<ClassSums<f64, K>>>,
    ) -> Result<Vec<ClassSums<f64, K>>, Error> {
        // Merging does not depend on the loss.
        let task = self.task(&(), self.settings.classes())?;
        let whole = slabs.merged(self.whole(3)?.prediction.ndim());
        let mut expected = Vec::new();
        slabs.halves(whole.iter().map(|len| 0..*len).collect(), &mut expected);
        expect_shape("list of halves", &[halves.len()], &[expected.len()])?;
        let merged = slabs.merge(&task, whole, &mut halves.into_iter());
        Ok(merged.unwrap_or_default())
    }
}
