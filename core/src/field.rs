//! Values in memory, indexed by sample, channel and voxel: predictions, targets and weights to
//! read, gradients to write.

use core::fmt;
use core::ops::Range;

use crate::{Error, Float};

/// The numbers of samples, channels and voxels of a tensor. All spatial axes count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// N, the number of samples.
    pub samples: usize,
    /// C, the length of the class axis; 1 for tensors without one.
    pub channels: usize,
    /// M, the number of voxels per sample.
    pub voxels: usize,
}

impl Shape {
    /// The number of values, or `None` if it overflows.
    pub fn checked_len(&self) -> Option<usize> {
        self.samples
            .checked_mul(self.channels)?
            .checked_mul(self.voxels)
    }

    /// The same shape with one channel, as labels and voxel weights have.
    pub fn without_channels(self) -> Self {
        Self {
            channels: 1,
            ..self
        }
    }

    /// Checks that no axis is empty and the size does not overflow.
    pub(crate) fn check(self, what: &'static str) -> Result<(), Error> {
        match self.checked_len() {
            Some(len) if len > 0 => Ok(()),
            _ => Err(Error::Empty { what, found: self }),
        }
    }
}

impl From<[usize; 3]> for Shape {
    fn from([samples, channels, voxels]: [usize; 3]) -> Self {
        Self {
            samples,
            channels,
            voxels,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            samples,
            channels,
            voxels,
        } = self;
        write!(f, "[{samples}, {channels}, {voxels}]")
    }
}

/// Values to read by sample, channel and voxel.
///
/// Implemented by slices ([`Dense`]) and by the arrays of adapters. Implement it to compute values
/// on the fly.
pub trait Field {
    /// The type of a value.
    type Item: Copy;

    /// The shape.
    fn shape(&self) -> Shape;

    /// The value at a position. Each index is below its bound in [`shape`](Field::shape).
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> Self::Item;

    /// The values of these voxels as a slice, if they are contiguous in memory. Otherwise they are
    /// read one by one with [`get`](Field::get).
    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[Self::Item]> {
        let _ = (sample, channel, voxels);
        None
    }

    /// Converts the values of these voxels and copies them to `to`, which has the same length.
    #[inline(always)]
    fn read<R>(
        &self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
        to: &mut [R],
        convert: impl Fn(Self::Item) -> R,
    ) {
        if let Some(slice) = self.slice(sample, channel, voxels.clone()) {
            for (to, value) in to.iter_mut().zip(slice) {
                *to = convert(*value);
            }
        } else {
            for (to, voxel) in to.iter_mut().zip(voxels) {
                *to = convert(self.get(sample, channel, voxel));
            }
        }
    }

    /// The value that all voxels share, if it is known without reading them.
    #[inline(always)]
    fn constant(&self) -> Option<Self::Item> {
        None
    }
}

/// Values to write by sample, channel and voxel: a gradient.
pub trait FieldMut {
    /// The type of a value.
    type Item: Copy;

    /// The shape.
    fn shape(&self) -> Shape;

    /// The value last written at this position.
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> Self::Item;

    /// Writes a value at this position.
    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: Self::Item);

    /// The values of these voxels as a mutable slice, if they are contiguous in memory. Otherwise
    /// they are written one by one with [`set`](FieldMut::set).
    #[inline(always)]
    fn slice_mut(
        &mut self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
    ) -> Option<&mut [Self::Item]> {
        let _ = (sample, channel, voxels);
        None
    }

    /// Copies the values last written at these voxels to `to`, which has the same length.
    #[inline(always)]
    fn read(&self, sample: usize, channel: usize, voxels: Range<usize>, to: &mut [Self::Item]) {
        for (to, voxel) in to.iter_mut().zip(voxels) {
            *to = self.get(sample, channel, voxel);
        }
    }

    /// Writes the values of these voxels, one per voxel.
    #[inline(always)]
    fn write(
        &mut self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
        values: &[Self::Item],
    ) {
        for (value, voxel) in values.iter().zip(voxels) {
            self.set(sample, channel, voxel, *value);
        }
    }
}

impl<F: Field> Field for &F {
    type Item = F::Item;

    fn shape(&self) -> Shape {
        (**self).shape()
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> Self::Item {
        (**self).get(sample, channel, voxel)
    }

    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[F::Item]> {
        (**self).slice(sample, channel, voxels)
    }

    #[inline(always)]
    fn read<R>(
        &self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
        to: &mut [R],
        convert: impl Fn(F::Item) -> R,
    ) {
        (**self).read(sample, channel, voxels, to, convert);
    }

    #[inline(always)]
    fn constant(&self) -> Option<F::Item> {
        (**self).constant()
    }
}

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
/// use unifocal_core::{Dense, Field};
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
    pub fn labels(values: &'a [T], [samples, voxels]: [usize; 2]) -> Result<Self, Error> {
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

/// A value of a prediction, a soft target or a voxel weight.
pub trait Element: Copy + Send + Sync {
    /// The type that it is evaluated in.
    type Real: Float;

    /// Converts the value exactly.
    fn real(self) -> Self::Real;

    /// The values as they are, if they already have the type [`Real`](Element::Real).
    #[inline(always)]
    fn reals(values: &[Self]) -> Option<&[Self::Real]> {
        let _ = values;
        None
    }
}

impl Element for f32 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        self
    }

    #[inline(always)]
    fn reals(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
}

impl Element for f64 {
    type Real = f64;

    #[inline(always)]
    fn real(self) -> f64 {
        self
    }

    #[inline(always)]
    fn reals(values: &[f64]) -> Option<&[f64]> {
        Some(values)
    }
}

/// Converted to `f32`.
#[cfg(feature = "half")]
impl Element for half::f16 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        // Move the exponent to its place in f32, and correct its bias by a product, which is exact
        // and turns subnormal numbers into normal ones.
        let bits = u32::from(self.to_bits());
        let magnitude = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
        let finite = bits & 0x7c00 != 0x7c00;
        let bits_of_magnitude = magnitude.to_bits() | if finite { 0 } else { 0x7f80_0000 };
        f32::from_bits(bits_of_magnitude | (bits & 0x8000) << 16)
    }
}

/// Converted to `f32`.
#[cfg(feature = "half")]
impl Element for half::bf16 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

/// 0 or 1: a hard mask or a one-hot target.
impl Element for u8 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        f32::from(self)
    }
}

/// 0 or 1: a hard mask or a one-hot target.
impl Element for bool {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        if self { 1.0 } else { 0.0 }
    }
}
