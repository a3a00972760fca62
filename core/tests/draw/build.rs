//! A loss of parameters that were drawn, by proptest or by a fuzzer.

use unifocal_core::{AnyLoss, LossError, Name, Parameter};

/// The loss of this name with these values of its parameters: at most the largest that it takes, and its default where it takes none.
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
