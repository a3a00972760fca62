//! Classes that are not annotated in a sample: they are part of the background, which has the sum of
//! their probabilities, and they have a share in its gradient.

use super::data::Data;
use super::logits::Logits;
use super::softmax::Softmax;
use super::survey::Survey;
use super::{Chunk, Scratch, Sweep, channel};
use crate::activation;
use crate::kernel::{Vectors, kernels};
use crate::limits::ROUNDING;
use crate::stretch::{STRETCH, Stretch};
use crate::target::background;
use crate::{FieldMut, Float, Input};

kernels! {
    /// Adds the probabilities of one more channel. NaN where one is invalid.
    fn add_probabilities<T>(p: &[Stretch<T>], sum: &mut [Stretch<T>]) {
        let [low, high, nan] = [-ROUNDING, 1.0 + ROUNDING, f64::NAN].map(T::from_f64);
        for (p, sum) in p.iter().zip(sum) {
            for i in 0..STRETCH {
                let is_valid = p[i] >= low && p[i] <= high;
                sum[i] = sum[i] + if is_valid { p[i] } else { nan };
            }
        }
    }
}

/// Whether no class but the background is annotated.
#[inline(always)]
fn is_alone(annotated: &[bool]) -> bool {
    !annotated[1..].contains(&true)
}

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// Whether a class is annotated in a sample.
    #[inline(always)]
    pub(super) fn is_annotated(&self, sample: usize, class: usize) -> bool {
        let annotated = self.data.annotated(sample);
        annotated.is_none_or(|annotated| annotated[class])
    }

    /// Whether a class has several channels in a sample: the background, if some classes are not
    /// annotated.
    #[inline(always)]
    pub(super) fn is_merged(&self, sample: usize, class: usize) -> bool {
        class == 0 && self.data.annotated(sample).is_some()
    }

    /// Computes the logit of the background with all of its channels. Calls `see` with the logits of
    /// each.
    #[inline(never)]
    pub(super) fn merge_logits(
        &self,
        annotated: &[bool],
        chunk: &Chunk,
        survey: &Survey,
        logits: &mut Logits<D::Real>,
        buffer: &mut [Stretch<D::Real>],
        mut see: impl FnMut(&[Stretch<D::Real>]),
    ) {
        let Logits {
            softmax,
            background: merged,
            ..
        } = logits;
        let merged = &mut merged[..chunk.stretches()];
        if is_alone(annotated) {
            // Its probability is 1, whatever its logit.
            merged.fill([Float::ZERO; STRETCH]);
            for channel in background(annotated) {
                see(self.read(channel, chunk, survey, buffer));
            }
            return;
        }
        self.normalize_background(annotated, chunk, survey, softmax, buffer, see);
        softmax.ln_sum(self.vectors, merged);
    }

    /// Computes what the channels of the background share, as if there were no other class.
    #[inline(always)]
    fn normalize_background(
        &self,
        annotated: &[bool],
        chunk: &Chunk,
        survey: &Survey,
        softmax: &mut Softmax<D::Real>,
        buffer: &mut [Stretch<D::Real>],
        see: impl FnMut(&[Stretch<D::Real>]),
    ) {
        self.raise(background(annotated), chunk, survey, softmax, buffer, see);
        self.add(background(annotated), chunk, survey, softmax, buffer);
        softmax.complete(self.vectors, chunk.stretches());
    }

    /// Adds up the probabilities of the background's channels. `buffer` is room for one of them.
    #[inline(never)]
    pub(super) fn merge(
        &self,
        chunk: &Chunk,
        survey: &Survey,
        sum: &mut [Stretch<D::Real>],
        buffer: &mut [Stretch<D::Real>],
    ) {
        sum.fill([Float::ZERO; STRETCH]);
        for channel in background(self.data.annotated(chunk.sample).unwrap_or(&[])) {
            let p = self.read(channel, chunk, survey, buffer);
            add_probabilities(self.vectors, p, sum);
        }
        if !survey.complete {
            channel::replace_uncounted(survey, sum);
        }
    }

    /// Shares out the gradient of the background among its channels.
    #[inline(never)]
    pub(super) fn share_out(
        &self,
        annotated: &[bool],
        chunk: &Chunk,
        Scratch {
            survey,
            temporaries,
            slopes: [of_all, of_one],
        }: &mut Scratch<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        let n = chunk.stretches();
        let (of_all, buffer) = (&mut of_all[..n], &mut temporaries.given[0]);
        channel::load(gradient, 0, chunk, of_all);
        // The gradient of logits is 0 where the probability is 1.
        if self.input == Input::Probabilities || is_alone(annotated) {
            for channel in background(annotated).skip(1) {
                channel::store(gradient, channel, chunk, of_all);
            }
            return;
        }
        let softmax = &mut temporaries.logits.softmax;
        self.normalize_background(annotated, chunk, survey, softmax, buffer, |_| {});
        for channel in background(annotated) {
            let z = self.read(channel, chunk, survey, buffer);
            softmax.recall(self.vectors, channel, z);
            let (e, [_, _, top, _]) = (softmax.of_class(channel, n), softmax.shared(n));
            channel::write(gradient, channel, chunk, of_one, |out| {
                activation::share(self.vectors, e, top, of_all, out);
            });
        }
    }
}
