//! Values in memory, by sample, channel and voxel: where predictions, targets and weights are read, and gradients
//! written.

use core::fmt;
use core::ops::Range;

use crate::{Error, Float};

/// How many samples, channels and voxels a tensor has; all spatial axes count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// N, the number of samples.
    pub samples: usize,
    /// C, the length of the class axis; 1 on tensors without one.
    pub channels: usize,
    /// M, the number of voxels of a sample.
    pub voxels: usize,
}

impl Shape {
    /// How many values that is; `None` if it overflows.
    pub fn checked_len(&self) -> Option<usize> {
        self.samples
            .checked_mul(self.channels)?
            .checked_mul(self.voxels)
    }

    /// The same with one channel: the shape of labels and of voxel weights.
    pub fn without_channels(self) -> Self {
        Self {
            channels: 1,
            ..self
        }
    }

    /// Checks that there is at least one of each.
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

/// Values to read by sample, channel and voxel, wherever they are.
///
/// Implemented by slices ([`Dense`]), by the arrays of adapters, and by whatever computes its values on the fly.
pub trait Field {
    /// What one value is.
    type Item: Copy;

    /// How many there are.
    fn shape(&self) -> Shape;

    /// The value at this place, each index below its bound in [`shape`](Field::shape).
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> Self::Item;

    /// The values of these voxels, if they follow each other in memory: they are then read from there, and one by one with
    /// [`get`](Field::get) otherwise.
    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[Self::Item]> {
        let _ = (sample, channel, voxels);
        None
    }

    /// Copies the values of these voxels, converted, to as many places.
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

    /// What all of them are, if they are known to be the same.
    #[inline(always)]
    fn constant(&self) -> Option<Self::Item> {
        None
    }
}

/// Values to write by sample, channel and voxel: the gradient.
pub trait FieldMut {
    /// What one value is.
    type Item: Copy;

    /// How many there are.
    fn shape(&self) -> Shape;

    /// The value that was last written at this place.
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> Self::Item;

    /// Writes the value at this place.
    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: Self::Item);

    /// Room for the values of these voxels, if they follow each other in memory: they are then written there, and one by one
    /// with [`set`](FieldMut::set) otherwise.
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

    /// Copies the values that were last written at these voxels to as many places.
    #[inline(always)]
    fn read(&self, sample: usize, channel: usize, voxels: Range<usize>, to: &mut [Self::Item]) {
        for (to, voxel) in to.iter_mut().zip(voxels) {
            *to = self.get(sample, channel, voxel);
        }
    }

    /// Writes as many values at these voxels.
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

/// Which axis of a slice is the fastest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// [N, C, spatial…], as PyTorch and Burn: the voxels of a channel are neighbours.
    #[default]
    ChannelsFirst,
    /// [N, spatial…, C], as TensorFlow: the channels of a voxel are neighbours.
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

    /// Where these voxels are in a slice, if they follow each other in it.
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
    /// Values of this shape in this layout.
    ///
    /// # Errors
    ///
    /// Another number of values than the shape says.
    pub fn new(values: &'a [T], shape: impl Into<Shape>, layout: Layout) -> Result<Self, Error> {
        let shape = shape.into();
        check_len(values.len(), shape)?;
        Ok(Self {
            values,
            shape,
            layout,
        })
    }

    /// [`new`](Dense::new) with the layout [N, C, spatial…].
    ///
    /// # Errors
    ///
    /// Another number of values than the shape says.
    pub fn channels_first(values: &'a [T], shape: [usize; 3]) -> Result<Self, Error> {
        Self::new(values, shape, Layout::ChannelsFirst)
    }

    /// [`new`](Dense::new) with the layout [N, spatial…, C]; the shape is still given as samples, channels, voxels.
    ///
    /// # Errors
    ///
    /// Another number of values than the shape says.
    pub fn channels_last(values: &'a [T], shape: [usize; 3]) -> Result<Self, Error> {
        Self::new(values, shape, Layout::ChannelsLast)
    }

    /// Values without a class axis, [N, spatial…]: labels or voxel weights.
    ///
    /// # Errors
    ///
    /// Another number of values than samples × voxels.
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

/// A slice to write to, with its shape and layout.
#[derive(Debug)]
pub struct DenseMut<'a, T> {
    values: &'a mut [T],
    shape: Shape,
    layout: Layout,
}

impl<'a, T> DenseMut<'a, T> {
    /// Room for values of this shape in this layout.
    ///
    /// # Errors
    ///
    /// Another number of values than the shape says.
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
    /// The arithmetic that it is evaluated in.
    type Real: Float;

    /// The same number, exactly.
    fn real(self) -> Self::Real;

    /// The same values, if they are numbers of that arithmetic already.
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

/// Widened to `f32`.
#[cfg(feature = "half")]
impl Element for half::f16 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        // The exponent is moved to its place in f32 and its bias corrected by a product, which is exact and turns subnormal
        // numbers into normal ones.
        let bits = u32::from(self.to_bits());
        let magnitude = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
        let finite = bits & 0x7c00 != 0x7c00;
        let bits_of_magnitude = magnitude.to_bits() | if finite { 0 } else { 0x7f80_0000 };
        f32::from_bits(bits_of_magnitude | (bits & 0x8000) << 16)
    }
}

/// Widened to `f32`.
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
