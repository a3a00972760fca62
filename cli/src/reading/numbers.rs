//! Checks what the numbers of a file mean, by a summary of them and by options.

use std::fmt;

use unifocal_ndarray::core::limits::ROUNDING;

/// A summary of all numbers of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// Whether the file's numbers are integers.
    pub(crate) integers: bool,
    /// Whether they are stored as bfloat16.
    pub(crate) bf16: bool,
    /// The number of distinct integers, up to a bound.
    pub(crate) distinct: Option<usize>,
}

/// How numbers are changed before they are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Treatment {
    /// The divisor.
    pub(crate) scale: Option<f64>,
    /// Whether numbers are clamped to [0, 1].
    pub(crate) clamp: bool,
}

/// The number after 1 in half precision. Averages of half-precision probabilities can reach it, and may be stored in another type.
pub(crate) const AFTER_ONE: f64 = 1.0 + 1.0 / 1024.0;

/// The number after 1 in bfloat16.
const AFTER_ONE_BF16: f64 = 1.0 + 1.0 / 128.0;

/// Numbers that contradict the option that says what they are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Integers instead of probabilities.
    Integers { max: f64, distinct: Option<usize> },
    /// Integers instead of logits.
    IntegerLogits { max: f64 },
    /// Probabilities instead of logits.
    NoLogits,
}

/// Decides how the numbers of a prediction or a soft target become probabilities.
pub(crate) fn probabilities(
    summary: &Summary,
    scale: Option<f64>,
    clamp: bool,
) -> Result<Treatment, Fault> {
    let factor = scale.unwrap_or(1.0);
    if scale.is_none() && summary.integers && (summary.max > 1.0 || summary.min < 0.0) {
        return Err(Fault::Integers {
            max: summary.max,
            distinct: summary.distinct,
        });
    }
    let (min, max) = (summary.min / factor, summary.max / factor);
    // A maximum of exactly the number after 1 in half precision is a rounded 1.
    let next = max == AFTER_ONE || (summary.bf16 && max == AFTER_ONE_BF16);
    let half_step = next && min >= -ROUNDING;
    Ok(Treatment {
        scale,
        clamp: clamp || half_step,
    })
}

/// Suggests options for numbers that are not probabilities.
pub(crate) fn beyond(summary: &Summary) -> &'static str {
    if summary.min >= -0.5 && summary.max <= 1.5 {
        " (--clamp clamps numbers to [0, 1]; --input logits reads logits)"
    } else {
        " (--input logits reads logits)"
    }
}

/// Checks that numbers can be logits. `sums_to_one` computes whether they sum to 1 over the class axis.
pub(crate) fn logits(summary: &Summary, sums_to_one: impl FnOnce() -> bool) -> Result<(), Fault> {
    if summary.integers && summary.min >= 0.0 {
        return Err(Fault::IntegerLogits { max: summary.max });
    }
    if summary.min >= 0.0 && summary.max <= 1.0 && sums_to_one() {
        return Err(Fault::NoLogits);
    }
    Ok(())
}

/// The most likely divisor of integers up to `max`.
fn likely_scale(max: f64) -> f64 {
    let scales = [100.0, 255.0, 1000.0, 10_000.0, 65_535.0];
    scales
        .into_iter()
        .find(|scale| max <= *scale)
        .unwrap_or(max)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integers { max, distinct } => {
                let scale = likely_scale(*max);
                let few = distinct.is_some_and(|distinct| distinct <= 64);
                write!(f, "found integers up to {max}, expected probabilities in [0, 1] (")?;
                if few {
                    write!(f, "--input labels for a label map; ")?;
                }
                write!(f, "--scale {scale} for probabilities stored as integers from 0 to {scale}")?;
                if !few {
                    write!(f, "; --input labels for a label map")?;
                }
                f.write_str(")")
            }
            Self::IntegerLogits { max } => write!(
                f,
                "found integers from 0 to {max}, which are not logits (--input probabilities --scale {} for probabilities stored as \
                 integers; --input labels for a label map)",
                likely_scale(*max)
            ),
            Self::NoLogits => f.write_str(
                "found probabilities (all numbers are in [0, 1] and sum to 1 over the class axis), expected logits (--input probabilities reads probabilities)",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_must_match_the_input_option() {
        let summary = |min, max, integers| Summary {
            min,
            max,
            integers,
            bf16: false,
            distinct: integers.then_some(3),
        };
        let taken = |summary, scale, clamp| probabilities(&summary, scale, clamp);
        let plain = Treatment::default();
        assert_eq!(taken(summary(0.0, 1.0, true), None, false), Ok(plain));
        let refused = taken(summary(0.0, 255.0, true), None, false).expect_err("integers");
        assert!(refused.to_string().contains("--scale 255"), "{refused}");
        let refused = taken(summary(0.0, 9_949.0, true), None, false).expect_err("integers");
        assert!(refused.to_string().contains("--scale 10000"), "{refused}");
        // The next number after 1 in half precision is rounding; larger ones are not.
        let clamped = Treatment {
            clamp: true,
            ..plain
        };
        assert_eq!(
            taken(summary(0.0, AFTER_ONE, false), None, false),
            Ok(clamped)
        );
        assert_eq!(taken(summary(-0.02, 1.02, false), None, false), Ok(plain));
        assert_eq!(taken(summary(-0.02, 1.02, false), None, true), Ok(clamped));
        assert!(logits(&summary(0.0, 255.0, true), || false).is_err());
        assert!(logits(&summary(0.0, 1.0, false), || true).is_err());
        assert!(logits(&summary(-3.0, 1.0, false), || false).is_ok());
    }
}
