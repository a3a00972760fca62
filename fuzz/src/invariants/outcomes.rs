//! Checks that hold for every outcome, and comparisons of numbers.

use unifocal_core::{AnyLoss, Input, Parameter};

use crate::case::{Case, Target};
use crate::evaluate::Outcome;

/// Evaluates in both precisions and checks that all is finite and that the gradient has the right signs.
pub(super) fn outcomes(case: &Case, loss: &AnyLoss) -> [Outcome; 2] {
    let outcomes = [case.evaluate(loss), case.evaluate_narrow(loss)];
    outcomes.map(|outcome| {
        let outcome = outcome.unwrap_or_else(|error| panic!("{error}: {loss:?} on {case:?}"));
        let Outcome {
            value, gradient, ..
        } = &outcome;
        assert!(value.is_finite(), "{value} of {loss:?} on {case:?}");
        for g in gradient {
            assert!(g.is_finite(), "{gradient:?} of {loss:?} on {case:?}");
        }
        check_signs(case, loss, gradient);
        outcome
    })
}

/// Whether other voxels are hard in one outcome than in the other, so that the value of [`HardVoxels`] jumps between them.
///
/// [`HardVoxels`]: unifocal_core::HardVoxels
pub(super) fn jumps(loss: &AnyLoss, one: &Outcome, other: &Outcome) -> bool {
    let pairs = one.sums.iter().zip(&other.sums);
    let differs = pairs.map(|(one, other)| (one.terms[0], other.terms[0]));
    matches!(loss, AnyLoss::HardVoxels(_))
        && differs
            .into_iter()
            .any(|(one, other)| (one - other).abs() > 1e-5 * one)
}

/// Checks signs: the gradient never lowers the right class's probability or raises a wrong one's, unless the labels are smoothed: then the
/// minimum lies between.
fn check_signs(case: &Case, loss: &AnyLoss, gradient: &[f64]) {
    let Target::Labels(labels) = &case.target else {
        return;
    };
    if matches!(loss.get(Parameter::LabelSmoothing), Ok(Some(t)) if t > 0.0) {
        return;
    }
    // Its denominator has the squares of wrong probabilities.
    if matches!(loss, AnyLoss::Tversky(loss) if loss.noise_robust()) {
        return;
    }
    case.for_each(|sample, channel, voxel| {
        let g = gradient[case.at(sample, channel, voxel)];
        if case.weight(sample, voxel) == 0.0 {
            assert_eq!(
                g, 0.0,
                "an ignored voxel has a gradient: {loss:?} on {case:?}"
            );
            return;
        }
        let label = usize::from(labels[sample * case.shape.voxels + voxel]);
        let class = if case.shape.channels == 1 { 1 } else { channel };
        // With several wrong classes, a larger logit of one also lowers the others.
        let mixed = case.settings.input == Input::Softmax && case.shape.channels > 2;
        if label == class {
            assert!(
                g <= 0.0,
                "{g} at {sample} {channel} {voxel}: {loss:?} on {case:?}"
            );
        } else if !mixed {
            assert!(
                g >= 0.0,
                "{g} at {sample} {channel} {voxel}: {loss:?} on {case:?}"
            );
        }
    });
}

/// The largest absolute value.
pub(super) fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |size: f64, x| size.max(x.abs()))
}

/// Checks that two numbers differ only by rounding.
pub(super) fn assert_near(a: f64, b: f64, relative: f64, what: impl FnOnce() -> String) {
    let bound = relative * a.abs().max(b.abs()).max(1.0);
    assert!((a - b).abs() <= bound, "{a} is not {b}: {}", what());
}
