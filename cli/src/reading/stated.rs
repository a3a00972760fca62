//! The axes that the user or the format names.

use super::axes::{Axes, Axis};
use super::facts::{Facts, Order};
use super::fault::Fault;
use super::options::{ClassAxis, Options};

/// The axes of PRED that the user or the format names; several candidates if a layout leaves a choice.
pub(super) fn stated(options: &Options, facts: &Facts<'_>) -> Result<Option<Vec<Axes>>, Fault> {
    let shape = facts.shape;
    if let Some(axes) = &options.axes {
        let found = by_letters("--axes", axes, shape)?;
        return checked(options, found, shape).map(Some);
    }
    let rank = shape.len();
    let order = match (facts.order, options.class_axis) {
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
        (Order::XyzFirst, None) => Some(nifti(rank, !options.labels && !options.foreground)),
        (Order::Picture, None) => picture(rank),
        _ => None,
    };
    match order {
        Some(axes) if axes.len() == rank => {
            checked(options, Axes(axes).squeezed(shape), shape).map(Some)
        }
        _ => Ok(None),
    }
}

/// The axes of TARGET that the user or the format names.
pub(super) fn target_stated(
    options: &Options,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
) -> Result<Option<Axes>, Fault> {
    let rank = target.shape.len();
    if let Some(axes) = &options.target_axes {
        return by_letters("--target-axes", axes, target.shape).map(Some);
    }
    // The options for PRED also apply to a TARGET of the same format and shape.
    let same = prediction.order == target.order && prediction.shape == target.shape;
    if same && (options.axes.is_some() || options.class_axis.is_some()) {
        return match stated(options, prediction)? {
            Some(axes) if axes.len() == 1 => Ok(Some(axes[0].clone())),
            _ => Ok(None),
        };
    }
    let axes = match target.order {
        Order::Free => None,
        Order::XyzFirst => Some(nifti(rank, !options.labels && !options.labels_target)),
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
fn checked(options: &Options, axes: Axes, shape: &[usize]) -> Result<Vec<Axes>, Fault> {
    let fault = |option: &str, found: String| {
        Err(Fault::Option {
            option: option.to_owned(),
            found,
        })
    };
    let samples = axes.has(Axis::Sample);
    if options.batch == Some(true) && !samples {
        let found = format!("the axes of shape {shape:?} are {axes}, expected a sample axis, n");
        return fault("--batch yes", found);
    }
    if options.batch == Some(false) && samples {
        let found = format!("the axes of shape {shape:?} are {axes}, expected no sample axis, n");
        return fault("--batch no", found);
    }
    if options.foreground && axes.has(Axis::Class) {
        let found = format!("the axes of shape {shape:?} are {axes}, expected no class axis, c");
        return fault("--foreground", found);
    }
    if options.labels && axes.has(Axis::Class) {
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
