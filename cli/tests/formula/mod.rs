//! The losses of one sample, written from their definitions and independent of the program.
//!
//! Predictions and targets are [class, voxels…], the targets one-hot or soft.

#![allow(dead_code, reason = "each test crate uses a part of this module")]

use ndarray::{ArrayD, Axis, IxDyn, stack};

/// Numbers that widen to f64.
pub(super) trait Number: Copy + Into<f64> {}

impl<T: Copy + Into<f64>> Number for T {}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// The pairs (p, y) of each class.
fn classes<P: Number, Y: Number>(p: &ArrayD<P>, y: &ArrayD<Y>) -> Vec<Vec<(f64, f64)>> {
    assert_eq!(p.shape(), y.shape());
    let pairs = p.outer_iter().zip(y.outer_iter());
    pairs
        .map(|(p, y)| {
            let voxels = p.iter().zip(&y);
            voxels.map(|(p, y)| ((*p).into(), (*y).into())).collect()
        })
        .collect()
}

/// 1 − (2·Σ p·y + 2s) / (Σ p + Σ y + 2s), averaged over the classes.
pub(super) fn dice<P: Number, Y: Number>(p: &ArrayD<P>, y: &ArrayD<Y>) -> f64 {
    let smooth = 1e-6;
    let of_class = |voxels: &Vec<(f64, f64)>| {
        let both: f64 = voxels.iter().map(|(p, y)| p * y).sum();
        let each: f64 = voxels.iter().map(|(p, y)| p + y).sum();
        1.0 - (2.0 * both + 2.0 * smooth) / (each + 2.0 * smooth)
    };
    mean(classes(p, y).iter().map(of_class))
}

/// Dice averaged over samples: [class, sample, voxels…].
pub(super) fn dice_of_samples<P: Number, Y: Number>(p: &ArrayD<P>, y: &ArrayD<Y>) -> f64 {
    let samples = p.axis_iter(Axis(1)).zip(y.axis_iter(Axis(1)));
    mean(samples.map(|(p, y)| dice(&p.to_owned(), &y.to_owned())))
}

/// The asymmetric Unified Focal loss with λ ½, δ 0.6 and γ ½, whose class 0 is common.
pub(super) fn asymmetric_unified_focal<P: Number, Y: Number>(p: &ArrayD<P>, y: &ArrayD<Y>) -> f64 {
    let (delta, tiny) = (0.6, 1e-7);
    let classes = classes(p, y);
    let (mut region, mut distribution) = (0.0, 0.0);
    for (class, voxels) in classes.iter().enumerate() {
        let is_rare = class > 0;
        let (mut tp, mut fp, mut missed, mut entropy) = (0.0, 0.0, 0.0, 0.0);
        for (p, y) in voxels {
            let p = p.clamp(tiny, 1.0 - tiny);
            tp += p * y;
            fp += p * (1.0 - y);
            missed += (1.0 - p) * y;
            let focus = if is_rare { 1.0 } else { (1.0 - p).sqrt() };
            entropy -= y * focus * p.ln();
        }
        let index = (tp + tiny) / (tp + delta * missed + (1.0 - delta) * fp + tiny);
        let (power, weight) = if is_rare {
            (0.5, delta)
        } else {
            (1.0, 1.0 - delta)
        };
        region += (1.0 - index).powf(power) / classes.len() as f64;
        distribution += weight * entropy / voxels.len() as f64;
    }
    0.5 * region + 0.5 * distribution
}

/// Background and foreground, from the channel of the foreground.
pub(super) fn foreground<T: Number>(channel: &ArrayD<T>) -> ArrayD<f64> {
    let channel = channel.mapv(Into::into);
    stack![Axis(0), channel.mapv(|p| 1.0 - p).view(), channel.view()]
}

/// One channel of 0 and 1 for each of these labels.
pub(super) fn one_hot<L: Copy + PartialEq>(labels: &ArrayD<L>, classes: &[L]) -> ArrayD<u8> {
    let channels: Vec<ArrayD<u8>> = (classes.iter())
        .map(|class| labels.mapv(|label| u8::from(label == *class)))
        .collect();
    let views: Vec<_> = channels.iter().map(|channel| channel.view()).collect();
    ndarray::stack(Axis(0), &views).expect("channels of one shape")
}

/// The voxels of each channel that are scored.
pub(super) fn counted<T: Copy>(channels: &ArrayD<T>, counts: &ArrayD<bool>) -> ArrayD<T> {
    let mut kept = Vec::new();
    for channel in channels.outer_iter() {
        let voxels = channel.into_iter().zip(counts);
        kept.extend(
            voxels
                .filter(|(_, counts)| **counts)
                .map(|(value, _)| *value),
        );
    }
    let classes = channels.len_of(Axis(0));
    let shape = IxDyn(&[classes, kept.len() / classes]);
    ArrayD::from_shape_vec(shape, kept).expect("the same number of voxels in each channel")
}
