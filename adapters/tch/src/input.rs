//! A prediction beside its target as tensors, checked: shapes, kinds, devices. Values are checked where they are read.

use tch::{Kind, Tensor};

use crate::Error;

/// Tensors that belong together, without the graph that they come from.
#[derive(Debug)]
pub(crate) struct Input {
    /// [N, C, spatial…].
    pub(crate) prediction: Tensor,
    pub(crate) target: Target,
    /// [N, spatial…].
    pub(crate) weights: Option<Tensor>,
}

/// What the prediction is compared with.
#[derive(Debug)]
pub(crate) enum Target {
    /// Integers [N, spatial…].
    Labels(Tensor),
    /// y of each class, of the prediction's shape.
    Soft(Tensor),
}

impl Input {
    /// Checks all that can be seen without a look at the values.
    pub(crate) fn new(
        prediction: &Tensor,
        target: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Self, Error> {
        dense("prediction", prediction)?;
        let kind = kind("prediction", prediction, is_float, FLOATS)?;
        let shape = prediction.size();
        if shape.len() < 2 || shape.contains(&0) {
            return Err(Error::Prediction { found: shape });
        }
        let without_classes = [&shape[..1], &shape[2..]].concat();

        dense("target", target)?;
        beside("target", target, prediction)?;
        let found = target.size();
        let target = target.detach();
        let is_integer = is_integer(target.f_kind()?);
        let target = if found == without_classes {
            self::kind("labels", &target, self::is_integer, INTEGERS)?;
            Target::Labels(target)
        } else if found != shape {
            return Err(Error::Target {
                found,
                labels: without_classes,
                prediction: shape,
            });
        } else if is_integer && shape[1] == 1 {
            // A mask of the foreground: its numbers are its labels.
            Target::Labels(target.f_squeeze_dim(1)?)
        } else {
            self::kind(
                "target",
                &target,
                |kind| is_float(kind) || self::is_integer(kind),
                NUMBERS,
            )?;
            Target::Soft(target)
        };

        let weights = weights
            .map(|weights| {
                dense("voxel weights", weights)?;
                beside("voxel weights", weights, prediction)?;
                self::kind(
                    "voxel weights",
                    weights,
                    |kind| is_float(kind) || self::is_integer(kind),
                    NUMBERS,
                )?;
                let found = weights.size();
                if found == without_classes {
                    Ok(weights.detach())
                } else {
                    Err(Error::Shape {
                        what: "voxel weights",
                        found,
                        expected: without_classes.clone(),
                    })
                }
            })
            .transpose()?;
        debug_assert!(is_float(kind));
        Ok(Self {
            prediction: prediction.shallow_clone(),
            target,
            weights,
        })
    }

    /// How many samples there are.
    pub(crate) fn samples(&self) -> i64 {
        self.prediction.size()[0]
    }

    /// How many channels there are.
    pub(crate) fn channels(&self) -> i64 {
        self.prediction.size()[1]
    }

    /// The kind that terms are computed in.
    pub(crate) fn arithmetic(&self) -> Kind {
        match self.prediction.kind() {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        }
    }

    /// The same on the CPU.
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

const FLOATS: &str = "Half, BFloat16, Float or Double";
const INTEGERS: &str = "Bool, Uint8, Int8, Int16, Int or Int64";
const NUMBERS: &str = "Bool, an integer or a floating-point kind of up to 64 bits";

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

fn dense(what: &'static str, tensor: &Tensor) -> Result<(), Error> {
    if tensor.defined() && !tensor.is_sparse() && !tensor.is_mkldnn() {
        Ok(())
    } else {
        Err(Error::Layout { what })
    }
}

fn beside(what: &'static str, tensor: &Tensor, prediction: &Tensor) -> Result<(), Error> {
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
