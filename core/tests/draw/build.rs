//! Builds a loss from random parameters, for proptest and for fuzzers.

use unifocal_core::{AnyLoss, LossError, Name, Parameter};

/// The loss called `name` with the drawn parameters. Numbers above a range are lowered to its end;
/// where none is drawn but the range does not allow it, the default stays.
pub(super) fn build(
    name: Name,
    drawn: impl Fn(Parameter) -> Option<f64>,
) -> Result<AnyLoss, LossError> {
    name.parameters()
        .iter()
        .try_fold(name.loss(), |loss, parameter| {
            let range = name.range(*parameter)?;
            match drawn(*parameter) {
                None if !range.allows_none() => Ok(loss),
                value => loss.with(*parameter, value.map(|number| number.min(range.most()))),
            }
        })
}
