//! The scores that summaries describe: the loss and the metrics.

use clap::ValueEnum;

use crate::metrics::{Empty, Metric};
use crate::results::ClassRecord;

/// A score of a class, or the loss of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreName {
    Loss,
    Dice,
    Iou,
    Precision,
    Recall,
    Specificity,
    VolumePrediction,
    VolumeTarget,
    VolumeDifference,
}

impl ScoreName {
    /// The name in reports, which is that of the column in files of results.
    pub(crate) fn name(self) -> &'static str {
        self.metric().map_or("loss", Metric::name)
    }

    /// The metric, if it is one.
    pub(crate) fn metric(self) -> Option<Metric> {
        Some(match self {
            Self::Loss => return None,
            Self::Dice => Metric::Dice,
            Self::Iou => Metric::Iou,
            Self::Precision => Metric::Precision,
            Self::Recall => Metric::Recall,
            Self::Specificity => Metric::Specificity,
            Self::VolumePrediction => Metric::VolumePrediction,
            Self::VolumeTarget => Metric::VolumeTarget,
            Self::VolumeDifference => Metric::VolumeDifference,
        })
    }

    /// Its value for a class; `None` if it has none.
    pub(crate) fn of(self, class: &ClassRecord, empty: Empty) -> Option<f64> {
        match self.metric() {
            None => class.value,
            Some(metric) => empty.value(metric.of(&class.confusion)),
        }
    }

    /// How bad a value is.
    pub(crate) fn badness(self, value: f64) -> f64 {
        match self {
            Self::Loss => value,
            Self::VolumeDifference => value.abs(),
            _ => -value,
        }
    }
}
