//! Deep supervision: the loss of predictions at several sizes.

use burn::module::Module;
use burn::tensor::Tensor;
use unifocal_core::LevelWeights;

use crate::inputs::Targets;
use crate::loss::unwrap;
use crate::{Error, SegmentationLoss};

/// A loss of the predictions of a deeply supervised network at several sizes, the full one first: Σ_l weight_l·loss_l. From
/// [`SegmentationLoss::with_deep_supervision`].
///
/// A level of weight 0 is not evaluated, and its prediction gets no gradient.
///
/// # Panics
///
/// Methods without `try_` in their names panic with the message of the [`Error`] that the `try_` methods return.
///
/// # Example
///
/// nnU-Net's loss of three sizes, the smallest of which has the weight 0:
///
/// ```
/// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
/// use unifocal_burn::{Input, LevelWeights, Pooling, SegmentationLoss, core::UnifiedFocal};
///
/// let device = Device::flex().autodiff();
/// let loss = SegmentationLoss::new(UnifiedFocal::nnunet())
///     .with_input(Input::Softmax)
///     .with_pooling(Pooling::Batch)
///     .with_region_weights([0.0, 1.0])
///     .with_deep_supervision(LevelWeights::Nnunet);
/// let labels = Tensor::<3, Int>::from_data([[[0, 0], [0, 1]]], &device).repeat(&[1, 4, 4]); // [N, H, W]
/// let logits = [8, 4, 2].map(|size| Tensor::<4>::zeros([1, 2, size, size], &device).require_grad());
/// let gradients = loss.forward(logits.clone(), labels).backward();
/// assert_eq!(logits[1].grad(&gradients).unwrap().dims(), [1, 2, 4, 4]);
/// assert!(logits[2].grad(&gradients).is_none());
/// ```
#[derive(Module, Debug)]
pub struct DeepSupervision {
    loss: SegmentationLoss,
    #[module(skip)]
    weights: LevelWeights,
}

impl SegmentationLoss {
    /// The loss of the predictions of a deeply supervised network, with these weights of its levels: [`LevelWeights::default`] are
    /// nnU-Net's.
    #[must_use]
    pub fn with_deep_supervision(self, weights: impl Into<LevelWeights>) -> DeepSupervision {
        DeepSupervision {
            loss: self,
            weights: weights.into(),
        }
    }
}

impl DeepSupervision {
    /// The loss of predictions at several sizes against one target of the full size, with its voxel weights.
    ///
    /// The target of a smaller prediction takes the [nearest](Targets::nearest) voxels, as PyTorch's `nearest-exact` does, and nnU-Net 2 and
    /// MONAI with it: where an axis is s times shorter, voxels ⌊s/2⌋, ⌊s/2⌋ + s, … They are copied. For another target at the smaller
    /// sizes, use [`forward_each`](Self::forward_each).
    pub fn forward<const D: usize>(
        &self,
        predictions: impl IntoIterator<Item = Tensor<D>>,
        targets: impl Into<Targets>,
    ) -> Tensor<1> {
        unwrap(self.try_forward(predictions, targets))
    }

    /// [`forward`](Self::forward), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationLoss`], with the level; no level; invalid weights.
    pub fn try_forward<const D: usize>(
        &self,
        predictions: impl IntoIterator<Item = Tensor<D>>,
        targets: impl Into<Targets>,
    ) -> Result<Tensor<1>, Error> {
        let targets = targets.into();
        let levels = predictions.into_iter().map(|prediction| {
            let targets = targets.clone();
            (prediction, targets)
        });
        self.sum(levels.collect(), |prediction, targets: Targets| {
            let shape = prediction.dims();
            let size = shape.get(2..).unwrap_or_default();
            // The full size is not copied.
            let targets = match targets.shape.ends_with(size) {
                true => targets,
                false => targets.at_size(size)?,
            };
            self.loss.try_forward(prediction, targets)
        })
    }

    /// The loss of predictions at several sizes against targets of their own, for targets that were resized in another way.
    pub fn forward_each<const D: usize, T: Into<Targets>>(
        &self,
        levels: impl IntoIterator<Item = (Tensor<D>, T)>,
    ) -> Tensor<1> {
        unwrap(self.try_forward_each(levels))
    }

    /// [`forward_each`](Self::forward_each), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// Those of [`try_forward`](Self::try_forward).
    pub fn try_forward_each<const D: usize, T: Into<Targets>>(
        &self,
        levels: impl IntoIterator<Item = (Tensor<D>, T)>,
    ) -> Result<Tensor<1>, Error> {
        self.sum(levels.into_iter().collect(), |prediction, targets| {
            self.loss.try_forward(prediction, targets)
        })
    }

    /// Σ weight·loss over the levels of a weight above 0.
    fn sum<const D: usize, T>(
        &self,
        levels: Vec<(Tensor<D>, T)>,
        loss: impl Fn(Tensor<D>, T) -> Result<Tensor<1>, Error>,
    ) -> Result<Tensor<1>, Error> {
        let weights = self.weights.of(levels.len())?;
        let mut sum: Option<Tensor<1>> = None;
        for (level, ((prediction, targets), weight)) in levels.into_iter().zip(weights).enumerate()
        {
            if weight == 0.0 {
                continue;
            }
            let of_level = loss(prediction, targets).map_err(|error| Error::Level {
                level,
                error: Box::new(error),
            })?;
            let weighted = of_level.mul_scalar(weight);
            sum = Some(match sum {
                None => weighted,
                Some(sum) => sum + weighted,
            });
        }
        Ok(sum.ok_or(unifocal_core::Error::NoLevelLeft)?)
    }
}
