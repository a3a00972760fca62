//! Checks tensors of any rank against each other and flattens their spatial axes.
//!
//! Only the prediction is differentiated. Targets and weights leave Burn's autodiff here and are constants.

use burn::tensor::{Bool, Device, Int, Tensor};
use unifocal_core::{Input, Settings, formula::class_count};

use crate::Error;
use crate::annotated::Annotated;

/// Targets: labels, or a one-hot or soft target, with optional voxel weights.
///
/// Build them `From` a tensor. An integer or `Bool` tensor [N, spatial…] or [N, 1, spatial…] holds labels (`true` is 1); in the prediction's
/// shape it is a one-hot target. A float tensor has the prediction's shape and is a one-hot or soft target.
#[derive(Clone, Debug)]
pub struct Targets {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Flat,
    pub(crate) weights: Option<VoxelWeights>,
    /// Whether each channel is annotated, sample by sample.
    pub(crate) annotated: Option<Vec<Vec<bool>>>,
}

/// Flattened voxel weights and their original shape.
#[derive(Clone, Debug)]
pub(crate) struct VoxelWeights {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Tensor<1>,
}

/// Flattened targets.
#[derive(Clone, Debug)]
pub(crate) enum Flat {
    Integers(Tensor<1, Int>),
    Floats(Tensor<1>),
}

impl<const D: usize> From<Tensor<D, Int>> for Targets {
    fn from(target: Tensor<D, Int>) -> Self {
        Self {
            shape: target.dims().to_vec(),
            values: Flat::Integers(target.inner().reshape([-1])),
            weights: None,
            annotated: None,
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
            weights: None,
            annotated: None,
        }
    }
}

impl Targets {
    /// Sets voxel weights, [N, spatial…], in [0, 10³⁰]. A voxel of weight 0 is left out and may hold NaN.
    ///
    /// # Example
    ///
    /// ```
    /// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
    /// use unifocal_burn::{DiceLossConfig, Targets};
    ///
    /// let device = Device::flex();
    /// let predictions = Tensor::<3>::from_data([[[0.9, 0.2], [0.1, 0.8]]], &device);
    /// let labels = Tensor::<2, Int>::from_data([[0, 1]], &device);
    /// let mask = Tensor::<2>::from_data([[1.0, 0.0]], &device);
    ///
    /// let dice = DiceLossConfig::new().with_class_weights([1.0, 0.0]).init();
    /// let value: f32 = dice.forward(predictions, Targets::from(labels).with_voxel_weights(mask)).into_scalar();
    /// assert!((value - 0.1 / 1.9).abs() < 1e-6);
    /// ```
    #[must_use]
    pub fn with_voxel_weights<const D: usize>(self, weights: Tensor<D>) -> Self {
        let weights = Some(VoxelWeights {
            shape: weights.dims().to_vec(),
            values: weights.inner().reshape([-1]),
        });
        Self { weights, ..self }
    }

    /// Sets which classes are annotated in each sample, [N, C]: an entry per channel of the prediction.
    ///
    /// A class that is not annotated does not exist in that sample: it is left out of the mean over the classes and of the sum over
    /// them. Classes that exclude each other are then part of class 0: p and y of class 0 are p and y of any of them (marginal loss, Shi
    /// et al. 2021, arXiv 2007.03868), and they share its gradient. With `with_multilabel`, the channel of the sample is ignored,
    /// whatever it and its target hold. An error if class 0 of several classes is not annotated, or each of them has a sigmoid.
    ///
    /// # Example
    ///
    /// Two data sets in one batch, with classes for the liver and the spleen. The second one has no annotations of the spleen:
    ///
    /// ```
    /// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
    /// use unifocal_burn::{CrossEntropyLossConfig, Targets};
    ///
    /// let device = Device::flex();
    /// let predictions = [[[0.2, 0.7], [0.7, 0.2], [0.1, 0.1]], [[0.3, 0.1], [0.1, 0.8], [0.6, 0.1]]]; // [N, C, M]
    /// let predictions = Tensor::<3>::from_data(predictions, &device);
    /// let labels = Tensor::<2, Int>::from_data([[1, 0], [0, 1]], &device);
    /// let annotated = [[true, true, true], [true, true, false]];
    ///
    /// let loss = CrossEntropyLossConfig::new().init();
    /// let value: f32 = loss.forward(predictions, Targets::from(labels).with_annotated(annotated)).into_scalar();
    /// let each = [0.7, 0.7, 0.3 + 0.6, 0.8].map(|p| -f32::ln(p));
    /// assert!((value - each.iter().sum::<f32>() / 4.0).abs() < 1e-6);
    /// ```
    #[must_use]
    pub fn with_annotated<R: AsRef<[bool]>>(self, mask: impl IntoIterator<Item = R>) -> Self {
        let rows = mask
            .into_iter()
            .map(|of_sample| of_sample.as_ref().to_vec());
        let annotated = Some(rows.collect());
        Self { annotated, ..self }
    }

    fn expect_device(&self, expected: &Device) -> Result<(), Error> {
        let found = match &self.values {
            Flat::Integers(target) => target.device(),
            Flat::Floats(target) => target.device(),
        };
        expect_device("target", found, expected)
    }
}

/// A prediction with its target and weights; spatial axes are flattened. Channels that are regions are samples with one channel each.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    /// [N, C, M].
    pub(crate) prediction: Tensor<3>,
    pub(crate) target: TargetTensor,
    /// [N, M].
    pub(crate) weights: Option<Tensor<2>>,
    /// How many samples in a row are the regions of one sample.
    pub(crate) regions: usize,
    /// The classes that are annotated in each sample, if they exclude each other and some are not.
    pub(crate) annotated: Option<Annotated>,
}

/// The target of [`Inputs`].
#[derive(Clone, Debug)]
pub(crate) enum TargetTensor {
    /// [N, M].
    Labels(Tensor<2, Int>),
    /// [N, C, M].
    Soft(Tensor<3>),
}

impl Inputs {
    /// Checks shapes, devices and class options.
    pub(crate) fn new<const D: usize>(
        settings: &Settings,
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
        let regions = if settings.is_multilabel() {
            channels
        } else {
            1
        };
        if settings.input == Input::Softmax && channels / regions == 1 {
            return Err(unifocal_core::Error::SoftmaxOfOneClass.into());
        }
        let count = class_count(channels / regions);
        settings.classes().check_regions(count, regions)?;
        let annotated = match &targets.annotated {
            Some(rows) => Annotated::new(rows, settings, &shape)?,
            None => None,
        };
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
        let soft =
            |target: Tensor<1>| TargetTensor::Soft(target.reshape([samples, channels, voxels]));
        let target = match targets.values {
            Flat::Integers(labels) if is_labels => {
                TargetTensor::Labels(labels.reshape([samples, voxels]))
            }
            Flat::Integers(target) if is_like_prediction => soft(target.float()),
            Flat::Floats(target) if is_like_prediction => soft(target),
            Flat::Integers(_) => {
                let hint = "; also accepted: labels [N, 1, spatial…] and one-hot targets of the prediction's shape";
                return Err(mismatch(&of_labels, hint));
            }
            Flat::Floats(_) if is_labels => {
                return Err(mismatch(
                    &shape,
                    "; to pass labels, convert them to integers with `.int()`",
                ));
            }
            Flat::Floats(_) => {
                let hint = "; to pass labels, use integers [N, spatial…] (`.int()`)";
                return Err(mismatch(&shape, hint));
            }
        };
        if let (TargetTensor::Soft(_), Some(found)) = (&target, settings.ignore_label) {
            return Err(unifocal_core::Error::IgnoreLabel { found }.into());
        }
        if let (TargetTensor::Soft(_), Some(_)) = (&target, &settings.regions) {
            return Err(unifocal_core::Error::Regions.into());
        }
        let weights = targets.weights.map(|weights| {
            if weights.shape != of_labels {
                return Err(Error::Shape {
                    what: "voxel weights",
                    found: weights.shape,
                    expected: of_labels,
                    prediction: shape,
                    hint: "",
                });
            }
            expect_device(
                "voxel weights",
                weights.values.device(),
                &prediction.device(),
            )?;
            Ok(weights.values.reshape([samples, voxels]))
        });
        let inputs = Self {
            weights: weights.transpose()?,
            prediction: prediction.reshape([samples, channels, voxels]),
            target,
            regions,
            annotated,
        };
        let inputs = match settings.is_multilabel() {
            true => inputs.apart(settings.label_sets(channels)?, settings.ignore_label),
            false => inputs,
        };
        Ok(inputs.without_unannotated())
    }
}

/// Removes the class axis from a shape.
fn without_channels(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape.remove(1);
    shape
}

/// Sets the class axis of a shape to length 1.
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
