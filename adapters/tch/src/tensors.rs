//! Checks the shapes, kinds and devices of a prediction, its target and weights. Values are checked where they are read.

use tch::{Kind, Tensor};
use unifocal_core::Settings;

use crate::Error;

/// A prediction with its target and weights.
#[derive(Debug)]
pub(crate) struct Tensors {
    /// [N, C, spatial…].
    pub(crate) prediction: Tensor,
    pub(crate) target: Target,
    /// [N, spatial…].
    pub(crate) weights: Option<Tensor>,
}

/// The voxel weights and the annotated classes that a caller gives beside predictions and targets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beside<'t> {
    /// A weight per voxel, [N, spatial…].
    pub(crate) weights: Option<&'t Tensor>,
    /// Whether each channel is annotated, [N, C].
    pub(crate) annotated: Option<&'t Tensor>,
}

impl<'t> Beside<'t> {
    /// Voxel weights alone.
    pub(crate) fn weights(weights: Option<&'t Tensor>) -> Self {
        let annotated = None;
        Self { weights, annotated }
    }
}

/// The target of a prediction.
#[derive(Debug)]
pub(crate) enum Target {
    /// Integers [N, spatial…].
    Labels(Tensor),
    /// y of each class, of the prediction's shape.
    Soft(Tensor),
}

impl Tensors {
    /// Checks everything except the values.
    pub(crate) fn new(
        settings: &Settings,
        prediction: &Tensor,
        target: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Self, Error> {
        dense("prediction", prediction)?;
        kind("prediction", prediction, is_float, FLOATS)?;
        let shape = prediction.size();
        if shape.len() < 2 || shape.contains(&0) {
            return Err(Error::Prediction { found: shape });
        }

        let target = Target::new(target.detach(), prediction)?;
        if let (Target::Soft(_), Some(found)) = (&target, settings.ignore_label) {
            return Err(unifocal_core::Error::IgnoreLabel { found }.into());
        }
        if let (Target::Soft(_), Some(_)) = (&target, &settings.regions) {
            return Err(unifocal_core::Error::Regions.into());
        }

        let weights = weights
            .map(|weights| {
                dense("voxel weights", weights)?;
                same_device("voxel weights", weights, prediction)?;
                kind("voxel weights", weights, is_number, NUMBERS)?;
                let found = weights.size();
                let expected = without_classes(&shape);
                if found == expected {
                    Ok(weights.detach())
                } else {
                    Err(Error::Shape {
                        what: "voxel weights",
                        found,
                        expected,
                    })
                }
            })
            .transpose()?;
        Ok(Self {
            prediction: prediction.shallow_clone(),
            target,
            weights,
        })
    }

    /// The number of samples.
    pub(crate) fn samples(&self) -> i64 {
        self.prediction.size()[0]
    }

    /// The number of channels.
    pub(crate) fn channels(&self) -> i64 {
        self.prediction.size()[1]
    }

    /// The kind in which terms are computed.
    pub(crate) fn arithmetic(&self) -> Kind {
        match self.prediction.kind() {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        }
    }

    /// Copies the tensors to the CPU.
    pub(crate) fn to_cpu(&self) -> Result<Self, Error> {
        let cpu = |tensor: &Tensor| tensor.f_to(tch::Device::Cpu);
        Ok(Self {
            prediction: cpu(&self.prediction.detach())?,
            target: match &self.target {
                Target::Labels(labels) => Target::Labels(cpu(labels)?),
                Target::Soft(target) => Target::Soft(cpu(target)?),
            },
            weights: self.weights.as_ref().map(cpu).transpose()?,
        })
    }
}

impl Target {
    /// Recognizes and checks the target of this prediction.
    fn new(target: Tensor, prediction: &Tensor) -> Result<Self, Error> {
        dense("target", &target)?;
        same_device("target", &target, prediction)?;
        let (found, shape) = (target.size(), prediction.size());
        let labels = without_classes(&shape);
        let with_axis = [&shape[..1], &[1], &shape[2..]].concat();
        if found == labels {
            kind("labels", &target, is_integer, INTEGERS)?;
            Ok(Self::Labels(target))
        } else if found == with_axis && (shape[1] > 1 || is_integer(target.f_kind()?)) {
            // Labels with a class axis of length 1. If the prediction has one channel, this is also the shape of a soft target: integers
            // are labels, floats are soft.
            kind("labels", &target, is_integer, INTEGERS)?;
            Ok(Self::Labels(target.f_squeeze_dim(1)?))
        } else if found == shape {
            kind("target", &target, is_number, NUMBERS)?;
            Ok(Self::Soft(target))
        } else {
            Err(Error::Target {
                found,
                labels,
                prediction: shape,
            })
        }
    }
}

const FLOATS: &str = "Half, BFloat16, Float or Double (convert with `.to_kind(Kind::Float)`)";
const INTEGERS: &str = "Bool, Uint8, Int8, Int16, Int or Int64 (convert with `.to_kind(Kind::Int64)`), or a one-hot or soft target of the prediction's shape";
const NUMBERS: &str = "Bool, an integer or a floating-point kind of up to 64 bits (convert with `.to_kind(Kind::Float)`)";

/// The shape of labels and voxel weights for a prediction of this shape.
fn without_classes(shape: &[i64]) -> Vec<i64> {
    [&shape[..1], &shape[2..]].concat()
}

fn is_number(kind: Kind) -> bool {
    is_float(kind) || is_integer(kind)
}

fn is_float(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Half | Kind::BFloat16 | Kind::Float | Kind::Double
    )
}

fn is_integer(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool | Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64
    )
}

fn kind(
    what: &'static str,
    tensor: &Tensor,
    allowed: impl Fn(Kind) -> bool,
    expected: &'static str,
) -> Result<Kind, Error> {
    let found = tensor.f_kind()?;
    if allowed(found) {
        Ok(found)
    } else {
        Err(Error::Kind {
            what,
            found,
            expected,
        })
    }
}

pub(crate) fn dense(what: &'static str, tensor: &Tensor) -> Result<(), Error> {
    if tensor.defined() && !tensor.is_sparse() && !tensor.is_mkldnn() {
        Ok(())
    } else {
        Err(Error::Layout { what })
    }
}

fn same_device(what: &'static str, tensor: &Tensor, prediction: &Tensor) -> Result<(), Error> {
    let (found, expected) = (tensor.device(), prediction.device());
    if found == expected {
        Ok(())
    } else {
        Err(Error::Device {
            what,
            found,
            expected,
        })
    }
}
