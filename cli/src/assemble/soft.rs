//! Probabilities or logits, and their target.

use unifocal_ndarray::core;

use super::draft::Draft;
use super::target;
use super::treated::{as_f64, treated};
use crate::case::{Arrays, Case, Content, Prediction};
use crate::failure::Failure;
use crate::input::Input;
use crate::read::Values;
use crate::reading::Axis;
use crate::reading::numbers::{self, Treatment};
use crate::survey::{self, Surveyed};

pub(super) fn assemble(
    mut draft: Draft<'_>,
    prediction: Surveyed,
    target: Surveyed,
    trusted: bool,
) -> Result<Case, Failure> {
    let class_axis = draft.reading.prediction.position(Axis::Class);
    let channels = class_axis.map_or(1, |axis| prediction.shape()[axis]);
    let sample_axis = draft.reading.prediction.position(Axis::Sample);
    let samples = sample_axis.map_or(1, |axis| prediction.shape()[axis]);
    let input = input(&draft, class_axis.is_none())?;
    // Nothing has to be decided about probabilities that are used as they are, and scoring refuses others.
    let floats = matches!(prediction.volume.values, Values::F32(_) | Values::F64(_));
    let as_they_are = draft.data.scale.is_none() && !draft.data.clamp;
    let probabilities = draft.data.input == Input::Probabilities;
    let (treatment, summary) = if trusted && floats && as_they_are && probabilities {
        (Treatment::default(), None)
    } else {
        let treatment = treatment(&mut draft, &prediction, class_axis)?;
        (treatment, Some(prediction.summary(draft.data)))
    };
    let prediction = match treated(prediction.volume.values, treatment) {
        Values::F32(numbers) => Prediction::F32(numbers),
        other => Prediction::F64(as_f64(other)),
    };
    let target = target::assemble(&mut draft, target, channels)?;
    let annotated = draft.annotated.as_ref();
    let annotated = annotated.map(|annotated| annotated.rows(samples, channels));
    let arrays = Arrays {
        prediction,
        target,
        annotated,
        input,
        reading: draft.reading.clone(),
        summary,
        slab: draft.slab.clone(),
    };
    Ok(draft.finish(Content::Arrays(Box::new(arrays))))
}

/// The kind of input that the engine evaluates. A prediction without a class axis is the foreground.
fn input(draft: &Draft<'_>, foreground: bool) -> Result<core::Input, Failure> {
    let regions = !draft.data.regions.is_empty();
    match draft.data.input {
        Input::Softmax if regions => Err(draft.pair.failure(
            "found --input softmax with --regions, expected --input sigmoid: regions may overlap",
        )),
        Input::Logits if foreground || regions => Ok(core::Input::Sigmoid),
        Input::Softmax | Input::Logits => Ok(core::Input::Softmax),
        Input::Sigmoid => Ok(core::Input::Sigmoid),
        Input::Probabilities | Input::Labels => Ok(core::Input::Probabilities),
    }
}

/// Decides how the numbers of the prediction are scaled and clamped.
fn treatment(
    draft: &mut Draft<'_>,
    prediction: &Surveyed,
    class_axis: Option<usize>,
) -> Result<Treatment, Failure> {
    let summary = prediction.summary(draft.data);
    let file = &draft.pair.prediction;
    let fault = |fault: numbers::Fault| Failure::file(file, fault.to_string());
    if draft.data.input.is_logits() {
        let sums = |axis| survey::sums_to(&prediction.volume.values, axis, 1.0, draft.data);
        numbers::logits(&summary, || class_axis.is_some_and(sums)).map_err(fault)?;
        if summary.min >= 0.0 && summary.max <= 1.0 {
            draft.warn(
                "all logits are in [0, 1]: if they are probabilities, use --input probabilities",
            );
        }
        return Ok(Treatment::default());
    }
    let treatment = numbers::probabilities(&summary, draft.data.scale, draft.data.clamp);
    let treatment = treatment.map_err(fault)?;
    draft.note_treatment("PRED", &summary, treatment);
    Ok(treatment)
}
