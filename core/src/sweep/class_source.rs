//! From the given values to what the formulas see of each class, and back for the gradient.

use core::ops::Range;
use core::slice;

use super::channel;
use super::survey::Survey;
use super::{BLOCK_BUFFER, Block, Buffer, Chunk, OF_CLASSES, RealOf, Temporaries, block};
use crate::activation;
use crate::kernel::Vectors;
use crate::source::{FromLn, FromSoftmax};
use crate::stretch::{STRETCH, Stretch};
use crate::{Element, Field, FieldMut, Float, Input, Segmentation, Target};

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

/// Buffers for what is computed from the logits of a chunk.
pub(super) struct Logits<T> {
    p: Block<T>,
    complement: Block<T>,
    ln: Block<T>,
    ln_complement: Block<T>,
    softmax: Softmax<T>,
}

/// The numbers that the classes of a softmax share, and one number of each class: e^(z − largest)
/// first, then the slope with respect to ln p while the gradient is finished. Classes without a
/// place of their own take turns in the last place.
struct Softmax<T> {
    largest: Block<T>,
    rest: Block<T>,
    top: Block<T>,
    ln_total: Block<T>,
    of_classes: [Stretch<T>; OF_CLASSES + BLOCK_BUFFER],
}

impl<T: Float> Logits<T> {
    pub(super) const EMPTY: Self = Self {
        p: block(),
        complement: block(),
        ln: block(),
        ln_complement: block(),
        softmax: Softmax {
            largest: block(),
            rest: block(),
            top: block(),
            ln_total: block(),
            of_classes: [[T::ZERO; STRETCH]; OF_CLASSES + BLOCK_BUFFER],
        },
    };

    /// The numbers of a class of a softmax.
    #[inline(always)]
    pub(super) fn of_class(&mut self, class: usize, stretches: usize) -> &mut [Stretch<T>] {
        &mut self.softmax.of_classes[place(class, stretches)]
    }

    /// Sigmoid: p, 1 − p, ln p and ln(1 − p) from logits.
    #[inline(always)]
    fn sigmoid(&mut self, vectors: impl Vectors, z: &[Stretch<T>]) {
        let n = z.len();
        activation::sigmoid(
            vectors,
            z,
            &mut self.p[..n],
            &mut self.complement[..n],
            &mut self.ln[..n],
            &mut self.ln_complement[..n],
        );
    }
}

impl<T: Float> Softmax<T> {
    /// Writes e^(z − largest) of a class to its place.
    #[inline(always)]
    fn exponentiate(&mut self, vectors: impl Vectors, class: usize, z: &[Stretch<T>]) {
        let n = z.len();
        let e = &mut self.of_classes[place(class, n)];
        activation::exponentials(vectors, z, &self.largest[..n], e);
    }
}

/// The place of a class in the buffer.
#[inline(always)]
fn place(class: usize, stretches: usize) -> Range<usize> {
    let start = if has_place(class, stretches) {
        class * stretches
    } else {
        OF_CLASSES
    };
    start..start + stretches
}

/// Whether a class has a place of its own.
#[inline(always)]
pub(super) fn has_place(class: usize, stretches: usize) -> bool {
    class < OF_CLASSES / stretches
}

/// The sums over the classes of a softmax of the slopes h with respect to ln p.
pub(super) struct Collected<T> {
    /// The slope of the class with p > ½ at each voxel.
    most: Block<T>,
    /// The sum over the other classes.
    others: Block<T>,
}

impl<T: Float> Collected<T> {
    pub(super) const EMPTY: Self = Self {
        most: block(),
        others: block(),
    };

    /// Adds the slopes of a class.
    #[inline(always)]
    pub(super) fn add(&mut self, vectors: impl Vectors, folded: &[Stretch<T>], h: &[Stretch<T>]) {
        let n = h.len();
        let (most, others) = (&mut self.most[..n], &mut self.others[..n]);
        activation::collect(vectors, folded, h, most, others);
    }

    /// Turns the folded probabilities and the slopes of a class into the gradient with respect to its logits.
    #[inline(always)]
    pub(super) fn carry(&self, vectors: impl Vectors, h: &[Stretch<T>], folded: &mut [Stretch<T>]) {
        let n = h.len();
        activation::carry(vectors, h, &self.most[..n], &self.others[..n], folded);
    }
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// The classes, grouped for evaluation.
    #[inline(always)]
    pub(super) fn groups_of_classes(&self) -> impl Iterator<Item = Group> + use<P, T, W, V> {
        let pair = match (self.input, self.prediction.shape().channels) {
            (_, 1) => Some(Group::Foreground),
            (Input::Softmax, 2) => Some(Group::Difference),
            _ => None,
        };
        let count = pair.map_or(self.class_count(), |_| 1);
        (0..count).map(move |class| pair.unwrap_or(Group::One(class)))
    }

    /// Whether the prediction is a softmax over more than two classes.
    #[inline(always)]
    pub(super) fn is_normalized(&self) -> bool {
        self.input == Input::Softmax && self.prediction.shape().channels > 2
    }

    /// Computes what the classes of a softmax share. Calls `see` with the logits.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn normalize(
        &self,
        chunk: &Chunk,
        survey: &Survey,
        temporaries: &mut Temporaries<RealOf<P>>,
        mut see: impl FnMut(&[Stretch<RealOf<P>>]),
    ) {
        let n = chunk.stretches();
        let channels = self.prediction.shape().channels;
        let buffer = &mut temporaries.given[0];
        let softmax = &mut temporaries.logits.softmax;
        for channel in 0..channels {
            let z = self.read(channel, chunk, survey, buffer);
            see(z);
            let largest = &mut softmax.largest[..n];
            if channel == 0 {
                largest.copy_from_slice(z);
            } else {
                activation::raise(self.vectors, z, largest);
            }
        }
        let zeros = [Default::default(); STRETCH];
        softmax.rest[..n].fill(zeros);
        softmax.top[..n].fill(zeros);
        for channel in 0..channels {
            let z = self.read(channel, chunk, survey, buffer);
            softmax.exponentiate(self.vectors, channel, z);
            let e = &softmax.of_classes[place(channel, n)];
            let (rest, tops) = (&mut softmax.rest[..n], &mut softmax.top[..n]);
            activation::add_exponentials(self.vectors, e, rest, tops);
        }
        let (rest, top) = (&mut softmax.rest[..n], &mut softmax.top[..n]);
        activation::complete(self.vectors, rest, top, &mut softmax.ln_total[..n]);
    }

    /// Computes the [sources](Segmentation::sources) of a group. Calls `see` with the logits.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn prepare(
        &self,
        group: Group,
        chunk: &Chunk,
        survey: &Survey,
        temporaries: &mut Temporaries<RealOf<P>>,
        mut see: impl FnMut(&[Stretch<RealOf<P>>]),
    ) {
        let n = chunk.stretches();
        let Temporaries { given, logits, .. } = temporaries;
        let [buffer, other] = given;
        match (self.input, group) {
            (Input::Softmax, Group::One(class)) => {
                let z = self.read(class, chunk, survey, buffer);
                if !has_place(class, n) {
                    logits.softmax.exponentiate(self.vectors, class, z);
                }
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

    /// The input of the formulas for the classes of a [prepared](Segmentation::prepare) group.
    #[inline(always)]
    pub(super) fn sources<'a>(
        &'a self,
        group: Group,
        chunk: &Chunk,
        survey: &Survey,
        given: &'a [Buffer<RealOf<P>>; 2],
        logits: &'a Logits<RealOf<P>>,
    ) -> [ClassSource<'a, RealOf<P>>; 2] {
        let n = chunk.stretches();
        if self.input == Input::Probabilities {
            let [buffer, other] = given;
            let values = self.in_place(group.channel(), chunk, survey);
            return [values.unwrap_or(&buffer[..n]), &other[..n]].map(ClassSource::FromP);
        }
        if let (Input::Softmax, Group::One(class)) = (self.input, group) {
            let values = self.in_place(class, chunk, survey);
            let softmax = &logits.softmax;
            let source = ClassSource::FromSoftmax(FromSoftmax {
                z: values.unwrap_or(&given[0][..n]),
                e: &softmax.of_classes[place(class, n)],
                common: [
                    &softmax.largest[..n],
                    &softmax.rest[..n],
                    &softmax.top[..n],
                    &softmax.ln_total[..n],
                ],
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
        logits: &Logits<RealOf<P>>,
        buffer: &mut Buffer<RealOf<P>>,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        let n = chunk.stretches();
        channel::write(gradient, group.channel(), chunk, buffer, |out| {
            if self.is_normalized() {
                let softmax = &logits.softmax;
                let e = &softmax.of_classes[place(group.channel(), n)];
                let (rest, top) = (&softmax.rest[..n], &softmax.top[..n]);
                activation::fold_softmax(self.vectors, e, rest, top, out);
            } else {
                let (p, complement) = (&logits.p[..n], &logits.complement[..n]);
                activation::fold_pair(self.vectors, p, complement, out);
            }
        });
    }
}
