//! Classes that are annotated in some samples only.

use fastrand::Rng;
use ndarray::{Array2, ArrayD, Axis, array};
use unifocal_core::{AbsentClass, AnyLoss, Input, Pooling, catalogue::Name};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::{Backend, Case, CoreF64, Target, random, tolerance};

/// A class that is not annotated in a sample does not exist there. If the classes exclude each other, it is part of the background.
pub fn annotated(backend: &impl Backend) {
    let mut rng = Rng::with_seed(7);
    // Label smoothing takes the number of all classes.
    let all = losses().filter(|loss| !loss.to_string().contains("label-smoothing"));
    let all: Vec<AnyLoss> = all.collect();
    for loss in all.iter().rev().take(backend.rounds(all.len())) {
        for case in exclusive_cases(&mut rng) {
            is_mean_of_samples(backend, loss, &case);
            is_mean_of_samples(backend, loss, &case.channels_last());
            let pooled = case.with_pooling(Pooling::Batch);
            is_like_core(backend, loss, &pooled);
        }
        for case in region_cases(&mut rng) {
            is_mean_of_annotated(backend, loss, &case);
            is_mean_of_annotated(backend, loss, &case.channels_last());
            is_like_core(backend, loss, &case.with_pooling(Pooling::Batch));
        }
    }
    all_annotated(backend);
    mismatched(backend);
}

/// Classes that exclude each other, one of them an organ that is labelled although its sample lacks it.
fn exclusive_cases(rng: &mut Rng) -> Vec<Case> {
    let shape = [3, 4, 70];
    let mask = array![
        [true, true, false, true],
        [true, true, true, true],
        [true, false, true, false]
    ];
    let mut cases = Vec::new();
    for input in [Input::Probabilities, Input::Softmax] {
        let mut prediction = random::prediction(rng, &shape, Input::Softmax);
        if input == Input::Probabilities {
            prediction.mapv_inplace(f64::exp);
            for mut voxel in prediction.lanes_mut(Axis(1)) {
                let sum = voxel.sum();
                voxel.mapv_inplace(|p| p / sum);
            }
        }
        // The same numbers in both precisions.
        prediction.mapv_inplace(|x| f64::from(x as f32));
        let labels = random::labels(rng, &shape);
        let mut labelled = Case::new(prediction, Target::Labels(labels.clone())).with_input(input);
        labelled.annotated = Some(mask.clone());
        let soft = Case {
            target: Target::Soft(random::soft(rng, &shape).mapv(|y| f64::from(y as f32))),
            ..labelled.clone()
        };
        let mut weighted = Case {
            target: Target::Labels(ArrayD::from_shape_fn(labels.raw_dim(), |index| {
                match (index[0] + index[1]) % 5 {
                    3 => 255,
                    _ => labels[&index],
                }
            })),
            ..labelled.clone()
        }
        .with_ignore_label(255)
        .with_absent_class(AbsentClass::Skip);
        weighted.voxel_weights = Some(ArrayD::from_shape_fn(labels.raw_dim(), |index| {
            (index[1] % 4) as f64
        }));
        // A voxel that does not count may hold anything.
        weighted.prediction[[0, 2, 0]] = f64::NAN;
        weighted.prediction[[2, 0, 4]] = f64::INFINITY;
        cases.extend([labelled, soft, weighted]);
    }
    cases
}

/// The value is the mean over the samples, each with its annotated classes alone, and the gradient follows.
fn is_mean_of_samples(backend: &impl Backend, loss: &AnyLoss, case: &Case) {
    let what = format!("{loss} of {case:?}");
    let axis = class_axis(case);
    let all = outcome(backend, loss, case);
    let (mut value, mut gradient) = (0.0, ArrayD::zeros(all.gradient.raw_dim()));
    let samples = case.prediction.len_of(Axis(0));
    for sample in 0..samples {
        let (alone, kept) = alone(case, sample);
        let found = outcome(backend, loss, &alone);
        value += found.value / samples as f64;
        let mut own = gradient.index_axis_mut(Axis(0), sample);
        for class in 0..case.prediction.len_of(axis) {
            let place = kept.iter().position(|kept| *kept == class).unwrap_or(0);
            let of_place = found.gradient.index_axis(axis, place);
            let mut share = of_place.index_axis(Axis(0), 0).mapv(|g| g / samples as f64);
            if case.settings.input == Input::Softmax && place == 0 {
                let z = case.prediction.index_axis(axis, class);
                let background = alone.prediction.index_axis(axis, 0);
                let e = &z.index_axis(Axis(0), sample) - &background.index_axis(Axis(0), 0);
                share.zip_mut_with(&e, |g, e| *g = if *g == 0.0 { 0.0 } else { *g * e.exp() });
            }
            own.index_axis_mut(Axis(axis.0 - 1), class).assign(&share);
        }
    }
    compare(
        backend,
        loss,
        (all.value, value),
        &all.gradient,
        &gradient,
        &what,
    );
}

/// A sample with its annotated classes, and which these are. The others are merged into class 0.
fn alone(case: &Case, sample: usize) -> (Case, Vec<usize>) {
    let axis = class_axis(case);
    let mask = case.annotated.as_ref().expect("a mask");
    let classes = 0..case.prediction.len_of(axis);
    let (kept, others): (Vec<usize>, Vec<usize>) =
        classes.partition(|class| mask[[sample, *class]]);
    let of_sample = |array: &ArrayD<f64>| {
        let range = sample..sample + 1;
        array.slice_axis(Axis(0), range.into()).to_owned()
    };
    let merged = |array: &ArrayD<f64>, merge: &dyn Fn(f64, f64) -> f64| {
        let array = of_sample(array);
        let mut merged = array.select(axis, &kept);
        let mut background = merged.index_axis_mut(axis, 0);
        for other in &others {
            background.zip_mut_with(&array.index_axis(axis, *other), |a, b| *a = merge(*a, *b));
        }
        merged
    };
    let ln_sum = |a: f64, b: f64| a.max(b) + (-(a - b).abs()).exp().ln_1p();
    let place = |label: &i64| match kept.iter().position(|kept| *kept as i64 == *label) {
        Some(place) => place as i64,
        None if others.contains(&(*label as usize)) => 0,
        None => *label,
    };
    let alone = Case {
        prediction: match case.settings.input {
            Input::Softmax => merged(&case.prediction, &ln_sum),
            _ => merged(&case.prediction, &|a, b| a + b),
        },
        target: match &case.target {
            Target::Labels(labels) => {
                let range = sample..sample + 1;
                Target::Labels(labels.slice_axis(Axis(0), range.into()).map(place))
            }
            Target::Soft(target) => Target::Soft(merged(target, &|a, b| a + b)),
        },
        voxel_weights: case.voxel_weights.as_ref().map(of_sample),
        annotated: None,
        ..case.clone()
    };
    (alone, kept)
}

/// Regions, of which a sample may lack all. What belongs to a region that is not annotated may be anything.
pub(super) fn region_cases(rng: &mut Rng) -> Vec<Case> {
    let shape = [3, 2, 70];
    let mask = array![[true, false], [false, false], [true, true]];
    let case = |rng: &mut Rng, input: Input, target: Target| {
        let mut prediction = random::prediction(rng, &shape, input);
        prediction.mapv_inplace(|x| f64::from(x as f32));
        let mut case = Case::new(prediction, target).with_input(input);
        case.annotated = Some(mask.clone());
        case.settings.class_alpha = Some(vec![1.0, 0.25, 2.0, 3.0]);
        case.with_multilabel(true)
    };
    let labels = random::labels(rng, &[3, 3, 70]);
    let labelled = case(rng, Input::Sigmoid, Target::Labels(labels)).with_regions([[1, 2], [2, 7]]);
    let mut soft = random::prediction(rng, &shape, Input::Probabilities);
    soft.mapv_inplace(|y| f64::from(y as f32));
    let mut soft = case(rng, Input::Probabilities, Target::Soft(soft));
    for ((sample, channel), annotated) in mask.indexed_iter() {
        let Target::Soft(target) = &mut soft.target else {
            continue;
        };
        if !annotated {
            target[[sample, channel, 3]] = -1.0;
            soft.prediction[[sample, channel, 5]] = f64::NAN;
        }
    }
    vec![labelled, soft]
}

/// The value is the mean over the channels that are annotated, each alone.
fn is_mean_of_annotated(backend: &impl Backend, loss: &AnyLoss, case: &Case) {
    let what = format!("{loss} of {case:?}");
    let axis = class_axis(case);
    let all = outcome(backend, loss, case);
    let (mut value, mut gradient) = (0.0, ArrayD::zeros(all.gradient.raw_dim()));
    let mask = case.annotated.as_ref().expect("a mask");
    let annotated = mask.iter().filter(|annotated| **annotated).count() as f64;
    for ((sample, channel), is_annotated) in mask.indexed_iter() {
        if !is_annotated {
            continue;
        }
        let alone = region_alone(case, sample, channel);
        let found = outcome(backend, loss, &alone);
        value += found.value / annotated;
        let mut own = gradient.slice_axis_mut(Axis(0), (sample..sample + 1).into());
        let mut own = own.slice_axis_mut(axis, (channel..channel + 1).into());
        own.assign(&(found.gradient / annotated));
    }
    compare(
        backend,
        loss,
        (all.value, value),
        &all.gradient,
        &gradient,
        &what,
    );
}

/// A region of a sample as a case of its own.
pub(super) fn region_alone(case: &Case, sample: usize, channel: usize) -> Case {
    let (samples, channels) = (sample..sample + 1, channel..channel + 1);
    let of_sample =
        |array: &ArrayD<f64>| array.slice_axis(Axis(0), samples.clone().into()).to_owned();
    let only = |array: &ArrayD<f64>| {
        let array = of_sample(array);
        array
            .slice_axis(class_axis(case), channels.clone().into())
            .to_owned()
    };
    let mut alone = Case {
        prediction: only(&case.prediction),
        target: match &case.target {
            Target::Soft(target) => Target::Soft(only(target)),
            Target::Labels(labels) => {
                let of_sample = labels.slice_axis(Axis(0), samples.clone().into());
                Target::Labels(of_sample.to_owned())
            }
        },
        voxel_weights: case.voxel_weights.as_ref().map(of_sample),
        annotated: None,
        ..case.clone()
    };
    if let Some(regions) = &mut alone.settings.regions {
        *regions = vec![regions[channel].clone()];
    }
    if let Some(alpha) = &mut alone.settings.class_alpha {
        *alpha = alpha[2 * channel..2 * channel + 2].to_vec();
    }
    alone
}

/// The core's value and gradient, in f64.
fn is_like_core(backend: &impl Backend, loss: &AnyLoss, case: &Case) {
    let what = format!("{loss} of {case:?}");
    let (found, core) = (outcome(backend, loss, case), outcome(&CoreF64, loss, case));
    let values = (found.value, core.value);
    compare(
        backend,
        loss,
        values,
        &found.gradient,
        &core.gradient,
        &what,
    );
}

fn compare(
    backend: &impl Backend,
    loss: &AnyLoss,
    (found, expected): (f64, f64),
    gradient: &ArrayD<f64>,
    expected_gradient: &ArrayD<f64>,
    what: &str,
) {
    let tolerance = by_precision(backend, tolerance::F64_OURS, tolerance::F32_OURS);
    // Combo is a difference, and so is the distance to a soft target.
    assert_close(found + 1.0, expected + 1.0, tolerance, what);
    // The slopes of the two terms of MCC nearly cancel where the target is random.
    let slack = match loss {
        AnyLoss::Matthews(_) => 10.0,
        _ => 1.0,
    };
    let tolerance = slack * by_precision(backend, tolerance::F64_OURS, tolerance::F32_GRADIENT);
    assert_close_gradient(gradient, expected_gradient, tolerance, what);
}

/// A mask of samples in which all classes are annotated changes nothing.
fn all_annotated(backend: &impl Backend) {
    let mut rng = Rng::with_seed(9);
    let shape = [2, 3, 30];
    let mut case = Case::new(
        random::prediction(&mut rng, &shape, Input::Softmax),
        Target::Labels(random::labels(&mut rng, &shape)),
    )
    .with_input(Input::Softmax);
    let loss = Name::AsymmetricUnifiedFocal.loss();
    let without = outcome(backend, &loss, &case);
    case.annotated = Some(Array2::from_elem([2, 3], true));
    let with = outcome(backend, &loss, &case);
    assert_eq!(without.value, with.value);
    assert_eq!(without.gradient, with.gradient);
}

/// Masks of another shape, without the background, and beside a sigmoid for each class are errors.
fn mismatched(backend: &impl Backend) {
    let case = |mask: Array2<bool>| {
        let labels = Target::Labels(ArrayD::zeros(vec![2, 3]));
        let mut case = Case::new(ArrayD::from_elem(vec![2, 2, 3], 0.5), labels);
        case.annotated = Some(mask);
        case
    };
    let partial = array![[true, true], [true, false]];
    let loss = Name::Dice.loss();
    assert!(backend.evaluate(&loss, &case(partial.clone())).is_ok());
    let sigmoids = case(partial.clone()).with_input(Input::Sigmoid);
    assert!(
        backend
            .evaluate(&loss, &sigmoids.clone().with_multilabel(true))
            .is_ok()
    );
    let lacking = array![[true, true], [false, true]];
    for (what, case, word) in [
        ("a sample too few", case(array![[true, false]]), "annotated"),
        (
            "a class too many",
            case(Array2::from_elem([2, 3], true)),
            "annotated",
        ),
        ("no background", case(lacking), "sample 1"),
        ("a sigmoid for each class", sigmoids, "sigmoid"),
    ] {
        let error = backend.evaluate(&loss, &case).expect_err(what);
        assert!(
            error.contains("expected") && error.contains(word),
            "{what}: {error}"
        );
    }
}

fn class_axis(case: &Case) -> Axis {
    match case.layout {
        unifocal_core::Layout::ChannelsFirst => Axis(1),
        unifocal_core::Layout::ChannelsLast => Axis(case.prediction.ndim() - 1),
    }
}
