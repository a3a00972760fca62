//! Invariants that mathematics and the documentation guarantee for every case.

use arbitrary::{Result, Unstructured};
use unifocal_core::{
    AnyLoss, ClassSums, Clip, Focal, Input, Layout, Name, Pooling, Shape, Tversky, UnifiedFocal,
    mean,
};

use crate::case::{Case, IGNORED, Numbers, Outcome, Truth, unit};
use crate::loss;
use crate::tolerance::{CENTRAL_DIFFERENCE, F32_GRADIENT, F32_OURS, F64_OURS, STEP};

/// −ln 10⁻⁷, the largest cross entropy of a voxel at the default clip.
const LARGEST: f64 = 16.118_095_650_958_32;

/// Evaluates in both precisions and checks that all is finite and that the gradient has the right signs.
fn outcomes(case: &Case, loss: &AnyLoss) -> [Outcome; 2] {
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

/// Checks signs: the gradient never lowers the right class's probability or raises a wrong one's.
fn check_signs(case: &Case, loss: &AnyLoss, gradient: &[f64]) {
    let Truth::Labels(labels) = &case.truth else {
        return;
    };
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

/// Whether a loss has a region-based side, and a distribution-based one.
fn sides(loss: &AnyLoss) -> [bool; 2] {
    match loss {
        AnyLoss::Tversky(_) => [true, false],
        AnyLoss::Focal(_) => [false, true],
        AnyLoss::UnifiedFocal(_) => [true; 2],
    }
}

/// Every loss with default parameters, from probabilities and logits: finite, within its range, and with the right signs in the gradient,
/// also for hard wrong predictions.
pub fn values(u: &mut Unstructured<'_>) -> Result<()> {
    let (name, loss) = loss::default(u)?;
    let mut case = Case::draw(u, Numbers::All)?;
    (case.settings.class_weights, case.settings.class_alpha) = (None, None);
    let [wide, narrow] = outcomes(&case, &loss);
    let classes = case.classes() as f64;
    for value in [wide.value, narrow.value] {
        let [region, distribution] = sides(&loss);
        let least = if name == Name::Combo { -0.5 } else { 0.0 };
        assert!(value >= least - 1e-6, "{name}: {value} on {case:?}");
        if case.settings.input == Input::Probabilities || !distribution {
            let most =
                f64::from(u8::from(region)) + f64::from(u8::from(distribution)) * LARGEST * classes;
            assert!(value <= most * (1.0 + 1e-6), "{name}: {value} on {case:?}");
        }
    }
    if let Truth::Labels(labels) = &case.truth {
        case.for_each(|sample, channel, voxel| {
            let at = case.at(sample, channel, voxel);
            let label = usize::from(labels[sample * case.shape.voxels + voxel]);
            let wrong = case.prediction[at] == 0.0 && case.settings.input == Input::Probabilities;
            // With voxel weights up to 10³⁰, a weight of 10⁻³⁰⁰ vanishes, so only check unweighted cases.
            if wrong && label == channel && case.shape.channels > 1 && case.weights.is_none() {
                let g = wide.gradient[at];
                assert!(
                    g < 0.0,
                    "{name}: the gradient is {g} at {sample} {channel} {voxel} of {case:?}, expected below 0"
                );
            }
        });
    }
    Ok(())
}

/// Empty masks, absent classes, single voxels and channels, samples without counting voxels.
pub fn degenerate(u: &mut Unstructured<'_>) -> Result<()> {
    let loss = loss::any(u)?;
    let kind = u.int_in_range(0..=5)?;
    let mut case = Case::draw(u, Numbers::All)?;
    let Shape {
        samples, voxels, ..
    } = case.shape;
    match kind {
        0 => case.truth = Truth::Labels(vec![0; samples * voxels]),
        1 => case.truth = Truth::Labels(vec![IGNORED; samples * voxels]),
        2 => case.weights = Some(vec![0.0; samples * voxels]),
        3 => case = case.pick(&[0]),
        4 => {
            // Ignore the whole first sample.
            if let Truth::Labels(labels) = &mut case.truth {
                labels[..voxels].fill(IGNORED);
            }
        }
        _ => {}
    }
    let [wide, _] = outcomes(&case, &loss);
    let counted: Vec<usize> = (0..case.shape.voxels)
        .filter(|voxel| (0..samples).any(|sample| case.weight(sample, *voxel) != 0.0))
        .collect();
    if counted.is_empty() {
        let empty = vec![ClassSums::default(); case.classes()];
        let nothing = mean(&loss, &case.settings.classes(), empty.len(), &empty);
        assert_eq!(
            nothing,
            Ok(wide.value),
            "{loss:?} of no voxels, on {case:?}"
        );
        assert!(
            wide.gradient.iter().all(|g| *g == 0.0),
            "{loss:?} on {case:?}"
        );
    } else if counted.len() < case.shape.voxels {
        // Ignored voxels can be removed without effect.
        let without = case.pick(&counted);
        let outcome = without.evaluate(&loss).expect("a part of a valid case");
        assert_near(wide.value, outcome.value, 1e-11, || {
            format!("{loss:?} on {case:?}")
        });
    }
    Ok(())
}

/// Compares f32 with f64.
pub fn precision(u: &mut Unstructured<'_>) -> Result<()> {
    let (name, loss) = loss::default(u)?;
    let case = Case::draw(u, Numbers::Plain)?.rounded();
    let [mut wide, narrow] = outcomes(&case, &loss);
    // With one channel, f32 rounds the background's 1 − p and 1 − y before the formulas use them.
    if case.shape.channels == 1 && case.settings.input != Input::Softmax {
        let apart = case.apart();
        let both = apart.evaluate(&loss).expect("a valid case");
        wide.value = both.value;
        case.for_each(|sample, _, voxel| {
            let [background, foreground] =
                [0, 1].map(|channel| both.gradient[apart.at(sample, channel, voxel)]);
            wide.gradient[case.at(sample, 0, voxel)] = foreground - background;
        });
    }
    // The difference from the largest logit is rounded, which gives e^z a relative error proportional to z.
    let size = match case.settings.input {
        Input::Probabilities => 0.0,
        _ => case
            .prediction
            .iter()
            .fold(0.0_f64, |size, z| size.max(z.abs())),
    };
    let slack = 1.0 + size / 8.0;
    // Combo's value is a difference, so its error is absolute.
    let scale = if name == Name::Combo { 1.0 } else { 0.0 };
    let bound = F32_OURS * slack * wide.value.abs().max(scale) + 1e-12;
    let error = (wide.value - narrow.value).abs();
    assert!(
        error <= bound,
        "{name}: {error} of {} on {case:?}",
        wide.value
    );
    // From logits, with soft targets or in one channel, the terms of a voxel's gradient can cancel down to their rounding errors.
    let part = match (case.settings.input, &case.truth) {
        (Input::Probabilities, Truth::Labels(_)) if case.shape.channels > 1 => 0.0,
        _ => 0.1 / (case.shape.samples * fewest_counted(&case)) as f64,
    };
    let largest = largest(&wide.gradient).max(part);
    for (a, b) in wide.gradient.iter().zip(&narrow.gradient) {
        let error = (a - b).abs();
        let bound = F32_GRADIENT * slack * largest + 1e-30;
        assert!(
            error <= bound,
            "{name}: {b} is not {a}, of {largest}, on {case:?}"
        );
    }
    Ok(())
}

/// The smallest number of counting voxels in a sample, over samples that have any.
fn fewest_counted(case: &Case) -> usize {
    let Shape {
        samples, voxels, ..
    } = case.shape;
    let counted = |sample| {
        (0..voxels)
            .filter(|voxel| case.weight(sample, *voxel) != 0.0)
            .count()
    };
    let counts = (0..samples).map(counted).filter(|count| *count > 0);
    counts.min().unwrap_or(1)
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |size: f64, x| size.max(x.abs()))
}

/// Compares the gradient with central differences.
pub fn gradient(u: &mut Unstructured<'_>) -> Result<()> {
    let loss = loss::gentle(u)?;
    let mut case = Case::draw(u, Numbers::Inner)?;
    let [
        Outcome {
            value, gradient, ..
        },
        _,
    ] = outcomes(&case, &loss);
    let largest = largest(&gradient);
    for _ in 0..4 {
        let at = u.choose_index(gradient.len())?;
        let here = case.prediction[at];
        let mut value_at = |x: f64| {
            case.prediction[at] = x;
            case.evaluate(&loss).expect("a valid case").value
        };
        let mut across = |step: f64| value_at(here + step) - value_at(here - step);
        // A fourth-order formula with two step sizes, because third derivatives are large at small p.
        let difference = (8.0 * across(STEP) - across(2.0 * STEP)) / (12.0 * STEP);
        case.prediction[at] = here;
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

/// Checks that two numbers differ only by rounding.
fn assert_near(a: f64, b: f64, relative: f64, what: impl FnOnce() -> String) {
    let bound = relative * a.abs().max(b.abs()).max(1.0);
    assert!((a - b).abs() <= bound, "{a} is not {b}: {}", what());
}

/// Results do not depend on the order of voxels and classes, the layout, the kind of target, repetition of the batch, or summing in two
/// parts.
pub fn invariance(u: &mut Unstructured<'_>) -> Result<()> {
    let loss = loss::gentle(u)?;
    let kind = u.int_in_range(0..=5)?;
    let case = Case::draw(u, Numbers::Plain)?;
    let whole = case.evaluate(&loss).expect("a valid case");
    let Shape {
        samples,
        channels,
        voxels,
    } = case.shape;
    let what = || format!("kind {kind}, {loss:?} on {case:?}");
    // Compares with another case; `from` maps a position there to an index here.
    let compare = |other: &Case, from: &dyn Fn(usize, usize, usize) -> usize, times: f64| {
        let outcome = other.evaluate(&loss).expect("a valid case");
        assert_near(whole.value, outcome.value, 10.0 * F64_OURS, what);
        // Terms of the gradient can nearly cancel.
        let bound = 1e-9 * largest(&whole.gradient) + 1e-14;
        other.for_each(|sample, channel, voxel| {
            let found = times * outcome.gradient[other.at(sample, channel, voxel)];
            let expected = whole.gradient[from(sample, channel, voxel)];
            assert!(
                (found - expected).abs() <= bound,
                "{found} is not {expected}: {}",
                what()
            );
        });
    };
    match kind {
        0 => {
            let step = u.choose_index(voxels)?;
            let order: Vec<usize> = (0..voxels).rev().map(|i| (i + step) % voxels).collect();
            let from = |sample, channel, voxel: usize| case.at(sample, channel, order[voxel]);
            compare(&case.pick(&order), &from, 1.0);
        }
        1 => {
            let mut other = case.clone();
            other.layout = match case.layout {
                Layout::ChannelsFirst => Layout::ChannelsLast,
                Layout::ChannelsLast => Layout::ChannelsFirst,
            };
            let outcome = other.evaluate(&loss).expect("a valid case");
            assert_eq!(outcome.value.to_bits(), whole.value.to_bits(), "{}", what());
            assert_eq!(outcome.gradient, whole.gradient, "{}", what());
        }
        2 => {
            if let Truth::Labels(labels) = &case.truth
                && !labels.contains(&IGNORED)
            {
                let mut shares = vec![0.0; case.prediction.len()];
                case.for_each(|sample, channel, voxel| {
                    let class = if channels == 1 { 1 } else { channel };
                    let label = usize::from(labels[sample * voxels + voxel]);
                    shares[case.at(sample, channel, voxel)] = f64::from(u8::from(label == class));
                });
                let mut other = case.clone();
                other.truth = Truth::Soft(shares);
                compare(&other, &|s, c, v| case.at(s, c, v), 1.0);
            }
        }
        3 => {
            let mut other = case.clone();
            other.shape.samples *= 2;
            other.prediction.extend_from_within(..);
            match &mut other.truth {
                Truth::Labels(labels) => labels.extend_from_within(..),
                Truth::Soft(shares) => shares.extend_from_within(..),
            }
            if let Some(weights) = &mut other.weights {
                weights.extend_from_within(..);
            }
            if case.settings.pooling == Pooling::PerSample {
                compare(&other, &|s, c, v| case.at(s % samples, c, v), 2.0);
            }
        }
        4 => {
            let mut other = case.clone();
            if channels > 1 {
                let last = channels - 1;
                let rare = case
                    .settings
                    .rare_classes
                    .clone()
                    .unwrap_or((1..channels).collect());
                other.settings.rare_classes =
                    Some(rare.into_iter().map(|class| last - class).collect());
                for list in [
                    &mut other.settings.class_weights,
                    &mut other.settings.class_alpha,
                ] {
                    list.iter_mut().for_each(|list| list.reverse());
                }
                let turned = |numbers: &[f64]| {
                    let mut out = numbers.to_vec();
                    case.for_each(|s, c, v| {
                        out[case.at(s, last - c, v)] = numbers[case.at(s, c, v)]
                    });
                    out
                };
                other.prediction = turned(&case.prediction);
                match &mut other.truth {
                    Truth::Labels(labels) => {
                        for label in labels.iter_mut().filter(|label| **label != IGNORED) {
                            *label = last as u8 - *label;
                        }
                    }
                    Truth::Soft(shares) => *shares = turned(shares),
                }
                compare(&other, &|s, c, v| case.at(s, last - c, v), 1.0);
            }
        }
        _ => {
            let cut = u.choose_index(voxels)?;
            if cut > 0 {
                let order: Vec<usize> = (0..voxels).collect();
                let (near, far) = order.split_at(cut);
                let [near, far] = [near, far].map(|part| {
                    let part = case.pick(part);
                    part.evaluate(&loss).expect("a part of a valid case").sums
                });
                let mut merged = near;
                for (sums, other) in merged.iter_mut().zip(&far) {
                    sums.merge(other);
                }
                let value =
                    mean(&loss, &case.settings.classes(), case.classes(), &merged).expect("sums");
                assert_near(whole.value, value, 10.0 * F64_OURS, what);
            }
        }
    }
    Ok(())
}

/// A parameter out of range is an error; a valid one gives a finite loss.
pub fn parameters(u: &mut Unstructured<'_>) -> Result<()> {
    let mut number = || -> Result<f64> {
        match u.int_in_range(0..=3)? {
            0 => u.arbitrary(),
            1 => Ok(*u.choose(&[f64::NAN, -0.0, -1e-300, 1.0 + 1e-15, 1e30, 1.1e30, 5e-324])?),
            _ => unit(u),
        }
    };
    let [lambda, delta, gamma, smooth, clip] =
        [number()?, number()?, number()?, number()?, number()?];
    let [a, b] = [number()?, number()?];
    let in_unit = |x: f64| (0.0..=1.0).contains(&x);
    let is_weight = |x: f64| (0.0..=1e30).contains(&x);
    let is_gamma = is_weight(gamma);
    let is_smooth = smooth >= 1e-30 && smooth.is_finite();
    let is_clip = clip > 0.0 && clip < 0.5;
    let mut losses: Vec<AnyLoss> = vec![UnifiedFocal::asymmetric().into()];
    macro_rules! holds {
        ($made:expr, $valid:expr) => {
            match ($made, $valid) {
                (Ok(loss), true) => losses.push(loss.into()),
                (Err(error), false) => assert!(!error.to_string().is_empty()),
                (made, valid) => panic!(
                    "found {made:?}, expected valid = {valid}: {lambda} {delta} {gamma} {smooth} {clip} {a} {b}"
                ),
            }
        };
    }
    holds!(Tversky::new().with_delta(delta), in_unit(delta));
    holds!(Tversky::focal().with_gamma(gamma), is_gamma);
    holds!(
        Tversky::asymmetric_focal().with_gamma(gamma),
        in_unit(gamma)
    );
    holds!(Tversky::symmetric_focal().with_smooth(smooth), is_smooth);
    holds!(Tversky::focal().with_clip(clip), is_clip);
    holds!(
        Tversky::jaccard().with_weights(a, b),
        is_weight(a) && is_weight(b)
    );
    holds!(Focal::new().with_gamma(gamma), is_gamma);
    holds!(Focal::asymmetric().with_delta(delta), in_unit(delta));
    holds!(Focal::cross_entropy().with_alpha(a), is_weight(a));
    holds!(Focal::symmetric().with_clip(clip), is_clip);
    holds!(
        UnifiedFocal::symmetric().with_lambda(lambda),
        in_unit(lambda)
    );
    holds!(UnifiedFocal::asymmetric().with_gamma(gamma), in_unit(gamma));
    holds!(
        UnifiedFocal::asymmetric().with_weights(a, b),
        is_weight(a) && is_weight(b)
    );
    holds!(UnifiedFocal::combo(a, b), in_unit(a) && in_unit(b));
    holds!(UnifiedFocal::combo(None, b), in_unit(b));
    holds!(
        UnifiedFocal::monai(a, gamma, delta),
        in_unit(a) && in_unit(gamma) && in_unit(delta)
    );
    holds!(
        UnifiedFocal::geodl(a, gamma, delta),
        in_unit(a) && in_unit(gamma) && in_unit(delta)
    );
    holds!(
        UnifiedFocal::paper_symmetric(a, delta, gamma, 3),
        in_unit(a) && in_unit(gamma) && in_unit(delta)
    );
    assert_eq!(Clip::new(clip).is_ok(), is_clip);

    let case = Case::draw(u, Numbers::All)?;
    let loss = *u.choose(&losses)?;
    outcomes(&case, &loss);
    limits(&case, if in_unit(delta) { delta } else { 0.5 });
    Ok(())
}

/// Checks λ at its bounds and γ near 0.
fn limits(case: &Case, delta: f64) {
    let value = |loss: AnyLoss| case.evaluate(&loss).expect("a valid case").value;
    let with = |loss: UnifiedFocal, lambda: Option<f64>, gamma: f64| -> AnyLoss {
        let loss = loss
            .with_delta(delta)
            .and_then(|loss| loss.with_gamma(gamma));
        loss.and_then(|loss| loss.with_lambda(lambda))
            .expect("parameters in range")
            .into()
    };
    for loss in [UnifiedFocal::symmetric(), UnifiedFocal::asymmetric()] {
        let [none, all, sum, half] =
            [Some(0.0), Some(1.0), None, Some(0.5)].map(|lambda| value(with(loss, lambda, 0.5)));
        let what = || format!("{loss:?} at {delta} on {case:?}");
        assert_near(none + all, sum, 10.0 * F64_OURS, what);
        assert_near(0.5 * sum, half, 10.0 * F64_OURS, what);
        let [limit, near] = [0.0, 1e-9].map(|gamma| value(with(loss, Some(0.5), gamma)));
        // x^10⁻⁹ is 1 − 10⁻⁹·|ln x|.
        assert_near(limit, near, 2e-6, what);
    }
}
