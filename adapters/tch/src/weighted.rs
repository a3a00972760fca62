//! A loss with what a caller gives beside predictions and targets.

use tch::Tensor;

use crate::tensors::Beside;
use crate::{Error, SegmentationLoss, Sums};

/// A loss with voxel weights or classes annotated per sample, from [`with_voxel_weights`](SegmentationLoss::with_voxel_weights) or
/// [`with_annotated`](SegmentationLoss::with_annotated).
#[derive(Clone, Copy, Debug)]
pub struct Weighted<'a, C = SegmentationLoss> {
    pub(crate) criterion: &'a C,
    pub(crate) beside: Beside<'a>,
}

impl<'a, C> From<&'a C> for Weighted<'a, C> {
    /// The loss with nothing beside it.
    fn from(criterion: &'a C) -> Self {
        let beside = Beside::default();
        Self { criterion, beside }
    }
}

impl<'a, C> Weighted<'a, C> {
    /// The same with voxel weights; see [`SegmentationLoss::with_voxel_weights`].
    #[must_use]
    pub fn with_voxel_weights(mut self, weights: &'a Tensor) -> Self {
        self.beside.weights = Some(weights);
        self
    }

    /// The same with classes that are annotated in some samples only; see [`SegmentationLoss::with_annotated`].
    #[must_use]
    pub fn with_annotated(mut self, mask: &'a Tensor) -> Self {
        self.beside.annotated = Some(mask);
        self
    }
}

impl Weighted<'_> {
    /// [`SegmentationLoss::forward`] with the voxel weights, over the annotated classes.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationLoss::forward`], weights with a wrong shape or device, or outside [0, 10³⁰], and a mask that does not fit.
    pub fn forward(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.criterion.value(predictions, targets, self.beside)
    }

    /// [`SegmentationLoss::per_class`] with the voxel weights, over the annotated classes.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Weighted::forward).
    pub fn per_class(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.sums(predictions, targets)?.per_class()
    }

    /// [`SegmentationLoss::sums`] with the voxel weights, over the annotated classes.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Weighted::forward).
    pub fn sums(&self, predictions: &Tensor, targets: &Tensor) -> Result<Sums, Error> {
        Sums::of(&self.criterion.plan, predictions, targets, self.beside)
    }
}
