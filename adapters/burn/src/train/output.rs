//! The output of a step of training or validation, for the metrics.

use std::sync::{Arc, OnceLock};

use burn::tensor::{ExecutionError, Tensor, TensorReadError};
use burn::train::metric::{Adaptor, ItemLazy, LossInput};
use unifocal_core::{
    Pooling,
    formula::{ClassSums, class_count},
};

use crate::hard;
use crate::inputs::{Inputs, Targets};
use crate::loss::unwrap;
use crate::plan::Plan;
use crate::{Error, SegmentationLoss, Sums};

/// The output of a segmentation step, for the metrics of this module.
///
/// Supported metrics:
/// - [`OverlapMetric`](super::OverlapMetric): Dice, IoU, precision, recall
/// - [`SegmentationLossMetric`](super::SegmentationLossMetric): any loss of the family
/// - burn-train's `LossMetric`, which averages the batches' losses by their numbers of samples
///
/// It keeps the predictions and targets without their graph. What several metrics need is computed once, when the first of them asks.
#[derive(Clone, Debug)]
pub struct SegmentationOutput {
    /// The loss, `[1]`: the mean over the samples of the batch in which at least one voxel counts.
    pub loss: Tensor<1>,
    batch: Arc<Batch>,
}

/// The input of the metrics: predictions beside their targets.
#[derive(Clone, Debug)]
pub struct SegmentationInput(Arc<Batch>);

/// A batch, and what was computed from it so far.
#[derive(Debug)]
struct Batch {
    plan: Arc<Plan>,
    inputs: Inputs,
    /// The sums of the training loss.
    sums: Sums,
    of_loss: OnceLock<Outcome>,
    of_hard: OnceLock<Outcome>,
}

/// The sums on the host, or the message of an error.
type Outcome = Result<Vec<ClassSums<f64, 4>>, String>;

impl SegmentationOutput {
    /// Computes the loss of predictions [N, C, spatial…], and keeps what the metrics need.
    ///
    /// # Panics
    ///
    /// As [`SegmentationLoss::forward`].
    pub fn new<const D: usize>(
        loss: &SegmentationLoss,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Self {
        unwrap(Self::try_new(loss, predictions, targets))
    }

    /// [`new`](Self::new), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn try_new<const D: usize>(
        loss: &SegmentationLoss,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Self, Error> {
        let plan = Arc::clone(&loss.plan);
        let inputs = Inputs::new(&plan.settings, predictions, targets.into())?;
        let sums = Sums::of(Arc::clone(&plan), inputs.clone())?;
        Ok(Self {
            loss: loss.reduced(sums.clone()),
            batch: Arc::new(Batch {
                plan,
                inputs: Inputs {
                    prediction: inputs.prediction.without_autodiff(),
                    ..inputs
                },
                sums: sums.without_autodiff(),
                of_loss: OnceLock::new(),
                of_hard: OnceLock::new(),
            }),
        })
    }
}

impl SegmentationInput {
    /// The number of samples.
    pub(super) fn samples(&self) -> usize {
        self.0.inputs.prediction.dims()[0]
    }

    /// The number of classes.
    pub(super) fn class_count(&self) -> usize {
        class_count(self.0.inputs.prediction.dims()[1])
    }

    /// TP, FP and FN of each sample and class of the hard segmentation.
    pub(super) fn hard_sums(&self) -> Result<&[ClassSums<f64, 4>], TensorReadError> {
        let Batch { plan, inputs, .. } = &*self.0;
        let outcome = self.0.of_hard.get_or_init(|| {
            let per_sample = plan.settings.clone().with_pooling(Pooling::PerSample);
            let sums = hard::of_hard(&per_sample, plan.route, inputs.clone());
            numbers(sums.map_err(message)?)
        });
        shared(outcome)
    }

    /// The sums of a loss.
    pub(super) fn sums(&self, of: &Arc<Plan>) -> Result<Vec<ClassSums<f64, 4>>, TensorReadError> {
        let Batch { plan, inputs, .. } = &*self.0;
        if **of == **plan {
            let outcome = self.0.of_loss.get_or_init(|| numbers(self.0.sums.clone()));
            return shared(outcome).map(<[_]>::to_vec);
        }
        let classes = of.settings.classes();
        let sums = classes.check_regions(self.class_count(), inputs.regions);
        let sums = sums.map_err(Error::from);
        let sums = sums.and_then(|()| Sums::of(Arc::clone(of), inputs.clone()));
        sums.map_err(|error| failure(message(error)))?.try_to_vec()
    }
}

fn numbers(sums: Sums) -> Outcome {
    sums.try_to_vec().map_err(message)
}

fn message(error: impl ToString) -> String {
    error.to_string()
}

/// An error of this crate as one that `burn-train` reports.
pub(super) fn failure(message: impl Into<String>) -> TensorReadError {
    ExecutionError::with_context(message).into()
}

fn shared(outcome: &Outcome) -> Result<&[ClassSums<f64, 4>], TensorReadError> {
    outcome.as_deref().map_err(failure)
}

impl ItemLazy for SegmentationOutput {
    fn sync(self) -> Result<Self, ExecutionError> {
        self.loss.device().flush()?;
        Ok(Self {
            loss: self.loss.without_autodiff(),
            ..self
        })
    }
}

impl Adaptor<SegmentationInput> for SegmentationOutput {
    fn adapt(&self) -> SegmentationInput {
        SegmentationInput(Arc::clone(&self.batch))
    }
}

/// The loss of the batch, as often as the batch has samples: burn-train's metric weights it by their number.
impl Adaptor<LossInput> for SegmentationOutput {
    fn adapt(&self) -> LossInput {
        let samples = self.batch.inputs.prediction.dims()[0];
        LossInput::new(self.loss.clone().expand([samples]))
    }
}
