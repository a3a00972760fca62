//! libtorch's tensors as a backend of the core.

use std::sync::Arc;

use tch::{TchError, Tensor};
use unifocal_core::{
    AnyLoss, Classes, Settings, TensorLike,
    formula::{ClassSums, class_count},
};

use crate::plan::{Plan, Route};
use crate::tensors::Beside;
use crate::values::{Outcome, Values};
use crate::{Error, Sums};

/// A sum over voxels, or a number that is made of such sums: an expression that libtorch computes and differentiates.
pub type Sum = Values<true, true>;

impl Sum {
    /// The numbers, in Double: `[G]`, an entry per group, or `[]` for a constant.
    ///
    /// # Errors
    ///
    /// An error of libtorch's, such as a lack of memory.
    pub fn tensor(&self) -> Result<Tensor, TchError> {
        Ok(match self.outcome()? {
            Outcome::Tensor(tensor) => tensor,
            Outcome::Constant(number) => Tensor::from(number),
        })
    }
}

/// Predictions beside their targets, for functions over any [`TensorLike`], on any device and by any [`Route`].
///
/// The sums are tensors with an entry per group, which libtorch differentiates. To train with a loss, use
/// [`SegmentationLoss`](crate::SegmentationLoss).
///
/// # Examples
///
/// ```
/// use tch::Tensor;
/// use unifocal_tch::{Segmentation, core::{AnyLoss, Classes, Settings, Tversky, evaluate}};
///
/// let probabilities = Tensor::from_slice(&[0.9_f32, 0.2, 0.6, 0.1, 0.8, 0.4]).view([1, 2, 3]).set_requires_grad(true);
/// let labels = Tensor::from_slice(&[0_u8, 1, 0]).view([1, 3]);
///
/// let segmentation = Segmentation::new(&probabilities, &labels, Settings::default());
/// let (loss, classes) = (AnyLoss::from(Tversky::dice()), Classes::default());
/// let dice = evaluate(&segmentation, &loss, &classes)?.value().tensor()?;
/// assert!((dice.double_value(&[0]) - 0.2468).abs() < 1e-4);
/// dice.sum(tch::Kind::Double).backward();
/// assert_eq!(probabilities.grad().size(), [1, 2, 3]);
/// # Ok::<(), unifocal_tch::Error>(())
/// ```
#[derive(Debug)]
pub struct Segmentation<'t> {
    predictions: &'t Tensor,
    targets: &'t Tensor,
    beside: Beside<'t>,
    settings: Settings,
    route: Route,
}

impl<'t> Segmentation<'t> {
    /// Predictions [N, C, spatial…] beside their targets. Both are checked when a loss is evaluated.
    pub fn new(predictions: &'t Tensor, targets: &'t Tensor, settings: Settings) -> Self {
        Self {
            predictions,
            targets,
            beside: Beside::default(),
            settings,
            route: Route::default(),
        }
    }

    /// Adds a weight for each voxel, [N, spatial…].
    #[must_use]
    pub fn with_voxel_weights(self, weights: &'t Tensor) -> Self {
        let weights = Some(weights);
        let beside = Beside {
            weights,
            ..self.beside
        };
        Self { beside, ..self }
    }

    /// Sets which classes are annotated in each sample, [N, C]; see
    /// [`with_annotated`](crate::SegmentationLoss::with_annotated).
    #[must_use]
    pub fn with_annotated(self, mask: &'t Tensor) -> Self {
        let annotated = Some(mask);
        let beside = Beside {
            annotated,
            ..self.beside
        };
        Self { beside, ..self }
    }

    /// Sets how the sums are computed and differentiated. By default they are fused.
    #[must_use]
    pub fn with_route(self, route: Route) -> Self {
        Self { route, ..self }
    }
}

/// Uses the class options that are passed, not those of the settings.
impl TensorLike for Segmentation<'_> {
    /// An entry per group, `[G]`.
    type Sum = Sum;
    type Error = Error;

    fn class_count(&self) -> Result<usize, Error> {
        let shape = self.predictions.size();
        match shape.get(1) {
            Some(_) if self.settings.is_multilabel() => Ok(2),
            Some(channels) => Ok(class_count(*channels as usize)),
            None => Err(Error::Prediction { found: shape }),
        }
    }

    fn sums(&self, loss: &AnyLoss, classes: &Classes<'_>) -> Result<Vec<ClassSums<Sum, 4>>, Error> {
        let plan = Arc::new(Plan {
            loss: *loss,
            settings: self.settings.clone().with_classes(classes),
            route: self.route,
        });
        Sums::of(&plan, self.predictions, self.targets, self.beside)?.by_class()
    }
}
