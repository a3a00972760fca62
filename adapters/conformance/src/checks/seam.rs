//! One function over every backend: [`TensorLike`] and [`evaluate`].

use std::fmt::Debug;

use fastrand::Rng;
use unifocal_core::{
    AbsentClass, AnyLoss, Classes, Input, Pooling, TensorLike, Tversky, catalogue::Name,
    engine::Differentiable, evaluate,
};

use super::{assert_close, assert_close_gradient};
use crate::{Backend, Case, CoreF64, Target, random};

/// Cases without voxel weights, [N, C, M] beside labels or soft targets, with all kinds of settings.
pub fn seam_cases() -> Vec<Case> {
    let mut rng = Rng::with_seed(11);
    let shape = [2, 3, 10];
    let mut cases = Vec::new();
    for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
        let prediction = random::prediction(&mut rng, &shape, input);
        let labels = Target::Labels(random::labels(&mut rng, &shape));
        let soft = Target::Soft(random::soft(&mut rng, &shape));
        let plain = Case::new(prediction, labels).with_input(input);
        let skipping = plain
            .clone()
            .with_absent_class(AbsentClass::Skip)
            .with_rare_classes([2])
            .with_pooling(Pooling::Batch);
        let mut weighted = plain.clone().with_class_weights([0.0, 1.0, 2.0]);
        weighted.target = soft;
        cases.extend([plain, skipping, weighted]);
    }
    let sigmoids = cases[cases.len() - 3].clone();
    let regions = [[1, 2].as_slice(), &[2], &[0, 1]];
    cases.push(sigmoids.with_regions(regions));
    cases
}

/// The Dice score of every class in any backend: a function as a user would write it.
fn dice<T: TensorLike>(tensor: &T) -> Result<Vec<T::Sum>, T::Error> {
    let loss = AnyLoss::from(Tversky::dice());
    let evaluated = evaluate(tensor, &loss, &Classes::default())?;
    let scores = evaluated.per_class();
    Ok(scores
        .map(unifocal_core::formula::Real::complement)
        .collect())
}

/// Every loss of a case through the seam is the core's in f64. `numbers` gives the entries of a sum, one per group.
pub fn seam<T: TensorLike<Error: Debug>>(
    tensor: &T,
    case: &Case,
    numbers: impl Fn(&T::Sum) -> Vec<f64>,
    tolerance: f64,
) {
    let classes = case.settings.classes();
    for name in Name::ALL {
        let loss = AnyLoss::from(name);
        let expected = CoreF64.evaluate(&loss, case).expect("a valid case");
        let evaluated = evaluate(tensor, &loss, &classes).expect("a valid case");
        let value = mean(&numbers(&evaluated.value()));
        let what = format!("{name} through the seam");
        assert_close(value, expected.value, tolerance, &what);
    }
    let dice = dice(tensor).expect("a valid case");
    let all: Vec<f64> = dice.iter().flat_map(&numbers).collect();
    let classes = if case.settings.is_multilabel() { 2 } else { 3 };
    assert_eq!(all.len() % classes, 0, "{classes} classes in each group");
    assert!(all.iter().all(|dice| (0.0..=1.0).contains(dice)), "{all:?}");
}

/// The same, and its gradient, for a backend that computes gradients itself; `entries` gives those of a gradient.
pub fn seam_with_gradient<T: Differentiable<Error: Debug>>(
    tensor: &T,
    case: &Case,
    entries: impl Fn(T::Gradient) -> Vec<f64>,
    tolerance: f64,
) {
    seam(tensor, case, |sum| vec![*sum], tolerance);
    let classes = case.settings.classes();
    for name in Name::ALL {
        let loss = AnyLoss::from(name);
        let expected = CoreF64
            .evaluate(&loss, case)
            .expect("a valid case")
            .gradient;
        let evaluated = evaluate(tensor, &loss, &classes).expect("a valid case");
        let gradient = entries(evaluated.gradient().expect("a valid case"));
        let gradient = ndarray::ArrayD::from_shape_vec(expected.raw_dim(), gradient);
        let what = format!("the gradient of {name} through the seam");
        assert_close_gradient(
            &gradient.expect("an entry per number"),
            &expected,
            tolerance,
            &what,
        );
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
