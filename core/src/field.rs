//! Values in memory, indexed by sample, channel and voxel: predictions, targets and weights to
//! read, gradients to write.

use core::ops::Range;

use crate::Shape;

/// Values to read by sample, channel and voxel.
///
/// Implemented by slices ([`Dense`](crate::Dense)) and by the arrays of adapters. Implement it to compute values
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
