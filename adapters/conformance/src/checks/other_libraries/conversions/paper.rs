//! The paper's printed equations as ours.

use ndarray::Axis;
use unifocal_core::{AnyLoss, UnifiedFocal, catalogue::ParameterError};

use crate::Case;
use crate::golden::Entry;

pub(super) fn paper(entry: &Entry, case: &Case) -> Result<Option<AnyLoss>, ParameterError> {
    // No conversion: the other reading of the equations, with δ on the false positives.
    if entry
        .parameters
        .get("delta_on")
        .is_some_and(|on| on == "FP")
    {
        return Ok(None);
    }
    let [lambda, delta, gamma] =
        ["lambda", "delta", "gamma"].map(|name| entry.parameter(name).expect(name));
    let classes = case.prediction.len_of(Axis(1));
    let loss = match entry.loss.as_str() {
        "SymmetricUnifiedFocalLoss" => {
            UnifiedFocal::paper_symmetric(lambda, delta, gamma, classes)?
        }
        _ => UnifiedFocal::paper_asymmetric(lambda, delta, gamma, classes)?,
    };
    // The equations have neither s nor a clip.
    Ok(Some(loss.with_smooth(1e-30)?.with_clip(None)?.into()))
}
