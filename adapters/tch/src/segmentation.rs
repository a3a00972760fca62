//! libtorch's tensors as a backend of the core.

use tch::{Kind, TchError, Tensor};
use unifocal_core::{
    AnyLoss, Classes, Settings, TensorLike,
    catalogue::Name,
    formula::{ClassSums, Loss, class_count},
};

use crate::Error;
use crate::extremes::Extremes;
use crate::operands::Operands;
use crate::plan::Plan;
use crate::tensors::Tensors;
use crate::values::{Outcome, Values};

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

/// Predictions beside their targets, for functions over any [`TensorLike`], on any device.
///
/// Sums and values are composed of libtorch's operations, which libtorch differentiates. To train with a loss, use
/// [`SegmentationLoss`](crate::SegmentationLoss), which is faster and needs less memory.
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
    plan: Plan,
    predictions: &'t Tensor,
    targets: &'t Tensor,
    weights: Option<&'t Tensor>,
}

impl<'t> Segmentation<'t> {
    /// Predictions [N, C, spatial…] beside their targets. Both are checked when a loss is evaluated.
    pub fn new(predictions: &'t Tensor, targets: &'t Tensor, settings: Settings) -> Self {
        // The loss comes with each evaluation.
        let plan = Plan::from(AnyLoss::from(Name::default()));
        Self {
            plan: Plan { settings, ..plan },
            predictions,
            targets,
            weights: None,
        }
    }

    /// Adds a weight for each voxel, [N, spatial…].
    #[must_use]
    pub fn with_voxel_weights(self, weights: &'t Tensor) -> Self {
        let weights = Some(weights);
        Self { weights, ..self }
    }

    fn sums_in<const WIDE: bool, const K: usize>(
        &self,
        input: &Tensors,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
    ) -> Result<Vec<ClassSums<Sum, K>>, Error> {
        let extremes = Extremes::new(&self.plan, input)?;
        Operands::<WIDE, true>::new(&self.plan.settings, input, &extremes)?.sums(loss, classes)
    }
}

/// The classes are those that are passed, in place of those of the settings.
impl<L: Loss<K>, const K: usize> TensorLike<L, K> for Segmentation<'_> {
    type Sum = Sum;
    type Error = Error;

    fn class_count(&self) -> Result<usize, Error> {
        let shape = self.predictions.size();
        match shape.get(1) {
            Some(channels) => Ok(class_count(*channels as usize)),
            None => Err(Error::Prediction { found: shape }),
        }
    }

    fn sums(&self, loss: &L, classes: &Classes<'_>) -> Result<Vec<ClassSums<Sum, K>>, Error> {
        let input = Tensors::new(
            &self.plan.settings,
            self.predictions,
            self.targets,
            self.weights,
        )?;
        match input.arithmetic() {
            Kind::Double => self.sums_in::<true, K>(&input, loss, classes),
            _ => self.sums_in::<false, K>(&input, loss, classes),
        }
    }
}
