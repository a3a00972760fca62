//! The axes of an array that neither the user nor the format names.

use super::axes::{Axes, Axis};
use super::options::{ClassAxis, Options};

/// The readings of an array whose format does not fix the axes: samples first, classes before or after the spatial axes.
pub(super) fn unstated(
    options: &Options,
    shape: &[usize],
    may_have_classes: bool,
    space: Option<&[Axis]>,
    reversible: bool,
) -> Vec<Axes> {
    let rank = shape.len();
    let mut found = Vec::new();
    let batches: &[bool] = match (options.batch, options.class_axis) {
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
        let needs_class = *batch && shape[0] == 1 && options.batch.is_none();
        let first = (start < rank).then_some(start);
        let last = (rank > start + 1).then(|| rank - 1);
        let class_axes: Vec<Option<usize>> = match (options.class_axis, may_have_classes) {
            (Some(ClassAxis::First), true) => vec![first],
            (Some(ClassAxis::Last), true) => vec![last],
            (None, true) if options.foreground => vec![None],
            (None, true) => vec![None, first, last],
            (_, false) => vec![None],
        };
        for class in class_axes {
            if options.class_axis.is_none() && class.is_some_and(|axis| shape[axis] == 1) {
                continue;
            }
            if options.foreground && class.is_some_and(|axis| shape[axis] != 1) {
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
pub(super) fn adjacent(voxels: &[usize]) -> bool {
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
