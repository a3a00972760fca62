//! Channels that are overlapping regions.

use fastrand::Rng;
use ndarray::{ArrayD, Axis};
use unifocal_core::{AnyLoss, Focal, Input, Pooling, catalogue::Name};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::{Backend, Case, Target, random, tolerance};

/// Channels that are regions give the mean over what each of them gives alone, for labels, sets of labels and soft targets.
pub fn overlapping(backend: &impl Backend) {
    let mut rng = Rng::with_seed(5);
    let all: Vec<AnyLoss> = losses().collect();
    for loss in all.iter().rev().take(backend.rounds(all.len())) {
        for input in [Input::Probabilities, Input::Sigmoid] {
            for pooling in [Pooling::PerSample, Pooling::Batch] {
                for case in cases(&mut rng, input) {
                    let case = case.with_pooling(pooling);
                    is_mean_of_channels(backend, loss, &case);
                    is_mean_of_channels(backend, loss, &case.channels_last());
                }
            }
        }
    }
    binary_cross_entropy(backend);
    mismatched(backend);
}

/// A case for each kind of target.
fn cases(rng: &mut Rng, input: Input) -> Vec<Case> {
    let shape = [2, 3, 70];
    let labels = random::labels(rng, &shape);
    let regions = [[0, 1, 2].as_slice(), &[2], &[1, 2, 7]];
    let multi_hot = random::prediction(rng, &shape, Input::Probabilities).mapv(f64::round);
    let soft = random::prediction(rng, &shape, Input::Probabilities);
    let ignoring = labels.mapv(|label| if label == 1 { 255 } else { label });
    let weights = ArrayD::from_shape_fn(labels.raw_dim(), |index| (index[1] % 4) as f64);
    let case = |target: Target| {
        let prediction = ArrayD::from_shape_fn(shape.as_slice(), |index| {
            let number = (7 * index[0] + 11 * index[1] + 5 * index[2]) % 19;
            let number = (number as f64 + 0.5) / 19.0;
            match input {
                Input::Probabilities => number,
                _ => 8.0 * number - 4.0,
            }
        });
        Case::new(prediction, target)
            .with_input(input)
            .with_multilabel(true)
    };
    let mut weighted = case(Target::Soft(multi_hot.clone()));
    weighted.voxel_weights = Some(weights);
    vec![
        case(Target::Labels(labels.clone())),
        case(Target::Labels(ignoring.clone())).with_ignore_label(255),
        case(Target::Labels(labels))
            .with_regions(regions)
            .with_region_weights([0.0, 1.0]),
        case(Target::Labels(ignoring))
            .with_regions(regions)
            .with_ignore_label(255)
            .with_class_alpha([0.25, 2.0]),
        case(Target::Soft(multi_hot)),
        case(Target::Soft(soft)),
        weighted,
    ]
}

/// Evaluates all channels at once, and one by one as predictions with a single channel.
fn is_mean_of_channels(backend: &impl Backend, loss: &AnyLoss, case: &Case) {
    let axis = match case.layout {
        unifocal_core::Layout::ChannelsFirst => Axis(1),
        unifocal_core::Layout::ChannelsLast => Axis(case.prediction.ndim() - 1),
    };
    let count = case.prediction.len_of(axis);
    let what = format!("{loss} of {case:?}");
    let all = outcome(backend, loss, case);
    let mut value = 0.0;
    let mut gradient = ArrayD::zeros(all.gradient.raw_dim());
    for channel in 0..count {
        let alone = outcome(backend, loss, &alone(case, axis, channel));
        value += alone.value / count as f64;
        let mut entries = gradient.slice_axis_mut(axis, (channel..channel + 1).into());
        entries.assign(&(alone.gradient / count as f64));
    }
    let tolerance = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
    let shift = f64::from(u8::from(loss.name() == Some(Name::Combo)));
    assert_close(all.value + shift, value + shift, tolerance, &what);
    // The slopes of the two terms of MCC nearly cancel where the target is random.
    let slack = match loss {
        AnyLoss::Matthews(_) => 10.0,
        _ => 1.0,
    };
    let tolerance = slack * by_precision(backend, tolerance::F64_OURS, tolerance::F32_GRADIENT);
    assert_close_gradient(&all.gradient, &gradient, tolerance, &what);
}

/// One channel of a case as the foreground of two classes.
fn alone(case: &Case, axis: Axis, channel: usize) -> Case {
    let only = |array: &ArrayD<f64>| {
        let range = channel..channel + 1;
        array.slice_axis(axis, range.into()).to_owned()
    };
    let ignored = case.settings.ignore_label;
    let of_set = |labels: &ArrayD<i64>, set: &[i64]| {
        labels.mapv(|label| match Some(label) == ignored {
            true => label,
            false => i64::from(set.contains(&label)),
        })
    };
    let target = match &case.target {
        Target::Labels(labels) => Target::Labels(match &case.settings.regions {
            Some(regions) => of_set(labels, &regions[channel]),
            None => of_set(labels, &[channel as i64]),
        }),
        Target::Soft(target) => Target::Soft(only(target)),
    };
    let mut alone = Case {
        prediction: only(&case.prediction),
        target,
        ..case.clone()
    };
    alone.settings.regions = None;
    alone.with_multilabel(false)
}

/// The cross entropy of regions is the binary cross entropy, with the logarithm of 1 − p from the logit.
fn binary_cross_entropy(backend: &impl Backend) {
    let logits = [3.0_f64, 40.0, -4.0, -3.0, 1.0, -50.0];
    let prediction = ArrayD::from_shape_vec(vec![1, 2, 3], logits.to_vec()).expect("six logits");
    let labels = ArrayD::from_shape_vec(vec![1, 3], vec![1, 2, 0]).expect("three labels");
    let case = Case::new(prediction, Target::Labels(labels))
        .with_input(Input::Sigmoid)
        .with_regions([[1], [2]]);
    // y of each logit, region by region.
    let inside = [true, false, false, false, true, false];
    let each = logits.iter().zip(inside).map(|(z, inside)| {
        let z = if inside { -z } else { *z };
        z.max(0.0) + (-z.abs()).exp().ln_1p()
    });
    let expected = each.sum::<f64>() / 6.0;
    let found = outcome(backend, &Focal::cross_entropy().into(), &case);
    let tolerance = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
    assert_close(found.value, expected, tolerance, "binary cross entropy");
    let slope = 1.0 / 6.0;
    let found = found.gradient[[0, 0, 1]];
    assert_close(found, slope, tolerance, "its slope at a wrong logit");
}

/// Another number of regions than of channels is an error, and so are a softmax and weights of more than two classes.
fn mismatched(backend: &impl Backend) {
    let prediction = ArrayD::from_elem(vec![1, 2, 3], 0.5);
    let labels = ArrayD::zeros(vec![1, 3]);
    let case = |regions: usize| {
        let case = Case::new(prediction.clone(), Target::Labels(labels.clone()));
        case.with_regions(vec![[1]; regions])
    };
    let soft = Case {
        target: Target::Soft(prediction.clone()),
        ..case(2)
    };
    let loss = Name::Dice.loss();
    assert!(backend.evaluate(&loss, &case(2)).is_ok());
    for (what, case) in [
        ("three regions", case(3)),
        ("regions of a soft target", soft),
        ("a softmax", case(2).with_input(Input::Softmax)),
        ("three weights", case(2).with_class_weights([1.0; 3])),
    ] {
        let error = backend.evaluate(&loss, &case).expect_err(what);
        assert!(error.contains("expected"), "{what}: {error}");
    }
}
