//! Tensors of any rank, checked against each other, as [N, C, M], [N, M] and [N, C, M].
//!
//! Besides the prediction, none of them is differentiated: they leave Burn's autodiff here, and are constants in whatever the prediction
//! is part of.

use burn::tensor::{Bool, Device, Int, Tensor};
use unifocal_core::Activation;

use crate::Error;
use crate::plan::Plan;

/// What a prediction is held against: labels, or a one-hot or soft target.
///
/// Made from a tensor: of integers or truths, [N, spatial…] or [N, 1, spatial…] are labels (`true` is 1), and the prediction's shape is a
/// one-hot target; of floats, the prediction's shape is a one-hot or soft target.
#[derive(Clone, Debug)]
pub struct Targets {
    shape: Vec<usize>,
    values: Flat,
}

#[derive(Clone, Debug)]
enum Flat {
    Integers(Tensor<1, Int>),
    Floats(Tensor<1>),
}

impl<const D: usize> From<Tensor<D, Int>> for Targets {
    fn from(target: Tensor<D, Int>) -> Self {
        Self {
            shape: target.dims().to_vec(),
            values: Flat::Integers(target.inner().reshape([-1])),
        }
    }
}

impl<const D: usize> From<Tensor<D, Bool>> for Targets {
    fn from(mask: Tensor<D, Bool>) -> Self {
        mask.inner().int().into()
    }
}

impl<const D: usize> From<Tensor<D>> for Targets {
    fn from(target: Tensor<D>) -> Self {
        Self {
            shape: target.dims().to_vec(),
            values: Flat::Floats(target.inner().reshape([-1])),
        }
    }
}

impl Targets {
    fn expect_device(&self, expected: &Device) -> Result<(), Error> {
        let found = match &self.values {
            Flat::Integers(target) => target.device(),
            Flat::Floats(target) => target.device(),
        };
        expect_device("target", found, expected)
    }
}

/// A prediction and all that belongs to it, the spatial axes flattened.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// [N, C, M].
    pub(crate) prediction: Tensor<3>,
    pub(crate) truth: Truth,
    /// [N, M].
    pub(crate) weights: Option<Tensor<2>>,
}

/// The target of [`Inputs`].
#[derive(Clone, Debug)]
pub(crate) enum Truth {
    /// [N, M].
    Labels(Tensor<2, Int>),
    /// [N, C, M].
    Soft(Tensor<3>),
}

impl Inputs {
    /// Checks shapes, devices and classes.
    pub(crate) fn new<const D: usize>(
        plan: &Plan,
        prediction: Tensor<D>,
        targets: Targets,
    ) -> Result<Self, Error> {
        let shape = prediction.dims().to_vec();
        let (Some(&samples), Some(&channels)) = (shape.first(), shape.get(1)) else {
            return Err(Error::Rank { found: shape });
        };
        let voxels: usize = shape[2..].iter().product();
        if samples * channels * voxels == 0 {
            return Err(Error::Empty { found: shape });
        }
        if plan.activation == Activation::Softmax && channels == 1 {
            return Err(unifocal_core::Error::SoftmaxOfOneClass.into());
        }
        plan.classes().check(channels.max(2))?;
        targets.expect_device(&prediction.device())?;
        let of_labels = without_channels(&shape);
        let is_labels = targets.shape == of_labels || targets.shape == with_one_channel(&shape);
        let is_like_prediction = targets.shape == shape;
        let mismatch = |expected: &[usize], hint| Error::Shape {
            what: "target",
            found: targets.shape.clone(),
            expected: expected.to_vec(),
            prediction: shape.clone(),
            hint,
        };
        let soft = |target: Tensor<1>| Truth::Soft(target.reshape([samples, channels, voxels]));
        let truth = match targets.values {
            Flat::Integers(labels) if is_labels => Truth::Labels(labels.reshape([samples, voxels])),
            Flat::Integers(target) if is_like_prediction => soft(target.float()),
            Flat::Floats(target) if is_like_prediction => soft(target),
            Flat::Integers(_) => {
                let hint = "; [N, 1, spatial…] will do, too, and a one-hot target of the prediction's shape";
                return Err(mismatch(&of_labels, hint));
            }
            Flat::Floats(_) if is_labels => {
                return Err(mismatch(&shape, "; labels are integers: `.int()`"));
            }
            Flat::Floats(_) => {
                let hint = "; labels [N, spatial…] are integers: `.int()`";
                return Err(mismatch(&shape, hint));
            }
        };
        if let (Truth::Soft(_), Some(label)) = (&truth, plan.ignored) {
            return Err(Error::IgnoredLabel { label });
        }
        Ok(Self {
            prediction: prediction.reshape([samples, channels, voxels]),
            truth,
            weights: None,
        })
    }

    /// Adds a weight per voxel, [N, spatial…] of a prediction of this shape.
    pub(crate) fn weighted<const L: usize>(
        self,
        weights: Tensor<L>,
        prediction: &[usize],
    ) -> Result<Self, Error> {
        let expected = without_channels(prediction);
        if weights.dims()[..] != expected {
            return Err(Error::Shape {
                what: "voxel weights",
                found: weights.dims().to_vec(),
                expected,
                prediction: prediction.to_vec(),
                hint: "",
            });
        }
        expect_device("voxel weights", weights.device(), &self.prediction.device())?;
        let [samples, _, voxels] = self.prediction.dims();
        let weights = Some(weights.inner().reshape([samples, voxels]));
        Ok(Self { weights, ..self })
    }
}

/// The shape without its class axis.
fn without_channels(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape.remove(1);
    shape
}

/// The shape with a class axis of length 1.
fn with_one_channel(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape[1] = 1;
    shape
}

fn expect_device(what: &'static str, found: Device, expected: &Device) -> Result<(), Error> {
    if found == *expected {
        return Ok(());
    }
    Err(Error::Device {
        what,
        found: format!("{found:?}"),
        expected: format!("{expected:?}"),
    })
}
