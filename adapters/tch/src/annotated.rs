//! Classes that are annotated in some samples only.

use tch::{Kind, Tensor};
use unifocal_core::data::{Shape, check_annotated};
use unifocal_core::limits::ROUNDING;
use unifocal_core::{Input, Settings};

use crate::Error;
use crate::labels::equal;
use crate::tensors::{Beside, Target, Tensors, dense};

/// The logit of a class that is not annotated: e^z is 0, and sums and differences stay finite.
const NOTHING: f64 = -1e30;

/// Whether each class is annotated in each sample.
#[derive(Debug)]
pub(crate) struct Annotated {
    /// Sample by sample.
    mask: Vec<bool>,
    /// Where classes are not annotated, [N, C], on the predictions' device.
    others: Tensor,
}

impl Annotated {
    /// Checks the mask beside these tensors. `None` if all classes are annotated.
    pub(crate) fn of(
        settings: &Settings,
        predictions: &Tensor,
        targets: &Tensor,
        Beside { weights, annotated }: Beside<'_>,
    ) -> Result<Option<Self>, Error> {
        let Some(mask) = annotated else {
            return Ok(None);
        };
        Tensors::new(settings, predictions, targets, weights)?;
        Self::new(mask, predictions, settings)
    }

    /// Checks a mask [N, C] for predictions of this shape. `None` if all classes are annotated.
    fn new(
        mask: &Tensor,
        predictions: &Tensor,
        settings: &Settings,
    ) -> Result<Option<Self>, Error> {
        dense("annotated classes", mask)?;
        let (found, shape) = (mask.size(), predictions.size());
        if found != shape[..2] {
            return Err(Error::Shape {
                what: "annotated classes",
                found,
                expected: shape[..2].to_vec(),
            });
        }
        let mask = mask.f_detach()?.f_ne(0)?;
        let on_host = mask.f_to(tch::Device::Cpu)?.f_reshape([-1])?;
        let on_host = Vec::<bool>::try_from(on_host)?;
        if !settings.is_multilabel() {
            let shape = [shape[0] as usize, shape[1] as usize, 1];
            check_annotated(&on_host, Shape::from(shape), settings.input)?;
        }
        let others = mask.f_logical_not()?.f_to(predictions.device())?;
        let is_partial = on_host.contains(&false);
        Ok(is_partial.then_some(Self {
            mask: on_host,
            others,
        }))
    }

    /// Whether each class is annotated in each sample, sample by sample.
    pub(crate) fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// Weights [N·R, spatial…] of regions, with 0 for regions that are not annotated.
    pub(crate) fn weights(&self, weights: Option<Tensor>, shape: &[i64]) -> Result<Tensor, Error> {
        let weights = match weights {
            Some(weights) => weights.f_to_kind(Kind::Double)?,
            None => Tensor::f_ones(shape, (Kind::Double, self.others.device()))?,
        };
        let mut axes = vec![1; shape.len()];
        axes[0] = shape[0];
        Ok(weights.f_masked_fill(&self.others.f_reshape(&axes)?, 0.0)?)
    }

    /// Sums [N, C, 6] without those of classes that are not annotated.
    pub(crate) fn masked(&self, sums: &Tensor) -> Result<Tensor, Error> {
        Ok(sums.f_masked_fill(&self.others.f_unsqueeze(2)?, 0.0)?)
    }

    /// Predictions and targets with the classes that are not annotated merged into class 0, by operations that libtorch differentiates.
    pub(crate) fn merged(
        &self,
        tensors: Tensors,
        settings: &Settings,
    ) -> Result<[Tensor; 2], Error> {
        let prediction = match tensors.prediction.f_kind()? {
            Kind::Double => tensors.prediction,
            _ => tensors.prediction.f_to_kind(Kind::Float)?,
        };
        let mut axes = prediction.size();
        axes[2..].fill(1);
        let others = self.others.f_reshape(&axes)?;
        let apart = self.mask.iter().enumerate();
        let apart = apart.map(|(index, annotated)| *annotated && index as i64 % axes[1] > 0);
        let apart = Tensor::from_slice(&apart.collect::<Vec<_>>());
        let apart = apart.f_to(others.device())?.f_reshape(&axes)?;
        let rest = |of: &Tensor, background: &Tensor, nothing: f64| -> Result<Tensor, Error> {
            let of = of.f_masked_fill(&others, nothing)?;
            let of = of.f_narrow(1, 1, axes[1] - 1)?;
            Ok(Tensor::f_cat(&[background, &of], 1)?)
        };
        let background = background(settings.input, &prediction, &apart)?;
        let nothing = match settings.input {
            Input::Probabilities => 0.0,
            Input::Softmax | Input::Sigmoid => NOTHING,
        };
        let target = match tensors.target {
            Target::Labels(labels) => self.labels(labels, settings.ignore_label)?,
            Target::Soft(target) => {
                let target = target.f_to_kind(prediction.f_kind()?)?;
                let sum = target.f_masked_fill(&apart, 0.0)?;
                let sum = sum.f_sum_dim_intlist([1_i64].as_slice(), true, None)?;
                rest(&target, &sum, 0.0)?
            }
        };
        Ok([rest(&prediction, &background, nothing)?, target])
    }

    /// Labels with 0 in place of classes that are not annotated.
    fn labels(&self, labels: Tensor, ignored: Option<i64>) -> Result<Tensor, Error> {
        let classes = self.others.size()[1];
        let mut axes = vec![1; labels.dim()];
        axes[0] = labels.size()[0];
        let mut merged = labels.shallow_clone();
        for class in 1..classes {
            let mut of_class = self
                .mask
                .iter()
                .skip(class as usize)
                .step_by(classes as usize);
            if Some(class) != ignored && of_class.any(|annotated| !annotated) {
                let lacks = self.others.f_select(1, class)?.f_reshape(&axes)?;
                let wrong = equal(&labels, class)?.f_logical_and(&lacks)?;
                merged = merged.f_masked_fill(&wrong, 0)?;
            }
        }
        Ok(merged)
    }
}

/// The probability, or the logit, of the background and all classes that are not `apart`, [N, 1, spatial…]. NaN where a number of theirs
/// is invalid; a voxel that does not count may hold one.
fn background(input: Input, prediction: &Tensor, apart: &Tensor) -> Result<Tensor, Error> {
    let found = prediction.f_detach()?;
    let is_valid = match input {
        Input::Probabilities => {
            let above = found.f_ge(-ROUNDING)?;
            above.f_logical_and(&found.f_le(1.0 + ROUNDING)?)?
        }
        Input::Softmax | Input::Sigmoid => found.f_isfinite()?,
    };
    let is_wrong = is_valid.f_logical_or(apart)?.f_logical_not()?;
    let prediction = prediction.f_masked_fill(&is_wrong, 0.0)?;
    let merged = match input {
        Input::Probabilities => {
            let sum = prediction.f_masked_fill(apart, 0.0)?;
            let sum = sum.f_sum_dim_intlist([1_i64].as_slice(), true, None)?;
            // Rounded sums may exceed 1. The derivative stays 1.
            let excess = sum.f_detach()?.f_sub_scalar(1.0)?.f_clamp_min(0.0)?;
            sum.f_sub(&excess)?
        }
        Input::Softmax | Input::Sigmoid => prediction
            .f_masked_fill(apart, f64::NEG_INFINITY)?
            .f_logsumexp([1_i64].as_slice(), true)?,
    };
    let is_wrong = is_wrong.f_any_dim(1, true)?;
    Ok(merged.f_masked_fill(&is_wrong, f64::NAN)?)
}
