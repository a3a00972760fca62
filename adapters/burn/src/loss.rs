//! A loss of the family, ready to be called.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use unifocal_core::AnyLoss;

use crate::inputs::{Inputs, Targets, Truth};
use crate::plan::{Plan, Route};
use crate::{Error, Sums, composed, fused};

/// A loss of the family, made by its `…LossConfig`.
///
/// # Shapes
///
/// - predictions: `[batch_size, num_classes, ...]`, of any rank from 2 on; one class is the foreground alone, and the background
///   its complement
/// - targets: `[batch_size, ...]` or `[batch_size, 1, ...]` labels, integers or a `Bool` mask of classes 0 and 1; or
///   `[batch_size, num_classes, ...]`, one-hot (integers, `Bool` or floats) or soft (floats)
/// - voxel weights: `[batch_size, ...]`
/// - output: `[1]`, or `[batch_size]` without a reduction (`[1]` with sums over the batch); `f64` for predictions in `f64`, and `f32`
///   for those in `f32`, f16 and bf16, which a sum would overflow. `value.cast(DType::F16)` is what a larger f16 expression wants
///
/// On a device with autodiff, Burn keeps the graph of a forward pass until `backward`, or until the value is dropped. Values alone are
/// computed on `predictions.inner()`.
///
/// # Panics
///
/// Methods without `try_` in their names panic with the message of the [`Error`] that their twins return: shapes or devices
/// that do not fit, classes that cannot be, and on the CPU a number that is no probability (or no finite logit) or a label that
/// is no class. On other devices such data give NaN, since to look at them would stall the device.
#[derive(Module, Debug)]
pub struct SegmentationLoss {
    #[module(skip)]
    plan: Arc<Plan>,
    #[module(skip)]
    reduction: Reduction,
}

impl SegmentationLoss {
    pub(crate) fn of(plan: Plan, reduction: Reduction) -> Self {
        Self {
            plan: Arc::new(plan),
            reduction,
        }
    }

    /// The same options for another loss, whichever of [`core`](crate::core)'s: for the conventions of other implementations,
    /// say.
    ///
    /// ```
    /// use unifocal_burn::{AsymmetricUnifiedFocalLossConfig, core::UnifiedFocal};
    /// # let device = burn::tensor::Device::flex();
    /// let monai = UnifiedFocal::monai(0.5, 0.5, 0.7)?;
    /// let loss = AsymmetricUnifiedFocalLossConfig::new().init(&device).with_loss(monai);
    /// # Ok::<(), unifocal_burn::Error>(())
    /// ```
    #[must_use]
    pub fn with_loss(self, loss: impl Into<AnyLoss>) -> Self {
        let plan = Plan {
            loss: loss.into(),
            ..(*self.plan).clone()
        };
        Self::of(plan, self.reduction)
    }

    /// The loss, `[1]`: over the samples in which something counts the mean, or the sum if the configuration says so.
    pub fn forward<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Tensor<1> {
        unwrap(self.try_forward(predictions, targets))
    }

    /// [`forward`](Self::forward), with what is wrong as an error.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn try_forward<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Tensor<1>, Error> {
        Ok(self.reduced(self.sums(predictions, targets)?))
    }

    /// The loss, with a weight per voxel: 0 leaves a voxel out, whatever stands there.
    pub fn forward_weighted<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
        weights: Tensor<L>,
    ) -> Tensor<1> {
        unwrap(self.try_forward_weighted(predictions, targets, weights))
    }

    /// [`forward_weighted`](Self::forward_weighted), with what is wrong as an error.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn try_forward_weighted<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
        weights: Tensor<L>,
    ) -> Result<Tensor<1>, Error> {
        Ok(self.reduced(self.sums_weighted(predictions, targets, weights)?))
    }

    /// The loss of each sample, `[batch_size]`; of the batch, `[1]`, if its samples share their sums.
    pub fn forward_no_reduction<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Tensor<1> {
        unwrap(self.sums(predictions, targets)).values()
    }

    /// What each class scores in each sample, [batch_size, num_classes]; see [`Sums::per_class`].
    pub fn forward_per_class<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Tensor<2> {
        unwrap(self.sums(predictions, targets)).per_class()
    }

    /// The sums that the loss is a function of: where several devices share one batch.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn sums<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Sums, Error> {
        self.summed(Inputs::new(&self.plan, predictions, targets.into())?)
    }

    /// The sums, with a weight per voxel.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn sums_weighted<const D: usize, const L: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
        weights: Tensor<L>,
    ) -> Result<Sums, Error> {
        let shape = predictions.dims();
        let inputs = Inputs::new(&self.plan, predictions, targets.into())?;
        self.summed(inputs.weighted(weights, &shape)?)
    }

    fn summed(&self, inputs: Inputs) -> Result<Sums, Error> {
        let dtype = inputs.prediction.dtype();
        let plan = match &inputs.truth {
            Truth::Labels(labels) => self.plan.beside(labels.dtype()),
            Truth::Soft(_) => Arc::clone(&self.plan),
        };
        let sums = match plan.route {
            Route::Auto => fused::sums(&plan, inputs)?,
            Route::Composed => composed::sums(&plan, inputs),
        };
        Ok(Sums::new(Arc::clone(&self.plan), sums, dtype))
    }

    fn reduced(&self, sums: Sums) -> Tensor<1> {
        match self.reduction {
            Reduction::Sum => sums.values().sum(),
            Reduction::Mean | Reduction::BatchMean | Reduction::Auto => sums.mean(),
        }
    }
}

#[track_caller]
fn unwrap<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
