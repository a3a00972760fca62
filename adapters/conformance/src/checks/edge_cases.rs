//! Edge cases in which other implementations give NaN or a vanishing gradient.

use ndarray::{ArrayD, Axis, IxDyn, concatenate};
use unifocal_core::{AbsentClass, Focal, Input, Parameter, Tversky, UnifiedFocal, catalogue::Name};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::{Backend, Case, Outcome, Target, tolerance};

/// Empty and full masks, perfect and wrong predictions and saturated logits give finite values, and gradients that correct errors.
pub fn edges(backend: &impl Backend) {
    for loss in losses() {
        let gammas = [0.0, 0.5, 1.0];
        let focused = gammas
            .into_iter()
            .filter_map(|gamma| loss.with(Parameter::Gamma, gamma).ok());
        let focused = focused.take(backend.rounds(gammas.len()));
        for loss in [loss].into_iter().chain(focused) {
            for (what, case) in extreme_cases(by_precision(backend, 1e300, 1e38)) {
                let Outcome { value, gradient } = outcome(backend, &loss, &case);
                assert!(value.is_finite(), "{loss} {what}: {value}");
                assert!(
                    gradient.iter().all(|g| g.is_finite()),
                    "{loss} {what}: {gradient}"
                );
            }
        }
    }
    perfect(backend);
    nearly_perfect(backend);
    wrong(backend);
    absent(backend);
    nothing_counts(backend);
}

/// All-background, all-foreground and mixed labels, predicted perfectly and wrongly at the ends of the range: each a sample of a batch.
fn extreme_cases(huge: f64) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for (kind, input, low, high) in [
        ("probabilities", Input::Probabilities, 0.0, 1.0),
        ("logits ±100", Input::Softmax, -100.0, 100.0),
        ("logits ±1e4", Input::Softmax, -1e4, 1e4),
        ("logits of the format", Input::Softmax, -huge, huge),
        ("sigmoids of the format", Input::Sigmoid, -huge, huge),
    ] {
        let samples = [[0, 0, 0], [1, 1, 1], [0, 1, 1]]
            .into_iter()
            .flat_map(|labels| [true, false].map(|right| two_classes(&labels, right, low, high)));
        let all = samples.reduce(batch).expect("there are samples");
        for absent in [AbsentClass::Smooth, AbsentClass::Skip] {
            let case = all.clone().with_input(input).with_absent_class(absent);
            cases.push((format!("{kind}, {absent:?}"), case));
        }
    }
    cases
}

/// A batch of the samples of two cases with labels.
fn batch(first: Case, second: Case) -> Case {
    let target = match (first.target, second.target) {
        (Target::Labels(first), Target::Labels(second)) => {
            Target::Labels(concatenate![Axis(0), first, second])
        }
        _ => unreachable!("two_classes makes labels"),
    };
    Case::new(
        concatenate![Axis(0), first.prediction, second.prediction],
        target,
    )
}

/// A prediction that is `high` for the right (or the wrong) class and `low` for the other.
fn two_classes(labels: &[i64], right: bool, low: f64, high: f64) -> Case {
    let voxels = labels.len();
    let prediction = ArrayD::from_shape_fn(IxDyn(&[1, 2, voxels]), |index| {
        let predicted = (labels[index[2]] == index[1] as i64) == right;
        if predicted { high } else { low }
    });
    let labels = ArrayD::from_shape_vec(IxDyn(&[1, voxels]), labels.to_vec()).expect("one sample");
    Case::new(prediction, Target::Labels(labels))
}

/// The loss of a perfect prediction is 0 from logits; from probabilities, it is what the clip leaves.
fn perfect(backend: &impl Backend) {
    let loss = UnifiedFocal::asymmetric()
        .with_delta(0.3)
        .and_then(|loss| loss.with_gamma(0.5))
        .expect("in range");
    let probabilities = outcome(
        backend,
        &loss.into(),
        &two_classes(&[0, 0, 1], true, 0.0, 1.0),
    );
    assert!(
        probabilities.value > 0.0 && probabilities.value < 3e-4,
        "{}",
        probabilities.value
    );
    let mut logits = two_classes(&[0, 0, 1], true, -1e4, 1e4);
    logits.settings.input = Input::Softmax;
    let logits = outcome(backend, &loss.into(), &logits);
    assert_eq!(logits.value, 0.0);
    assert!(logits.gradient.iter().all(|g| *g == 0.0));
}

/// A nearly perfect prediction keeps its small gradient: 1 − p is not rounded to 0.
fn nearly_perfect(backend: &impl Backend) {
    let mut case = two_classes(&[0, 1, 0], true, -30.0, 30.0);
    case.settings.input = Input::Softmax;
    let Outcome { value, gradient } = outcome(backend, &Focal::cross_entropy().into(), &case);
    let miss = (-60.0_f64).exp();
    assert!((value / miss - 1.0).abs() < 1e-6, "{value} is not {miss}");
    let slope = -gradient[[0, 1, 1]] * 3.0;
    assert!((slope / miss - 1.0).abs() < 1e-6, "{slope} is not {miss}");
}

/// A hard wrong prediction has a gradient that corrects it, where a plain clamp would make it 0.
fn wrong(backend: &impl Backend) {
    for name in Name::ALL {
        let case = two_classes(&[0, 1, 1], false, 0.0, 1.0);
        let Outcome { gradient, .. } = outcome(backend, &name.loss(), &case);
        let (missed, lesion) = (gradient[[0, 1, 1]], gradient[[0, 0, 1]]);
        assert!(missed < 0.0, "{name}: {gradient}");
        // The denominator of the noise-robust loss grows with p, which may outweigh its numerator.
        let grows = name == Name::NoiseRobustDice;
        assert!(lesion >= 0.0 || grows, "{name}: {gradient}");
    }
    let mut case = two_classes(&[0, 1, 1], false, -1e4, 1e4);
    case.settings.input = Input::Softmax;
    let gradient = outcome(backend, &Focal::cross_entropy().into(), &case).gradient;
    let third = 1.0 / 3.0;
    // From probabilities, the slope is that at the bound: −1/ε.
    let entropy = Focal::cross_entropy();
    let hard = two_classes(&[0, 1, 1], false, 0.0, 1.0);
    let slope = outcome(backend, &entropy.into(), &hard).gradient[[0, 1, 1]];
    assert!((slope * 1e-7 / third + 1.0).abs() < 1e-6, "{slope}");
    assert!((gradient[[0, 1, 1]] + third).abs() < 1e-6, "{gradient}");
}

/// `AbsentClass` decides how a class that is neither present nor predicted is scored.
fn absent(backend: &impl Backend) {
    let case = two_classes(&[0, 0, 0], true, 0.0, 1.0);
    let unified = UnifiedFocal::asymmetric()
        .with_lambda(1.0)
        .expect("in range");
    let score = |case: &Case, loss: UnifiedFocal| outcome(backend, &loss.into(), case).value;
    // The clip leaves false positives of the size of s.
    assert!(score(&case, unified) > 0.2);
    let skip = case.clone().with_absent_class(AbsentClass::Skip);
    assert!(score(&skip, unified) < 1e-6);
    // Logits are not clipped, so no false positives remain.
    let mut logits = two_classes(&[0, 0, 0], true, -1e4, 1e4);
    logits.settings.input = Input::Softmax;
    assert_eq!(score(&logits, unified), 0.0);
    let dice = outcome(backend, &Tversky::dice().into(), &case);
    assert_eq!(dice.value, 0.0);
}

/// If no voxel of a batch counts, value and gradient are 0. A sample without counting voxels is left out of the mean.
///
/// All losses share the code that decides which samples count. So a backend of few rounds checks the last losses, which have both a region
/// and a focal part.
fn nothing_counts(backend: &impl Backend) {
    let names = backend.rounds(Name::ALL.len());
    for name in Name::ALL.into_iter().rev().take(names) {
        for (what, case) in without_first_sample() {
            let what = format!("{name}, {what}");
            let both = outcome(backend, &name.loss(), &case);
            let [nothing, rest] =
                [0, 1].map(|sample| outcome(backend, &name.loss(), &sample_of(&case, sample)));
            assert_eq!(nothing.value, 0.0, "{what}");
            assert!(nothing.gradient.iter().all(|g| *g == 0.0), "{what}");
            let tolerance = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
            assert_close(both.value, rest.value, tolerance, &what);
            let gradient = concatenate![Axis(0), nothing.gradient, rest.gradient];
            assert_close_gradient(&both.gradient, &gradient, tolerance, &what);
        }
    }
}

/// Batches of two samples; no voxel of the first counts.
fn without_first_sample() -> Vec<(&'static str, Case)> {
    let samples = |labels: [[i64; 3]; 2]| {
        let [first, second] = labels.map(|labels| two_classes(&labels, true, 0.25, 0.75));
        batch(first, second).with_ignore_label(9)
    };
    let weights = [0.0, 0.0, 0.0, 1.0, 0.0, 2.0];
    let weights = ArrayD::from_shape_vec(IxDyn(&[2, 3]), weights.to_vec()).expect("two samples");
    let weighted = |case: Case| Case {
        voxel_weights: Some(weights.clone()),
        ..case
    };
    let skip = |case: Case| case.with_absent_class(AbsentClass::Skip);
    let ignored = samples([[9, 9, 9], [0, 1, 9]]);
    let unweighted = weighted(samples([[0, 1, 1], [0, 1, 1]]));
    let classless = skip(samples([[0, 0, 9], [0, 1, 9]])).with_class_weights([0.0, 1.0]);
    vec![
        ("ignored", ignored.clone()),
        ("ignored, absent classes skipped", skip(ignored)),
        ("weights of 0", unweighted.clone()),
        (
            "weights of 0, absent classes skipped",
            skip(unweighted.clone()),
        ),
        ("weights of 0, a soft target", unweighted.one_hot()),
        ("only an absent class has weight", classless),
    ]
}

/// One sample of a case.
fn sample_of(case: &Case, sample: usize) -> Case {
    let one = |array: &ArrayD<f64>| array.select(Axis(0), &[sample]);
    Case {
        prediction: one(&case.prediction),
        target: match &case.target {
            Target::Labels(labels) => Target::Labels(labels.select(Axis(0), &[sample])),
            Target::Soft(target) => Target::Soft(one(target)),
        },
        voxel_weights: case.voxel_weights.as_ref().map(one),
        ..case.clone()
    }
}
