//! The readings that shapes, formats and options allow.

use super::axes::{Axes, Axis};
use super::turn::Turn;
use super::{Asked, ClassAxis, Facts, Fault, Order, Reading};

/// The closest reading that does not fit, and the samples and voxels of both arrays by it.
pub(super) type Nearest = (Reading, Vec<usize>, Vec<usize>);

/// All readings that fit, and the closest of those that do not.
pub(super) fn pairs(
    asked: &Asked,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
    turn: &Turn,
) -> Result<(Vec<Reading>, Option<Nearest>), Fault> {
    let stated = stated(asked, prediction)?;
    let target_stated = target_stated(asked, prediction, target)?;
    // The spatial axes that one of the two files states.
    let space = match (&stated, &target_stated) {
        (Some(axes), _) => Some(axes[0].space()),
        (None, Some(axes)) => Some(turned(axes, turn).space()),
        (None, None) => None,
    };
    let reversible = [prediction, target].map(|facts| facts.order == Order::XyzFirst);
    let ours = match stated {
        Some(axes) => axes,
        None => inferred(
            asked,
            prediction.shape,
            !asked.labels,
            space.as_deref(),
            reversible[1],
        ),
    };
    let mut fitting = Vec::new();
    let mut nearest = None;
    for prediction_axes in ours {
        let theirs = match &target_stated {
            Some(axes) => vec![turned(axes, turn)],
            None => beside(asked, &prediction_axes, prediction, target, reversible[0]),
        };
        for target_axes in theirs {
            let reading = Reading {
                prediction: prediction_axes.clone(),
                target: target_axes,
                turn: turn.clone(),
                evidence: None,
            };
            match fits(asked, &reading, prediction.shape, target.shape) {
                Ok(()) if !fitting.contains(&reading) => fitting.push(reading),
                Ok(()) => {}
                Err((ours, theirs)) => {
                    nearest.get_or_insert((reading, ours, theirs));
                }
            }
        }
    }
    if !ends_in_one(prediction.shape) && !ends_in_one(target.shape) {
        prefer_one_sample(asked, &mut fitting);
    }
    Ok((fitting, nearest))
}

/// The axes of PRED that the user or the format names; several candidates if a layout leaves a choice.
fn stated(asked: &Asked, facts: &Facts<'_>) -> Result<Option<Vec<Axes>>, Fault> {
    let shape = facts.shape;
    if let Some(axes) = &asked.axes {
        let found = by_letters("--axes", axes, shape)?;
        return checked(asked, found, shape).map(Some);
    }
    let rank = shape.len();
    let order = match (facts.order, asked.class_axis) {
        (Order::XyzFirst, Some(ClassAxis::First)) if rank >= 2 => {
            let mut axes = vec![Axis::Class];
            axes.extend(
                [Axis::X, Axis::Y, Axis::Z, Axis::Time]
                    .into_iter()
                    .take(rank - 1),
            );
            Some(axes)
        }
        (Order::XyzFirst, Some(ClassAxis::Last)) if rank >= 2 => {
            let mut axes = x_first(rank - 1);
            axes.push(Axis::Class);
            Some(axes)
        }
        (Order::ClassFirst, None | Some(ClassAxis::First)) => match rank {
            3 => Some(vec![Axis::Class, Axis::Y, Axis::X]),
            4 => Some(vec![Axis::Class, Axis::Z, Axis::Y, Axis::X]),
            _ => None,
        },
        (Order::XyzFirst, None) => Some(nifti(rank, !asked.labels && !asked.foreground)),
        (Order::Picture, None) => picture(rank),
        _ => None,
    };
    match order {
        Some(axes) if axes.len() == rank => {
            checked(asked, Axes(axes).squeezed(shape), shape).map(Some)
        }
        _ => Ok(None),
    }
}

/// The axes of TARGET that the user or the format names.
fn target_stated(
    asked: &Asked,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
) -> Result<Option<Axes>, Fault> {
    let rank = target.shape.len();
    if let Some(axes) = &asked.target_axes {
        return by_letters("--target-axes", axes, target.shape).map(Some);
    }
    // The options for PRED also apply to a TARGET of the same format and shape.
    let same = prediction.order == target.order && prediction.shape == target.shape;
    if same && (asked.axes.is_some() || asked.class_axis.is_some()) {
        return match stated(asked, prediction)? {
            Some(axes) if axes.len() == 1 => Ok(Some(axes[0].clone())),
            _ => Ok(None),
        };
    }
    let axes = match target.order {
        Order::Free => None,
        Order::XyzFirst => Some(nifti(rank, !asked.labels && !asked.labels_target)),
        Order::Picture => picture(rank),
        Order::ClassFirst if rank == 4 => Some(vec![Axis::Class, Axis::Z, Axis::Y, Axis::X]),
        Order::ClassFirst => None,
    };
    Ok(axes
        .filter(|axes| axes.len() == rank)
        .map(|axes| Axes(axes).squeezed(target.shape)))
}

fn by_letters(option: &str, axes: &Axes, shape: &[usize]) -> Result<Axes, Fault> {
    axes.for_shape(shape).ok_or_else(|| Fault::Option {
        option: format!("{option} {axes}"),
        found: format!("found shape {shape:?}, expected one letter for each axis"),
    })
}

/// The axes as the only candidate, unless another option contradicts them.
fn checked(asked: &Asked, axes: Axes, shape: &[usize]) -> Result<Vec<Axes>, Fault> {
    let fault = |option: &str, found: String| {
        Err(Fault::Option {
            option: option.to_owned(),
            found,
        })
    };
    let samples = axes.has(Axis::Sample);
    if asked.batch == Some(true) && !samples {
        let found = format!("the axes of shape {shape:?} are {axes}, expected a sample axis, n");
        return fault("--batch yes", found);
    }
    if asked.batch == Some(false) && samples {
        let found = format!("the axes of shape {shape:?} are {axes}, expected no sample axis, n");
        return fault("--batch no", found);
    }
    if asked.foreground && axes.has(Axis::Class) {
        let found = format!("the axes of shape {shape:?} are {axes}, expected no class axis, c");
        return fault("--foreground", found);
    }
    if asked.labels && axes.has(Axis::Class) {
        let found = format!("the axes of shape {shape:?} are {axes}, expected no class axis, c");
        return fault("--input labels", found);
    }
    Ok(vec![axes])
}

fn x_first(count: usize) -> Vec<Axis> {
    let axes = [Axis::X, Axis::Y, Axis::Z, Axis::Time];
    axes.into_iter().take(count).collect()
}

/// x, y, z, then time and classes if there are two more axes. A single further axis is classes, or time if there are no classes.
fn nifti(rank: usize, classes: bool) -> Vec<Axis> {
    match (rank, classes) {
        (4, true) => vec![Axis::X, Axis::Y, Axis::Z, Axis::Class],
        (5, true) => vec![Axis::X, Axis::Y, Axis::Z, Axis::Time, Axis::Class],
        _ => {
            let mut axes = x_first(rank);
            axes.resize(rank, Axis::Single);
            axes
        }
    }
}

fn picture(rank: usize) -> Option<Vec<Axis>> {
    match rank {
        2 => Some(vec![Axis::Y, Axis::X]),
        3 => Some(vec![Axis::Z, Axis::Y, Axis::X]),
        _ => None,
    }
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

/// The readings of an array whose format does not fix the axes: samples first, classes before or after the spatial axes.
fn inferred(
    asked: &Asked,
    shape: &[usize],
    may_have_classes: bool,
    space: Option<&[Axis]>,
    reversible: bool,
) -> Vec<Axes> {
    let rank = shape.len();
    let mut found = Vec::new();
    let batches: &[bool] = match (asked.batch, asked.class_axis) {
        (Some(true), _) => &[true],
        (Some(false), _) => &[false],
        // [N, y, x, C] for four or more axes.
        (None, Some(ClassAxis::Last)) if rank >= 4 => &[true],
        (None, _) => &[false, true],
    };
    for batch in batches {
        let start = usize::from(*batch);
        if start > rank {
            continue;
        }
        // A batch axis of length 1 matters only if a class axis follows it.
        let needs_class = *batch && shape[0] == 1 && asked.batch.is_none();
        let first = (start < rank).then_some(start);
        let last = (rank > start + 1).then(|| rank - 1);
        let class_axes: Vec<Option<usize>> = match (asked.class_axis, may_have_classes) {
            (Some(ClassAxis::First), true) => vec![first],
            (Some(ClassAxis::Last), true) => vec![last],
            (None, true) if asked.foreground => vec![None],
            (None, true) => vec![None, first, last],
            (_, false) => vec![None],
        };
        for class in class_axes {
            if asked.class_axis.is_none() && class.is_some_and(|axis| shape[axis] == 1) {
                continue;
            }
            if asked.foreground && class.is_some_and(|axis| shape[axis] != 1) {
                continue;
            }
            if needs_class && class.is_none() {
                continue;
            }
            let voxels: Vec<usize> = (start..rank)
                .filter(|axis| Some(*axis) != class && shape[*axis] != 1)
                .collect();
            if !adjacent(&voxels) || (*batch && voxels.is_empty() && class.is_none()) {
                continue;
            }
            for letters in letters(voxels.len(), space, reversible) {
                let mut axes = vec![Axis::Single; rank];
                if *batch {
                    axes[0] = Axis::Sample;
                }
                if let Some(class) = class {
                    axes[class] = Axis::Class;
                }
                for (axis, letter) in voxels.iter().zip(letters) {
                    axes[*axis] = letter;
                }
                let axes = Axes(axes).squeezed(shape);
                if !found.contains(&axes) {
                    found.push(axes);
                }
            }
        }
    }
    found
}

/// Whether these axes can be spatial: they lie within three neighbouring ones.
fn adjacent(voxels: &[usize]) -> bool {
    match (voxels.first(), voxels.last()) {
        (Some(first), Some(last)) => last - first < 3,
        _ => true,
    }
}

/// The names of `count` spatial axes: those of the other file, in the order z, y, x, or also x, y, z if the other file has it.
fn letters(count: usize, space: Option<&[Axis]>, reversible: bool) -> Vec<Vec<Axis>> {
    let mut letters = match space {
        Some(space) if space.len() == count => space.to_vec(),
        _ => [Axis::Z, Axis::Y, Axis::X][3 - count.min(3)..].to_vec(),
    };
    letters.sort();
    let mut orders = vec![letters.clone()];
    if reversible && count > 1 {
        letters.reverse();
        orders.push(letters);
    }
    orders
}

/// The readings of a target whose format does not fix the axes, for a prediction with these axes.
fn beside(
    asked: &Asked,
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
        (asked.axes.is_some() || adjacent(&voxels)).then_some(found)
    };
    let mut found = Vec::new();
    let classes = if asked.labels_target {
        &[false][..]
    } else {
        &[false, true]
    };
    for class in classes {
        if prediction.order == Order::Free || prediction.order == target.order {
            found.extend(alike(*class && axes.has(Axis::Class)));
        } else {
            let open = Asked {
                batch: Some(batch),
                class_axis: None,
                foreground: false,
                ..asked.clone()
            };
            let all = inferred(&open, target.shape, *class, Some(&space), reversible);
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
    asked: &Asked,
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
    if ours == theirs && class_fits && !(asked.labels && reading.target.has(Axis::Class)) {
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
fn prefer_one_sample(asked: &Asked, fitting: &mut Vec<Reading>) {
    let plain = |reading: &Reading| !reading.prediction.has(Axis::Class);
    let one = |reading: &Reading| !reading.prediction.has(Axis::Sample);
    if asked.batch.is_none() && fitting.iter().any(|reading| plain(reading) && one(reading)) {
        fitting.retain(|reading| !plain(reading) || one(reading));
    }
}
