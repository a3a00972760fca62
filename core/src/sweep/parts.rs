//! From what was given to what the formulas see of each class, and back for the gradient.

use core::slice;

use super::survey::Survey;
use super::{Block, Chunk, KEPT, RealOf, Room, Rooms, block};
use crate::activation::{self, Activation};
use crate::kernel::{FromLn, STRETCH, Stretch, Vectors};
use crate::{Element, Field, Float, Segmentation, Target};

/// The classes that are evaluated together: one, or the foreground and the background of one number.
#[derive(Clone, Copy)]
pub(super) enum Group {
    /// A class with a channel of its own.
    One(usize),
    /// Class 1 and class 0, from the one channel there is.
    Foreground,
    /// Class 1 and class 0, from the difference of their logits.
    Difference,
}

impl Group {
    /// The classes, the foreground first.
    #[inline(always)]
    pub(super) fn classes(&self) -> &[usize] {
        match self {
            Self::One(class) => slice::from_ref(class),
            Self::Foreground | Self::Difference => &[1, 0],
        }
    }

    /// The channel that the first class is written to.
    #[inline(always)]
    pub(super) fn channel(self) -> usize {
        match self {
            Self::One(class) => class,
            Self::Foreground => 0,
            Self::Difference => 1,
        }
    }
}

/// What the formulas see of a class over a chunk.
#[derive(Clone, Copy)]
pub(super) enum Parts<'a, T> {
    /// Its probabilities.
    Given(&'a [Stretch<T>]),
    /// Its p, 1 − p and ln p.
    FromLn(FromLn<'a, T>),
}

/// Room for what is computed of the logits of a chunk.
pub(super) struct Logits<T> {
    p: Block<T>,
    complement: Block<T>,
    ln: Block<T>,
    ln_complement: Block<T>,
    softmax: Softmax<T>,
}

/// What the classes of a softmax have in common, and e^(z − largest) of the first of them; that of others takes the last place.
struct Softmax<T> {
    largest: Block<T>,
    rest: Block<T>,
    share: Block<T>,
    ln_total: Block<T>,
    exponentials: [Block<T>; KEPT + 1],
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
            share: block(),
            ln_total: block(),
            exponentials: [block(); KEPT + 1],
        },
    };

    /// p, 1 − p, ln p and ln(1 − p) from logits, by sigmoid.
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

    /// p, 1 − p and ln p of a class of a softmax from its logits.
    #[inline(always)]
    fn softmax(&mut self, vectors: impl Vectors, class: usize, z: &[Stretch<T>]) {
        let n = z.len();
        if class >= KEPT {
            self.softmax.exponentiate(vectors, class, z);
        }
        let softmax = &self.softmax;
        let (rest, share) = (&softmax.rest[..n], &softmax.share[..n]);
        let (p, complement) = (&mut self.p[..n], &mut self.complement[..n]);
        let e = softmax.exponentials(class, n);
        activation::shares(vectors, e, rest, share, p, complement);
        let (largest, ln_total) = (&softmax.largest[..n], &softmax.ln_total[..n]);
        activation::logarithms(vectors, z, largest, ln_total, &mut self.ln[..n]);
    }
}

impl<T: Float> Softmax<T> {
    /// Fills the place of a class with its e^(z − largest).
    #[inline(always)]
    fn exponentiate(&mut self, vectors: impl Vectors, class: usize, z: &[Stretch<T>]) {
        let n = z.len();
        let e = &mut self.exponentials[class.min(KEPT)][..n];
        activation::exponentials(vectors, z, &self.largest[..n], e);
    }

    /// The e^(z − largest) of a class: one of the first, or the last that was computed.
    #[inline(always)]
    fn exponentials(&self, class: usize, stretches: usize) -> &[Stretch<T>] {
        &self.exponentials[class.min(KEPT)][..stretches]
    }
}

/// The sums of the slopes h by ln p of all classes of a softmax.
pub(super) struct Collected<T> {
    /// Of the likeliest class of each voxel.
    top: Block<T>,
    /// Of its others.
    others: Block<T>,
}

impl<T: Float> Collected<T> {
    pub(super) const EMPTY: Self = Self {
        top: block(),
        others: block(),
    };

    /// Adds the slopes of a class.
    #[inline(always)]
    pub(super) fn add(
        &mut self,
        vectors: impl Vectors,
        logits: &Logits<T>,
        class: usize,
        h: &[Stretch<T>],
    ) {
        let n = h.len();
        let e = logits.softmax.exponentials(class, n);
        let (top, others) = (&mut self.top[..n], &mut self.others[..n]);
        activation::collect(vectors, e, h, top, others);
    }

    /// From the slopes of a class to the gradient by its logits.
    #[inline(always)]
    pub(super) fn carry(
        &self,
        vectors: impl Vectors,
        logits: &Logits<T>,
        class: usize,
        h: &mut [Stretch<T>],
    ) {
        let n = h.len();
        let softmax = &logits.softmax;
        let (rest, share) = (&softmax.rest[..n], &softmax.share[..n]);
        let (top, others) = (&self.top[..n], &self.others[..n]);
        let e = softmax.exponentials(class, n);
        activation::carry(vectors, e, rest, share, top, others, h);
    }
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    #[inline(always)]
    pub(super) fn class_count(&self) -> usize {
        self.prediction.shape().channels.max(2)
    }

    /// The groups of classes.
    #[inline(always)]
    pub(super) fn groups_of_classes(&self) -> impl Iterator<Item = Group> + use<P, T, W, V> {
        let pair = match (self.activation, self.prediction.shape().channels) {
            (_, 1) => Some(Group::Foreground),
            (Activation::Softmax, 2) => Some(Group::Difference),
            _ => None,
        };
        let count = pair.map_or(self.class_count(), |_| 1);
        (0..count).map(move |class| pair.unwrap_or(Group::One(class)))
    }

    /// Whether the classes are those of a softmax of more than two.
    #[inline(always)]
    pub(super) fn is_normalized(&self) -> bool {
        self.activation == Activation::Softmax && self.prediction.shape().channels > 2
    }

    /// Finds what the classes of a softmax have in common, and shows `see` the logits.
    #[inline(always)]
    pub(super) fn normalize(
        &self,
        chunk: &Chunk,
        survey: &Survey,
        rooms: &mut Rooms<RealOf<P>>,
        mut see: impl FnMut(&[Stretch<RealOf<P>>]),
    ) {
        let n = chunk.stretches();
        let channels = self.prediction.shape().channels;
        let room = &mut rooms.given[0];
        let softmax = &mut rooms.logits.softmax;
        for channel in 0..channels {
            let z = self.read(channel, chunk, survey, room);
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
        softmax.share[..n].fill(zeros);
        for channel in 0..channels {
            let z = self.read(channel, chunk, survey, room);
            softmax.exponentiate(self.vectors, channel, z);
            let e = &softmax.exponentials[channel.min(KEPT)][..n];
            let (rest, tops) = (&mut softmax.rest[..n], &mut softmax.share[..n]);
            activation::add_exponentials(self.vectors, e, rest, tops);
        }
        let (rest, share) = (&mut softmax.rest[..n], &mut softmax.share[..n]);
        activation::complete(self.vectors, rest, share, &mut softmax.ln_total[..n]);
    }

    /// Computes the [parts](Segmentation::parts) of a group, and shows `see` the logits.
    #[inline(always)]
    pub(super) fn prepare(
        &self,
        group: Group,
        chunk: &Chunk,
        survey: &Survey,
        rooms: &mut Rooms<RealOf<P>>,
        mut see: impl FnMut(&[Stretch<RealOf<P>>]),
    ) {
        let n = chunk.stretches();
        let Rooms { given, logits, .. } = rooms;
        let [room, other] = given;
        match (self.activation, group) {
            (Activation::Softmax, Group::One(class)) => {
                let z = self.read(class, chunk, survey, room);
                logits.softmax(self.vectors, class, z);
            }
            (Activation::Softmax, _) => {
                let background = self.read(0, chunk, survey, other);
                see(background);
                self.gather(1, chunk, survey, room);
                let z = &mut room[..n];
                see(z);
                activation::subtract(self.vectors, z, background);
                logits.sigmoid(self.vectors, z);
            }
            (activation, _) => {
                let values = self.read(group.channel(), chunk, survey, room);
                if activation == Activation::Sigmoid {
                    see(values);
                    logits.sigmoid(self.vectors, values);
                } else if let Group::Foreground = group {
                    activation::complement(self.vectors, values, &mut other[..n]);
                }
            }
        }
    }

    /// What the formulas see of the classes of a group that was [prepared](Segmentation::prepare).
    #[inline(always)]
    pub(super) fn parts<'a>(
        &'a self,
        group: Group,
        chunk: &Chunk,
        survey: &Survey,
        given: &'a [Room<RealOf<P>>; 2],
        logits: &'a Logits<RealOf<P>>,
    ) -> [Parts<'a, RealOf<P>>; 2] {
        let n = chunk.stretches();
        if self.activation == Activation::Identity {
            let [room, other] = given;
            let values = self.in_place(group.channel(), chunk, survey);
            return [values.unwrap_or(&room[..n]), &other[..n]].map(Parts::Given);
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
        [own, other].map(Parts::FromLn)
    }

    /// From the slopes h of a group's classes by p or ln p to the gradient by what was given, of class 1 and class 0 if there are
    /// two; of a softmax over more than two classes, that is left for [`Collected::carry`].
    #[inline(always)]
    pub(super) fn combine(
        &self,
        group: Group,
        parts: Parts<'_, RealOf<P>>,
        h: &mut [Stretch<RealOf<P>>],
        other: &mut [Stretch<RealOf<P>>],
    ) {
        match (parts, group) {
            (Parts::Given(_), Group::One(_)) => {}
            (Parts::Given(_), _) => activation::subtract(self.vectors, h, other),
            (Parts::FromLn(_), Group::One(_)) if self.activation == Activation::Softmax => {}
            (Parts::FromLn(FromLn { complement, .. }), Group::One(_)) => {
                activation::carry_one(self.vectors, complement, h);
            }
            (Parts::FromLn(FromLn { p, complement, .. }), _) => {
                activation::carry_pair(self.vectors, p, complement, h, other);
            }
        }
    }

    /// Carries the slopes by ln p of a class of a softmax, which were [collected](Collected::add), over to its logits.
    #[inline(always)]
    #[expect(
        clippy::too_many_arguments,
        reason = "of what, from what, and where to"
    )]
    pub(super) fn carry(
        &self,
        class: usize,
        chunk: &Chunk,
        survey: &Survey,
        room: &mut Room<RealOf<P>>,
        logits: &mut Logits<RealOf<P>>,
        collected: &Collected<RealOf<P>>,
        h: &mut [Stretch<RealOf<P>>],
    ) {
        if class >= KEPT {
            let z = self.read(class, chunk, survey, room);
            logits.softmax.exponentiate(self.vectors, class, z);
        }
        collected.carry(self.vectors, logits, class, h);
    }
}
