//! Tensors of any rank, checked against each other, as [N, C, M], [N, M] and [N, C, M].

use burn::tensor::{Device, Int, Tensor};
use unifocal_core::Activation;

use crate::Error;
use crate::plan::Plan;

/// What a prediction is held against: labels, or a one-hot or soft target.
///
/// Made from a tensor: `Tensor<_, Int>` of shape [N, spatial…] are labels, `Tensor<_>` of the prediction's shape is a one-hot
/// or soft target.
#[derive(Clone, Debug)]
pub struct Targets {
    shape: Vec<usize>,
    values: Flat,
}

#[derive(Clone, Debug)]
enum Flat {
    Labels(Tensor<1, Int>),
    Soft(Tensor<1>),
}

impl<const D: usize> From<Tensor<D, Int>> for Targets {
    fn from(labels: Tensor<D, Int>) -> Self {
        Self {
            shape: labels.dims().to_vec(),
            values: Flat::Labels(labels.reshape([-1])),
        }
    }
}

impl<const D: usize> From<Tensor<D>> for Targets {
    fn from(target: Tensor<D>) -> Self {
        Self {
            shape: target.dims().to_vec(),
            values: Flat::Soft(target.detach().reshape([-1])),
        }
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
        if D < 3 {
            return Err(Error::Rank { found: shape });
        }
        let voxels: usize = shape[2..].iter().product();
        if samples * channels * voxels == 0 {
            return Err(Error::Empty { found: shape });
        }
        if plan.activation == Activation::Softmax && channels == 1 {
            return Err(unifocal_core::Error::SoftmaxOfOneClass.into());
        }
        plan.classes().check(channels.max(2))?;
        let device = prediction.device();
        let truth = match targets.values {
            Flat::Labels(labels) => {
                expect_shape("target", &targets.shape, &without_channels(&shape), &shape)?;
                expect_device("target", labels.device(), &device)?;
                Truth::Labels(labels.reshape([samples, voxels]))
            }
            Flat::Soft(target) => {
                expect_shape("target", &targets.shape, &shape, &shape)?;
                expect_device("target", target.device(), &device)?;
                Truth::Soft(target.reshape([samples, channels, voxels]))
            }
        };
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
        expect_shape("voxel weights", &weights.dims(), &expected, prediction)?;
        expect_device("voxel weights", weights.device(), &self.prediction.device())?;
        let [samples, _, voxels] = self.prediction.dims();
        let weights = Some(weights.detach().reshape([samples, voxels]));
        Ok(Self { weights, ..self })
    }
}

/// The shape without its class axis.
fn without_channels(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape.remove(1);
    shape
}

fn expect_shape(
    what: &'static str,
    found: &[usize],
    expected: &[usize],
    prediction: &[usize],
) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        found: found.to_vec(),
        expected: expected.to_vec(),
        prediction: prediction.to_vec(),
    })
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
