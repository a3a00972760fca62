//! optax's losses as ours.

use ndarray::Axis;
use unifocal_core::{AnyLoss, Tversky, catalogue::ParameterError};

use super::common::{cross_entropy, focal, foreground, two_alphas};
use crate::Case;
use crate::golden::Entry;

pub(super) fn optax(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    Ok(match entry.loss.as_str() {
        "dice_loss" => {
            if entry.flag("ignore_background") == Some(true) {
                case.settings.class_weights = Some(foreground(case.prediction.len_of(Axis(1))));
            }
            Tversky::new()
                .with_weights(parameter("alpha"), parameter("beta"))?
                .with_smooth(parameter("smooth"))?
                .into()
        }
        "softmax_cross_entropy_with_integer_labels" | "sigmoid_binary_cross_entropy" => {
            cross_entropy(0.0)?.into()
        }
        "sigmoid_focal_loss" => {
            case.settings.class_alpha = two_alphas(entry);
            focal(parameter("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}
