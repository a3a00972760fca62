//! Compares gradients with central differences in f64.

use fastrand::Rng;
use unifocal_core::{AnyLoss, Input, Pooling};

use super::{losses, outcome};
use crate::{Backend, Case, Precision, Target, random, tolerance};

/// The most entries of a gradient that are checked. Each takes two evaluations of the whole case.
const ENTRIES: usize = 12;

/// Checks every loss × layout × input × kind of target × pooling, and random cases with random settings. Of each gradient, it checks
/// entries at equal distances, beginning with another one each time.
///
/// # Panics
///
/// If the backend does not compute in f64, which central differences need.
pub fn gradients(backend: &impl Backend) {
    assert_eq!(
        backend.precision(),
        Precision::F64,
        "central differences need f64"
    );
    let mut rng = Rng::with_seed(5);
    let shape: &[usize] = &[2, 3, 2, 2];
    let mut first = 0..;
    let mut check = |loss: &AnyLoss, case: &Case| {
        let first = first.next().unwrap_or(0);
        check(backend, loss, case, first);
    };
    for loss in losses() {
        for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
            for pooling in [Pooling::PerSample, Pooling::Batch] {
                let labels = Case::new(
                    random::prediction(&mut rng, shape, input),
                    Target::Labels(random::labels(&mut rng, shape)),
                )
                .with_input(input)
                .with_pooling(pooling);
                let soft = Case {
                    target: Target::Soft(random::soft(&mut rng, shape)),
                    ..labels.clone()
                };
                for case in [labels.one_hot(), labels, soft] {
                    check(&loss, &case.channels_last());
                    check(&loss, &case);
                }
            }
        }
        for shape in random::SHAPES {
            for input in random::inputs(shape) {
                check(&loss, &random::case(&mut rng, shape, *input));
            }
        }
    }
}

fn check(backend: &impl Backend, loss: &AnyLoss, case: &Case, first: usize) {
    let found = outcome(backend, loss, case).gradient;
    let scale = super::largest(&found).max(1e-4);
    let (step, tolerance) = (tolerance::STEP, tolerance::CENTRAL_DIFFERENCE);
    let entries = backend.rounds(found.len().min(ENTRIES));
    // An odd distance reaches every lane of a vector.
    let every = found.len().div_ceil(entries) | 1;
    let all = case
        .prediction
        .indexed_iter()
        .skip(first % every.min(found.len()));
    for (index, _) in all.step_by(every) {
        let value = |step: f64| {
            let mut moved = case.clone();
            moved.prediction[&index] += step;
            outcome(backend, loss, &moved).value
        };
        let [before, after] = [-step, step].map(value);
        // Each value is rounded by about a unit in the last place, which a small gradient does not hide.
        let rounding = f64::EPSILON * before.abs().max(after.abs()) / (step * scale);
        let tolerance = tolerance + rounding;
        let found = found[&index] / scale;
        let expected = (after - before) / (2.0 * step * scale);
        if (found - expected).abs() <= tolerance {
            continue;
        }
        // At a kink, the derivative lies between those of both sides.
        let here = value(0.0);
        let sides = [here - before, after - here].map(|difference| difference / (step * scale));
        let [least, most] = [sides[0].min(sides[1]), sides[0].max(sides[1])];
        assert!(
            has_kink(loss) && (least - tolerance..=most + tolerance).contains(&found),
            "{loss}, {case:?}: {found} is not {expected} (of {scale:e})"
        );
    }
}

/// Order 1 has a kink where p = y, and the slope of the noise-robust loss has one.
fn has_kink(loss: &AnyLoss) -> bool {
    matches!(loss, AnyLoss::Tversky(loss) if loss.order() == Some(1) || loss.noise_robust())
}
