//! Draws numbers, often special ones.

use std::ops::Range;

use arbitrary::{Result, Unstructured};

/// The numbers that a prediction is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numbers {
    /// All valid numbers.
    All,
    /// Numbers that f32 can represent well: nothing underflows in f32.
    Plain,
    /// Numbers on which central differences are accurate: probabilities in (0.02, 0.98), logits in (−4, 4).
    Inner,
}

/// One of the special numbers, or one from the ordinary range.
fn number(u: &mut Unstructured<'_>, special: &[f64], ordinary: Range<f64>) -> Result<f64> {
    let code = usize::from(u.arbitrary::<u8>()?);
    Ok(match special.get(code) {
        Some(number) => *number,
        None => {
            let fraction = f64::from(u.arbitrary::<u16>()?) / 65_535.0;
            ordinary.start + fraction * (ordinary.end - ordinary.start)
        }
    })
}

/// A number in [0, 1].
pub fn unit(u: &mut Unstructured<'_>) -> Result<f64> {
    let special = [
        0.0,
        1.0,
        0.5,
        1e-7,
        1e-30,
        1e-45,
        1e-310,
        1.0 - 1e-7,
        1.0 - 1e-16,
        1e-3,
        0.999,
        0.0,
        1.0,
    ];
    number(u, &special, 0.0..1.0)
}

/// A probability.
pub fn probability(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<f64> {
    match numbers {
        Numbers::All => unit(u),
        Numbers::Plain => number(u, &[0.0, 1.0, 0.5, 1e-7, 1e-3, 1.0 - 1e-6], 0.0..1.0),
        Numbers::Inner => number(u, &[], 0.02..0.98),
    }
}

/// A logit.
pub fn logit(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<f64> {
    let special = [
        0.0, 30.0, -30.0, 88.0, -88.0, 104.0, 745.0, -745.0, 1e4, -1e4, 1e30, -1e30, 3e38, -3e38,
    ];
    match numbers {
        Numbers::All => number(u, &special, -8.0..8.0),
        Numbers::Plain => number(u, &special[..3], -8.0..8.0),
        Numbers::Inner => number(u, &[], -4.0..4.0),
    }
}

/// The weight of a voxel or a class.
pub fn weight(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<f64> {
    let special = [0.0, 1.0, 1.0, 0.5, 1e-300, 1e30];
    match numbers {
        Numbers::All => number(u, &special, 0.0..2.0),
        _ => number(u, &special[..4], 0.25..2.0),
    }
}
