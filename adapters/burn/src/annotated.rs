//! Classes that are annotated in some samples only.

use std::sync::Arc;

use burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use unifocal_core::data::{Shape, check_annotated};
use unifocal_core::formula::Real;
use unifocal_core::limits::ROUNDING;
use unifocal_core::{Input, Settings};

use crate::Error;
use crate::elementwise::Elementwise;
use crate::inputs::{Inputs, TargetTensor};
use crate::labels::is_any;

/// The logit of a class that is not annotated: e^z is 0, and sums and differences stay finite.
const NOTHING: f64 = -1e30;

/// Whether each class is annotated in each sample.
#[derive(Clone, Debug)]
pub(crate) struct Annotated {
    /// Sample by sample.
    mask: Arc<[bool]>,
    samples: usize,
    classes: usize,
}

impl Annotated {
    /// Checks the mask for a prediction of this shape. `None` if all classes are annotated.
    pub(crate) fn new(
        rows: &[Vec<bool>],
        settings: &Settings,
        shape: &[usize],
    ) -> Result<Option<Self>, Error> {
        let (samples, classes) = (shape[0], shape[1]);
        let other = rows.iter().map(Vec::len).find(|len| *len != classes);
        let found = vec![rows.len(), other.unwrap_or(classes)];
        if found != [samples, classes] {
            return Err(Error::Shape {
                what: "annotated classes",
                found,
                expected: vec![samples, classes],
                prediction: shape.to_vec(),
                hint: "",
            });
        }
        let mask = rows.concat();
        if !settings.is_multilabel() {
            check_annotated(&mask, Shape::from([samples, classes, 1]), settings.input)?;
        }
        Ok(mask.contains(&false).then(|| Self {
            mask: mask.into(),
            samples,
            classes,
        }))
    }

    /// Whether each class is annotated in each sample, sample by sample.
    pub(crate) fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// Where `is_chosen` of class and mask, [N, C, 1].
    fn tensor(&self, device: &Device, is_chosen: impl Fn(usize, bool) -> bool) -> Tensor<3, Bool> {
        let mask = self.mask.iter().enumerate();
        let chosen = mask.map(|(index, annotated)| is_chosen(index % self.classes, *annotated));
        let shape = [self.samples, self.classes, 1];
        let data = TensorData::new(chosen.collect::<Vec<_>>(), shape);
        Tensor::from_data(data, &device.clone().inner())
    }

    /// Where classes are not annotated, [N, C, 1].
    fn others(&self, device: &Device) -> Tensor<3, Bool> {
        self.tensor(device, |_, annotated| !annotated)
    }

    /// Where channels are not annotated, each a sample of its own, [N·C, 1].
    pub(crate) fn channels(&self, device: &Device) -> Tensor<2, Bool> {
        self.others(device).reshape([self.mask.len(), 1])
    }

    /// Sums [N, C, 6] without those of classes that are not annotated.
    pub(crate) fn masked(&self, sums: Tensor<3>) -> Tensor<3> {
        let others = self.others(&sums.device()).expand(sums.dims());
        sums.mask_fill(others, 0.0)
    }

    /// Merges the classes that are not annotated into class 0, by operations that Burn differentiates.
    pub(crate) fn merged(&self, inputs: Inputs, settings: &Settings) -> Inputs {
        let device = inputs.prediction.device();
        let [.., voxels] = inputs.prediction.dims();
        let shape = [self.samples, self.classes, voxels];
        let others = self.others(&device).expand(shape);
        let apart = self.tensor(&device, |class, annotated| class > 0 && annotated);
        let apart = apart.expand(shape);
        let rest = |tensor: Tensor<3>, background: Tensor<3>, nothing: f64| {
            let tensor = tensor.mask_fill(others.clone(), nothing);
            Tensor::cat(vec![background, tensor.narrow(1, 1, self.classes - 1)], 1)
        };
        let prediction = match inputs.prediction.dtype() {
            DType::F32 | DType::F64 => inputs.prediction,
            _ => inputs.prediction.cast(DType::F32),
        };
        let background = background(settings.input, prediction.clone(), &apart);
        let nothing = match settings.input {
            Input::Probabilities => 0.0,
            Input::Softmax | Input::Sigmoid => NOTHING,
        };
        let target = match inputs.target {
            TargetTensor::Labels(labels) => {
                TargetTensor::Labels(self.labels(labels, settings.ignore_label))
            }
            TargetTensor::Soft(target) => {
                let background = target.clone().mask_fill(apart, 0.0).sum_dim(1);
                TargetTensor::Soft(rest(target, background, 0.0))
            }
        };
        Inputs {
            prediction: rest(prediction, background, nothing),
            target,
            ..inputs
        }
    }

    /// Labels with 0 in place of classes that are not annotated.
    fn labels(&self, mut labels: Tensor<2, Int>, ignored: Option<i64>) -> Tensor<2, Int> {
        let others = self.others(&labels.device());
        let (shape, original) = (labels.dims(), labels.clone());
        for class in 1..self.classes {
            let of_class = self.mask.iter().skip(class).step_by(self.classes);
            let label = class as i64;
            if Some(label) != ignored && of_class.into_iter().any(|annotated| !annotated) {
                let lacks: Tensor<2, Bool> = others.clone().narrow(1, class, 1).squeeze_dim(1);
                let wrong = is_any(&original, &[label]).bool_and(lacks.expand(shape));
                labels = labels.mask_fill(wrong, 0);
            }
        }
        labels
    }
}

/// The probability, or the logit, of the background and all classes that are not `apart`, [N, 1, M]. NaN where a number of theirs is
/// invalid; a voxel that does not count may hold one.
fn background(input: Input, prediction: Tensor<3>, apart: &Tensor<3, Bool>) -> Tensor<3> {
    let found = prediction.clone().detach();
    let is_valid = match input {
        Input::Probabilities => {
            let above = found.clone().greater_equal_elem(-ROUNDING);
            above.bool_and(found.lower_equal_elem(1.0 + ROUNDING))
        }
        Input::Softmax | Input::Sigmoid => found.is_finite(),
    };
    let is_wrong = is_valid.bool_or(apart.clone()).bool_not();
    let prediction = prediction.mask_fill(is_wrong.clone(), 0.0);
    let merged = match input {
        Input::Probabilities => {
            let sum = prediction.mask_fill(apart.clone(), 0.0).sum_dim(1);
            Elementwise(sum).clip(0.0, 1.0).0
        }
        Input::Softmax | Input::Sigmoid => {
            let shape = prediction.dims();
            let members = prediction.mask_fill(apart.clone(), NOTHING);
            let largest = members.clone().detach().max_dim(1);
            let e = (members - largest.clone().expand(shape)).exp();
            largest + e.sum_dim(1).log()
        }
    };
    let is_wrong = is_wrong.float().sum_dim(1).greater_elem(0.5);
    merged.mask_fill(is_wrong, f64::NAN)
}
