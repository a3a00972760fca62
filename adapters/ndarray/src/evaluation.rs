//! The public interface: a prediction and its target as arrays, with settings, values and gradients.

mod annotated;
mod gradient;

use ndarray::{Array, ArrayView, ArrayViewD, CowArray, Dimension, Ix2};
use unifocal_core::{
    Classes, Input, Layout, Pooling, Settings,
    data::{Element, Label},
    formula::{ClassSums, Loss, class_count},
};

use crate::Error;
use crate::halves::{Half, Options, Task};
use crate::rows;
use crate::simd::{Checked, Simd};
use crate::target::{self, LabelArray, SoftArray, TargetArray};
use crate::threads::Join;

/// A prediction and its target, ready to be evaluated.
///
/// Build it from two views, change settings with the `with_…` methods, and compute a value or a gradient.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use unifocal_ndarray::{Evaluation, core::{AbsentClass, Layout, Tversky}};
///
/// // Probabilities [N, H, W, C], labels [N, H, W] in which 255 means "not annotated".
/// let prediction = array![[[[0.9, 0.1], [0.2, 0.8]]]];
/// let target = array![[[0_u8, 255]]];
/// let evaluation = Evaluation::labels(prediction.view(), target.view())
///     .with_layout(Layout::ChannelsLast)
///     .with_ignore_label(255)
///     .with_absent_class(AbsentClass::Skip);
/// let dice = evaluation.value(&Tversky::dice())?;
/// assert!((dice - 0.05 / 0.95).abs() < 1e-6); // the lesion is absent and skipped
/// # Ok::<(), unifocal_ndarray::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Evaluation<'a, P, D: Dimension, T> {
    pub(crate) prediction: ArrayView<'a, P, D>,
    pub(crate) target: T,
    pub(crate) weights: Option<ArrayViewD<'a, f64>>,
    /// Contiguous.
    annotated: Option<CowArray<'a, bool, Ix2>>,
    pub(crate) layout: Layout,
    pub(crate) settings: Settings,
    simd: Simd,
    threads: Option<&'a dyn Join>,
}

/// The loss of a class in one group (a sample, or the batch; or a region of them).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClassValue {
    /// The sample; 0 for the whole batch. With [`with_multilabel`](Evaluation::with_multilabel), sample n and region r of R have
    /// n·R + r, and the region alone in the whole batch.
    pub group: usize,
    /// The class; with [`with_multilabel`](Evaluation::with_multilabel) 0 for the outside and 1 for the inside of a region.
    pub class: usize,
    /// The loss of the class before class weights: its term in the region-based mean over the classes plus its term in the
    /// distribution-based sum over them.
    pub value: f64,
    /// Σ y: the size of the class in the target, in voxels.
    pub target: f64,
}

impl<'a, P, D: Dimension, L: Label> Evaluation<'a, P, D, LabelArray<'a, L>> {
    /// Evaluates a prediction [N, C, spatial…] against integer labels [N, spatial…].
    pub fn labels<E: Dimension>(
        prediction: ArrayView<'a, P, D>,
        labels: ArrayView<'a, L, E>,
    ) -> Self {
        let labels = labels.into_dyn();
        Self::new(
            prediction,
            LabelArray {
                labels,
                ignored: None,
                regions: None,
            },
        )
    }
}

impl<'a, P, D: Dimension, S: Element> Evaluation<'a, P, D, SoftArray<'a, S>> {
    /// Evaluates a prediction [N, C, spatial…] against a one-hot or soft target of the same shape.
    pub fn soft(prediction: ArrayView<'a, P, D>, target: ArrayView<'a, S, D>) -> Self {
        Self::new(prediction, SoftArray(target.into_dyn()))
    }
}

impl<'a, P, D: Dimension, T> Evaluation<'a, P, D, T> {
    fn new(prediction: ArrayView<'a, P, D>, target: T) -> Self {
        Self {
            prediction,
            target,
            weights: None,
            annotated: None,
            layout: Layout::default(),
            settings: Settings::default(),
            simd: Simd::best(),
            threads: None,
        }
    }

    unifocal_core::settings_methods!(self => self.settings);

    /// Replaces all settings.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Sets the class axis of the prediction (and of a soft target): axis 1 by default.
    #[must_use]
    pub fn with_layout(self, layout: Layout) -> Self {
        Self { layout, ..self }
    }

    /// Sets the vector instructions: the widest of this processor by default. Does not affect the result.
    #[must_use]
    pub fn with_simd(self, simd: Simd) -> Self {
        Self { simd, ..self }
    }

    /// Sets the threads: rayon's by default. Does not affect the result.
    #[must_use]
    pub fn with_threads(self, threads: &'a dyn Join) -> Self {
        let threads = Some(threads);
        Self { threads, ..self }
    }

    /// Sets voxel weights, [N, spatial…]. A mask is an array of weights 0 and 1. A voxel of weight 0 is left out and may hold NaN.
    #[must_use]
    pub fn with_voxel_weights<E: Dimension>(self, weights: ArrayView<'a, f64, E>) -> Self {
        let weights = Some(weights.into_dyn());
        Self { weights, ..self }
    }
}

impl<'a, P, D, T> Evaluation<'a, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
{
    /// The loss.
    ///
    /// # Errors
    ///
    /// Mismatched shapes; an invalid probability, logit, target or weight, or an unknown label (with its position); invalid
    /// class options.
    pub fn value<const K: usize>(&self, loss: &impl Loss<K>) -> Result<f64, Error> {
        let sums = self.sums(loss)?;
        Ok(unifocal_core::formula::mean(
            loss,
            &self.settings.classes(),
            self.class_count()?,
            &sums,
        )?)
    }

    /// The sums of the loss's terms, ordered by group (a sample, or the batch), then class.
    ///
    /// Merge the sums of several evaluations of one loss to get those of all their voxels; [`unifocal_core::formula::mean`] computes
    /// the value.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value).
    pub fn sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
    ) -> Result<Vec<ClassSums<f64, K>>, Error> {
        self.sums_of(loss, self.settings.classes())
    }

    /// The [`sums`](Evaluation::sums), with these class options.
    pub(crate) fn sums_of<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: Classes<'_>,
    ) -> Result<Vec<ClassSums<f64, K>>, Error> {
        let task = self.task(loss, classes)?;
        let mut sums = vec![ClassSums::default(); task.groups * task.count];
        self.whole(3)?.forward(&task, &mut sums, None)?;
        Ok(sums)
    }

    /// The same evaluation of other numbers of the prediction's shape, which are probabilities.
    pub(crate) fn of_probabilities<'b, Q>(
        &'b self,
        prediction: ArrayView<'b, Q, D>,
    ) -> Evaluation<'b, Q, D, T> {
        Evaluation {
            prediction,
            target: self.target.clone(),
            weights: self.weights.clone(),
            annotated: self.annotated.as_ref().map(|mask| mask.view().into()),
            layout: self.layout,
            settings: self.settings.clone().with_input(Input::Probabilities),
            simd: self.simd,
            threads: self.threads,
        }
    }

    /// Zeros of the prediction's shape.
    pub(crate) fn empty_gradient(&self) -> Array<P::Real, D> {
        Array::from_elem(self.prediction.raw_dim(), P::Real::default())
    }

    /// The loss of each class, ordered by group, then class.
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value).
    pub fn per_class<const K: usize>(&self, loss: &impl Loss<K>) -> Result<Vec<ClassValue>, Error> {
        let count = self.class_count()?;
        let sums = self.sums(loss)?;
        let classes = self.settings.classes();
        let value = |(index, sums): (usize, &ClassSums<f64, K>)| ClassValue {
            group: index / count,
            class: index % count,
            value: loss
                .finalize(
                    &classes
                        .of_group(index / count, count)
                        .class(index % count, count),
                    sums,
                )
                .total(),
            target: sums.target,
        };
        Ok(sums.iter().enumerate().map(value).collect())
    }

    /// The number of classes: the length of the class axis, or two for a single channel or for regions.
    ///
    /// # Errors
    ///
    /// The prediction has no class axis.
    pub fn class_count(&self) -> Result<usize, Error> {
        Ok(class_count(self.channels()? / self.region_count()?))
    }

    /// The number of regions in a sample; 1 if the channels are classes.
    pub(crate) fn region_count(&self) -> Result<usize, Error> {
        Ok(match self.settings.is_multilabel() {
            true => self.channels()?.max(1),
            false => 1,
        })
    }

    /// The length of the class axis.
    fn channels(&self) -> Result<usize, Error> {
        let shape = self.prediction.shape();
        match (shape.len(), self.layout) {
            (0 | 1, _) => Err(Error::Rank {
                what: "prediction",
                found: shape.to_vec(),
            }),
            (_, Layout::ChannelsFirst) => Ok(shape[1]),
            (rank, Layout::ChannelsLast) => Ok(shape[rank - 1]),
        }
    }

    /// Checks the class options and collects what all halves of the arrays have in common.
    pub(crate) fn task<'t, L>(
        &'t self,
        loss: &'t L,
        classes: Classes<'t>,
    ) -> Result<Task<'t, L>, Error> {
        let (count, regions) = (self.class_count()?, self.region_count()?);
        let Settings { input, pooling, .. } = self.settings;
        classes.check_regions(count, regions)?;
        Ok(Task {
            loss,
            classes,
            options: Options {
                input,
                pooling,
                simd: Checked::new(self.simd),
                regions,
            },
            threads: self.threads,
            count,
            groups: match pooling {
                Pooling::PerSample => self.prediction.shape()[0] * regions,
                Pooling::Batch => regions,
            },
        })
    }

    /// Checks the shapes. Returns all arrays with the class axis in second place and the last spatial axes merged as far as
    /// possible without copies; at least `axes` axes remain.
    pub(crate) fn whole(&self, axes: usize) -> Result<Half<'_, P, T>, Error> {
        let shape = self.prediction.shape();
        let expected = self.target.expected_shape(shape, self.layout);
        expect_shape("target", &self.target.shape(), &expected)?;
        if let Some(weights) = &self.weights {
            let expected = target::without_channels(shape, self.layout);
            expect_shape("voxel weights", weights.shape(), &expected)?;
        }
        if self.prediction.is_empty() {
            return Err(Error::Empty {
                what: "prediction",
                found: shape.to_vec(),
            });
        }
        let target = self
            .target
            .clone()
            .with_ignore_label(self.settings.ignore_label)?;
        let target = match self.settings.is_multilabel() {
            true => target.with_regions(&self.settings, self.channels()?)?,
            false => target,
        };
        let annotated = self.annotated_channels()?;
        let whole = Half {
            prediction: rows::channels_first(self.prediction.view().into_dyn(), self.layout),
            target: target.channels_first(self.layout),
            weights: self
                .weights
                .as_ref()
                .map(|weights| rows::with_voxel_axis(weights.view(), 1)),
            annotated,
            sample: 0,
            voxel: 0,
        };
        let merged = (axes..whole.prediction.ndim()).find_map(|axes| {
            Some(Half {
                prediction: rows::merged(whole.prediction.clone(), axes)?,
                target: whole.target.clone().merged(axes)?,
                weights: match &whole.weights {
                    Some(weights) => Some(rows::merged(weights.clone(), axes - 1)?),
                    None => None,
                },
                ..whole
            })
        });
        Ok(merged.unwrap_or(whole))
    }
}

pub(crate) fn expect_shape(
    what: &'static str,
    found: &[usize],
    expected: &[usize],
) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Shape {
            what,
            found: found.to_vec(),
            expected: expected.to_vec(),
        })
    }
}
