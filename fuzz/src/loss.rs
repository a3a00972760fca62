//! Losses with any parameters.

use arbitrary::{Result, Unstructured};
use unifocal_core::{AnyLoss, Focal, Name, ParameterError, Tversky, UnifiedFocal};

use crate::case::unit;

/// A loss with the parameters of the reference.
pub fn default(u: &mut Unstructured<'_>) -> Result<(Name, AnyLoss)> {
    let name = *u.choose(&Name::ALL)?;
    Ok((name, name.loss()))
}

/// A loss with parameters from all over their ranges.
pub fn any(u: &mut Unstructured<'_>) -> Result<AnyLoss> {
    let gamma = if u.ratio(1, 2)? {
        unit(u)?
    } else {
        *u.choose(&[0.0, 0.01, 0.99, 1.0, 1.5, 2.0, 5.0, 100.0])?
    };
    let smooth = *u.choose(&[1e-30, 1e-12, 1e-7, 1e-6, 1.0, 1e6])?;
    let clip = *u.choose(&[
        None,
        Some(1e-300),
        Some(1e-7),
        Some(0.1),
        Some(0.499_999_999_9),
    ])?;
    let kind = u.int_in_range(0..=8)?;
    let [lambda, delta] = [unit(u)?, unit(u)?];
    Ok(build(kind, lambda, delta, gamma, smooth, clip).expect("parameters in range"))
}

/// A loss whose third derivatives are small enough for a central difference.
pub fn gentle(u: &mut Unstructured<'_>) -> Result<AnyLoss> {
    let [lambda, delta] = [unit(u)?, unit(u)?];
    let gamma = *u.choose(&[0.0, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0])?;
    let smooth = *u.choose(&[1e-7, 1e-6, 1.0])?;
    let kind = u.int_in_range(0..=8)?;
    Ok(build(kind, lambda, delta, gamma, smooth, Some(1e-7)).expect("parameters in range"))
}

fn build(
    kind: usize,
    lambda: f64,
    delta: f64,
    gamma: f64,
    smooth: f64,
    clip: Option<f64>,
) -> core::result::Result<AnyLoss, ParameterError> {
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
