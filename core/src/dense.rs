//! Slices as fields, with the channels first or last.

use core::ops::Range;

use crate::{Error, Field, FieldMut, Shape};

/// The memory layout of a slice: which axis varies fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// [N, C, spatial…], as in PyTorch and Burn: the voxels of a channel are contiguous.
    #[default]
    ChannelsFirst,
    /// [N, spatial…, C], as in TensorFlow: the channels of a voxel are contiguous.
    ChannelsLast,
}

impl Layout {
    #[inline(always)]
    fn offset(self, shape: Shape, sample: usize, channel: usize, voxel: usize) -> usize {
        match self {
            Self::ChannelsFirst => (sample * shape.channels + channel) * shape.voxels + voxel,
            Self::ChannelsLast => (sample * shape.voxels + voxel) * shape.channels + channel,
        }
    }

    /// The range of these voxels in a slice, if they are contiguous.
    #[inline(always)]
    fn range(
        self,
        shape: Shape,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
    ) -> Option<Range<usize>> {
        let neighbours = self == Self::ChannelsFirst || shape.channels == 1;
        let start = self.offset(shape, sample, channel, voxels.start);
        neighbours.then(|| start..start + voxels.len())
    }
}

/// A slice with its shape and layout.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, data::Field};
///
/// // One sample of two classes and three voxels.
/// let first = Dense::channels_first(&[0.9, 0.8, 0.7, 0.1, 0.2, 0.3], [1, 2, 3])?;
/// let last = Dense::channels_last(&[0.9, 0.1, 0.8, 0.2, 0.7, 0.3], [1, 2, 3])?;
/// assert_eq!(first.get(0, 1, 2), last.get(0, 1, 2));
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a, T> {
    values: &'a [T],
    shape: Shape,
    layout: Layout,
}

impl<'a, T> Dense<'a, T> {
    /// Views a slice with this shape and layout.
    ///
    /// # Errors
    ///
    /// The slice has the wrong length for the shape.
    pub fn new(values: &'a [T], shape: impl Into<Shape>, layout: Layout) -> Result<Self, Error> {
        let shape = shape.into();
        check_len(values.len(), shape)?;
        Ok(Self {
            values,
            shape,
            layout,
        })
    }

    /// Views a slice with the layout [N, C, spatial…].
    ///
    /// # Errors
    ///
    /// The slice has the wrong length for the shape.
    pub fn channels_first(values: &'a [T], shape: [usize; 3]) -> Result<Self, Error> {
        Self::new(values, shape, Layout::ChannelsFirst)
    }

    /// Views a slice with the layout [N, spatial…, C]. The shape is still given as samples,
    /// channels, voxels.
    ///
    /// # Errors
    ///
    /// The slice has the wrong length for the shape.
    pub fn channels_last(values: &'a [T], shape: [usize; 3]) -> Result<Self, Error> {
        Self::new(values, shape, Layout::ChannelsLast)
    }

    /// Views values without a class axis, [N, spatial…]: labels or voxel weights.
    ///
    /// # Errors
    ///
    /// The slice's length is not samples × voxels.
    pub fn per_voxel(values: &'a [T], [samples, voxels]: [usize; 2]) -> Result<Self, Error> {
        Self::channels_first(values, [samples, 1, voxels])
    }
}

impl<T: Copy> Field for Dense<'_, T> {
    type Item = T;

    fn shape(&self) -> Shape {
        self.shape
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> T {
        self.values[self.layout.offset(self.shape, sample, channel, voxel)]
    }

    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[T]> {
        let range = self.layout.range(self.shape, sample, channel, voxels)?;
        self.values.get(range)
    }
}

/// A mutable slice with its shape and layout.
#[derive(Debug)]
pub struct DenseMut<'a, T> {
    values: &'a mut [T],
    shape: Shape,
    layout: Layout,
}

impl<'a, T> DenseMut<'a, T> {
    /// Views a mutable slice with this shape and layout.
    ///
    /// # Errors
    ///
    /// The slice has the wrong length for the shape.
    pub fn new(
        values: &'a mut [T],
        shape: impl Into<Shape>,
        layout: Layout,
    ) -> Result<Self, Error> {
        let shape = shape.into();
        check_len(values.len(), shape)?;
        Ok(Self {
            values,
            shape,
            layout,
        })
    }
}

impl<T: Copy> FieldMut for DenseMut<'_, T> {
    type Item = T;

    fn shape(&self) -> Shape {
        self.shape
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> T {
        self.values[self.layout.offset(self.shape, sample, channel, voxel)]
    }

    #[inline(always)]
    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: T) {
        self.values[self.layout.offset(self.shape, sample, channel, voxel)] = value;
    }

    #[inline(always)]
    fn slice_mut(
        &mut self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
    ) -> Option<&mut [T]> {
        let range = self.layout.range(self.shape, sample, channel, voxels)?;
        self.values.get_mut(range)
    }
}

fn check_len(found: usize, shape: Shape) -> Result<(), Error> {
    let Some(expected) = shape.checked_len() else {
        return Err(Error::Empty {
            what: "slice",
            found: shape,
        });
    };
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what: "values in the slice",
            found,
            expected,
        })
    }
}
