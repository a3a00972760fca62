//! The gradient against central differences, and f32 against f64.

use fastrand::Rng;
use ndarray::{ArrayD, IxDyn};

use super::args::CheckArgs;
use super::findings::{Finding, Level};
use crate::args::Data;
use crate::case::{Case, Content, Prediction};
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::score::{self, Gradient, Wanted};
use unifocal_ndarray::core::Input;

/// The largest relative difference between f32 and f64.
const PRECISION: f64 = 1e-4;

/// The largest relative difference between a derivative and the difference quotient, beside the rounding of the latter.
const TOLERANCE: f64 = 1e-3;

/// Checks the gradient of a case, whose prediction is replaced, and its loss.
pub(super) fn find(
    pair: &Pair,
    case: &mut Case,
    data: &Data,
    loss: &Chosen,
    slopes: &Gradient,
    value: f64,
    arguments: &CheckArgs,
) -> Result<Vec<Finding>, Failure> {
    let Content::Arrays(arrays) = &case.content else {
        return Ok(Vec::new());
    };
    let slopes = slopes.to_f64();
    let mut findings = Vec::new();
    let wrong = slopes.iter().filter(|slope| !slope.is_finite()).count();
    if wrong > 0 {
        let text = format!("{wrong} numbers of the gradient are not finite");
        findings.push(Finding::new(Level::Problem, text));
    }
    let probabilities = arrays.input == Input::Probabilities;
    let (single, numbers) = match &arrays.prediction {
        Prediction::F32(numbers) => (true, numbers.view().mapv(f64::from)),
        Prediction::F64(numbers) => (false, numbers.view().to_owned()),
    };
    let mut at = |numbers: &ArrayD<f64>| -> Result<f64, Failure> {
        if let Content::Arrays(arrays) = &mut case.content {
            arrays.prediction = Prediction::F64(numbers.clone().into());
        }
        let losses = std::slice::from_ref(loss);
        let scored = score::score(case, pair, data, losses, Wanted::default())?;
        Ok(scored.scores[0].value.unwrap_or(f64::NAN))
    };
    let exact = at(&numbers)?;
    if single {
        findings.push(precision(value, exact));
    }
    findings.extend(differences(
        &numbers,
        &slopes,
        probabilities,
        exact,
        arguments,
        &mut at,
    )?);
    Ok(findings)
}

fn precision(single: f64, double: f64) -> Finding {
    let relative = (single - double).abs() / double.abs().max(f64::MIN_POSITIVE);
    let text = format!("in f64 the loss is {double}, a relative difference of {relative:.1e}");
    let is_good = relative <= PRECISION || single == double;
    Finding::new(if is_good { Level::Good } else { Level::Problem }, text)
}

fn differences(
    numbers: &ArrayD<f64>,
    slopes: &ArrayD<f64>,
    probabilities: bool,
    value: f64,
    arguments: &CheckArgs,
    at: &mut dyn FnMut(&ArrayD<f64>) -> Result<f64, Failure>,
) -> Result<Option<Finding>, Failure> {
    let mut moved = numbers.clone();
    let mut worst: Option<(f64, String)> = None;
    let places = places(numbers, slopes, probabilities, arguments);
    for place in &places {
        let index = IxDyn(place);
        let (number, slope) = (numbers[&index], slopes[&index]);
        let step = step(number, probabilities);
        moved[&index] = number + step;
        let above = at(&moved)?;
        moved[&index] = number - step;
        let below = at(&moved)?;
        moved[&index] = number;
        let quotient = (above - below) / (2.0 * step);
        // Rounding of the loss, divided by the step.
        let rounding = 1e-14 * (1.0 + value.abs()) / step;
        let size = slope.abs().max(quotient.abs());
        let excess = (quotient - slope).abs() / (TOLERANCE * size + rounding);
        if worst.as_ref().is_none_or(|(most, _)| excess > *most) {
            let text = format!(
                "at index {place:?} it is {slope:e}, and the difference quotient {quotient:e}"
            );
            worst = Some((excess, text));
        }
    }
    let samples = places.len();
    Ok(worst.map(|(excess, text)| {
        if excess <= 1.0 {
            let text =
                format!("the gradient equals central differences at {samples} numbers of PRED");
            Finding::new(Level::Good, text)
        } else {
            let text = format!("the gradient differs from central differences: {text}");
            Finding::new(Level::Problem, text)
        }
    }))
}

/// The step of a difference quotient, small beside the distance from 0 and 1, where losses bend.
fn step(number: f64, probabilities: bool) -> f64 {
    if probabilities {
        1e-3 * number.min(1.0 - number).min(0.1)
    } else {
        1e-4
    }
}

/// Random places with a slope, and with a probability that can be moved up and down.
fn places(
    numbers: &ArrayD<f64>,
    slopes: &ArrayD<f64>,
    probabilities: bool,
    arguments: &CheckArgs,
) -> Vec<Vec<usize>> {
    /// So often a place is drawn for each one that is wanted.
    const TRIES: usize = 1000;
    let mut random = Rng::with_seed(arguments.seed);
    let mut places: Vec<Vec<usize>> = Vec::new();
    for _ in 0..TRIES.saturating_mul(arguments.samples) {
        if places.len() == arguments.samples {
            break;
        }
        let place: Vec<usize> = (numbers.shape().iter())
            .map(|length| random.usize(..*length))
            .collect();
        let index = IxDyn(&place);
        let slope = slopes[&index];
        let movable = step(numbers[&index], probabilities) > 1e-9;
        if slope != 0.0 && slope.is_finite() && movable && !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;

    const ARGUMENTS: CheckArgs = CheckArgs {
        samples: 4,
        seed: 0,
        format: Format::Table,
    };

    /// The level of the finding for the sum of squares, if these are its slopes.
    fn level(slope: fn(f64) -> f64) -> Level {
        let numbers = ArrayD::from_shape_fn(IxDyn(&[3, 4]), |index| 0.1 + 0.05 * index[0] as f64);
        let slopes = numbers.mapv(slope);
        let mut at = |numbers: &ArrayD<f64>| Ok(numbers.iter().map(|number| number * number).sum());
        let value = at(&numbers).expect("a value");
        let found = differences(&numbers, &slopes, true, value, &ARGUMENTS, &mut at);
        found.expect("no failure").expect("a finding").level()
    }

    #[test]
    fn wrong_slopes_are_a_problem() {
        assert_eq!(level(|number| 2.0 * number), Level::Good);
        assert_eq!(level(|number| 2.02 * number), Level::Problem);
        assert_eq!(level(|number| -2.0 * number), Level::Problem);
    }

    #[test]
    fn a_loss_that_f32_does_not_give_is_a_problem() {
        assert_eq!(precision(1.0, 1.0 + 1e-6).level(), Level::Good);
        assert_eq!(precision(1.0, 1.01).level(), Level::Problem);
        assert_eq!(precision(f64::NAN, 1.0).level(), Level::Problem);
        assert_eq!(precision(0.0, 0.0).level(), Level::Good);
    }
}
