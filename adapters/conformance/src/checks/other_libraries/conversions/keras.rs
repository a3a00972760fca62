//! Keras's losses as ours.

use unifocal_core::{AnyLoss, Tversky, catalogue::ParameterError};

use super::common::{cross_entropy, focal, label_smoothing, two_alphas};
use crate::Case;
use crate::golden::Entry;

pub(super) fn keras(
    entry: &Entry,
    case: &mut Case,
    factor: &mut f64,
) -> Result<Option<AnyLoss>, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let region = |loss: Tversky, smooth: f64| loss.with_smooth(smooth)?.with_smooth_numerator(0.0);
    Ok(Some(match entry.loss.as_str() {
        "Dice" => region(Tversky::dice(), 0.5e-7)?.into(),
        // Their alpha weighs false negatives.
        "Tversky" => region(Tversky::new(), 1e-7)?
            .with_weights(parameter("beta"), parameter("alpha"))?
            .into(),
        "CategoricalCrossentropy" | "BinaryCrossentropy" => {
            cross_entropy(label_smoothing(entry))?.into()
        }
        "CategoricalFocalCrossentropy" => {
            *factor = parameter("alpha");
            let loss = focal(parameter("gamma"))?;
            loss.with_label_smoothing(label_smoothing(entry))?.into()
        }
        // No conversion: the focal factor of a smoothed label is that of a mean of p and 1 − p.
        "BinaryFocalCrossentropy" if label_smoothing(entry) > 0.0 => return Ok(None),
        "BinaryFocalCrossentropy" => {
            if entry.flag("apply_class_balancing") == Some(true) {
                case.settings.class_alpha = two_alphas(entry);
            }
            focal(parameter("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    }))
}
