//! Classes that are not annotated in a sample: their probabilities are part of the background's, and
//! they have a share in its gradient.

use core::ops::Range;

use super::{Chunk, RealOf};
use crate::kernel::{Vectors, kernels};
use crate::limits::ROUNDING;
use crate::stretch::{STRETCH, Stretch};
use crate::{Element, Field, FieldMut, Float, Input, Real, Segmentation, Target};

kernels! {
    /// Adds the probabilities of one more member. NaN where one is invalid.
    fn add_probabilities<T>(p: &Stretch<T>, sum: &mut Stretch<T>) {
        let [low, high, nan] = [-ROUNDING, 1.0 + ROUNDING, f64::NAN].map(T::from_f64);
        for i in 0..STRETCH {
            let is_valid = p[i] >= low && p[i] <= high;
            sum[i] = sum[i] + if is_valid { p[i] } else { nan };
        }
    }

    /// Adds the logits of one more member to their largest one, and to Σ e^(z − largest) over the
    /// others.
    fn add_logits<T>(z: &Stretch<T>, total: &mut Total<T>) {
        let Total { largest, rest, invalid } = total;
        for i in 0..STRETCH {
            let old = largest[i];
            let top = old.larger(z[i]);
            // One of the differences is 0.
            let e = exponential((old - top) + (z[i] - top));
            rest[i] = if z[i] > old { rest[i].shift(1.0) * e } else { rest[i] + e };
            largest[i] = top;
            // 0, or NaN for a logit that is not finite.
            invalid[i] = invalid[i] + z[i].scale(0.0);
        }
    }

    /// The logit of all members together. NaN where one is invalid.
    fn together<T>(total: &Total<T>, merged: &mut Stretch<T>) {
        let Total { largest, rest, invalid } = total;
        for i in 0..STRETCH {
            merged[i] = largest[i] + rest[i].ln_1p() + invalid[i];
        }
    }

    /// The gradient of a member, given that of all together.
    fn share<T>(z: &Stretch<T>, total: &Total<T>, of_all: &Stretch<T>, out: &mut Stretch<T>) {
        let Total { largest, rest, .. } = total;
        for i in 0..STRETCH {
            let share = exponential(z[i] - largest[i]) / rest[i].shift(1.0);
            // Voxels that do not count may hold NaN.
            out[i] = if of_all[i] == T::ZERO { T::ZERO } else { of_all[i] * share };
        }
    }
}

/// e^d of a difference d ≤ 0 of logits, which may have overflowed.
#[inline(always)]
fn exponential<T: Float>(difference: T) -> T {
    difference.clip(T::MAX / -64.0, 0.0).exp()
}

/// The logits of the members of the background at the voxels of a stretch.
pub(super) struct Total<T> {
    largest: Stretch<T>,
    /// Σ e^(z − largest) over the others.
    rest: Stretch<T>,
    /// 0, or NaN where one is not finite.
    invalid: Stretch<T>,
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// Whether a class is annotated in a sample.
    #[inline(always)]
    pub(super) fn is_annotated(&self, sample: usize, class: usize) -> bool {
        let annotated = self.target.annotated(sample);
        annotated.is_none_or(|annotated| annotated[class])
    }

    /// The annotated classes of a sample, if merging changes the numbers of this channel.
    #[inline(always)]
    pub(super) fn merging(&self, sample: usize, channel: usize) -> Option<&[bool]> {
        let annotated = self.target.annotated(sample)?;
        (channel == 0 || !annotated[channel]).then_some(annotated)
    }

    /// The numbers of a channel after merging: the probability of the background and of all classes
    /// that are not annotated, or its logit; next to nothing for these classes themselves. NaN where
    /// one of the numbers is invalid.
    #[inline(never)]
    pub(super) fn merge(
        &self,
        annotated: &[bool],
        channel: usize,
        chunk: &Chunk,
        merged: &mut [RealOf<P>],
    ) {
        if channel > 0 {
            let nothing = match self.input {
                Input::Probabilities => 0.0,
                Input::Softmax | Input::Sigmoid => -RealOf::<P>::MAX,
            };
            return merged.fill(Float::from_f64(nothing));
        }
        for (index, merged) in merged.chunks_mut(STRETCH).enumerate() {
            let voxels = chunk.stretch(index);
            let mut sum = [RealOf::<P>::ZERO; STRETCH];
            if self.input == Input::Probabilities {
                for channel in members(annotated) {
                    let p = self.stretch_of(chunk.sample, channel, &voxels);
                    add_probabilities(self.vectors, &p, &mut sum);
                }
            } else {
                let total = self.total_of(annotated, chunk.sample, &voxels);
                together(self.vectors, &total, &mut sum);
            }
            merged.copy_from_slice(&sum[..merged.len()]);
        }
    }

    /// Shares out the gradient of the background among the classes that are part of it.
    #[inline(always)]
    pub(crate) fn share_out(&self, chunk: &Chunk, gradient: &mut impl FieldMut<Item = RealOf<P>>) {
        if let Some(annotated) = self.target.annotated(chunk.sample) {
            self.share_out_among(annotated, chunk, gradient);
        }
    }

    #[inline(never)]
    fn share_out_among(
        &self,
        annotated: &[bool],
        chunk: &Chunk,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        let sample = chunk.sample;
        for index in 0..chunk.stretches() {
            let voxels = chunk.stretch(index);
            let len = voxels.len();
            let mut of_all = [RealOf::<P>::ZERO; STRETCH];
            gradient.read(sample, 0, voxels.clone(), &mut of_all[..len]);
            if self.input == Input::Probabilities {
                for channel in members(annotated) {
                    write(gradient, sample, channel, &voxels, &of_all[..len]);
                }
                continue;
            }
            let total = self.total_of(annotated, sample, &voxels);
            for channel in members(annotated) {
                let z = self.stretch_of(sample, channel, &voxels);
                let mut out = [RealOf::<P>::ZERO; STRETCH];
                share(self.vectors, &z, &total, &of_all, &mut out);
                write(gradient, sample, channel, &voxels, &out[..len]);
            }
        }
    }

    /// The logits of the background and of the classes that are not annotated.
    #[inline(always)]
    fn total_of(
        &self,
        annotated: &[bool],
        sample: usize,
        voxels: &Range<usize>,
    ) -> Total<RealOf<P>> {
        let zero = [Float::ZERO; STRETCH];
        let mut total = Total {
            largest: self.stretch_of(sample, 0, voxels),
            rest: zero,
            invalid: zero,
        };
        for i in 0..STRETCH {
            total.invalid[i] = total.largest[i].scale(0.0);
        }
        for channel in members(annotated).skip(1) {
            let z = self.stretch_of(sample, channel, voxels);
            add_logits(self.vectors, &z, &mut total);
        }
        total
    }

    /// The numbers of a channel at the voxels of a stretch.
    #[inline(always)]
    fn stretch_of(
        &self,
        sample: usize,
        channel: usize,
        voxels: &Range<usize>,
    ) -> Stretch<RealOf<P>> {
        let mut numbers = [Float::ZERO; STRETCH];
        let flat = &mut numbers[..voxels.len()];
        let prediction = &self.prediction;
        self.vectors.run(
            #[inline(always)]
            || prediction.read(sample, channel, voxels.clone(), flat, Element::real),
        );
        numbers
    }
}

/// Writes a channel of the gradient at these voxels.
#[inline(always)]
fn write<G: FieldMut>(
    gradient: &mut G,
    sample: usize,
    channel: usize,
    voxels: &Range<usize>,
    values: &[G::Item],
) {
    match gradient.slice_mut(sample, channel, voxels.clone()) {
        Some(slice) => slice.copy_from_slice(values),
        None => gradient.write(sample, channel, voxels.clone(), values),
    }
}

/// The channels of the background and of the classes that are not annotated.
#[inline(always)]
fn members(annotated: &[bool]) -> impl Iterator<Item = usize> {
    let others = annotated.iter().enumerate().skip(1);
    let others = others.filter_map(|(channel, annotated)| (!annotated).then_some(channel));
    core::iter::once(0).chain(others)
}
