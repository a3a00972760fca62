//! Values and gradients of the published implementations, and the reasons for leaving some out.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use ndarray::{Array0, ArrayD, Axis};
use ndarray_npy::NpzReader;
use serde::Deserialize;
use serde_json::Value;
use unifocal_core::{
    AnyLoss, Layout, Parameter,
    catalogue::{LossError, Name},
};

use crate::{Backend, Case, Target};

/// The folder with the golden values.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");

/// A known defect: the implementation has no value for a perfect prediction.
pub(crate) const NAN: &str = "it is NaN: 0·0^-γ";

/// An entry of a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) framework: String,
    pub(crate) case: String,
    pub(crate) loss: String,
    pub(crate) parameters: serde_json::Map<String, Value>,
    pub(crate) prediction: String,
    #[serde(default, rename = "from")]
    pub(crate) input: String,
    /// The channel that was passed, if only one was.
    #[serde(default)]
    pub(crate) channel: Option<usize>,
    /// "soft" for the soft target, 0.8·y + 0.2/C, "ignoring" for labels of which every seventh is ignored.
    #[serde(default)]
    pub(crate) target: String,
    /// Every `grad_stride`-th entry of the gradient is stored.
    #[serde(default)]
    pub(crate) grad_stride: Option<usize>,
    /// Says so if the implementation itself rounds to f32.
    #[serde(default)]
    pub(crate) precision: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    value_key: String,
    #[serde(default)]
    grad_key: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    entries: Vec<Entry>,
}

/// All entries of the published implementations.
pub(crate) fn entries() -> Vec<Entry> {
    manifest("manifest.json")
}

/// All entries of a manifest.
pub(crate) fn manifest(name: &str) -> Vec<Entry> {
    let text = std::fs::read_to_string(Path::new(FOLDER).join(name)).expect(name);
    serde_json::from_str::<Manifest>(&text).expect(name).entries
}

/// Chooses entries for a backend. A slow one checks as many of each loss of a library as it has rounds: the formulas are the same for all
/// backends, and the others check every entry.
pub(crate) struct Sample {
    rounds: usize,
    taken: BTreeMap<(String, String), usize>,
}

impl Sample {
    pub(crate) fn of(backend: &impl Backend) -> Self {
        Self {
            rounds: backend.rounds(usize::MAX),
            taken: BTreeMap::new(),
        }
    }

    pub(crate) fn takes(&mut self, entry: &Entry) -> bool {
        let loss = (entry.framework.clone(), entry.loss.clone());
        let taken = self.taken.entry(loss).or_default();
        *taken += 1;
        *taken <= self.rounds
    }
}

impl Entry {
    /// Identifies the entry in messages.
    pub(crate) fn describe(&self) -> String {
        let parameters = serde_json::to_string(&self.parameters).unwrap_or_default();
        format!(
            "{} {} {} {parameters}",
            self.framework, self.case, self.loss
        )
    }

    /// Whether the implementation returned a result.
    pub(crate) fn is_ok(&self) -> bool {
        self.status != "error"
    }

    /// Why this entry is not compared, if it is not: a known defect of the implementation.
    pub(crate) fn left_out(&self) -> Option<&'static str> {
        let distribution = matches!(
            self.loss.as_str(),
            "symmetric_focal" | "asymmetric_focal" | "sym_unified_focal" | "asym_unified_focal"
        );
        let tversky_only = self.parameter("weight") == Some(1.0);
        let two_sided = distribution || self.loss.contains("symmetric");
        let is_nan = self.parameter("delta") == Some(0.3) && self.parameter("gamma") == Some(0.5);
        if !self.is_ok() {
            Some("the implementation itself fails: it multiplies a class axis of two into four")
        } else if self.case == "multi4_2d" && two_sided {
            Some("it looks at classes 0 and 1 only")
        } else if self.framework == "reference"
            && self.case == "binary3d"
            && distribution
            && !tversky_only
        {
            Some("it takes a spatial slice for a class in 3D")
        } else if self.case == "perfect2d" && is_nan && self.value().is_nan() {
            Some(NAN)
        } else if self.framework == "reference" && self.case == "perfect2d" {
            Some("its f32 cancels up to 3 % of a near-perfect score; its f64 port is compared")
        } else if self.loss == "combo"
            && self.case == "multi4_2d"
            && self.parameter("beta").is_some()
        {
            Some("its b is for two classes")
        } else {
            None
        }
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<f64> {
        self.parameters.get(name).and_then(Value::as_f64)
    }

    /// The name of the setting, in the middle of the keys.
    pub(crate) fn setting(&self) -> &str {
        let rest = self.value_key.split_once('.').map_or("", |(_, rest)| rest);
        rest.split_once(".pred_cf")
            .or(rest.split_once(".logits_cf"))
            .map_or(rest, |(setting, _)| setting)
    }

    /// A flag of the implementation.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.parameters.get(name).and_then(Value::as_bool)
    }

    /// The loss with the entry's parameters, and the α per class, if any.
    pub(crate) fn loss(&self) -> Result<(AnyLoss, Option<Vec<f64>>), LossError> {
        let mut loss: AnyLoss = match self.loss.as_str() {
            "dice_coefficient" => Name::Dice.loss(),
            name => name.parse()?,
        };
        let mut alpha = None;
        for (parameter, value) in &self.parameters {
            if let Some(each) = value.as_array() {
                alpha = Some(each.iter().filter_map(Value::as_f64).collect());
                continue;
            }
            let parameter = match parameter.as_str() {
                "weight" => Parameter::Lambda,
                "gamma_f" => Parameter::Gamma,
                "epsilon" => Parameter::Clip,
                name => name.parse()?,
            };
            // No α is an α of 1 there, which is the default here.
            if value.is_null() && loss.name() == Some(Name::Focal) {
                continue;
            }
            loss = loss.with(parameter, value.as_f64())?;
        }
        Ok((loss, alpha))
    }

    /// The entry's prediction and target.
    pub(crate) fn case(&self) -> Case {
        let inputs = format!("inputs/{}.npz", self.case);
        let last = self.prediction.ends_with("_cl");
        let target = if last { "true_cl" } else { "true_cf" };
        let mut target = array(&inputs, target);
        let prediction = array(&inputs, &self.prediction);
        let labels = || {
            let labels = target.map_axis(Axis(1), |y| y.iter().position(|y| *y == 1.0));
            labels.mapv(|label| label.expect("one class has y = 1") as i64)
        };
        match self.target.as_str() {
            "labels" => return Case::new(prediction, Target::Labels(labels())),
            "ignoring" => {
                let mut labels = labels();
                let ignored = labels.iter_mut().skip(3).step_by(7);
                ignored.for_each(|label| *label = 255);
                return Case::new(prediction, Target::Labels(labels)).with_ignore_label(255);
            }
            "overlapping" | "overlapping-ignoring" => {
                let last = target.len_of(Axis(1)) as i64 - 1;
                let labels = labels();
                let case = Case::new(prediction, Target::Labels(labels.clone()));
                let mut case = case.with_regions((0..=last).map(|class| [class, last]));
                if self.target == "overlapping-ignoring" {
                    let mut weights = ArrayD::ones(labels.raw_dim());
                    let ignored = weights.iter_mut().skip(3).step_by(7);
                    ignored.for_each(|weight| *weight = 0.0);
                    case.voxel_weights = Some(weights);
                }
                return case;
            }
            "soft" => {
                let classes = target.len_of(Axis(1)) as f64;
                target.mapv_inplace(|y| 0.8 * y + 0.2 / classes);
            }
            _ => {}
        }
        let mut case = Case::new(prediction, Target::Soft(target));
        if last {
            case.layout = Layout::ChannelsLast;
        }
        case
    }

    /// The implementation's value.
    pub(crate) fn value(&self) -> f64 {
        let mut npz = open(&self.file);
        let name = &self.value_key;
        npz.by_name::<ndarray::OwnedRepr<f64>, _>(name)
            .map(|value: Array0<f64>| value.into_scalar())
            .or_else(|_| {
                npz.by_name::<ndarray::OwnedRepr<f32>, _>(name)
                    .map(|value: Array0<f32>| f64::from(value.into_scalar()))
            })
            .expect(name)
    }

    /// The implementation's gradient, if stored.
    pub(crate) fn gradient(&self) -> Option<ArrayD<f64>> {
        let key = self.grad_key.as_ref().filter(|key| !key.is_empty())?;
        Some(array(&self.file, key))
    }
}

/// An array of a golden file, in f64.
pub(crate) fn array(file: &str, name: &str) -> ArrayD<f64> {
    let mut npz = open(file);
    npz.by_name(name)
        .or_else(|_| {
            npz.by_name(name)
                .map(|array: ArrayD<f32>| array.mapv(f64::from))
        })
        .expect(name)
}

fn open(file: &str) -> NpzReader<File> {
    let file = File::open(Path::new(FOLDER).join(file)).expect(file);
    NpzReader::new(file).expect("golden files are npz files")
}

/// Scores of hard segmentations by other libraries.
#[derive(Debug, Deserialize)]
pub(crate) struct PublishedScores {
    pub(crate) ignored: i64,
    pub(crate) cases: Vec<HardCase>,
}

/// A pair of label maps with its scores.
#[derive(Debug, Deserialize)]
pub(crate) struct HardCase {
    pub(crate) case: String,
    pub(crate) classes: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) predicted: Vec<i64>,
    pub(crate) target: Vec<i64>,
    pub(crate) monai: Vec<MonaiScore>,
    pub(crate) sklearn: Vec<SklearnScore>,
}

/// MONAI's scores per sample.
#[derive(Debug, Deserialize)]
pub(crate) struct MonaiScore {
    pub(crate) score: String,
    pub(crate) ignore_empty: bool,
    pub(crate) include_background: bool,
    pub(crate) mean: f64,
    pub(crate) mean_batch: Vec<Option<f64>>,
}

/// scikit-learn's scores of all voxels.
#[derive(Debug, Deserialize)]
pub(crate) struct SklearnScore {
    pub(crate) score: String,
    pub(crate) per_class: Vec<f64>,
    #[serde(rename = "macro")]
    pub(crate) macro_average: f64,
}

/// The scores of MONAI and scikit-learn.
pub(crate) fn scores() -> PublishedScores {
    let name = "metrics.json";
    let text = std::fs::read_to_string(Path::new(FOLDER).join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}
