//! Compares gradients with central differences in f64.

use fastrand::Rng;
use unifocal_core::{AnyLoss, Input, Pooling, catalogue::Name};

use super::outcome;
use crate::{Backend, Case, Precision, Target, random, tolerance};

/// Checks every loss × layout × input × kind of target × pooling, and random cases with random settings.
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
    for name in Name::ALL {
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
                    check(backend, name, &case.channels_last());
                    check(backend, name, &case);
                }
            }
        }
        for shape in random::SHAPES {
            for input in random::inputs(shape) {
                check(backend, name, &random::case(&mut rng, shape, *input));
            }
        }
    }
}

fn check(backend: &impl Backend, name: Name, case: &Case) {
    let loss = AnyLoss::from(name);
    let found = outcome(backend, &loss, case).gradient;
    let step = tolerance::STEP;
    let places = case.prediction.len();
    let every = places.div_ceil(backend.rounds(places));
    let differences = case.prediction.indexed_iter().step_by(every);
    let differences = differences.map(|(index, _)| {
        let value = |step: f64| {
            let mut moved = case.clone();
            moved.prediction[&index] += step;
            outcome(backend, &loss, &moved).value
        };
        let expected = (value(step) - value(-step)) / (2.0 * step);
        (found[&index], expected)
    });
    let scale = super::largest(&found).max(1e-4);
    for (found, expected) in differences.map(|(f, e)| (f / scale, e / scale)) {
        assert!(
            (found - expected).abs() <= tolerance::CENTRAL_DIFFERENCE,
            "{name}, {case:?}: {found} is not {expected} (of {scale:e})"
        );
    }
}
