//! A loss of parameters that were drawn, by proptest or by a fuzzer.

use unifocal_core::{AnyLoss, Focal, ParameterError, Tversky, UnifiedFocal};

/// The loss of this number, of nine, with what of these parameters it has.
pub(super) fn build(
    kind: usize,
    lambda: f64,
    delta: f64,
    gamma: f64,
    smooth: f64,
    clip: Option<f64>,
) -> Result<AnyLoss, ParameterError> {
    let unit_gamma = gamma.min(1.0);
    let tversky = |loss: Tversky, gamma| {
        loss.with_delta(delta)?
            .with_gamma(gamma)?
            .with_smooth(smooth)?
            .with_clip(clip)
    };
    let unified = |loss: UnifiedFocal| {
        loss.with_delta(delta)?
            .with_gamma(unit_gamma)?
            .with_smooth(smooth)?
            .with_clip(clip)
    };
    Ok(match kind {
        0 => tversky(Tversky::focal(), gamma)?.into(),
        1 => tversky(Tversky::symmetric_focal(), unit_gamma)?.into(),
        2 => tversky(Tversky::asymmetric_focal(), unit_gamma)?.into(),
        3 => Tversky::jaccard()
            .with_smooth(smooth)?
            .with_clip(clip)?
            .into(),
        4 => Focal::new().with_gamma(gamma)?.with_clip(clip)?.into(),
        5 => Focal::asymmetric()
            .with_delta(delta)?
            .with_gamma(gamma)?
            .with_clip(clip)?
            .into(),
        6 => unified(UnifiedFocal::symmetric())?
            .with_lambda(lambda)?
            .into(),
        7 => unified(UnifiedFocal::asymmetric())?
            .with_lambda(None)?
            .into(),
        _ => UnifiedFocal::combo(lambda, delta)?.into(),
    })
}
