//! Burn's tensors as a backend of the core.

use std::sync::Arc;

use burn::tensor::Tensor;
use unifocal_core::{
    AnyLoss, Classes, Settings, TensorLike,
    formula::{ClassSums, class_count},
};

use crate::inputs::{Inputs, Targets};
use crate::plan::{Plan, Route};
use crate::{Elementwise, Error, Sums};

/// Predictions beside their targets, for functions over any [`TensorLike`].
///
/// The sums are tensors with an entry per group, which Burn differentiates. To train with a loss, use [`SegmentationLoss`](crate::SegmentationLoss).
///
/// # Example
///
/// ```
/// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
/// use unifocal_burn::{Segmentation, Settings, core::{AnyLoss, Classes, Tversky, evaluate}};
///
/// let device = Device::flex();
/// let predictions = Tensor::<3>::from_data([[[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]]], &device);
/// let labels = Tensor::<2, Int>::from_data([[0, 1, 0]], &device);
///
/// let segmentation = Segmentation::new(predictions, labels, Settings::default())?;
/// let (loss, classes) = (AnyLoss::from(Tversky::dice()), Classes::default());
/// let dice: f32 = evaluate(&segmentation, &loss, &classes)?.value().0.into_scalar();
/// assert!((dice - 0.2468).abs() < 1e-4);
/// # Ok::<(), unifocal_burn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Segmentation {
    inputs: Inputs,
    settings: Settings,
    route: Route,
}

impl Segmentation {
    /// Predictions [N, C, spatial…] beside their targets.
    ///
    /// # Errors
    ///
    /// Mismatched shapes or devices, or settings that do not fit them.
    pub fn new<const D: usize>(
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
        settings: Settings,
    ) -> Result<Self, Error> {
        Ok(Self {
            inputs: Inputs::new(&settings, predictions, targets.into())?,
            settings,
            route: Route::default(),
        })
    }

    /// Sets how the sums are computed. By default they are fused where the device supports it.
    #[must_use]
    pub fn with_route(self, route: Route) -> Self {
        Self { route, ..self }
    }
}

/// Uses the class options that are passed, not those of the settings.
impl TensorLike for Segmentation {
    /// An entry per group, `[G]`.
    type Sum = Elementwise<1>;
    type Error = Error;

    fn class_count(&self) -> Result<usize, Error> {
        Ok(class_count(self.inputs.prediction.dims()[1]))
    }

    fn sums(
        &self,
        loss: &AnyLoss,
        classes: &Classes<'_>,
    ) -> Result<Vec<ClassSums<Elementwise<1>, 4>>, Error> {
        let plan = Plan {
            loss: *loss,
            settings: self.settings.clone().with_classes(classes),
            route: self.route,
        };
        Ok(Sums::of(Arc::new(plan), self.inputs.clone())?.by_class())
    }
}
