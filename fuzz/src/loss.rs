//! Losses with any parameters.

use arbitrary::{Result, Unstructured};
use unifocal_core::{AnyLoss, Parameter, catalogue::Name};

use crate::numbers::unit;

/// A loss with default parameters.
pub fn default(u: &mut Unstructured<'_>) -> Result<(Name, AnyLoss)> {
    let name = *u.choose(&Name::ALL)?;
    Ok((name, name.loss()))
}

/// A loss with any valid parameters.
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
    drawn(u, gamma, smooth, clip)
}

/// A loss whose third derivatives are small enough for central differences.
pub fn gentle(u: &mut Unstructured<'_>) -> Result<AnyLoss> {
    let gamma = *u.choose(&[0.0, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0])?;
    let smooth = *u.choose(&[1e-7, 1e-6, 1.0])?;
    drawn(u, gamma, smooth, Some(1e-7))
}

/// Any loss with these parameters, as far as it has them, and any weights.
fn drawn(u: &mut Unstructured<'_>, gamma: f64, smooth: f64, clip: Option<f64>) -> Result<AnyLoss> {
    let (name, _) = default(u)?;
    let [weight, delta] = [unit(u)?, unit(u)?];
    let weighted = u.ratio(7, 8)?;
    let order = *u.choose(&[None, None, Some(1.0), Some(2.0)])?;
    let numerator = *u.choose(&[None, None, Some(0.0), Some(smooth / 2.0)])?;
    let exponent = *u.choose(&[None, Some(0.0), Some(1.0), Some(2.0)])?;
    let smoothing = *u.choose(&[0.0, 0.0, 0.1, 1.0])?;
    let poly = *u.choose(&[0.0, -0.5, 2.0, 100.0])?;
    let threshold = *u.choose(&[0.7, 1e-30, 0.3, 1.0])?;
    let value = |parameter| match parameter {
        Parameter::Lambda | Parameter::Alpha => Some(weight).filter(|_| weighted),
        Parameter::Delta => Some(delta),
        Parameter::Beta => Some(delta).filter(|_| weighted),
        Parameter::Gamma => Some(gamma),
        Parameter::FpWeight => Some(weight),
        Parameter::FnWeight => Some(2.0 * delta),
        Parameter::VolumeExponent => exponent,
        Parameter::Order => order,
        Parameter::Smooth => Some(smooth),
        Parameter::SmoothNumerator => numerator,
        Parameter::LabelSmoothing => Some(smoothing),
        Parameter::Threshold => Some(threshold),
        Parameter::Poly => Some(poly),
        Parameter::Clip => clip,
    };
    // The default stays where a range does not allow the value.
    let with = |loss: AnyLoss, parameter: &Parameter| {
        let changed = loss.with(*parameter, value(*parameter));
        changed.unwrap_or(loss)
    };
    Ok(name.parameters().iter().fold(name.loss(), with))
}
