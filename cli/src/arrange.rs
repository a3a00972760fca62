//! Views of arrays as [sample, class, voxels…], whatever the order of their axes. Nothing is copied.

use ndarray::{ArrayBase, IxDyn, RawData};

use crate::reading::{Axes, Axis, Turn};

/// The array with these axes in this order. Missing axes are added with length 1; other axes of length 1 are dropped.
pub(crate) fn arrange<S: RawData>(
    mut array: ArrayBase<S, IxDyn>,
    axes: &Axes,
    turn: &Turn,
    wanted: &[Axis],
) -> ArrayBase<S, IxDyn> {
    for (axis, flipped) in turn.along.into_iter().zip(turn.flipped) {
        if let (true, Some(position)) = (flipped, axes.position(axis)) {
            array.invert_axis(ndarray::Axis(position));
        }
    }
    let mut order: Vec<usize> = wanted
        .iter()
        .filter_map(|axis| axes.position(*axis))
        .collect();
    let kept = order.len();
    order.extend((0..axes.0.len()).filter(|position| !wanted.contains(&axes.0[*position])));
    let mut array = array.permuted_axes(IxDyn(&order));
    while array.ndim() > kept {
        let last = ndarray::Axis(array.ndim() - 1);
        array = array.index_axis_move(last, 0);
    }
    for (place, axis) in wanted.iter().enumerate() {
        if !axes.has(*axis) {
            array = array.insert_axis(ndarray::Axis(place));
        }
    }
    array
}

/// Sample axis, class axis, then the spatial axes in the prediction's order.
pub(crate) fn with_classes(prediction: &Axes) -> Vec<Axis> {
    let mut wanted = vec![Axis::Sample, Axis::Class];
    wanted.extend(prediction.space());
    wanted
}

/// Sample axis, then the spatial axes in the prediction's order.
pub(crate) fn without_classes(prediction: &Axes) -> Vec<Axis> {
    let mut wanted = vec![Axis::Sample];
    wanted.extend(prediction.space());
    wanted
}
