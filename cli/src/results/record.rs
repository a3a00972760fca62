//! The record of a case in a file of results.

use serde::{Deserialize, Serialize};

use crate::failure::Failed;
use crate::metrics::Confusion;
use crate::pair::Pair;
use crate::reading::classes::Name;
use crate::score::{ClassScore, Score};

/// A case: its score, or why it has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) key: Key,
    /// The loss; `None` if no voxel is scored or the case failed.
    pub(crate) value: Option<f64>,
    pub(crate) per_class: Vec<ClassRecord>,
    /// How the inputs were read.
    pub(crate) reading: String,
    /// Why the case has no score.
    pub(crate) error: Option<String>,
}

/// The files that tell a case from others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) case: String,
    pub(crate) prediction: String,
    pub(crate) target: String,
}

/// A class of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClassRecord {
    pub(crate) class: Name,
    /// The loss of the class.
    pub(crate) value: Option<f64>,
    #[serde(flatten)]
    pub(crate) confusion: Confusion,
    pub(crate) cross_entropy: f64,
}

impl Key {
    pub(crate) fn of(pair: &Pair) -> Self {
        Self {
            case: on_one_line(&pair.name),
            prediction: on_one_line(&pair.prediction.display().to_string()),
            target: on_one_line(&pair.target.display().to_string()),
        }
    }
}

impl Record {
    pub(crate) fn scored(pair: &Pair, score: &Score) -> Self {
        let class = |class: &ClassScore| {
            let sums = class.sums?;
            Some(ClassRecord {
                class: class.class.clone(),
                value: class.value,
                confusion: sums.confusion,
                cross_entropy: sums.cross_entropy,
            })
        };
        Self {
            key: Key::of(pair),
            value: score.value,
            per_class: score.per_class.iter().filter_map(class).collect(),
            reading: on_one_line(&score.account.text()),
            error: None,
        }
    }

    pub(crate) fn failed(failed: &Failed) -> Self {
        let path = |path: &Option<std::path::PathBuf>| {
            let path = path.as_ref().map(|path| path.display().to_string());
            on_one_line(&path.unwrap_or_default())
        };
        let (prediction, target) = (path(&failed.prediction), path(&failed.target));
        Self {
            key: Key {
                case: on_one_line(&failed.case),
                prediction,
                target,
            },
            value: None,
            per_class: Vec::new(),
            reading: String::new(),
            error: Some(on_one_line(&failed.failure.to_string())),
        }
    }
}

/// The text without line breaks, so that each line of a file is complete or not.
fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
