//! The loss as a training loop sees it: settings, and `forward`.

use tch::{Kind, Reduction, TchError, Tensor};
use unifocal_core::{AnyLoss, ClassSums, Loss, Real, Settings};

use crate::tensors::Tensors;
use crate::{Error, composed, fused};

/// A segmentation loss: one of the family, and how predictions and targets are to be read.
///
/// It holds settings and no tensors, so one serves all of a training.
///
/// | tensor | shape | kind |
/// |---|---|---|
/// | predictions | [N, C, spatial…], any number of spatial axes; C = 1 is the foreground of two classes | Half, BFloat16, Float, Double |
/// | labels | [N, spatial…], or [N, 1, spatial…] | Bool, Uint8, Int8, Int16, Int, Int64 |
/// | or a one-hot or soft target, y in [0, 1] | [N, C, spatial…] | these, and floating-point kinds |
/// | voxel weights | [N, spatial…] | these; computed with in Double |
/// | the loss | `[]`, or `[N]` without a reduction | Double for Double predictions, otherwise Float |
///
/// Any strides will do. Nothing is broadcast. Targets and weights are data: nothing is differentiated with respect to them.
///
/// # Examples
///
/// ```
/// use tch::{Kind, Tensor};
/// use unifocal_tch::{SegmentationLoss, core::{Input, UnifiedFocal}};
///
/// // Logits [N, C, H, W] of one 2 × 2 image and two classes, labels [N, H, W], of which 255 does not count.
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
    pub(crate) loss: AnyLoss,
    pub(crate) settings: Settings,
    pub(crate) reduction: Reduction,
    pub(crate) route: Route,
}

/// How a loss is computed and differentiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// The analytic gradient, when backward asks for it, from the sums that the value was made of: on the CPU by vector instructions over the
    /// memory of the tensors, elsewhere by [operations](Route::Operations). It can be differentiated once.
    #[default]
    Fused,
    /// The same by libtorch's operations on whichever device.
    Operations,
    /// Each step by an operation that libtorch records and differentiates, any number of times. It keeps what its backward needs: some
    /// twenty times the prediction.
    Composed,
}

impl SegmentationLoss {
    /// A loss of probabilities, as a mean over the samples.
    pub fn new(loss: impl Into<AnyLoss>) -> Self {
        Self {
            loss: loss.into(),
            settings: Settings::default(),
            reduction: Reduction::Mean,
            route: Route::default(),
        }
    }

    unifocal_core::settings_methods!(self => self.settings);

    /// Sets all of the settings at once.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Sets what becomes of the losses of the samples: their mean by default, their sum, or each by itself. With
    /// [`Pooling::Batch`](crate::core::Pooling::Batch) the batch is one sample.
    #[must_use]
    pub fn with_reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// Sets how it is computed: [fused](Route::Fused) by default.
    #[must_use]
    pub fn with_route(self, route: Route) -> Self {
        Self { route, ..self }
    }

    /// The loss of predictions [N, C, spatial…] beside labels [N, spatial…] or a one-hot or soft target of their shape.
    ///
    /// # Errors
    ///
    /// Shapes, kinds and devices that do not fit; a value that is no probability (or no finite logit), a label that is no class, each
    /// with its place; parameters that cannot be; whatever libtorch refuses.
    pub fn forward(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.value(predictions, targets, None)
    }

    /// What each class scores, [N, C], before class weights. With [`Pooling::Batch`](crate::core::Pooling::Batch), [1, C].
    ///
    /// A score is the part that the loss averages over the classes plus the part that it sums over them. It is a function of the
    /// predictions, as the loss is: a sum of scores can be trained on. For a log, take it under [`tch::no_grad`].
    ///
    /// # Errors
    ///
    /// As [`forward`](SegmentationLoss::forward).
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
        self.scores(predictions, targets, None)
    }

    /// The same loss with a weight for each voxel, [N, spatial…]; a mask is weights of 0 and 1.
    ///
    /// A voxel of weight 0 is not looked at, and is not one of those that cross entropies are averaged over.
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
        Weighted {
            criterion: self,
            weights,
        }
    }

    /// What a class scores.
    pub(crate) fn score<R: Real>(&self, class: usize, sums: &ClassSums<R, 4>) -> R {
        let class = self.settings.classes().class(class);
        self.loss.finalize(&class, sums).total()
    }

    /// The losses of the groups, as they are reduced, and whether each group counts.
    pub(crate) fn reduced(&self, [by_group, counts]: [Tensor; 2]) -> Result<Tensor, TchError> {
        match self.reduction {
            Reduction::None => Ok(by_group),
            Reduction::Sum => by_group.f_sum(Kind::Double),
            // Of the groups that count.
            Reduction::Mean | Reduction::Other(_) => {
                let counted = counts.f_sum(Kind::Double)?.f_clamp_min(1.0)?;
                by_group.f_sum(Kind::Double)?.f_div(&counted)
            }
        }
    }

    fn value(
        &self,
        predictions: &Tensor,
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Tensor, Error> {
        if let Reduction::Other(found) = self.reduction {
            return Err(Error::Reduction { found });
        }
        let input = Tensors::new(self, predictions, targets, weights)?;
        if self.route == Route::Composed {
            let value = self.reduced(composed::by_group(self, &input)?)?;
            return Ok(value.f_to_kind(input.arithmetic())?);
        }
        fused::value(self, &input, &saved(predictions, targets, weights))
    }

    fn scores(
        &self,
        predictions: &Tensor,
        targets: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Tensor, Error> {
        let input = Tensors::new(self, predictions, targets, weights)?;
        if self.route == Route::Composed {
            let scores = composed::per_class(self, &input)?;
            return Ok(scores.f_to_kind(input.arithmetic())?);
        }
        fused::per_class(self, &input, &saved(predictions, targets, weights))
    }
}

/// What a backward pass needs of the caller's tensors.
fn saved<'t>(
    predictions: &'t Tensor,
    targets: &'t Tensor,
    weights: Option<&'t Tensor>,
) -> Vec<&'t Tensor> {
    [predictions, targets].into_iter().chain(weights).collect()
}

/// A [`SegmentationLoss`] with a weight for each voxel, made by [`with_voxel_weights`](SegmentationLoss::with_voxel_weights).
#[derive(Clone, Copy, Debug)]
pub struct Weighted<'a> {
    criterion: &'a SegmentationLoss,
    weights: &'a Tensor,
}

impl Weighted<'_> {
    /// As [`SegmentationLoss::forward`].
    ///
    /// # Errors
    ///
    /// As there, and weights of another shape, on another device, or outside [0, 10³⁰].
    pub fn forward(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.criterion
            .value(predictions, targets, Some(self.weights))
    }

    /// As [`SegmentationLoss::per_class`].
    ///
    /// # Errors
    ///
    /// As [`forward`](Weighted::forward).
    pub fn per_class(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        self.criterion
            .scores(predictions, targets, Some(self.weights))
    }
}
