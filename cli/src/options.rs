//! Options that do not apply to the rest of the command.

use crate::args::{Absent, Data, Input};
use crate::failure::Failure;
use crate::loss::Chosen;

/// Refuses options about data that the kind of input makes no use of.
pub(crate) fn check_data(data: &Data) -> Result<(), Failure> {
    let is_for = |option: &str, input: &str| {
        Err(Failure::Option(format!(
            "{option} is for {input}, expected --input {input} beside it"
        )))
    };
    if data.input != Input::Probabilities {
        for (option, given) in [("--scale", data.scale.is_some()), ("--clamp", data.clamp)] {
            if given {
                return is_for(option, "probabilities");
            }
        }
    }
    if data.input == Input::Labels {
        for (option, given) in [
            ("--layout", data.layout.is_some()),
            ("--foreground", data.foreground),
            ("--target-scale", data.target_scale.is_some()),
        ] {
            if given {
                return no_labels(option);
            }
        }
    }
    for (option, scale) in [
        ("--scale", data.scale),
        ("--target-scale", data.target_scale),
    ] {
        if let Some(scale) = scale.filter(|scale| !(scale.is_finite() && *scale > 0.0)) {
            return Err(Failure::Option(format!(
                "{option} is {scale}, expected a number above 0"
            )));
        }
    }
    Ok(())
}

/// Refuses options that the loss, or its gradient, makes no use of.
pub(crate) fn check_loss(data: &Data, loss: &Chosen, gradient: bool) -> Result<(), Failure> {
    if data.rare.is_some() && !loss.is_asymmetric() {
        return Err(Failure::Option(format!(
            "--rare is for the asymmetric losses, found --loss {}",
            loss.name
        )));
    }
    if data.absent_class == Absent::Skip && !loss.averages_classes() {
        return Err(Failure::Option(format!(
            "--absent-class skip is for losses with a mean over the classes, found --loss {}, which is a sum over the voxels",
            loss.name
        )));
    }
    if gradient && data.input == Input::Labels {
        return no_labels("--gradient");
    }
    Ok(())
}

fn no_labels(option: &str) -> Result<(), Failure> {
    Err(Failure::Option(format!(
        "{option} is for probabilities and logits, expected none beside --input labels"
    )))
}
