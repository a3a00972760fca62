//! Changes of a case that do not change the result.

use arbitrary::{Result, Unstructured};
use unifocal_conformance::tolerance::F64_OURS;
use unifocal_core::{Layout, Pooling, data::Shape, formula::mean};

use super::outcomes::{assert_near, largest};
use crate::case::{Case, IGNORED, Target};
use crate::loss;
use crate::numbers::Numbers;

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
            if let Target::Labels(labels) = &case.target
                && !labels.contains(&IGNORED)
            {
                let mut soft = vec![0.0; case.prediction.len()];
                case.for_each(|sample, channel, voxel| {
                    let class = if channels == 1 { 1 } else { channel };
                    let label = usize::from(labels[sample * voxels + voxel]);
                    soft[case.at(sample, channel, voxel)] = f64::from(u8::from(label == class));
                });
                let mut other = case.clone();
                other.target = Target::Soft(soft);
                compare(&other, &|s, c, v| case.at(s, c, v), 1.0);
            }
        }
        3 => {
            let mut other = case.clone();
            other.shape.samples *= 2;
            other.prediction.extend_from_within(..);
            match &mut other.target {
                Target::Labels(labels) => labels.extend_from_within(..),
                Target::Soft(soft) => soft.extend_from_within(..),
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
                    &mut other.settings.region_weights,
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
                match &mut other.target {
                    Target::Labels(labels) => {
                        for label in labels.iter_mut().filter(|label| **label != IGNORED) {
                            *label = last as u8 - *label;
                        }
                    }
                    Target::Soft(soft) => *soft = turned(soft),
                }
                compare(&other, &|s, c, v| case.at(s, last - c, v), 1.0);
            }
        }
        _ => {
            let cut = u.choose_index(voxels)?;
            if cut > 0 {
                let order: Vec<usize> = (0..voxels).collect();
                let (near, far) = order.split_at(cut);
                let [near, far] = [near, far].map(|voxels| {
                    let some = case.pick(voxels).evaluate(&loss);
                    some.expect("some voxels of a valid case").sums
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
