//! Losses and options that several libraries share.

use serde_json::Value;
use unifocal_core::{Focal, catalogue::ParameterError};

use crate::golden::Entry;

/// Cross entropy without a clip.
pub(super) fn cross_entropy(label_smoothing: f64) -> Result<Focal, ParameterError> {
    Focal::cross_entropy()
        .with_clip(None)?
        .with_label_smoothing(label_smoothing)
}

/// Their label smoothing; 0 without.
pub(super) fn label_smoothing(entry: &Entry) -> f64 {
    entry.parameter("label_smoothing").unwrap_or(0.0)
}

/// The focal loss without a clip.
pub(super) fn focal(gamma: f64) -> Result<Focal, ParameterError> {
    Focal::new().with_gamma(gamma)?.with_clip(None)
}

/// α of the outside and the inside of a region, if it is given.
pub(super) fn two_alphas(entry: &Entry) -> Option<Vec<f64>> {
    let alpha = entry.parameter("alpha").filter(|alpha| *alpha >= 0.0);
    alpha.map(|alpha| vec![1.0 - alpha, alpha])
}

/// Their weight of the inside of each region, one for all or one for each, as α of outside and inside.
pub(super) fn pos_weight(entry: &Entry) -> Option<Vec<f64>> {
    let inside = match entry.parameters.get("pos_weight")? {
        Value::Array(each) => each.iter().filter_map(Value::as_f64).collect(),
        weight => vec![weight.as_f64()?],
    };
    Some(
        inside
            .into_iter()
            .flat_map(|weight| [1.0, weight])
            .collect(),
    )
}

/// Class weights without the background.
pub(super) fn foreground(classes: usize) -> Vec<f64> {
    let weight = |class| if class == 0 { 0.0 } else { 1.0 };
    (0..classes).map(weight).collect()
}
