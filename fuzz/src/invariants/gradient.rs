//! The gradient beside central differences.

use arbitrary::{Result, Unstructured};
use unifocal_conformance::tolerance::{CENTRAL_DIFFERENCE, STEP};
use unifocal_core::AnyLoss;

use super::outcomes::{jumps, largest, outcomes};
use crate::case::{Case, Target};
use crate::evaluate::Outcome;
use crate::loss;
use crate::numbers::Numbers;

/// Compares the gradient with central differences.
pub fn gradient(u: &mut Unstructured<'_>) -> Result<()> {
    let loss = loss::gentle(u)?;
    let mut case = Case::draw(u, Numbers::Inner)?;
    // The noise-robust loss has no second derivative where p = y.
    let is_robust = matches!(loss, AnyLoss::Tversky(loss) if loss.noise_robust());
    if is_robust && matches!(case.target, Target::Soft(_)) {
        return Ok(());
    }
    let [outcome, _] = outcomes(&case, &loss);
    let Outcome {
        value, gradient, ..
    } = &outcome;
    let largest = largest(gradient);
    for _ in 0..4 {
        let at = u.choose_index(gradient.len())?;
        let here = case.prediction[at];
        let mut jumped = false;
        let mut value_at = |x: f64| {
            case.prediction[at] = x;
            let moved = case.evaluate(&loss).expect("a valid case");
            jumped |= jumps(&loss, &outcome, &moved);
            moved.value
        };
        let mut across = |step: f64| value_at(here + step) - value_at(here - step);
        // A fourth-order formula with two step sizes, because third derivatives are large at small p.
        let difference = (8.0 * across(STEP) - across(2.0 * STEP)) / (12.0 * STEP);
        case.prediction[at] = here;
        if jumped {
            continue;
        }
        let error = (gradient[at] - difference).abs();
        // The second term allows for rounding of the values.
        let bound = CENTRAL_DIFFERENCE * largest + 1e-10 * value.abs().max(1.0);
        assert!(
            error <= bound,
            "{} is not {difference} at {at}, of {largest}: {loss:?} on {case:?}",
            gradient[at]
        );
    }
    Ok(())
}
