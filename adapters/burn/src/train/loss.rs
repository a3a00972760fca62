//! A loss as a metric.

use std::sync::Arc;

use burn::tensor::TensorReadError;
use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry,
    SerializedEntry,
};
use unifocal_core::AnyLoss;

use super::epoch::{Epoch, named};
use super::output::SegmentationInput;
use crate::SegmentationLoss;
use crate::plan::Plan;

/// A loss of the family, over all samples of the epoch that count or, with [`Pooling::Batch`](crate::Pooling::Batch), over all its voxels.
///
/// The loss may be the one that the [output](super::SegmentationOutput) has computed, whose sums are used again, or any other.
/// `burn-train`'s own `LossMetric` averages the values of the batches.
///
/// The name is that of the loss with the parameters that differ from the defaults: `Loss [dice]`, `Loss [focal(gamma=1.0), class 1]`.
///
/// # Example
///
/// ```
/// use unifocal_burn::burn::train::metric::Metric;
/// use unifocal_burn::{FocalLossConfig, Input, train::SegmentationLossMetric};
///
/// let loss = FocalLossConfig::new().with_gamma(1.0).with_input(Input::Softmax).init();
/// let metric = SegmentationLossMetric::new(&loss);
/// assert_eq!(*metric.name(), "Loss [focal(gamma=1.0)]");
/// assert_eq!(*metric.with_class(1).name(), "Loss [focal(gamma=1.0), class 1]");
/// ```
#[derive(Clone, Debug)]
pub struct SegmentationLossMetric {
    name: MetricName,
    plan: Arc<Plan>,
    epoch: Epoch<AnyLoss>,
}

impl SegmentationLossMetric {
    /// The metric of a loss with its settings.
    pub fn new(loss: &SegmentationLoss) -> Self {
        let plan = Arc::clone(&loss.plan);
        let epoch = Epoch::new(plan.loss, plan.settings.clone());
        Self::of(plan, epoch)
    }

    /// Takes the score of this class alone: its region-based part plus its distribution-based part, both before class weights.
    #[must_use]
    pub fn with_class(mut self, class: usize) -> Self {
        self.epoch.class = Some(class);
        Self::of(self.plan, self.epoch)
    }

    /// Sets the name, which must be unique among the metrics of a training.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        let name = Arc::new(name.into());
        Self { name, ..self }
    }

    fn of(plan: Arc<Plan>, epoch: Epoch<AnyLoss>) -> Self {
        // A loss without a name prints too much for the name of a file.
        let loss = match (plan.loss.name(), plan.loss) {
            (Some(_), loss) => loss.to_string(),
            (None, AnyLoss::Tversky(_)) => "region-based".to_owned(),
            (None, AnyLoss::Focal(_)) => "distribution-based".to_owned(),
            (None, AnyLoss::UnifiedFocal(_)) => "compound".to_owned(),
            (None, AnyLoss::HardVoxels(_)) => "hard voxels".to_owned(),
            (None, AnyLoss::Matthews(_)) => "correlation".to_owned(),
        };
        let class = epoch.class.map(|class| format!("class {class}"));
        let parts: Vec<_> = [loss].into_iter().chain(class).collect();
        let name = Arc::new(named("Loss", &parts));
        Self { name, plan, epoch }
    }
}

impl Metric for SegmentationLossMetric {
    type Input = SegmentationInput;

    fn name(&self) -> MetricName {
        Arc::clone(&self.name)
    }

    fn description(&self) -> Option<String> {
        Some("The loss over all samples of the epoch".to_owned())
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes {
            unit: None,
            higher_is_better: false,
        }
        .into()
    }

    fn update(
        &mut self,
        item: &SegmentationInput,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        let sums = item.sums(&self.plan)?;
        self.epoch.update(&sums, item.samples(), item.class_count())
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.epoch.compute())
    }

    fn clear(&mut self) {
        self.epoch.clear();
    }
}

impl Numeric for SegmentationLossMetric {
    fn value(&self) -> Option<NumericEntry> {
        self.epoch.value()
    }

    fn running_value(&self) -> Option<NumericEntry> {
        self.epoch.running_value()
    }

    fn final_value(&self) -> NumericEntry {
        self.epoch.final_value()
    }
}
