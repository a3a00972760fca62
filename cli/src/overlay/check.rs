//! Refuses options of `overlay` that do not fit each other.

use unifocal_ndarray::core::AnyLoss;

use super::args::{Map, OverlayArgs};
use super::maps::no_side;
use crate::args::Data;
use crate::failure::Failure;
use crate::input::Input;
use crate::loss::Chosen;

/// Refuses options that do not fit each other.
pub(crate) fn check(data: &Data, loss: &Chosen, arguments: &OverlayArgs) -> Result<(), Failure> {
    let OverlayArgs { view, image, .. } = arguments;
    let refused = |message: String| Err(Failure::Option(message));
    if view.zoom == Some(0) {
        return refused("--zoom is 0, expected a number of pixels from 1 on".to_owned());
    }
    let Some(map) = view.map else {
        return Ok(());
    };
    if data.input == Input::Labels {
        return refused(
            "--map applies to probabilities and logits only, found --input labels".to_owned(),
        );
    }
    if image.is_some() {
        return refused(
            "--image has no effect with --map, whose colours cover it: leave one of them out"
                .to_owned(),
        );
    }
    if map == Map::Loss {
        if let AnyLoss::Tversky(_) | AnyLoss::Matthews(_) = loss.loss {
            return Err(no_side(loss));
        }
        if view.class.is_some() {
            return refused(
                "--class applies to errors and to --map gradient, found --map loss, which is over all classes: --class-weights chooses among them"
                    .to_owned(),
            );
        }
    }
    Ok(())
}
