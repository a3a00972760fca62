//! Golden values of deep supervision and of losses per voxel, which stand beside their inputs.

use std::path::Path;

use ndarray::ArrayD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use unifocal_core::{AnyLoss, Input, LevelWeights, Pooling, UnifiedFocal};

use crate::{Case, Target};

/// An array in a file.
#[derive(Debug, Deserialize)]
pub(crate) struct Numbers {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Numbers {
    pub(crate) fn array(&self) -> ArrayD<f64> {
        ArrayD::from_shape_vec(self.shape.as_slice(), self.values.clone())
            .expect("as many numbers as the shape says")
    }

    fn labels(&self) -> ArrayD<i64> {
        self.array().mapv(|label| label as i64)
    }
}

/// The settings that differ from the defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given {
    input: String,
    pooling: String,
    multilabel: bool,
    ignore_label: Option<i64>,
    regions: Option<Vec<Vec<i64>>>,
    class_weights: Option<Vec<f64>>,
    region_weights: Option<Vec<f64>>,
    class_alpha: Option<Vec<f64>>,
}

impl Given {
    fn of(&self, prediction: ArrayD<f64>, target: Target) -> Case {
        let mut case = Case::new(prediction, target)
            .with_multilabel(self.multilabel)
            .with_ignore_label(self.ignore_label);
        case.settings.input = match self.input.as_str() {
            "softmax" => Input::Softmax,
            "sigmoid" => Input::Sigmoid,
            other => panic!("unknown input {other}"),
        };
        case.settings.pooling = match self.pooling.as_str() {
            "" => Pooling::PerSample,
            "batch" => Pooling::Batch,
            other => panic!("unknown pooling {other}"),
        };
        case.settings.regions.clone_from(&self.regions);
        case.settings.class_weights.clone_from(&self.class_weights);
        case.settings
            .region_weights
            .clone_from(&self.region_weights);
        case.settings.class_alpha.clone_from(&self.class_alpha);
        case
    }
}

fn loss(text: &str) -> AnyLoss {
    match text {
        "nnunet" => UnifiedFocal::nnunet().into(),
        text => text.parse().expect("a loss"),
    }
}

/// The weights that a mode names.
pub(crate) fn level_weights(mode: &str) -> LevelWeights {
    match mode {
        "exp" => LevelWeights::Exponential,
        "same" => LevelWeights::Same,
        "two" => LevelWeights::Two,
        "nnunet" => LevelWeights::Nnunet,
        other => panic!("unknown weights {other}"),
    }
}

/// The weights by mode, of 1 level, 2 levels …, and the cases.
#[derive(Debug, Deserialize)]
pub(crate) struct DeepSupervisionFile {
    pub(crate) weights: std::collections::BTreeMap<String, Vec<Option<Vec<f64>>>>,
    pub(crate) cases: Vec<DeepCase>,
}

/// Predictions at several sizes, with the value and gradients of a library.
#[derive(Debug, Deserialize)]
pub(crate) struct DeepCase {
    pub(crate) version: String,
    pub(crate) call: String,
    /// "float32" if the library rounds to it.
    pub(crate) precision: String,
    loss: String,
    settings: Given,
    /// The name of a mode, or numbers.
    weights: Value,
    labels: Numbers,
    predictions: Vec<Numbers>,
    pub(crate) value: f64,
    pub(crate) gradients: Vec<Numbers>,
}

impl DeepCase {
    pub(crate) fn loss(&self) -> AnyLoss {
        loss(&self.loss)
    }

    pub(crate) fn weights(&self) -> LevelWeights {
        match &self.weights {
            Value::String(mode) => level_weights(mode),
            given => {
                let given = given.as_array().expect("a mode or numbers");
                let given: Vec<f64> = given.iter().filter_map(Value::as_f64).collect();
                given.into()
            }
        }
    }

    /// The full prediction beside its target.
    pub(crate) fn full(&self) -> Case {
        let target = Target::Labels(self.labels.labels());
        self.settings.of(self.predictions[0].array(), target)
    }

    /// The other predictions.
    pub(crate) fn smaller(&self) -> Vec<ArrayD<f64>> {
        self.predictions[1..].iter().map(Numbers::array).collect()
    }
}

/// Losses per voxel.
#[derive(Debug, Deserialize)]
pub(crate) struct VoxelFile {
    pub(crate) cases: Vec<VoxelCase>,
}

/// A prediction with the losses of its voxels by a library, and the gradient of Σ upstream·loss.
#[derive(Debug, Deserialize)]
pub(crate) struct VoxelCase {
    pub(crate) version: String,
    pub(crate) call: String,
    loss: String,
    settings: Given,
    prediction: Numbers,
    target: VoxelTarget,
    pub(crate) losses: Numbers,
    pub(crate) upstream: Numbers,
    pub(crate) gradient: Numbers,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum VoxelTarget {
    Labels(Numbers),
    Soft(Numbers),
}

impl VoxelCase {
    pub(crate) fn loss(&self) -> AnyLoss {
        loss(&self.loss)
    }

    pub(crate) fn case(&self) -> Case {
        let target = match &self.target {
            VoxelTarget::Labels(labels) => Target::Labels(labels.labels()),
            VoxelTarget::Soft(target) => Target::Soft(target.array()),
        };
        self.settings.of(self.prediction.array(), target)
    }
}

/// A file of golden values.
pub(crate) fn file<F: DeserializeOwned>(name: &str) -> F {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let text = std::fs::read_to_string(folder.join(name)).expect(name);
    serde_json::from_str(&text).expect(name)
}
