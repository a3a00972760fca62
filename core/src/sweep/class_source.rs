//! From the given values to what the formulas see of each class, and back for the gradient.

use core::slice;

use super::channel;
use super::data::Data;
use super::logits::Logits;
use super::softmax::Softmax;
use super::survey::Survey;
use super::{Buffer, Chunk, Sweep, Temporaries, block};
use crate::activation;
use crate::kernel::Vectors;
use crate::source::{FromLn, FromSoftmax};
use crate::stretch::Stretch;
use crate::{FieldMut, Input};

/// The classes that are evaluated together: a single one, or foreground and background of one
/// number.
#[derive(Clone, Copy)]
pub(super) enum Group {
    /// A class with its own channel.
    One(usize),
    /// Classes 1 and 0, from a single channel.
    Foreground,
    /// Classes 1 and 0, from the difference of their logits.
    Difference,
}

impl Group {
    /// The classes, foreground first.
    #[inline(always)]
    pub(super) fn classes(&self) -> &[usize] {
        match self {
            Self::One(class) => slice::from_ref(class),
            Self::Foreground | Self::Difference => &[1, 0],
        }
    }

    /// The channel of the first class in the gradient.
    #[inline(always)]
    pub(super) fn channel(self) -> usize {
        match self {
            Self::One(class) => class,
            Self::Foreground => 0,
            Self::Difference => 1,
        }
    }
}

/// The input of the formulas for a class over a chunk.
#[derive(Clone, Copy)]
pub(super) enum ClassSource<'a, T> {
    /// Its probabilities.
    FromP(&'a [Stretch<T>]),
    /// p, 1 − p and ln p.
    FromLn(FromLn<'a, T>),
    /// The numbers from which p, 1 − p and ln p are computed.
    FromSoftmax(FromSoftmax<'a, T>),
}

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// The annotated classes of a sample, grouped for evaluation.
    #[inline(always)]
    pub(super) fn groups_of_classes(&self, sample: usize) -> impl Iterator<Item = Group> {
        let pair = match (self.input, self.shape.channels) {
            (_, 1) => Some(Group::Foreground),
            (Input::Softmax, 2) if !self.is_normalized(sample) => Some(Group::Difference),
            _ => None,
        };
        let count = pair.map_or(self.class_count(), |_| 1);
        let classes = (0..count).filter(move |class| self.is_annotated(sample, *class));
        classes.map(move |class| pair.unwrap_or(Group::One(class)))
    }

    /// Whether the prediction is evaluated as a softmax of any number of classes.
    #[inline(always)]
    pub(super) fn is_normalized(&self, sample: usize) -> bool {
        self.input == Input::Softmax && (self.shape.channels > 2 || self.is_merged(sample, 0))
    }

    /// Computes what the annotated classes of a softmax share. Calls `see` with the logits of each
    /// channel.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn normalize(
        &self,
        chunk: &Chunk,
        survey: &Survey,
        temporaries: &mut Temporaries<D::Real>,
        mut see: impl FnMut(&[Stretch<D::Real>]),
    ) {
        let n = chunk.stretches();
        let (buffer, logits) = (&mut temporaries.given[0], &mut temporaries.logits);
        let annotated = self.data.annotated(chunk.sample);
        if let Some(annotated) = annotated {
            self.merge_logits(annotated, chunk, survey, logits, buffer, &mut see);
            logits.softmax.begin(&logits.background[..n]);
        }
        // The background's channels are merged.
        let is_own =
            |class: &usize| annotated.is_none_or(|annotated| *class > 0 && annotated[*class]);
        let own = (0..self.class_count()).filter(is_own);
        let softmax = &mut logits.softmax;
        self.raise(own.clone(), chunk, survey, softmax, buffer, see);
        if annotated.is_some() {
            softmax.add(self.vectors, 0, &logits.background[..n]);
        }
        self.add(own, chunk, survey, softmax, buffer);
        softmax.complete(self.vectors, n);
    }

    /// Raises a softmax's largest logit to those of these channels; channel 0, which comes first, begins
    /// the softmax. Calls `see` with the logits of each.
    #[inline(always)]
    pub(super) fn raise(
        &self,
        channels: impl Iterator<Item = usize>,
        chunk: &Chunk,
        survey: &Survey,
        softmax: &mut Softmax<D::Real>,
        buffer: &mut [Stretch<D::Real>],
        mut see: impl FnMut(&[Stretch<D::Real>]),
    ) {
        for channel in channels {
            let z = self.read(channel, chunk, survey, buffer);
            see(z);
            if channel == 0 {
                softmax.begin(z);
            } else {
                softmax.raise(self.vectors, z);
            }
        }
    }

    /// Adds channels to a softmax, once the largest logit is known.
    #[inline(always)]
    pub(super) fn add(
        &self,
        channels: impl Iterator<Item = usize>,
        chunk: &Chunk,
        survey: &Survey,
        softmax: &mut Softmax<D::Real>,
        buffer: &mut [Stretch<D::Real>],
    ) {
        for channel in channels {
            let z = self.read(channel, chunk, survey, buffer);
            softmax.add(self.vectors, channel, z);
        }
    }

    /// The logits of an annotated class.
    #[inline(always)]
    pub(super) fn logits<'a>(
        &'a self,
        class: usize,
        chunk: &Chunk,
        survey: &Survey,
        background: &'a [Stretch<D::Real>],
        buffer: &'a mut [Stretch<D::Real>],
    ) -> &'a [Stretch<D::Real>] {
        if self.is_merged(chunk.sample, class) {
            return &background[..chunk.stretches()];
        }
        self.read(class, chunk, survey, buffer)
    }

    /// Computes the [sources](Sweep::sources) of a group. Calls `see` with the logits.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn prepare(
        &self,
        group: Group,
        chunk: &Chunk,
        survey: &Survey,
        temporaries: &mut Temporaries<D::Real>,
        mut see: impl FnMut(&[Stretch<D::Real>]),
    ) {
        let n = chunk.stretches();
        let Temporaries { given, logits, .. } = temporaries;
        let [buffer, other] = given;
        match (self.input, group) {
            (Input::Softmax, Group::One(class)) => {
                let z = self.logits(class, chunk, survey, &logits.background, buffer);
                logits.softmax.recall(self.vectors, class, z);
            }
            (Input::Softmax, _) => {
                let background = self.read(0, chunk, survey, other);
                see(background);
                let foreground = self.read(1, chunk, survey, buffer);
                see(foreground);
                let mut z = block();
                let z = &mut z[..n];
                activation::difference(self.vectors, foreground, background, z);
                logits.sigmoid(self.vectors, z);
            }
            (Input::Probabilities, Group::One(class)) if self.is_merged(chunk.sample, class) => {
                self.merge(chunk, survey, &mut buffer[..n], other);
            }
            (input, _) => {
                let values = self.read(group.channel(), chunk, survey, buffer);
                if input == Input::Sigmoid {
                    see(values);
                    logits.sigmoid(self.vectors, values);
                } else if let Group::Foreground = group {
                    activation::complement(self.vectors, values, &mut other[..n]);
                }
            }
        }
    }

    /// The input of the formulas for the classes of a [prepared](Sweep::prepare) group.
    #[inline(always)]
    pub(super) fn sources<'a>(
        &'a self,
        group: Group,
        chunk: &Chunk,
        survey: &Survey,
        given: &'a [Buffer<D::Real>; 2],
        logits: &'a Logits<D::Real>,
    ) -> [ClassSource<'a, D::Real>; 2] {
        let n = chunk.stretches();
        let is_merged = self.is_merged(chunk.sample, group.channel());
        if self.input == Input::Probabilities {
            let [buffer, other] = given;
            let values = match is_merged {
                true => None,
                false => self.in_place(group.channel(), chunk, survey),
            };
            return [values.unwrap_or(&buffer[..n]), &other[..n]].map(ClassSource::FromP);
        }
        if let (Input::Softmax, Group::One(class)) = (self.input, group) {
            let values = match is_merged {
                true => Some(&logits.background[..n]),
                false => self.in_place(class, chunk, survey),
            };
            let source = ClassSource::FromSoftmax(FromSoftmax {
                z: values.unwrap_or(&given[0][..n]),
                e: logits.softmax.of_class(class, n),
                common: logits.softmax.shared(n),
            });
            return [source; 2];
        }
        let (p, complement) = (&logits.p[..n], &logits.complement[..n]);
        let own = FromLn {
            p,
            complement,
            ln: &logits.ln[..n],
        };
        let other = FromLn {
            p: complement,
            complement: p,
            ln: &logits.ln_complement[..n],
        };
        [own, other].map(ClassSource::FromLn)
    }

    /// Stores the [folded](crate::fold::fold) probabilities of a group's first class in its channel of
    /// the gradient.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn keep_folded(
        &self,
        group: Group,
        chunk: &Chunk,
        logits: &Logits<D::Real>,
        buffer: &mut Buffer<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        let n = chunk.stretches();
        channel::write(gradient, group.channel(), chunk, buffer, |out| {
            if self.is_normalized(chunk.sample) {
                let e = logits.softmax.of_class(group.channel(), n);
                let [_, rest, top, _] = logits.softmax.shared(n);
                activation::fold_softmax(self.vectors, e, rest, top, out);
            } else {
                let (p, complement) = (&logits.p[..n], &logits.complement[..n]);
                activation::fold_pair(self.vectors, p, complement, out);
            }
        });
    }
}
