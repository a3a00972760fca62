//! Numbers scaled, clamped and widened.

use crate::read::{Numbers, Values};
use crate::reading::numbers::Treatment;
use crate::survey::{Number, with_numbers};

/// Scales and clamps numbers.
pub(super) fn treated(values: Values, treatment: Treatment) -> Values {
    let Treatment { scale, clamp } = treatment;
    // Non-finite numbers stay, so that an error can name them.
    match (scale, clamp, values) {
        (None, false, values) => values,
        (None, true, Values::F32(numbers)) => {
            let clamped = numbers.mapv(|x| if x.is_finite() { x.clamp(0.0, 1.0) } else { x });
            Values::F32(clamped.into())
        }
        (scale, clamp, values) => {
            let scale = scale.unwrap_or(1.0);
            let treated = |number: f64| match number / scale {
                number if clamp && number.is_finite() => number.clamp(0.0, 1.0),
                number => number,
            };
            let numbers = with_numbers!(&values, numbers => {
                numbers.mapv(|number| treated(Number::to_f64(number)))
            });
            Values::F64(numbers.into())
        }
    }
}

/// The same numbers as f64.
pub(super) fn as_f64(values: Values) -> Numbers<f64> {
    match values {
        Values::F64(numbers) => numbers,
        values => with_numbers!(&values, numbers => numbers.mapv(Number::to_f64)).into(),
    }
}
