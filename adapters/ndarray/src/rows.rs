//! Arrays of any dimension and strides as rows of three axes: sample, channel, voxel.
//!
//! Spatial axes that follow each other in memory count as one; over the others there is a row per index. Sums over the
//! rows of a sample merge into those of the sample, so nothing is ever copied into another shape.

use ndarray::{ArrayBase, ArrayView3, ArrayViewMut3, Axis, Ix3, IxDyn, RawData};
use unifocal_core::{Field, FieldMut, Layout, Shape};

/// One row of an array to read.
pub struct Row<'a, T>(pub(crate) ArrayView3<'a, T>);

/// One row of an array to write.
pub(crate) struct RowMut<'a, T>(pub(crate) ArrayViewMut3<'a, T>);

impl<T: Copy> Field for Row<'_, T> {
    type Item = T;

    fn shape(&self) -> Shape {
        Shape::from(<[usize; 3]>::from(self.0.dim()))
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> T {
        self.0[[sample, channel, voxel]]
    }
}

impl<T: Copy> FieldMut for RowMut<'_, T> {
    type Item = T;

    fn shape(&self) -> Shape {
        Shape::from(<[usize; 3]>::from(self.0.dim()))
    }

    #[inline(always)]
    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: T) {
        self.0[[sample, channel, voxel]] = value;
    }
}

/// [N, spatial…, C] or [N, C, spatial…] as [N, C, spatial…], with one spatial axis at least.
pub(crate) fn channels_first<S: RawData>(
    mut array: ArrayBase<S, IxDyn>,
    layout: Layout,
) -> ArrayBase<S, IxDyn> {
    let rank = array.ndim();
    if layout == Layout::ChannelsLast {
        let axes: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
        array = array.permuted_axes(axes);
    }
    with_voxel_axis(array, 2)
}

/// The same array with one axis behind the `leading` ones at least.
pub(crate) fn with_voxel_axis<S: RawData>(
    array: ArrayBase<S, IxDyn>,
    leading: usize,
) -> ArrayBase<S, IxDyn> {
    if array.ndim() > leading {
        array
    } else {
        array.insert_axis(Axis(leading))
    }
}

/// The row at the index `outer` of the first spatial axes, all others merged; `None` if they do not follow each other
/// in memory.
///
/// `leading` is 2 for arrays with a class axis, and 1 for those without, which get one of length 1.
pub(crate) fn row<S: RawData>(
    mut array: ArrayBase<S, IxDyn>,
    leading: usize,
    outer: &[usize],
) -> Option<ArrayBase<S, Ix3>> {
    let spatial = Axis(leading);
    for &index in outer {
        array = array.index_axis_move(spatial, index);
    }
    while array.ndim() > leading + 1 {
        if !array.merge_axes(spatial, Axis(leading + 1)) {
            return None;
        }
        array = array.index_axis_move(spatial, 0);
    }
    if leading == 1 {
        array = array.insert_axis(Axis(1));
    }
    array.into_dimensionality().ok()
}
