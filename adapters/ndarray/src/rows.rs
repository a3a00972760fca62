//! Views arrays of any dimension and strides as rows with three axes: sample, channel, voxel.
//!
//! Spatial axes that are contiguous in memory merge into one, the voxel axis; each index of the others gives a row. The sums of
//! a sample's rows merge into those of the sample, so no array is copied into another shape.

use ndarray::{
    ArrayBase, ArrayView1, ArrayView3, ArrayViewMut1, ArrayViewMut3, Axis, IxDyn, RawData, Zip, s,
};
use std::ops::Range;
use unifocal_core::{
    Layout,
    data::{Field, FieldMut, Shape},
};

/// A row to read, with its channels as slices if their voxels are contiguous.
pub struct Row<'a, T> {
    view: ArrayView3<'a, T>,
    slices: Vec<&'a [T]>,
}

/// A row to write.
pub(crate) struct RowMut<'a, T> {
    place: Place<'a, T>,
    shape: Shape,
}

/// The memory of a row to write.
enum Place<'a, T> {
    /// Contiguous channels.
    Slices(Vec<&'a mut [T]>),
    /// Strided numbers.
    View(ArrayViewMut3<'a, T>),
}

impl<'a, T> Row<'a, T> {
    pub(crate) fn new(view: ArrayView3<'a, T>) -> Self {
        let (samples, channels, _) = view.dim();
        let channel = |(sample, channel)| {
            let sample = view.index_axis_move(Axis(0), sample);
            sample.index_axis_move(Axis(0), channel).to_slice()
        };
        let all = (0..samples).flat_map(|sample| (0..channels).map(move |c| (sample, c)));
        let slices = all.map(channel).collect::<Option<_>>().unwrap_or_default();
        Self { view, slices }
    }
}

impl<'a, T> RowMut<'a, T> {
    pub(crate) fn new(view: ArrayViewMut3<'a, T>) -> Self {
        let shape = Shape::from(<[usize; 3]>::from(view.dim()));
        if shape.voxels > 1 && view.strides()[2] != 1 {
            let place = Place::View(view);
            return Self { place, shape };
        }
        let mut slices = Vec::with_capacity(shape.samples * shape.channels);
        let mut samples = view;
        for _ in 0..shape.samples {
            let (sample, rest) = samples.split_at(Axis(0), 1);
            samples = rest;
            let mut channels = sample.index_axis_move(Axis(0), 0);
            for _ in 0..shape.channels {
                let (channel, rest) = channels.split_at(Axis(0), 1);
                channels = rest;
                let slice = channel.index_axis_move(Axis(0), 0).into_slice();
                slices.push(slice.expect("the voxels are contiguous"));
            }
        }
        let place = Place::Slices(slices);
        Self { place, shape }
    }
}

impl<T: Copy> Field for Row<'_, T> {
    type Item = T;

    #[inline(always)]
    fn shape(&self) -> Shape {
        Shape::from(<[usize; 3]>::from(self.view.dim()))
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> T {
        self.view[[sample, channel, voxel]]
    }

    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[T]> {
        let (_, channels, _) = self.view.dim();
        self.slices.get(sample * channels + channel)?.get(voxels)
    }

    #[inline(always)]
    fn read<R>(
        &self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
        to: &mut [R],
        convert: impl Fn(T) -> R,
    ) {
        let from = self.view.slice(s![sample, channel, voxels]);
        let to = ArrayViewMut1::from(to);
        Zip::from(to)
            .and(from)
            .for_each(|to, value| *to = convert(*value));
    }
}

impl<T: Copy> FieldMut for RowMut<'_, T> {
    type Item = T;

    #[inline(always)]
    fn shape(&self) -> Shape {
        self.shape
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> T {
        match &self.place {
            Place::Slices(slices) => slices[sample * self.shape.channels + channel][voxel],
            Place::View(view) => view[[sample, channel, voxel]],
        }
    }

    #[inline(always)]
    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: T) {
        match &mut self.place {
            Place::Slices(slices) => slices[sample * self.shape.channels + channel][voxel] = value,
            Place::View(view) => view[[sample, channel, voxel]] = value,
        }
    }

    #[inline(always)]
    fn slice_mut(
        &mut self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
    ) -> Option<&mut [T]> {
        match &mut self.place {
            Place::Slices(slices) => slices
                .get_mut(sample * self.shape.channels + channel)?
                .get_mut(voxels),
            Place::View(_) => None,
        }
    }

    #[inline(always)]
    fn read(&self, sample: usize, channel: usize, voxels: Range<usize>, to: &mut [T]) {
        match &self.place {
            Place::Slices(slices) => {
                to.copy_from_slice(&slices[sample * self.shape.channels + channel][voxels]);
            }
            Place::View(view) => {
                ArrayViewMut1::from(to).assign(&view.slice(s![sample, channel, voxels]));
            }
        }
    }

    #[inline(always)]
    fn write(&mut self, sample: usize, channel: usize, voxels: Range<usize>, values: &[T]) {
        match &mut self.place {
            Place::Slices(slices) => {
                slices[sample * self.shape.channels + channel][voxels].copy_from_slice(values);
            }
            Place::View(view) => view
                .slice_mut(s![sample, channel, voxels])
                .assign(&ArrayView1::from(values)),
        }
    }
}

/// Permutes either layout to [N, C, spatial…], with at least one spatial axis.
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

/// Ensures at least one axis after the `leading` ones.
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

/// Merges the last axes into one, so that `axes` remain; `None` if they are not contiguous or the array is empty.
pub(crate) fn merged<S: RawData>(
    mut array: ArrayBase<S, IxDyn>,
    axes: usize,
) -> Option<ArrayBase<S, IxDyn>> {
    while array.ndim() > axes {
        let last = Axis(array.ndim() - 1);
        let before = Axis(last.0 - 1);
        // An empty array has no index 0 to move to.
        if array.is_empty() || !array.merge_axes(before, last) {
            return None;
        }
        array = array.index_axis_move(before, 0);
    }
    Some(array)
}

/// The row at the index `outer` of all spatial axes but the last.
///
/// `leading` is 2 for arrays with a class axis and 1 for those without; these get a class axis of length 1.
pub(crate) fn row<S: RawData>(
    mut array: ArrayBase<S, IxDyn>,
    leading: usize,
    outer: &[usize],
) -> ArrayBase<S, ndarray::Ix3> {
    for &index in outer {
        array = array.index_axis_move(Axis(leading), index);
    }
    if leading == 1 {
        array = array.insert_axis(Axis(1));
    }
    array
        .into_dimensionality()
        .expect("sample, channel and voxel axis remain")
}
