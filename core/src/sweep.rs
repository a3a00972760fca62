//! The two sweeps over the voxels: one adds up the terms, the other writes the gradient.
//!
//! A sample is swept in chunks, which stay in the first cache while all classes look at them; a chunk in runs of stretches, each of
//! which lies inside of a class, outside of it, or across its border, and is left to a [`kernel`] for that. Terms
//! are added up in the precision of the prediction over a chunk, and in `f64` beyond.
//!
//! Where memory is counted in kilobytes there is room for a part of a chunk at a time. Sums still go over to `f64` at the end of the
//! chunk, so the bits are the same.
//!
//! What is done here is decided once a run or once a chunk; the loops are in the kernels, which an adapter compiles for the
//! vectors of several processors.

mod channel;
mod parts;
mod survey;

use core::ops::Range;

use self::parts::{Collected, Group, Logits, Parts};
use self::survey::{Cover, Kind, Survey};
use crate::activation::Activation;
use crate::kernel::{
    self, Given, Hard, SMALL, STRETCH, Slopes, Soft, Source, Stretch, Sums, Vectors, Worst,
};
use crate::{
    Class, ClassSums, Classes, Element, Error, Extent, Field, FieldMut, Float, Loss, Segmentation,
    Target,
};

/// How many stretches are swept for one class before the next one's turn, and before their sums go over to `f64`.
const STRETCHES: usize = 16;

/// How many of logits, of which there is more to keep in the first cache.
const BLOCK: usize = 8;

/// How many stretches there is room for at once: all of a chunk, or one.
const ROOM: usize = if SMALL { 1 } else { STRETCHES };

/// How many of logits.
const BLOCK_ROOM: usize = if SMALL { 1 } else { BLOCK };

/// Of how many classes of a softmax the exponentials are kept. Those of others are computed when they are needed.
const KEPT: usize = if SMALL { 0 } else { 7 };

/// Room for a chunk, or a part of it.
type Room<T> = [Stretch<T>; ROOM];

/// Room for a chunk of logits, or a part of it.
type Block<T> = [Stretch<T>; BLOCK_ROOM];

/// An empty one.
const fn block<T: Float>() -> Block<T> {
    [[T::ZERO; STRETCH]; BLOCK_ROOM]
}

/// The arithmetic of a prediction's values.
type RealOf<P> = <<P as Field>::Item as Element>::Real;

/// Neighbouring voxels that are swept together: a chunk, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chunk {
    sample: usize,
    voxels: Range<usize>,
}

impl Chunk {
    /// Some of a sample's voxels, as many stretches at a time.
    #[inline(always)]
    fn of(sample: usize, voxels: Range<usize>, stretches: usize) -> impl Iterator<Item = Self> {
        let (len, end) = (stretches * STRETCH, voxels.end);
        voxels.step_by(len).map(move |start| Self {
            sample,
            voxels: start..end.min(start + len),
        })
    }

    /// How many stretches it has, the last of which may be shorter.
    #[inline(always)]
    fn stretches(&self) -> usize {
        self.voxels.len().div_ceil(STRETCH)
    }

    /// The voxels of a stretch.
    #[inline(always)]
    fn stretch(&self, index: usize) -> Range<usize> {
        let start = self.voxels.start + index * STRETCH;
        start..self.voxels.end.min(start + STRETCH)
    }
}

/// What is known of a chunk, in buffers that serve one chunk after the other.
pub(crate) struct Scratch<T> {
    survey: Survey,
    rooms: Rooms<T>,
    /// The slopes of the classes of a group, if they cannot be written to the gradient at once.
    slopes: [Room<T>; 2],
}

/// Buffers for what is computed.
struct Rooms<T> {
    cover: Cover<T>,
    /// What was given, and the complement or the other logits.
    given: [Room<T>; 2],
    logits: Logits<T>,
    collected: Collected<T>,
}

impl<T: Float> Scratch<T> {
    /// Bytes of 0, which a compiler writes where they are to be: what a function returned, it would copy.
    pub(crate) const EMPTY: Self = Self {
        survey: Survey::EMPTY,
        rooms: Rooms {
            cover: Cover::EMPTY,
            given: [[[T::ZERO; STRETCH]; ROOM]; 2],
            logits: Logits::EMPTY,
            collected: Collected::EMPTY,
        },
        slopes: [[[T::ZERO; STRETCH]; ROOM]; 2],
    };
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// How many stretches a chunk has, and for how many there is room.
    #[inline(always)]
    fn stretches(&self) -> [usize; 2] {
        match self.activation {
            Activation::Identity => [STRETCHES, ROOM],
            Activation::Softmax | Activation::Sigmoid => [BLOCK, BLOCK_ROOM],
        }
    }

    /// The chunks of a sample.
    #[inline(always)]
    pub(crate) fn chunks(&self, sample: usize) -> impl Iterator<Item = Chunk> + use<P, T, W, V> {
        let [stretches, _] = self.stretches();
        Chunk::of(sample, 0..self.prediction.shape().voxels, stretches)
    }

    /// The parts of a chunk that there is room for: one, as a rule.
    #[inline(always)]
    pub(crate) fn parts_of(&self, chunk: &Chunk) -> impl Iterator<Item = Chunk> + use<P, T, W, V> {
        let [_, stretches] = self.stretches();
        Chunk::of(chunk.sample, chunk.voxels.clone(), stretches)
    }

    /// Finds what all classes need of these voxels, if that is not what is known already, and shows `see` the logits.
    #[inline(always)]
    fn look_at(
        &self,
        part: &Chunk,
        survey: &mut Survey,
        rooms: &mut Rooms<RealOf<P>>,
        see: impl FnMut(&[Stretch<RealOf<P>>]),
    ) -> Result<(), Error> {
        if survey.is_of(part) {
            return Ok(());
        }
        self.survey(part, survey)?;
        if self.is_normalized() {
            self.normalize(part, survey, rooms, see);
        }
        Ok(())
    }

    /// Adds the terms of a chunk to the sums of each class.
    #[inline(always)]
    pub(crate) fn add_chunk<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        chunk: &Chunk,
        Scratch { survey, rooms, .. }: &mut Scratch<RealOf<P>>,
        sums: &mut [ClassSums<f64, K>],
    ) -> Result<(), Error> {
        let mut worst = Worst::none();
        let loss = *loss;
        for group in self.groups_of_classes() {
            let mut totals = [ChunkSums::EMPTY; 2];
            for part in self.parts_of(chunk) {
                self.look_at(&part, survey, rooms, |z| worst.see(self.vectors, z))?;
                self.prepare(group, &part, survey, rooms, |z| worst.see(self.vectors, z));
                let parts = self.parts(group, &part, survey, &rooms.given, &rooms.logits);
                for ((&index, parts), total) in group.classes().iter().zip(parts).zip(&mut totals) {
                    let cover = &mut rooms.cover;
                    self.cover(index, &part, survey, cover);
                    let class = classes.class(index);
                    let runs = Runs {
                        stretches: part.stretches(),
                        survey,
                        cover,
                    };
                    match parts {
                        Parts::Given(p) => {
                            runs.add(self.vectors, loss, class, Given(p), total, &mut worst);
                        }
                        // Never: so that a program for probabilities has no code for logits.
                        Parts::FromLn(_) if self.activation == Activation::Identity => {}
                        Parts::FromLn(ln) => {
                            runs.add(self.vectors, loss, class, ln, total, &mut worst);
                        }
                    }
                }
            }
            for (&index, total) in group.classes().iter().zip(&totals) {
                let sums = &mut sums[index];
                self.vectors.run(
                    #[inline(always)]
                    || total.add_to(sums),
                );
            }
        }
        if worst.is_valid(self.activation) {
            Ok(())
        } else {
            self.check(chunk)
        }
    }

    /// Writes the gradient of a part of a chunk.
    #[inline(always)]
    pub(crate) fn chunk_gradient<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        chunk: &Chunk,
        Scratch {
            survey,
            rooms,
            slopes: [own, other],
        }: &mut Scratch<RealOf<P>>,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        if self.survey(chunk, survey).is_err() {
            // The sums have found it, too: there is no gradient.
            survey.counted = [Extent::None; ROOM];
            survey.complete = false;
        }
        if self.is_normalized() {
            self.normalize(chunk, survey, rooms, |_| {});
            rooms.collected = Collected::EMPTY;
        }
        for group in self.groups_of_classes() {
            self.prepare(group, chunk, survey, rooms, |_| {});
            let Rooms {
                cover,
                given,
                logits,
                collected,
                ..
            } = rooms;
            let parts = self.parts(group, chunk, survey, given, logits);
            let mut slope = |slot: usize, out: &mut [Stretch<RealOf<P>>]| {
                let index = group.classes()[slot];
                self.cover(index, chunk, survey, cover);
                let (class, slopes) = (classes.class(index), Slopes::new(&slopes[index]));
                let runs = Runs {
                    stretches: chunk.stretches(),
                    survey,
                    cover,
                };
                match parts[slot] {
                    Parts::Given(p) => {
                        runs.slope(self.vectors, *loss, class, Given(p), slopes, out);
                    }
                    Parts::FromLn(ln) => runs.slope(self.vectors, *loss, class, ln, slopes, out),
                }
            };
            channel::write(gradient, group.channel(), chunk, own, |h| {
                slope(0, h);
                let other = &mut other[..h.len()];
                if let [_, _] = group.classes() {
                    slope(1, other);
                }
                self.combine(group, parts[0], h, other);
                if let Group::One(class) = group
                    && self.is_normalized()
                {
                    collected.add(self.vectors, logits, class, h);
                }
            });
            if let Group::Difference = group {
                channel::store(gradient, 0, chunk, other);
            }
        }
        if !self.is_normalized() {
            return;
        }
        let Rooms {
            given,
            logits,
            collected,
            ..
        } = rooms;
        for class in 0..self.class_count() {
            channel::rewrite(gradient, class, chunk, own, |h| {
                self.carry(class, chunk, survey, &mut given[0], logits, collected, h);
            });
        }
    }
}

/// The runs of stretches of a chunk that are alike for a class.
struct Runs<'a, T> {
    stretches: usize,
    survey: &'a Survey,
    cover: &'a Cover<T>,
}

impl<T: Float> Runs<'_, T> {
    /// Adds the terms of the class to its sums over the chunk, and checks what was given.
    fn add<const K: usize>(
        &self,
        vectors: impl Vectors,
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        chunk: &mut ChunkSums<T, K>,
        worst: &mut Worst<T>,
    ) {
        for (kind, run) in self.cover.runs(self.stretches) {
            let Some(Kind { covered, weighted }) = kind else {
                continue;
            };
            if SMALL {
                let weights = weighted.then_some(&self.survey.weights[0]);
                let sums = (&mut chunk.plain, chunk.weighted.get_or_insert(Sums::ZERO));
                let y = &self.cover.y[0];
                kernel::add_stretch(vectors, loss, class, source, y, weights, sums, worst);
                continue;
            }
            let (source, y) = (source.run(run.clone()), &self.cover.y[run.clone()]);
            let [inside, outside] = [Hard(true), Hard(false)];
            if weighted {
                let weights = &self.survey.weights[run];
                let Sums { terms, target } = chunk.weighted.get_or_insert(Sums::ZERO);
                macro_rules! add {
                    ($y:expr) => {
                        kernel::add_weighted(
                            vectors, loss, class, source, $y, weights, terms, worst,
                        )
                    };
                }
                match covered {
                    Extent::None => add!(outside),
                    Extent::Some => {
                        add!(Soft(y));
                        kernel::add_products(vectors, weights, y, target);
                    }
                    Extent::All => {
                        add!(inside);
                        kernel::add_up(vectors, weights, target);
                    }
                }
            } else {
                let (len, Sums { terms, target }) = (run.len(), &mut chunk.plain);
                macro_rules! add {
                    ($y:expr) => {
                        kernel::add(vectors, loss, class, source, $y, len, terms, worst)
                    };
                }
                match covered {
                    Extent::None => add!(outside),
                    Extent::Some => {
                        add!(Soft(y));
                        kernel::add_up(vectors, y, target);
                    }
                    Extent::All => {
                        add!(inside);
                        chunk.inside += (len * STRETCH) as f64;
                    }
                }
            }
        }
        chunk.voxels += self.survey.voxels;
    }

    /// Writes the slopes of the class by the variable of its source; 0 where nothing counts.
    fn slope<const K: usize>(
        &self,
        vectors: impl Vectors,
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        slopes: Slopes<T, K>,
        out: &mut [Stretch<T>],
    ) {
        for (kind, run) in self.cover.runs(self.stretches) {
            let out = &mut out[run.clone()];
            let Some(Kind { covered, weighted }) = kind else {
                out.fill([T::default(); STRETCH]);
                continue;
            };
            let (source, y) = (source.run(run.clone()), &self.cover.y[run.clone()]);
            macro_rules! slope {
                ($y:expr) => {
                    kernel::slope(vectors, loss, class, source, $y, slopes, out)
                };
            }
            match covered {
                _ if SMALL => slope!(Soft(y)),
                Extent::None => slope!(Hard(false)),
                Extent::Some => slope!(Soft(y)),
                Extent::All => slope!(Hard(true)),
            }
            if weighted {
                kernel::weigh(vectors, &self.survey.weights[run], out);
            }
        }
    }
}

/// The sums of one class over a chunk.
struct ChunkSums<T, const K: usize> {
    plain: Sums<T, K>,
    /// How many voxels lie in stretches that are inside of the class.
    inside: f64,
    /// The sum of all weights.
    voxels: f64,
    /// Those of the voxels that have a weight, if there are any.
    weighted: Option<Sums<f64, K>>,
}

impl<T: Float, const K: usize> ChunkSums<T, K> {
    const EMPTY: Self = Self {
        plain: Sums::ZERO,
        inside: 0.0,
        voxels: 0.0,
        weighted: None,
    };

    #[inline(always)]
    fn add_to(&self, sums: &mut ClassSums<f64, K>) {
        self.plain.add_to(sums);
        sums.target += self.inside;
        sums.voxels += self.voxels;
        if let Some(weighted) = &self.weighted {
            weighted.add_to(sums);
        }
    }
}
