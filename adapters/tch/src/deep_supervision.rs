//! Deep supervision: the loss of predictions at several sizes.

use std::borrow::Borrow;

use tch::Tensor;
use unifocal_core::LevelWeights;

use crate::tensors::Beside;
use crate::{Error, SegmentationLoss, Weighted, nearest};

/// A loss of the predictions of a deeply supervised network at several sizes, the full one first: Σ_l weight_l·loss_l. From
/// [`SegmentationLoss::with_deep_supervision`].
///
/// # Examples
///
/// nnU-Net's loss of three sizes, the smallest of which has the weight 0:
///
/// ```
/// use tch::{Device, Kind, Tensor};
/// use unifocal_tch::{SegmentationLoss, core::{Input, LevelWeights, Pooling, UnifiedFocal}};
///
/// let criterion = SegmentationLoss::new(UnifiedFocal::nnunet())
///     .with_input(Input::Softmax)
///     .with_pooling(Pooling::Batch)
///     .with_region_weights([0.0, 1.0])
///     .with_deep_supervision(LevelWeights::Nnunet);
/// let labels = Tensor::from_slice(&[0_u8, 0, 0, 1]).view([1, 2, 2]).repeat([1, 4, 4]); // [N, H, W]
/// let logits = [8, 4, 2].map(|size| Tensor::zeros([1, 2, size, size], (Kind::Float, Device::Cpu)).set_requires_grad(true));
/// let loss = criterion.forward(&logits, &labels)?;
/// loss.backward();
/// assert_eq!(logits[1].grad().size(), [1, 2, 4, 4]);
/// assert!(!logits[2].grad().defined());
/// # Ok::<(), unifocal_tch::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DeepSupervision {
    criterion: SegmentationLoss,
    weights: LevelWeights,
}

impl SegmentationLoss {
    /// The loss of the predictions of a deeply supervised network, with these weights of its levels: [`LevelWeights::default`] are
    /// nnU-Net's.
    #[must_use]
    pub fn with_deep_supervision(self, weights: impl Into<LevelWeights>) -> DeepSupervision {
        DeepSupervision {
            criterion: self,
            weights: weights.into(),
        }
    }
}

impl DeepSupervision {
    /// The loss of predictions [N, C, spatial…] at several sizes against one target of the full size.
    ///
    /// The target of a smaller prediction takes the [`nearest`](fn@nearest) voxels, as PyTorch's `nearest-exact` does, and nnU-Net 2 and MONAI with it.
    /// It is a view of the target where each axis becomes shorter by a whole factor: where an axis is s times shorter, voxels ⌊s/2⌋,
    /// ⌊s/2⌋ + s, … For another target at the smaller sizes, use [`forward_each`](Self::forward_each).
    ///
    /// A level of weight 0 is not evaluated, and its prediction gets no gradient.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationLoss::forward`], with the level; no level; invalid weights.
    pub fn forward<T: Borrow<Tensor>>(
        &self,
        predictions: &[T],
        targets: &Tensor,
    ) -> Result<Tensor, Error> {
        Weighted::from(self).forward(predictions, targets)
    }

    /// Adds voxel weights [N, spatial…] of the full size, which become smaller like the target; see
    /// [`SegmentationLoss::with_voxel_weights`].
    pub fn with_voxel_weights<'a>(&'a self, weights: &'a Tensor) -> Weighted<'a, Self> {
        Weighted::from(self).with_voxel_weights(weights)
    }

    /// Sets which classes are annotated in each sample, [N, C]; see [`SegmentationLoss::with_annotated`].
    pub fn with_annotated<'a>(&'a self, mask: &'a Tensor) -> Weighted<'a, Self> {
        Weighted::from(self).with_annotated(mask)
    }

    /// The loss of predictions at several sizes against a target each, for targets that were resized in another way.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Self::forward), and another number of targets than of predictions.
    pub fn forward_each<T: Borrow<Tensor>, U: Borrow<Tensor>>(
        &self,
        predictions: &[T],
        targets: &[U],
    ) -> Result<Tensor, Error> {
        let (found, expected) = (targets.len(), predictions.len());
        if found != expected {
            let what = "targets";
            let error = unifocal_core::Error::Length {
                what,
                found,
                expected,
            };
            return Err(error.into());
        }
        self.sum(expected, |level| {
            let (prediction, targets) = (predictions[level].borrow(), targets[level].borrow());
            self.criterion.forward(prediction, targets)
        })
    }

    /// Σ weight·loss over the levels of a weight above 0.
    fn sum(
        &self,
        levels: usize,
        loss: impl Fn(usize) -> Result<Tensor, Error>,
    ) -> Result<Tensor, Error> {
        let mut sum: Option<Tensor> = None;
        for (level, weight) in self.weights.of(levels)?.into_iter().enumerate() {
            if weight == 0.0 {
                continue;
            }
            let of_level = loss(level).map_err(|error| Error::Level {
                level,
                error: Box::new(error),
            })?;
            let weighted = of_level.f_mul_scalar(weight)?;
            sum = Some(match sum {
                None => weighted,
                Some(sum) => sum.f_add(&weighted)?,
            });
        }
        Ok(sum.ok_or(unifocal_core::Error::NoLevelLeft)?)
    }
}

impl Weighted<'_, DeepSupervision> {
    /// [`DeepSupervision::forward`] with the voxel weights, over the annotated classes.
    ///
    /// # Errors
    ///
    /// Those of [`DeepSupervision::forward`], weights with a wrong shape or device, or outside [0, 10³⁰], and a mask that does not fit.
    pub fn forward<T: Borrow<Tensor>>(
        &self,
        predictions: &[T],
        targets: &Tensor,
    ) -> Result<Tensor, Error> {
        let Beside { weights, annotated } = self.beside;
        self.criterion.sum(predictions.len(), |level| {
            let prediction = predictions[level].borrow();
            let size = spatial(prediction)?;
            let targets = nearest(targets, &size)?;
            let weights = weights.map(|weights| nearest(weights, &size)).transpose()?;
            let weights = weights.as_ref();
            let beside = Beside { weights, annotated };
            self.criterion.criterion.value(prediction, &targets, beside)
        })
    }
}

/// The lengths of the spatial axes of a prediction.
fn spatial(prediction: &Tensor) -> Result<Vec<i64>, Error> {
    if !prediction.defined() {
        return Err(Error::Layout { what: "prediction" });
    }
    let found = prediction.size();
    match found.get(2..) {
        Some(spatial) => Ok(spatial.to_vec()),
        None => Err(Error::Prediction { found }),
    }
}
