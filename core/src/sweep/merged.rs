//! Classes that are not annotated in a sample: their probabilities are part of the background's, and
//! they have a share in its gradient.

use super::{Chunk, RealOf};
use crate::kernel::Vectors;
use crate::{Element, Field, FieldMut, Float, Input, Real, Segmentation, Target};

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
        Chunk { sample, voxels }: &Chunk,
        merged: &mut [RealOf<P>],
    ) {
        if channel > 0 {
            let nothing = match self.input {
                Input::Probabilities => 0.0,
                Input::Softmax | Input::Sigmoid => -RealOf::<P>::MAX,
            };
            return merged.fill(Float::from_f64(nothing));
        }
        for (merged, voxel) in merged.iter_mut().zip(voxels.clone()) {
            let number = |channel| self.prediction.get(*sample, channel, voxel).real();
            *merged = match self.input {
                Input::Probabilities => members(annotated)
                    .map(number)
                    .fold(Float::ZERO, |sum, p| sum + p),
                Input::Softmax | Input::Sigmoid => {
                    let [largest, rest] = total(annotated, number);
                    largest + rest.ln_1p()
                }
            };
            let valid = |channel| self.is_valid(number(channel).to_f64());
            if !members(annotated).all(valid) {
                *merged = Float::from_f64(f64::NAN);
            }
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
        Chunk { sample, voxels }: &Chunk,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        for voxel in voxels.clone() {
            let number = |channel| self.prediction.get(*sample, channel, voxel).real();
            let of_all = gradient.get(*sample, 0, voxel);
            // Voxels that do not count may hold NaN.
            let is_zero = of_all == Float::ZERO;
            if self.input == Input::Probabilities || is_zero {
                for channel in members(annotated) {
                    gradient.set(*sample, channel, voxel, of_all);
                }
                continue;
            }
            let [largest, rest] = total(annotated, number);
            let of_all = of_all / rest.shift(1.0);
            for channel in members(annotated) {
                let e = (number(channel) - largest).exp();
                gradient.set(*sample, channel, voxel, of_all * e);
            }
        }
    }
}

/// The channels of the background and of the classes that are not annotated.
#[inline(always)]
fn members(annotated: &[bool]) -> impl Iterator<Item = usize> {
    let others = annotated.iter().enumerate().skip(1);
    let others = others.filter_map(|(channel, annotated)| (!annotated).then_some(channel));
    core::iter::once(0).chain(others)
}

/// The largest logit of the members, and Σ e^(z − largest) over the others.
#[inline(always)]
fn total<R: Float>(annotated: &[bool], number: impl Fn(usize) -> R) -> [R; 2] {
    let mut top = 0;
    for channel in members(annotated) {
        if number(channel) > number(top) {
            top = channel;
        }
    }
    let largest = number(top);
    let others = members(annotated).filter(|channel| *channel != top);
    let e = others.map(|channel| (number(channel) - largest).exp());
    [largest, e.fold(R::ZERO, |sum, e| sum + e)]
}
