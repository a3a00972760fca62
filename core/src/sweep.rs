//! The two sweeps over the voxels: one adds up the terms and leaves in the gradient's memory what the other one makes the gradient of.
//!
//! A sample is swept in chunks, which stay in the first cache while all classes look at them; a chunk in runs of stretches, each of
//! which lies inside of a class, outside of it, or across its border, and is left to a [kernel](crate::kernel) for that. Terms
//! are added up in the precision of the prediction over a chunk, and in `f64` beyond.
//!
//! Where memory is counted in kilobytes there is room for a part of a chunk at a time. Sums still go over to `f64` at the end of the
//! chunk, so the bits are the same.
//!
//! What is done here is decided once a run or once a chunk; the loops are in the kernels, which an adapter compiles for the
//! vectors of several processors.

mod channel;
mod finish;
mod parts;
mod runs;
mod survey;

use core::ops::Range;

use self::parts::{Collected, Group, Logits, Parts};
use self::runs::{ChunkSums, Runs};
use self::survey::{Cover, Survey};
use crate::Input;
use crate::form::Plan;
use crate::kernel::{Derivatives, Nothing, Vectors, Worst};
use crate::source::Given;
use crate::stretch::{SMALL, STRETCH, Stretch};
use crate::{
    Class, ClassSums, Classes, Element, Error, Field, FieldMut, Float, Loss, Segmentation, Target,
};

/// How many stretches are swept for one class before the next one's turn, and before their sums go over to `f64`.
const STRETCHES: usize = 64;

/// How many of logits, of which there is more to keep in the first cache.
const BLOCK: usize = 8;

/// How many stretches there is room for at once: all of a chunk, or one.
const ROOM: usize = if SMALL { 1 } else { STRETCHES };

/// How many of logits.
const BLOCK_ROOM: usize = if SMALL { 1 } else { BLOCK };

/// How many stretches all classes of a softmax have together, as long as each has one: their numbers stay in the second cache.
const OF_ALL: usize = 512;

/// For how many of these there is room.
const OF_CLASSES: usize = if SMALL { 0 } else { OF_ALL };

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

/// The memory that the sweeps work in: 270 kB for `f32` and 500 kB for `f64`, or a few kilobytes without an operating system.
///
/// It holds nothing between two calls, and serves any number of them. [`forward`](Segmentation::forward) has an example; methods that take no
/// workspace have one on the stack.
pub struct Workspace<T>(Scratch<T>);

impl<T: Float> Workspace<T> {
    /// Memory for predictions of this precision.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(Scratch::EMPTY)
    }

    /// Its buffers, for another prediction.
    #[inline(always)]
    pub(crate) fn scratch(&mut self) -> &mut Scratch<T> {
        self.0.survey.forget();
        &mut self.0
    }
}

impl<T: Float> Default for Workspace<T> {
    fn default() -> Self {
        Self::new()
    }
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
        match self.input {
            Input::Probabilities => [STRETCHES, ROOM],
            Input::Softmax if self.is_normalized() => {
                let of_each = OF_ALL / self.class_count();
                [of_each.clamp(1, BLOCK), BLOCK_ROOM]
            }
            Input::Softmax | Input::Sigmoid => [BLOCK, BLOCK_ROOM],
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
    #[cfg_attr(target_os = "none", inline(always))]
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

    /// Adds the terms of a chunk to the sums of each class, and leaves in the memory of the gradient what
    /// [`finish`](Segmentation::finish) needs.
    #[inline(always)]
    pub(crate) fn add_chunk<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        chunk: &Chunk,
        Scratch {
            survey,
            rooms,
            slopes: [room, _],
        }: &mut Scratch<RealOf<P>>,
        sums: &mut [ClassSums<f64, K>],
        mut gradient: Option<&mut impl FieldMut<Item = RealOf<P>>>,
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
                    let runs = Runs { survey, cover };
                    match parts {
                        Parts::Given(p) => {
                            let p = Given(p);
                            match gradient.as_deref_mut() {
                                Some(gradient) if kept(&loss, &class, group) == Some(1) => {
                                    channel::write(gradient, index, &part, room, |kept| {
                                        runs.add(
                                            self.vectors,
                                            loss,
                                            class,
                                            p,
                                            Derivatives,
                                            kept,
                                            total,
                                            &mut worst,
                                        );
                                    });
                                }
                                _ => runs.add(
                                    self.vectors,
                                    loss,
                                    class,
                                    p,
                                    Nothing,
                                    &mut [],
                                    total,
                                    &mut worst,
                                ),
                            }
                        }
                        // Never: so that a program for probabilities has no code for logits.
                        Parts::FromLn(_) | Parts::FromSoftmax(_)
                            if self.input == Input::Probabilities => {}
                        Parts::FromLn(ln) => {
                            runs.add(
                                self.vectors,
                                loss,
                                class,
                                ln,
                                Nothing,
                                &mut [],
                                total,
                                &mut worst,
                            );
                        }
                        Parts::FromSoftmax(softmax) => {
                            runs.add(
                                self.vectors,
                                loss,
                                class,
                                softmax,
                                Nothing,
                                &mut [],
                                total,
                                &mut worst,
                            );
                        }
                    }
                }
                if let Some(gradient) = gradient.as_deref_mut()
                    && self.input != Input::Probabilities
                {
                    self.keep_shares(group, &part, &rooms.logits, room, gradient);
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
        if worst.is_valid(self.input) {
            Ok(())
        } else {
            self.check(chunk)
        }
    }

    /// Keeps for the gradient of a part of a chunk what [`add_chunk`](Segmentation::add_chunk) keeps.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn keep_chunk<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        chunk: &Chunk,
        scratch: &mut Scratch<RealOf<P>>,
        gradient: &mut impl FieldMut<Item = RealOf<P>>,
    ) {
        let Scratch {
            survey,
            rooms,
            slopes: [room, _],
        } = scratch;
        self.survey_again(chunk, survey);
        if self.is_normalized() {
            self.normalize(chunk, survey, rooms, |_| {});
        }
        for group in self.groups_of_classes() {
            let index = group.channel();
            let class = classes.class(index);
            if self.input != Input::Probabilities {
                self.prepare(group, chunk, survey, rooms, |_| {});
                self.keep_shares(group, chunk, &rooms.logits, room, gradient);
            } else if kept(loss, &class, group) == Some(1) {
                self.prepare(group, chunk, survey, rooms, |_| {});
                self.cover(index, chunk, survey, &mut rooms.cover);
                let runs = Runs {
                    survey,
                    cover: &rooms.cover,
                };
                let parts = self.parts(group, chunk, survey, &rooms.given, &rooms.logits);
                if let [Parts::Given(p), _] = parts {
                    channel::write(gradient, index, chunk, room, |kept| {
                        runs.keep(self.vectors, *loss, class, Given(p), kept);
                    });
                }
            }
        }
    }

    /// Finds again what the sweep of the sums has found.
    #[cfg_attr(target_os = "none", inline(always))]
    fn survey_again(&self, chunk: &Chunk, survey: &mut Survey) {
        if !survey.is_of(chunk) && self.survey(chunk, survey).is_err() {
            // The sums have found it, too: there is no gradient.
            survey.count_nothing(chunk);
        }
    }
}

/// How many numbers are kept for the gradient at each voxel of a class of which the probabilities are given, if these are all it takes.
#[inline(always)]
fn kept<const K: usize>(loss: &impl Loss<K>, class: &Class, group: Group) -> Option<usize> {
    match group {
        Group::One(_) => Plan::new(loss, class).kept(),
        // Two classes write to the same place.
        Group::Foreground | Group::Difference => None,
    }
}
