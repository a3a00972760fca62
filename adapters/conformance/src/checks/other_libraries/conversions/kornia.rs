//! kornia's losses as ours.

use ndarray::Axis;
use unifocal_core::{AbsentClass, AnyLoss, Tversky, catalogue::ParameterError};

use super::common::{focal, pos_weight, two_alphas};
use crate::Case;
use crate::golden::Entry;

pub(super) fn kornia(
    entry: &Entry,
    case: &mut Case,
    factor: &mut f64,
) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let classes = case.prediction.len_of(Axis(1));
    let region = |loss: Tversky, smooth: f64| loss.with_smooth(smooth)?.with_smooth_numerator(0.0);
    if let Some(weights) = entry.parameters.get("weight").and_then(|w| w.as_array()) {
        let weights = weights.iter().map(|w| w.as_f64().expect("a number"));
        case.settings.class_weights = Some(weights.collect());
    }
    case.settings.absent_class = AbsentClass::Skip;
    Ok(match entry.loss.as_str() {
        "dice_loss" => region(Tversky::dice(), 0.5 * parameter("eps"))?.into(),
        "tversky_loss" => region(Tversky::new(), 1e-8)?
            .with_weights(parameter("alpha"), parameter("beta"))?
            .into(),
        "focal_loss" => {
            *factor = 1.0 / classes as f64;
            case.settings.class_alpha = entry.parameter("alpha").map(|alpha| {
                let of_class = |class| if class == 0 { 1.0 - alpha } else { alpha };
                (0..classes).map(of_class).collect()
            });
            focal(parameter("gamma"))?.into()
        }
        "binary_focal_loss_with_logits" => {
            let alpha = two_alphas(entry);
            case.settings.class_alpha = match (&alpha, pos_weight(entry)) {
                (Some(alpha), Some(weights)) => {
                    let alpha = alpha.iter().cycle();
                    Some(
                        weights
                            .iter()
                            .zip(alpha)
                            .map(|(w, alpha)| w * alpha)
                            .collect(),
                    )
                }
                _ => alpha,
            };
            focal(parameter("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}
