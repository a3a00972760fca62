//! The scores that people name, from the counts of a class: Dice, IoU, precision, recall, specificity and volumes.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How much of a class is predicted rightly and wrongly: voxels of label maps, or sums over probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Confusion {
    pub(crate) tp: f64,
    pub(crate) fp: f64,
    #[serde(rename = "fn")]
    pub(crate) fn_: f64,
    pub(crate) tn: f64,
}

impl Confusion {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
        self.tn += other.tn;
    }

    /// The metrics by their names.
    pub(crate) fn metrics(&self, empty: Empty) -> Metrics {
        Metrics(Metric::ALL.map(|metric| empty.value(metric.of(self))))
    }
}

/// A score of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Dice,
    Iou,
    Precision,
    Recall,
    Specificity,
    /// The volume of the prediction, in voxels.
    VolumePrediction,
    VolumeTarget,
    /// The volume of the prediction minus that of the target.
    VolumeDifference,
}

impl Metric {
    pub(crate) const ALL: [Self; 8] = [
        Self::Dice,
        Self::Iou,
        Self::Precision,
        Self::Recall,
        Self::Specificity,
        Self::VolumePrediction,
        Self::VolumeTarget,
        Self::VolumeDifference,
    ];

    /// The name in CSV and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::Iou => "iou",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::Specificity => "specificity",
            Self::VolumePrediction => "volume_prediction",
            Self::VolumeTarget => "volume_target",
            Self::VolumeDifference => "volume_difference",
        }
    }

    /// Whether it is a number of voxels rather than a share of them.
    pub(crate) fn is_volume(self) -> bool {
        matches!(
            self,
            Self::VolumePrediction | Self::VolumeTarget | Self::VolumeDifference
        )
    }

    /// Its value; `None` for 0/0.
    pub(crate) fn of(self, confusion: &Confusion) -> Option<f64> {
        let Confusion { tp, fp, fn_, tn } = *confusion;
        let (part, whole) = match self {
            Self::Dice => (2.0 * tp, 2.0 * tp + fp + fn_),
            Self::Iou => (tp, tp + fp + fn_),
            Self::Precision => (tp, tp + fp),
            Self::Recall => (tp, tp + fn_),
            Self::Specificity => (tn, tn + fp),
            Self::VolumePrediction => return Some(tp + fp),
            Self::VolumeTarget => return Some(tp + fn_),
            Self::VolumeDifference => return Some(fp - fn_),
        };
        (whole > 0.0).then(|| part / whole)
    }
}

/// The value of each metric, in the order of [`Metric::ALL`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Metrics(pub(crate) [Option<f64>; Metric::ALL.len()]);

impl Metrics {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Metric, Option<f64>)> + '_ {
        Metric::ALL.into_iter().zip(self.0)
    }
}

impl From<&Metrics> for Value {
    fn from(metrics: &Metrics) -> Self {
        let entries = metrics.iter();
        let entries = entries.map(|(metric, value)| (metric.name().to_owned(), value.into()));
        Self::Object(entries.collect::<Map<_, _>>())
    }
}

/// The value of a metric that is 0/0, such as the Dice score of a class that is neither predicted nor there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Empty {
    /// No value: the case is left out of the mean, as in nnU-Net
    #[default]
    Skip,
    /// Not a number, and neither is the mean
    Nan,
    /// 0
    #[value(name = "0")]
    Zero,
    /// 1
    #[value(name = "1")]
    One,
}

impl Empty {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Nan => "nan",
            Self::Zero => "0",
            Self::One => "1",
        }
    }

    /// Its meaning for a report, in words.
    pub(crate) fn convention(self) -> &'static str {
        match self {
            Self::Skip => {
                "a metric that is 0/0 has no value, and is not in the mean (--empty skip)"
            }
            Self::Nan => "a metric that is 0/0 is NaN, and so is its mean (--empty nan)",
            Self::Zero => "a metric that is 0/0 counts as 0 (--empty 0)",
            Self::One => "a metric that is 0/0 counts as 1 (--empty 1)",
        }
    }

    pub(crate) fn by_name(name: &str) -> Result<Self, String> {
        Self::from_str(name, false)
    }

    /// The value that stands for a value, or for none.
    pub(crate) fn value(self, value: Option<f64>) -> Option<f64> {
        match (value, self) {
            (Some(value), _) => Some(value),
            (None, Self::Skip) => None,
            (None, Self::Nan) => Some(f64::NAN),
            (None, Self::Zero) => Some(0.0),
            (None, Self::One) => Some(1.0),
        }
    }
}
