//! Overlapping regions: each channel is a prediction of its own.

use core::ops::Range;

use crate::{Field, FieldMut, Shape};

/// The channels of a field as samples with one channel each: [N, C, M] becomes [N·C, 1, M], sample by
/// sample.
///
/// So each channel is the foreground of two classes of its own, as for overlapping regions with a
/// sigmoid each. See [`Segmentation::with_regions`](crate::Segmentation::with_regions).
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, data::{Channels, Field, Shape}};
///
/// let field = Dense::channels_last(&[0.1, 0.2, 0.3, 0.4], [1, 2, 2])?;
/// let channels = Channels::new(field);
/// assert_eq!(channels.shape(), Shape::from([2, 1, 2]));
/// assert_eq!(channels.get(1, 0, 0), 0.2);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Channels<F> {
    field: F,
    /// The number of channels of a sample that become samples; 1 leaves the field as it is.
    count: usize,
}

impl<F: Field> Channels<F> {
    /// Views each channel as a sample.
    pub fn new(field: F) -> Self {
        let count = field.shape().channels;
        Self { field, count }
    }
}

impl<F: FieldMut> Channels<F> {
    /// Views each channel as a sample, to write a gradient.
    pub fn new_mut(field: F) -> Self {
        let count = field.shape().channels;
        Self { field, count }
    }
}

impl<F> Channels<F> {
    /// Views the field as it is, for code that decides at run time.
    pub fn together(field: F) -> Self {
        Self { field, count: 1 }
    }

    /// The sample and the channel of the field.
    #[inline(always)]
    fn place(&self, sample: usize, channel: usize) -> [usize; 2] {
        match self.count {
            1 => [sample, channel],
            count => [sample / count, sample % count],
        }
    }

    /// The shape, given that of the field.
    #[inline(always)]
    fn apart(&self, shape: Shape) -> Shape {
        match self.count {
            1 => shape,
            count => Shape {
                samples: shape.samples * count,
                channels: 1,
                ..shape
            },
        }
    }
}

impl<F: Field> Field for Channels<F> {
    type Item = F::Item;

    #[inline(always)]
    fn shape(&self) -> Shape {
        self.apart(self.field.shape())
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> F::Item {
        let [sample, channel] = self.place(sample, channel);
        self.field.get(sample, channel, voxel)
    }

    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[F::Item]> {
        let [sample, channel] = self.place(sample, channel);
        self.field.slice(sample, channel, voxels)
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
        let [sample, channel] = self.place(sample, channel);
        self.field.read(sample, channel, voxels, to, convert);
    }

    #[inline(always)]
    fn constant(&self) -> Option<F::Item> {
        self.field.constant()
    }
}

impl<F: FieldMut> FieldMut for Channels<F> {
    type Item = F::Item;

    #[inline(always)]
    fn shape(&self) -> Shape {
        self.apart(self.field.shape())
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> F::Item {
        let [sample, channel] = self.place(sample, channel);
        self.field.get(sample, channel, voxel)
    }

    #[inline(always)]
    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: F::Item) {
        let [sample, channel] = self.place(sample, channel);
        self.field.set(sample, channel, voxel, value);
    }

    #[inline(always)]
    fn slice_mut(
        &mut self,
        sample: usize,
        channel: usize,
        voxels: Range<usize>,
    ) -> Option<&mut [F::Item]> {
        let [sample, channel] = self.place(sample, channel);
        self.field.slice_mut(sample, channel, voxels)
    }

    #[inline(always)]
    fn read(&self, sample: usize, channel: usize, voxels: Range<usize>, to: &mut [F::Item]) {
        let [sample, channel] = self.place(sample, channel);
        self.field.read(sample, channel, voxels, to);
    }

    #[inline(always)]
    fn write(&mut self, sample: usize, channel: usize, voxels: Range<usize>, values: &[F::Item]) {
        let [sample, channel] = self.place(sample, channel);
        self.field.write(sample, channel, voxels, values);
    }
}

/// The voxel weights of samples for each of their regions: [N, 1, M] becomes [N·R, 1, M].
#[derive(Clone, Copy, Debug)]
pub struct ForEachRegion<F> {
    field: F,
    regions: usize,
}

impl<F: Field> ForEachRegion<F> {
    /// Repeats each sample of a field for `regions` regions, at least one.
    pub fn new(field: F, regions: usize) -> Self {
        let regions = regions.max(1);
        Self { field, regions }
    }

    #[inline(always)]
    fn sample(&self, sample: usize) -> usize {
        match self.regions {
            1 => sample,
            regions => sample / regions,
        }
    }
}

impl<F: Field> Field for ForEachRegion<F> {
    type Item = F::Item;

    #[inline(always)]
    fn shape(&self) -> Shape {
        let shape = self.field.shape();
        Shape {
            samples: shape.samples * self.regions,
            ..shape
        }
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> F::Item {
        self.field.get(self.sample(sample), channel, voxel)
    }

    #[inline(always)]
    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[F::Item]> {
        self.field.slice(self.sample(sample), channel, voxels)
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
        let sample = self.sample(sample);
        self.field.read(sample, channel, voxels, to, convert);
    }

    #[inline(always)]
    fn constant(&self) -> Option<F::Item> {
        self.field.constant()
    }
}
