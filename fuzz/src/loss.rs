//! Losses with any parameters.

#[path = "../../core/tests/draw/build.rs"]
mod build;

use arbitrary::{Result, Unstructured};
use unifocal_core::{AnyLoss, Name};

use self::build::build;
use crate::case::unit;

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
    let kind = u.int_in_range(0..=8)?;
    let [lambda, delta] = [unit(u)?, unit(u)?];
    Ok(build(kind, lambda, delta, gamma, smooth, clip).expect("parameters in range"))
}

/// A loss whose third derivatives are small enough for central differences.
pub fn gentle(u: &mut Unstructured<'_>) -> Result<AnyLoss> {
    let [lambda, delta] = [unit(u)?, unit(u)?];
    let gamma = *u.choose(&[0.0, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0])?;
    let smooth = *u.choose(&[1e-7, 1e-6, 1.0])?;
    let kind = u.int_in_range(0..=8)?;
    Ok(build(kind, lambda, delta, gamma, smooth, Some(1e-7)).expect("parameters in range"))
}
