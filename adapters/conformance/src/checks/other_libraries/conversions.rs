//! Losses of other libraries as ours.

mod common;
mod geodl;
mod keras;
mod kornia;
mod monai;
mod nnunet;
mod optax;
mod paper;
mod polyloss;
mod smp;
mod torch;

use ndarray::{ArrayD, Axis};
use unifocal_core::{AnyLoss, Input, catalogue::ParameterError};

use crate::golden::Entry;
use crate::{Case, Target};

/// Our equivalent of their loss: factor · loss on the case.
pub(super) struct Conversion {
    pub(super) loss: AnyLoss,
    pub(super) case: Case,
    pub(super) factor: f64,
}

/// Our equivalent of an entry, if it has one.
pub(super) fn convert(entry: &Entry) -> Result<Option<Conversion>, ParameterError> {
    let mut case = entry.case();
    case.settings.input = match entry.input.as_str() {
        "softmax-logits" => Input::Softmax,
        "sigmoid-logits" => Input::Sigmoid,
        _ => Input::Probabilities,
    };
    if let Some(channel) = entry.channel {
        let only = |array: &ArrayD<f64>| {
            array
                .index_axis(Axis(1), channel)
                .insert_axis(Axis(1))
                .to_owned()
        };
        case.prediction = only(&case.prediction);
        if let Target::Soft(target) = &case.target {
            case.target = Target::Soft(only(target));
        }
    }
    let mut factor = 1.0;
    let loss = match entry.framework.as_str() {
        "monai" => monai::monai(entry, &mut case, &mut factor)?,
        "smp" => smp::smp(entry, &mut case)?,
        "nnunet" => Some(nnunet::nnunet(entry, &mut case)?),
        "torch" => Some(torch::torch(entry, &mut case, &mut factor)?),
        "kornia" => Some(kornia::kornia(entry, &mut case, &mut factor)?),
        "keras" => keras::keras(entry, &mut case, &mut factor)?,
        "optax" => Some(optax::optax(entry, &mut case)?),
        "polyloss" => Some(polyloss::polyloss(entry)?),
        "geodl" => geodl::geodl(entry, &mut case)?,
        "paper" => paper::paper(entry, &mut case)?,
        other => panic!("the manifest names an unknown library: {other}"),
    };
    Ok(loss.map(|loss| Conversion { loss, case, factor }))
}
