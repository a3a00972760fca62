//! A channel of a chunk: used in place if it is contiguous in memory, else copied to a buffer.

use super::data::Data;
use super::survey::Survey;
use super::{Chunk, Sweep};
use crate::kernel::Vectors;
use crate::stretch::{STRETCH, Stretch};
use crate::{Extent, FieldMut, Float};

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// The values of a channel in place, if they have the right type, are contiguous, and all
    /// count.
    #[inline(always)]
    pub(super) fn in_place(
        &self,
        channel: usize,
        chunk: &Chunk,
        survey: &Survey,
    ) -> Option<&[Stretch<D::Real>]> {
        let values = self.data.slice(channel, chunk)?;
        survey.complete.then_some(values.as_chunks().0)
    }

    /// Copies the values of a channel to a buffer. Voxels that do not count get ½.
    #[inline(always)]
    fn gather(
        &self,
        channel: usize,
        chunk: &Chunk,
        survey: &Survey,
        buffer: &mut [Stretch<D::Real>],
    ) {
        let flat = &mut buffer.as_flattened_mut()[..chunk.voxels.len()];
        self.data.read(channel, chunk, flat);
        if !survey.complete {
            replace_uncounted(survey, &mut buffer[..chunk.stretches()]);
        }
    }

    /// The values of a channel: [in place](Sweep::in_place), or
    /// [gathered](Sweep::gather).
    #[inline(always)]
    pub(super) fn read<'a>(
        &'a self,
        channel: usize,
        chunk: &Chunk,
        survey: &Survey,
        buffer: &'a mut [Stretch<D::Real>],
    ) -> &'a [Stretch<D::Real>] {
        if let Some(values) = self.in_place(channel, chunk, survey) {
            return values;
        }
        self.gather(channel, chunk, survey, buffer);
        &buffer[..chunk.stretches()]
    }
}

/// Replaces the values of voxels that do not count by ½.
#[inline(always)]
pub(super) fn replace_uncounted<T: Float>(survey: &Survey, values: &mut [Stretch<T>]) {
    let harmless = T::from_f64(0.5);
    for (index, stretch) in values.iter_mut().enumerate() {
        match survey.counted[index] {
            Extent::All => {}
            Extent::None => *stretch = [harmless; STRETCH],
            Extent::Some => {
                for (value, weight) in stretch.iter_mut().zip(&survey.weights[index]) {
                    *value = if *weight == 0.0 { harmless } else { *value };
                }
            }
        }
    }
}

/// Fills a channel of the gradient with `write`.
#[inline(always)]
pub(super) fn write<G: FieldMut>(
    gradient: &mut G,
    channel: usize,
    chunk: &Chunk,
    buffer: &mut [Stretch<G::Item>],
    write: impl FnOnce(&mut [Stretch<G::Item>]),
) {
    if let Some(slice) = slice_mut(gradient, channel, chunk) {
        return write(slice);
    }
    let buffer = &mut buffer[..chunk.stretches()];
    write(buffer);
    store(gradient, channel, chunk, buffer);
}

/// The numbers last written to a channel of the gradient.
#[inline(always)]
pub(super) fn read_back<'a, G: FieldMut>(
    gradient: &'a mut G,
    channel: usize,
    chunk: &Chunk,
    buffer: &'a mut [Stretch<G::Item>],
) -> &'a [Stretch<G::Item>] {
    let buffer = &mut buffer[..chunk.stretches()];
    if slice_mut(gradient, channel, chunk).is_none() {
        load(gradient, channel, chunk, buffer);
        return buffer;
    }
    slice_mut(gradient, channel, chunk).unwrap_or_default()
}

/// Changes a channel of the gradient in place with `change`.
#[inline(always)]
pub(super) fn rewrite<G: FieldMut>(
    gradient: &mut G,
    channel: usize,
    chunk: &Chunk,
    buffer: &mut [Stretch<G::Item>],
    change: impl FnOnce(&mut [Stretch<G::Item>]),
) {
    if let Some(slice) = slice_mut(gradient, channel, chunk) {
        return change(slice);
    }
    let buffer = &mut buffer[..chunk.stretches()];
    load(gradient, channel, chunk, buffer);
    change(buffer);
    store(gradient, channel, chunk, buffer);
}

/// A channel of the gradient as a slice, if it is contiguous and consists of whole stretches.
#[inline(always)]
fn slice_mut<'a, G: FieldMut>(
    gradient: &'a mut G,
    channel: usize,
    Chunk { sample, voxels }: &Chunk,
) -> Option<&'a mut [Stretch<G::Item>]> {
    let slice = gradient.slice_mut(*sample, channel, voxels.clone())?;
    let (stretches, rest) = slice.as_chunks_mut();
    rest.is_empty().then_some(stretches)
}

/// Copies a channel of the gradient to a buffer.
#[inline(always)]
pub(super) fn load<G: FieldMut>(
    gradient: &G,
    channel: usize,
    chunk: &Chunk,
    to: &mut [Stretch<G::Item>],
) {
    let to = &mut to.as_flattened_mut()[..chunk.voxels.len()];
    gradient.read(chunk.sample, channel, chunk.voxels.clone(), to);
}

/// Copies a buffer to a channel of the gradient.
#[inline(always)]
pub(super) fn store<G: FieldMut>(
    gradient: &mut G,
    channel: usize,
    chunk: &Chunk,
    values: &[Stretch<G::Item>],
) {
    let values = &values.as_flattened()[..chunk.voxels.len()];
    if let Some(slice) = gradient.slice_mut(chunk.sample, channel, chunk.voxels.clone()) {
        slice.copy_from_slice(values);
        return;
    }
    gradient.write(chunk.sample, channel, chunk.voxels.clone(), values);
}
