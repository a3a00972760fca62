//! The public loss: settings and `forward`.

use std::sync::Arc;

use tch::{Reduction, Tensor};
use unifocal_core::{AnyLoss, Settings};

use crate::plan::{Plan, Route};
use crate::sums::Sums;
use crate::tensors::Beside;
use crate::{Error, Weighted};

/// A loss of the family, with the settings for reading predictions and targets.
///
/// It holds no tensors, so one loss serves a whole training run.
///
/// | tensor | shape | kind |
/// |---|---|---|
/// | predictions | [N, C, spatial…], any number of spatial axes; C = 1 is the foreground of two classes | Half, BFloat16, Float, Double |
/// | labels | [N, spatial…], or [N, 1, spatial…] | Bool, Uint8, Int8, Int16, Int, Int64 |
/// | or a one-hot or soft target, y in [0, 1] | [N, C, spatial…] | these, and floating-point kinds |
/// | voxel weights | [N, spatial…] | these; converted to Double |
/// | the loss | `[]`, or `[N]` without a reduction | Double for Double predictions, otherwise Float |
///
/// Tensors may have any strides. Nothing is broadcast. Targets and weights get no gradient.
///
/// # Examples
///
/// ```
/// use tch::{Kind, Tensor};
/// use unifocal_tch::{SegmentationLoss, core::{Input, UnifiedFocal}};
///
/// // Logits [N, C, H, W] of one 2 × 2 image and two classes, labels [N, H, W], with 255 for voxels to ignore.
/// let logits = Tensor::from_slice(&[2.0_f32, 1.0, 0.5, -1.0, -2.0, -1.0, -0.5, 1.0]).view([1, 2, 2, 2]);
/// let logits = logits.set_requires_grad(true);
/// let labels = Tensor::from_slice(&[0_i64, 0, 255, 1]).view([1, 2, 2]);
///
/// let criterion = SegmentationLoss::new(UnifiedFocal::asymmetric())
///     .with_input(Input::Softmax)
///     .with_ignore_label(255);
/// let loss = criterion.forward(&logits, &labels)?;
/// loss.backward();
/// assert!(loss.double_value(&[]) < 0.2);
/// assert_eq!(logits.grad().size(), [1, 2, 2, 2]);
/// # Ok::<(), unifocal_tch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentationLoss {
    pub(crate) plan: Arc<Plan>,
    reduction: Reduction,
}

impl SegmentationLoss {
    /// Wraps a loss, with default settings: probabilities in, the mean over the samples out.
    pub fn new(loss: impl Into<AnyLoss>) -> Self {
        Self {
            plan: Arc::new(Plan::from(loss.into())),
            reduction: Reduction::Mean,
        }
    }

    unifocal_core::settings_methods!(self => Arc::make_mut(&mut self.plan).settings);

    /// Replaces all settings.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        Arc::make_mut(&mut self.plan).settings = settings;
        self
    }

    /// Sets how the losses of the samples are reduced: to their mean (the default), to their sum, or not at all. With
    /// [`Pooling::Batch`](crate::core::Pooling::Batch), the batch counts as one sample.
    #[must_use]
    pub fn with_reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// Sets how the loss is computed: [fused](Route::Fused) by default.
    #[must_use]
    pub fn with_route(mut self, route: Route) -> Self {
        Arc::make_mut(&mut self.plan).route = route;
        self
    }

    /// The loss of predictions [N, C, spatial…] against labels [N, spatial…] or a one-hot or soft target of the predictions' shape.
    ///
    /// # Errors
    ///
    /// Mismatched shapes, kinds or devices; an invalid probability, logit or target, or an unknown label (with its position); invalid
    /// settings; an error of libtorch.
    pub fn forward(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.value(predictions, targets, Beside::default())
    }

    /// The loss of each class before class weights, [N, C], or [1, C] with [`Pooling::Batch`](crate::core::Pooling::Batch).
    ///
    /// It is the class's region-based part plus its distribution-based part. Gradients flow through it, so you can train on any
    /// combination. For logging, call it under [`tch::no_grad`].
    ///
    /// # Errors
    ///
    /// Those of [`forward`](SegmentationLoss::forward).
    ///
    /// # Examples
    ///
    /// ```
    /// use tch::Tensor;
    /// use unifocal_tch::{SegmentationLoss, core::Tversky};
    ///
    /// let probabilities = Tensor::from_slice(&[0.9_f32, 0.2, 0.1, 0.8]).view([1, 2, 2]);
    /// let labels = Tensor::from_slice(&[0_u8, 1]).view([1, 2]);
    /// let dice: Tensor = 1.0 - SegmentationLoss::new(Tversky::dice()).per_class(&probabilities, &labels)?;
    /// assert_eq!(dice.size(), [1, 2]);
    /// assert!((dice.double_value(&[0, 0]) - 1.8 / 2.1).abs() < 1e-6);
    /// # Ok::<(), unifocal_tch::Error>(())
    /// ```
    pub fn per_class(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.sums(predictions, targets)?.per_class()
    }

    /// The sums that determine the loss: use them for the loss per sample, or for a batch spread over devices.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](SegmentationLoss::forward).
    pub fn sums(&self, predictions: &Tensor, targets: &Tensor) -> Result<Sums, Error> {
        Sums::of(&self.plan, predictions, targets, Beside::default())
    }

    /// The same loss with voxel weights [N, spatial…]. A mask is a tensor of weights 0 and 1.
    ///
    /// A voxel of weight 0 is left out, also from the number of voxels that cross entropies are averaged over, and may hold NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use tch::Tensor;
    /// use unifocal_tch::{SegmentationLoss, core::Tversky};
    ///
    /// let probabilities = Tensor::from_slice(&[0.9_f32, 0.2, 0.1, 0.8]).view([1, 2, 2]);
    /// let labels = Tensor::from_slice(&[0_u8, 1]).view([1, 2]);
    /// let mask = Tensor::from_slice(&[true, false]).view([1, 2]);
    /// let dice = SegmentationLoss::new(Tversky::dice()).with_class_weights([1.0, 0.0]);
    /// let loss = dice.with_voxel_weights(&mask).forward(&probabilities, &labels)?;
    /// assert!((loss.double_value(&[]) - 0.1 / 1.9).abs() < 1e-6);
    /// # Ok::<(), unifocal_tch::Error>(())
    /// ```
    pub fn with_voxel_weights<'a>(&'a self, weights: &'a Tensor) -> Weighted<'a> {
        Weighted::from(self).with_voxel_weights(weights)
    }

    /// The same loss for classes that are annotated in some samples only, [N, C]: an entry per channel of the predictions, Bool or a number.
    ///
    /// A class that is not annotated does not exist in that sample: it is left out of the mean over the classes and of the sum over
    /// them. Classes that exclude each other are then part of class 0: p and y of class 0 are p and y of any of them (marginal loss, Shi
    /// et al. 2021, arXiv 2007.03868), and they share its gradient. With `with_multilabel`, the channel of the sample is ignored,
    /// whatever it and its target hold. An error if class 0 of several classes is not annotated, or each of them has a sigmoid.
    ///
    /// # Examples
    ///
    /// Two data sets in one batch, with classes for the liver and the spleen. The second one has no annotations of the spleen:
    ///
    /// ```
    /// use tch::Tensor;
    /// use unifocal_tch::{SegmentationLoss, core::Focal};
    ///
    /// let probabilities = [0.2_f32, 0.7, 0.7, 0.2, 0.1, 0.1, 0.3, 0.1, 0.1, 0.8, 0.6, 0.1]; // [N, C, M]
    /// let probabilities = Tensor::from_slice(&probabilities).view([2, 3, 2]);
    /// let labels = Tensor::from_slice(&[1_u8, 0, 0, 1]).view([2, 2]);
    /// let annotated = Tensor::from_slice(&[true, true, true, true, true, false]).view([2, 3]);
    /// let criterion = SegmentationLoss::new(Focal::cross_entropy());
    /// let loss = criterion.with_annotated(&annotated).forward(&probabilities, &labels)?;
    /// let each = [0.7, 0.7, 0.3 + 0.6, 0.8].map(|p| -f64::ln(p));
    /// assert!((loss.double_value(&[]) - each.iter().sum::<f64>() / 4.0).abs() < 1e-6);
    /// # Ok::<(), unifocal_tch::Error>(())
    /// ```
    pub fn with_annotated<'a>(&'a self, mask: &'a Tensor) -> Weighted<'a> {
        Weighted::from(self).with_annotated(mask)
    }

    pub(crate) fn value(
        &self,
        predictions: &Tensor,
        targets: &Tensor,
        beside: Beside<'_>,
    ) -> Result<Tensor, Error> {
        if let Reduction::Other(found) = self.reduction {
            return Err(Error::Reduction { found });
        }
        Sums::of(&self.plan, predictions, targets, beside)?.reduced(self.reduction)
    }
}
