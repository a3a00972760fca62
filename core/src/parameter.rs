//! Parameters are checked where they are set; this is what a refused one says.

use crate::limits::LARGEST_WEIGHT;
use core::fmt;

/// A parameter outside its range: which one, what was found, what was expected.
///
/// # Examples
///
/// ```
/// use unifocal_core::Tversky;
///
/// let error = Tversky::new().with_delta(1.2).unwrap_err();
/// assert_eq!(error.to_string(), "delta is 1.2, expected 0 ≤ δ ≤ 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterError {
    /// The parameter's name.
    pub parameter: &'static str,
    /// Its value.
    pub found: f64,
    /// The values it may have.
    pub expected: &'static str,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            parameter,
            found,
            expected,
        } = self;
        write!(f, "{parameter} is {found}, expected {expected}")
    }
}

impl core::error::Error for ParameterError {}

/// `found` if it is `valid`, and the error that names it if not.
pub(crate) fn check(
    parameter: &'static str,
    found: f64,
    expected: &'static str,
    valid: bool,
) -> Result<f64, ParameterError> {
    if valid {
        Ok(found)
    } else {
        Err(ParameterError {
            parameter,
            found,
            expected,
        })
    }
}

/// δ, the share of the false negatives: 0 ≤ δ ≤ 1.
pub(crate) fn check_delta(delta: f64) -> Result<f64, ParameterError> {
    check("delta", delta, "0 ≤ δ ≤ 1", (0.0..=1.0).contains(&delta))
}

/// A γ that is subtracted from 1: 0 ≤ γ ≤ 1.
pub(crate) fn check_unit_gamma(gamma: f64) -> Result<f64, ParameterError> {
    check("gamma", gamma, "0 ≤ γ ≤ 1", (0.0..=1.0).contains(&gamma))
}

/// A γ that is an exponent as it is, and a factor of the derivative: as a weight.
pub(crate) fn check_gamma(gamma: f64) -> Result<f64, ParameterError> {
    check_weight("gamma", gamma)
}

/// A weight.
pub(crate) fn check_weight(parameter: &'static str, found: f64) -> Result<f64, ParameterError> {
    let valid = (0.0..=LARGEST_WEIGHT).contains(&found);
    check(parameter, found, "a number from 0 to 1e30", valid)
}
