//! Checks the range of the values before the formulas are computed by operations.

use tch::{Device, Kind, Tensor};
use unifocal_core::limits::{LARGEST_WEIGHT, ROUNDING};
use unifocal_core::{Error as CoreError, Input, formula::class_count};

use crate::ffi::attach::is_tracing;
use crate::labels::equal;
use crate::plan::Plan;
use crate::tensors::{Target, Tensors};
use crate::{Error, engine};

/// The range of an input's values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extremes {
    /// The largest magnitude of the prediction.
    pub(crate) largest: f64,
    /// Whether voxels that do not count hold values out of range.
    pub(crate) uncounted_out_of_range: bool,
}

impl Extremes {
    /// Checks the values. This synchronizes with the device.
    pub(crate) fn new(plan: &Plan, input: &Tensors) -> Result<Self, Error> {
        let classes = class_count(input.channels() as usize);
        if plan.settings.input == Input::Softmax && input.channels() == 1 {
            return Err(CoreError::SoftmaxOfOneClass.into());
        }
        plan.settings.classes().check(classes)?;

        let prediction = extremes(&input.prediction)?;
        let (target, most) = match &input.target {
            Target::Soft(target) => (extremes(target)?, 1.0),
            Target::Labels(labels) => {
                let labels = match plan.settings.ignore_label {
                    Some(ignored) => labels.f_masked_fill(&equal(labels, ignored)?, 0)?,
                    None => labels.shallow_clone(),
                };
                (extremes(&labels)?, (classes - 1) as f64)
            }
        };
        let mut found = vec![prediction, target];
        if let Some(weights) = &input.weights {
            found.push(extremes(weights)?);
        }
        let found = Tensor::f_stack(&found, 0)?
            .f_to(Device::Cpu)?
            .f_reshape([-1])?;
        let found = Vec::<f64>::try_from(found)?;
        let logits = match plan.settings.input {
            Input::Probabilities => [-ROUNDING, 1.0 + ROUNDING],
            Input::Softmax | Input::Sigmoid => [-f64::MAX, f64::MAX],
        };
        let ranges = [logits, [0.0, most], [0.0, LARGEST_WEIGHT]];
        let valid = found
            .chunks(2)
            .zip(ranges)
            // False for NaN.
            .all(|(found, range)| found[0] >= range[0] && found[1] <= range[1]);
        if !valid {
            // The engine finds the position for the error. It succeeds if only voxels that do not count are out of range.
            engine::sums(plan, &input.to_cpu()?)?;
        }
        if is_tracing() {
            // The module will see other values, so assume any range.
            return Ok(Self {
                largest: f64::INFINITY,
                uncounted_out_of_range: true,
            });
        }
        Ok(Self {
            largest: found[0].abs().max(found[1].abs()),
            uncounted_out_of_range: !valid,
        })
    }
}

/// The smallest and the largest number of a tensor, in f64; NaN if it contains NaN.
fn extremes(tensor: &Tensor) -> Result<Tensor, Error> {
    let tensor = match tensor.f_kind()? {
        Kind::Bool => tensor.f_to_kind(Kind::Uint8)?,
        _ => tensor.f_detach()?,
    };
    let (least, most) = tensor.f_reshape([-1])?.f_aminmax(0, false)?;
    Ok(Tensor::f_stack(&[least, most], 0)?.f_to_kind(Kind::Double)?)
}
