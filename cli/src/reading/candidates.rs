//! The readings of two files that shapes, formats and options allow.

use super::axes::{Axes, Axis};
use super::facts::{Facts, Order};
use super::fault::{Fault, Nearest, Reading};
use super::options::Options;
use super::stated::{stated, target_stated};
use super::turn::Turn;
use super::unstated::{adjacent, unstated};

/// All readings that fit, and the closest of those that do not.
pub(super) fn pairs(
    options: &Options,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
    turn: &Turn,
) -> Result<(Vec<Reading>, Option<Nearest>), Fault> {
    let stated = stated(options, prediction)?;
    let target_stated = target_stated(options, prediction, target)?;
    // The spatial axes that one of the two files states.
    let space = match (&stated, &target_stated) {
        (Some(axes), _) => Some(axes[0].space()),
        (None, Some(axes)) => Some(turned(axes, turn).space()),
        (None, None) => None,
    };
    let reversible = [prediction, target].map(|facts| facts.order == Order::XyzFirst);
    let ours = match stated {
        Some(axes) => axes,
        None => unstated(
            options,
            prediction.shape,
            !options.labels,
            space.as_deref(),
            reversible[1],
        ),
    };
    let mut fitting = Vec::new();
    let mut nearest = None;
    for prediction_axes in ours {
        let theirs = match &target_stated {
            Some(axes) => vec![turned(axes, turn)],
            None => beside(options, &prediction_axes, prediction, target, reversible[0]),
        };
        for target_axes in theirs {
            let reading = Reading {
                prediction: prediction_axes.clone(),
                target: target_axes,
                turn: turn.clone(),
                evidence: None,
            };
            match fits(options, &reading, prediction.shape, target.shape) {
                Ok(()) if !fitting.contains(&reading) => fitting.push(reading),
                Ok(()) => {}
                Err((ours, theirs)) => {
                    nearest.get_or_insert((reading, ours, theirs));
                }
            }
        }
    }
    if !ends_in_one(prediction.shape) && !ends_in_one(target.shape) {
        prefer_one_sample(options, &mut fitting);
    }
    Ok((fitting, nearest))
}

fn turned(axes: &Axes, turn: &Turn) -> Axes {
    let place = |axis: &Axis| match axis {
        Axis::X => turn.along[0],
        Axis::Y => turn.along[1],
        Axis::Z => turn.along[2],
        other => *other,
    };
    Axes(axes.0.iter().map(place).collect())
}

/// The readings of a target whose format does not fix the axes, for a prediction with these axes.
fn beside(
    options: &Options,
    axes: &Axes,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
    reversible: bool,
) -> Vec<Axes> {
    let space = axes.space();
    let batch = axes.has(Axis::Sample);
    // By default both files have the same order.
    let alike = |class: bool| {
        let letters = axes
            .0
            .iter()
            .filter(|axis| **axis != Axis::Single && (class || **axis != Axis::Class));
        let found = Axes(letters.copied().collect()).for_shape(target.shape)?;
        let voxels: Vec<usize> = (0..found.0.len())
            .filter(|axis| found.0[*axis].is_space())
            .collect();
        (options.axes.is_some() || adjacent(&voxels)).then_some(found)
    };
    let mut found = Vec::new();
    let classes = if options.labels_target {
        &[false][..]
    } else {
        &[false, true]
    };
    for class in classes {
        if prediction.order == Order::Free || prediction.order == target.order {
            found.extend(alike(*class && axes.has(Axis::Class)));
        } else {
            let open = Options {
                batch: Some(batch),
                class_axis: None,
                foreground: false,
                ..options.clone()
            };
            let all = unstated(&open, target.shape, *class, Some(&space), reversible);
            found.extend(
                all.into_iter()
                    .filter(|found| found.has(Axis::Class) <= axes.has(Axis::Class)),
            );
        }
    }
    found
}

/// Checks that both files have the same samples, voxels and classes. The error has the samples and voxels of each.
fn fits(
    options: &Options,
    reading: &Reading,
    prediction: &[usize],
    target: &[usize],
) -> Result<(), (Vec<usize>, Vec<usize>)> {
    let length = |axes: &Axes, shape: &[usize], axis: Axis| {
        axes.position(axis).map_or(1, |position| shape[position])
    };
    let space = reading.prediction.space();
    let lengths = |axes: &Axes, shape: &[usize]| -> Vec<usize> {
        let samples = length(axes, shape, Axis::Sample);
        let mut lengths = vec![samples];
        lengths.extend(space.iter().map(|axis| length(axes, shape, *axis)));
        // Axes of this file only.
        let own = axes
            .space()
            .into_iter()
            .filter(|axis| !space.contains(axis));
        lengths.extend(own.map(|axis| length(axes, shape, axis)));
        lengths
    };
    let ours = lengths(&reading.prediction, prediction);
    let theirs = lengths(&reading.target, target);
    let classes = [
        length(&reading.prediction, prediction, Axis::Class),
        length(&reading.target, target, Axis::Class),
    ];
    let class_fits = !reading.target.has(Axis::Class) || classes[0] == classes[1];
    if ours == theirs && class_fits && !(options.labels && reading.target.has(Axis::Class)) {
        Ok(())
    } else {
        Err((ours, theirs))
    }
}

/// Whether there are four or more axes and the last one has length 1, as in one-channel images.
pub(super) fn ends_in_one(shape: &[usize]) -> bool {
    shape.len() >= 4 && shape.last() == Some(&1)
}

/// Prefers to read an array without a class axis as one sample, unless its shape or the user rules that out.
fn prefer_one_sample(options: &Options, fitting: &mut Vec<Reading>) {
    let plain = |reading: &Reading| !reading.prediction.has(Axis::Class);
    let one = |reading: &Reading| !reading.prediction.has(Axis::Sample);
    if options.batch.is_none() && fitting.iter().any(|reading| plain(reading) && one(reading)) {
        fitting.retain(|reading| !plain(reading) || one(reading));
    }
}
