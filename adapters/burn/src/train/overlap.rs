//! Dice, IoU, precision and recall as metrics.

use std::sync::Arc;

use burn::tensor::TensorReadError;
use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry,
    SerializedEntry,
};
use unifocal_core::{AbsentClass, Overlap, Pooling, Settings};

use super::epoch::{Epoch, named};
use super::output::SegmentationInput;

/// An overlap score of the hard segmentation, in which each voxel belongs to its most probable class.
///
/// By default it is the mean over all classes of a sample, then over the samples; a class that is absent and not predicted scores 1.
/// [`Overlap`] has the formulas. These are MONAI's `DiceMetric(ignore_empty=False)` and, with [`Pooling::Batch`], scikit-learn's
/// `f1_score`, `jaccard_score`, `precision_score` and `recall_score` with `average="macro"`.
///
/// The name says what is scored, `Dice` or `Dice [class 1, Batch]`, for example.
///
/// # Example
///
/// ```
/// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
/// use unifocal_burn::burn::train::metric::{Adaptor, Metric, Numeric};
/// use unifocal_burn::{DiceLossConfig, Pooling, train::{OverlapMetric, SegmentationOutput}};
/// # let metadata = unifocal_burn::burn::train::metric::MetricMetadata {
/// #     progress: unifocal_burn::burn::data::dataloader::Progress { items_processed: 0, items_total: 0, unit: None },
/// #     iteration: None,
/// #     lr: None,
/// # };
///
/// let device = Device::flex();
/// let loss = DiceLossConfig::new().init();
/// let mut dice = OverlapMetric::dice().with_class(1).with_pooling(Pooling::Batch);
/// assert_eq!(*dice.name(), "Dice [class 1, Batch]");
///
/// // One voxel of class 1, which is found; then four that are not there.
/// for (p, y) in [([0.1, 0.9, 0.2, 0.3], [0, 1, 0, 0]), ([0.8, 0.6, 0.9, 0.7], [0, 0, 0, 0])] {
///     let predictions = Tensor::<1>::from_floats(p, &device).reshape([1, 1, 4]);
///     let labels = Tensor::<1, Int>::from_ints(y, &device).reshape([1, 4]);
///     dice.update(&SegmentationOutput::new(&loss, predictions, labels).adapt(), &metadata).unwrap();
/// }
/// // 2·TP / (2·TP + FP + FN), and not the mean of 1 and 0.
/// assert_eq!(dice.final_value().current(), 2.0 / 6.0);
/// ```
#[derive(Clone, Debug)]
pub struct OverlapMetric {
    name: MetricName,
    epoch: Epoch<Overlap>,
}

impl OverlapMetric {
    /// The metric of an overlap score.
    pub fn new(overlap: Overlap) -> Self {
        Self::of(Epoch::new(overlap, Settings::default()))
    }

    /// 2·TP / (2·TP + FP + FN).
    pub fn dice() -> Self {
        Self::new(Overlap::Dice)
    }

    /// TP / (TP + FP + FN).
    pub fn iou() -> Self {
        Self::new(Overlap::Iou)
    }

    /// TP / (TP + FP).
    pub fn precision() -> Self {
        Self::new(Overlap::Precision)
    }

    /// TP / (TP + FN).
    pub fn recall() -> Self {
        Self::new(Overlap::Recall)
    }

    /// Scores this class alone.
    #[must_use]
    pub fn with_class(mut self, class: usize) -> Self {
        self.epoch.class = Some(class);
        Self::of(self.epoch)
    }

    /// Sets which voxels share TP, FP and FN: those of a sample by default, or those of the whole epoch.
    #[must_use]
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        self.epoch.settings.pooling = pooling;
        Self::of(self.epoch)
    }

    /// Sets how to score a class that is absent from a sample's target: with [`AbsentClass::Skip`], it does not count there.
    #[must_use]
    pub fn with_absent_class(mut self, absent: AbsentClass) -> Self {
        self.epoch.settings.absent_class = absent;
        Self::of(self.epoch)
    }

    /// Sets the weight of each class in the mean over the classes. A weight of 0 leaves the class out, the background for example.
    #[must_use]
    pub fn with_class_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.epoch.settings.class_weights = Some(weights.into());
        Self::of(self.epoch)
    }

    fn of(epoch: Epoch<Overlap>) -> Self {
        let Settings {
            pooling,
            absent_class,
            class_weights,
            ..
        } = &epoch.settings;
        let class = epoch.class.map(|class| format!("class {class}"));
        let weights = class_weights
            .as_ref()
            .map(|weights| format!("weights {weights:?}"));
        let pooling = (*pooling != Pooling::default()).then(|| format!("{pooling:?}"));
        let absent = (*absent_class != AbsentClass::default()).then(|| format!("{absent_class:?}"));
        let parts: Vec<_> = [class, weights, pooling, absent]
            .into_iter()
            .flatten()
            .collect();
        let name = Arc::new(named(&epoch.loss.to_string(), &parts));
        Self { name, epoch }
    }
}

impl Metric for OverlapMetric {
    type Input = SegmentationInput;

    fn name(&self) -> MetricName {
        Arc::clone(&self.name)
    }

    fn description(&self) -> Option<String> {
        Some(
            "Overlap of the most probable classes with the target, over all voxels of the epoch"
                .to_owned(),
        )
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes {
            unit: None,
            higher_is_better: true,
        }
        .into()
    }

    fn update(
        &mut self,
        item: &SegmentationInput,
        _metadata: &MetricMetadata,
    ) -> Result<SerializedEntry, TensorReadError> {
        let sums = item.hard_sums()?;
        self.epoch.update(sums, item.samples(), item.class_count())
    }

    fn compute(&mut self) -> Result<SerializedEntry, TensorReadError> {
        Ok(self.epoch.compute())
    }

    fn clear(&mut self) {
        self.epoch.clear();
    }
}

impl Numeric for OverlapMetric {
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
