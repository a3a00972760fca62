//! The two sweeps over the voxels: one adds up the terms, the other writes the gradient.
//!
//! A sample is swept in chunks, which stay in the first cache while all classes look at them; a chunk in runs of stretches, each of
//! which lies inside of a class, outside of it, or across its border, and is left to a [`kernel`] for that. Terms
//! are added up in the precision of the prediction over a chunk, and in `f64` beyond.
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
    self, Given, Hard, Lanes, STRETCH, Slopes, Soft, Source, Stretch, Vectors, Worst,
};
use crate::{
    Class, ClassSums, Classes, Element, Error, Extent, Field, FieldMut, Float, Loss, Segmentation,
    Target,
};

/// How many stretches are swept for one class before the next one's turn.
const STRETCHES: usize = 16;

/// How many of logits, of which there is more to keep in the first cache.
const BLOCK: usize = 8;

/// Of how many classes of a softmax the exponentials are kept. Those of others are computed when they are needed.
const KEPT: usize = 7;

/// Room for a chunk.
type Room<T> = [Stretch<T>; STRETCHES];

/// Room for a chunk of logits.
type Block<T> = [Stretch<T>; BLOCK];

#[inline(always)]
fn block<T: Float>() -> Block<T> {
    [[T::default(); STRETCH]; BLOCK]
}

/// The arithmetic of a prediction's values.
type RealOf<P> = <<P as Field>::Item as Element>::Real;

/// Neighbouring voxels that are swept together.
pub(crate) struct Chunk {
    sample: usize,
    voxels: Range<usize>,
}

impl Chunk {
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
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let room = || [[T::default(); STRETCH]; STRETCHES];
        Self {
            survey: Survey::new(),
            rooms: Rooms {
                cover: Cover::new(),
                given: [room(), room()],
                logits: Logits::new(),
                collected: Collected::new(),
            },
            slopes: [room(), room()],
        }
    }
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// The chunks of a sample.
    #[inline(always)]
    pub(crate) fn chunks(&self, sample: usize) -> impl Iterator<Item = Chunk> + use<P, T, W, V> {
        let stretches = match self.activation {
            Activation::Identity => STRETCHES,
            Activation::Softmax | Activation::Sigmoid => BLOCK,
        };
        let len = stretches * STRETCH;
        let count = self.prediction.shape().voxels;
        (0..count).step_by(len).map(move |start| Chunk {
            sample,
            voxels: start..count.min(start + len),
        })
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
        self.survey(chunk, survey)?;
        let mut worst = Worst::none();
        if self.is_normalized() {
            self.normalize(chunk, survey, rooms, |z| worst.see(self.vectors, z));
        }
        for group in self.groups_of_classes() {
            self.prepare(group, chunk, survey, rooms, |z| worst.see(self.vectors, z));
            let parts = self.parts(group, chunk, survey, &rooms.given, &rooms.logits);
            for (&index, parts) in group.classes().iter().zip(parts) {
                let cover = &mut rooms.cover;
                self.cover(index, chunk, survey, cover);
                let (class, sums) = (classes.class(index), &mut sums[index]);
                let runs = Runs {
                    stretches: chunk.stretches(),
                    survey,
                    cover,
                };
                match parts {
                    Parts::Given(p) => {
                        runs.add(self.vectors, *loss, class, Given(p), sums, &mut worst);
                    }
                    Parts::FromLn(ln) => runs.add(self.vectors, *loss, class, ln, sums, &mut worst),
                }
            }
        }
        if worst.is_valid(self.activation) {
            Ok(())
        } else {
            self.check(chunk)
        }
    }

    /// Writes the gradient of a chunk.
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
            survey.counted = [Extent::None; STRETCHES];
            survey.complete = false;
        }
        if self.is_normalized() {
            self.normalize(chunk, survey, rooms, |_| {});
            rooms.collected = Collected::new();
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
    /// Adds the terms of the class to its sums, and checks what was given.
    fn add<const K: usize>(
        &self,
        vectors: impl Vectors,
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        sums: &mut ClassSums<f64, K>,
        worst: &mut Worst<T>,
    ) {
        let Survey {
            weights, voxels, ..
        } = self.survey;
        let mut chunk = ChunkSums::new();
        for (kind, run) in self.cover.runs(self.stretches) {
            let Some(Kind { covered, weighted }) = kind else {
                continue;
            };
            let (source, y) = (source.run(run.clone()), &self.cover.y[run.clone()]);
            let [inside, outside] = [Hard(true), Hard(false)];
            if weighted {
                let weights = &weights[run];
                let none = || ([Lanes::zero(); K], Lanes::zero());
                let (terms, target) = chunk.weighted.get_or_insert_with(none);
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
                let (len, terms) = (run.len(), &mut chunk.terms);
                macro_rules! add {
                    ($y:expr) => {
                        kernel::add(vectors, loss, class, source, $y, len, terms, worst)
                    };
                }
                match covered {
                    Extent::None => add!(outside),
                    Extent::Some => {
                        add!(Soft(y));
                        kernel::add_up(vectors, y, &mut chunk.target);
                    }
                    Extent::All => {
                        add!(inside);
                        sums.target += (len * STRETCH) as f64;
                    }
                }
            }
        }
        sums.voxels += voxels;
        vectors.run(
            #[inline(always)]
            || chunk.add_to(sums),
        );
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
    terms: [Lanes<T>; K],
    target: Lanes<T>,
    /// Those of the voxels that have a weight, if there are any.
    weighted: Option<([Lanes<f64>; K], Lanes<f64>)>,
}

impl<T: Float, const K: usize> ChunkSums<T, K> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            terms: [Lanes::zero(); K],
            target: Lanes::zero(),
            weighted: None,
        }
    }

    #[inline(always)]
    fn add_to(&self, sums: &mut ClassSums<f64, K>) {
        for (sum, lanes) in sums.terms.iter_mut().zip(&self.terms) {
            *sum += lanes.sum();
        }
        sums.target += self.target.sum();
        if let Some((terms, target)) = &self.weighted {
            for (sum, lanes) in sums.terms.iter_mut().zip(terms) {
                *sum += lanes.sum();
            }
            sums.target += target.sum();
        }
    }
}
