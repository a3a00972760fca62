//! The loss as a user of Burn calls it.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::loss::Reduction;
use burn::tensor::Tensor;
use unifocal_core::{AnyLoss, Settings};

use crate::inputs::{Inputs, Targets};
use crate::plan::{Plan, Route};
use crate::{Error, Sums};

/// A loss of the family, built from its `…LossConfig` or, with [`new`](Self::new), from any loss of [`core`](crate::core).
///
/// # Shapes
///
/// - predictions: `[batch_size, num_classes, ...]`, of rank 2 or more; a single class is the foreground, and the background is its
///   complement
/// - targets: `[batch_size, ...]` or `[batch_size, 1, ...]` labels, integers or a `Bool` mask of classes 0 and 1; or
///   `[batch_size, num_classes, ...]`, one-hot (integers, `Bool` or floats) or soft (floats)
/// - voxel weights: `[batch_size, ...]`, by [`Targets::with_voxel_weights`]
/// - output: `[1]`; `f64` for `f64` predictions, otherwise `f32`, because a sum would overflow f16. Use `value.cast(DType::F16)` in a
///   larger f16 expression
///
/// On an autodiff device, Burn keeps the graph of a forward pass until `backward` runs or the value is dropped. To compute only values,
/// pass `predictions.inner()`.
///
/// # Panics
///
/// Methods without `try_` in their names panic with the message of the [`Error`] that the `try_` methods return: mismatched shapes or
/// devices, invalid settings, and on the CPU an invalid probability or logit or an unknown label. On other devices such data give NaN,
/// because checking them would stall the device.
#[derive(Module, Debug)]
pub struct SegmentationLoss {
    #[module(skip)]
    pub(crate) plan: Arc<Plan>,
    #[module(skip)]
    reduction: Reduction,
}

impl SegmentationLoss {
    /// Wraps any loss of [`core`](crate::core), with the default settings.
    ///
    /// # Example
    ///
    /// The Unified Focal loss as MONAI defines it:
    ///
    /// ```
    /// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
    /// use unifocal_burn::{Input, SegmentationLoss, core::UnifiedFocal};
    ///
    /// let device = Device::flex();
    /// let logits = Tensor::<3>::from_data([[[2.0, -1.0], [-2.0, 1.0]]], &device); // [N, C, M]
    /// let labels = Tensor::<2, Int>::from_data([[0, 1]], &device); // [N, M]
    ///
    /// let loss = SegmentationLoss::new(UnifiedFocal::monai(0.5, 0.5, 0.7)?).with_input(Input::Softmax);
    /// let value: f32 = loss.forward(logits, labels).into_scalar();
    /// assert!(value < 0.1);
    /// # Ok::<(), unifocal_burn::Error>(())
    /// ```
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

    /// Sets whether the losses of the samples are averaged (the default) or summed.
    #[must_use]
    pub fn with_reduction(self, reduction: Reduction) -> Self {
        Self { reduction, ..self }
    }

    /// Sets how the loss is computed. By default it is fused where the device supports it.
    #[must_use]
    pub fn with_route(mut self, route: Route) -> Self {
        Arc::make_mut(&mut self.plan).route = route;
        self
    }

    /// The loss, `[1]`: the mean over the samples in which at least one voxel counts, or the sum.
    pub fn forward<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Tensor<1> {
        unwrap(self.try_forward(predictions, targets))
    }

    /// [`forward`](Self::forward), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn try_forward<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Tensor<1>, Error> {
        Ok(self.reduced(self.try_sums(predictions, targets)?))
    }

    /// The loss from its sums.
    pub(crate) fn reduced(&self, sums: Sums) -> Tensor<1> {
        match self.reduction {
            Reduction::Sum => sums.values().sum(),
            Reduction::Mean | Reduction::BatchMean | Reduction::Auto => sums.mean(),
        }
    }

    /// The sums that determine the loss: use them for the loss per sample or class, or for a batch spread over devices.
    pub fn sums<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Sums {
        unwrap(self.try_sums(predictions, targets))
    }

    /// [`sums`](Self::sums), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn try_sums<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Sums, Error> {
        let inputs = Inputs::new(&self.plan.settings, predictions, targets.into())?;
        Sums::of(Arc::clone(&self.plan), inputs)
    }
}

#[track_caller]
pub(crate) fn unwrap<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
