//! The two sweeps over the voxels. The first adds up the terms and stores numbers in the gradient's
//! memory, the second turns these numbers into the gradient.
//!
//! A sample is swept in chunks, small enough to stay in the first-level cache for all classes. A
//! chunk is split into runs of stretches that lie inside a class, outside it, or across its border;
//! a [kernel](crate::kernel) processes each run. Terms are summed in the precision of the
//! prediction within a chunk, and in `f64` across chunks.
//!
//! Devices with kilobytes of memory process one part of a chunk at a time. Their sums still move to
//! `f64` at the end of the chunk, so the bits are the same.
//!
//! Code here decides once per run or per chunk. The loops are in the kernels, which adapters
//! compile for several instruction sets.

mod channel;
mod chunk;
mod class_source;
mod class_target;
mod data;
mod finish;
mod logits;
mod merged;
mod runs;
mod samples;
mod softmax;
mod specialized;
mod survey;
mod voxel_losses;

pub(crate) use self::chunk::Chunk;
use self::class_source::{ClassSource, Group};
use self::class_target::ClassTarget;
pub(crate) use self::data::Data;
use self::logits::Logits;
use self::runs::{ChunkSums, Runs};
use self::softmax::Collected;
use self::survey::Survey;
use crate::Input;
use crate::form::Plan;
use crate::kernel::{Derivatives, Nothing, Vectors, Worst};
use crate::source::FromP;
use crate::stretch::{COMPACT, STRETCH, Stretch};
use crate::{
    Class, ClassSums, Classes, Element, Error, Field, FieldMut, Float, Loss, Shape, class_count,
};

/// The stretches per chunk: how many are swept for one class before the next class, and before
/// their sums move to `f64`.
const STRETCHES: usize = 64;

/// The stretches per chunk of logits, which need more buffers in the first-level cache.
const BLOCK: usize = 16;

/// The stretches that a buffer holds: a whole chunk, or one stretch.
const BUFFER: usize = if COMPACT { 1 } else { STRETCHES };

/// The stretches that a buffer for logits holds.
const BLOCK_BUFFER: usize = if COMPACT { 1 } else { BLOCK };

/// The stretches that a softmax keeps for all classes together, each class in a place of its own.
/// They stay in the second-level cache.
const OF_ALL: usize = 512;

/// The stretches that the buffer for all classes holds.
const OF_CLASSES: usize = if COMPACT { 0 } else { OF_ALL };

/// A buffer for a chunk, or a part of one.
type Buffer<T> = [Stretch<T>; BUFFER];

/// A buffer for a chunk of logits, or a part of one.
type Block<T> = [Stretch<T>; BLOCK_BUFFER];

/// An empty buffer.
const fn block<T: Float>() -> Block<T> {
    [[T::ZERO; STRETCH]; BLOCK_BUFFER]
}

/// The type in which a prediction's values are evaluated.
pub(crate) type RealOf<P> = <<P as Field>::Item as Element>::Real;

/// The buffers of a sweep, reused from chunk to chunk.
pub(crate) struct Scratch<T> {
    survey: Survey,
    temporaries: Temporaries<T>,
    /// The slopes of the classes of a group, where they cannot be written to the gradient directly.
    slopes: [Buffer<T>; 2],
}

/// Buffers for intermediate results.
struct Temporaries<T> {
    target: ClassTarget<T>,
    /// The given values; second, their complement or the other logits.
    given: [Buffer<T>; 2],
    logits: Logits<T>,
    collected: Collected<T>,
}

/// The working memory of the sweeps: 300 kB for `f32`, 560 kB for `f64`, a few kilobytes without an
/// operating system.
///
/// It carries no data from call to call, and can be reused for any number of calls; see the example
/// of [`forward`](crate::Segmentation::forward). Methods without a workspace argument put one on the
/// stack.
pub struct Workspace<T>(Scratch<T>);

impl<T: Float> Workspace<T> {
    /// Working memory for predictions of this precision.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(Scratch::EMPTY)
    }

    /// The buffers, cleared of what was known about an earlier prediction.
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
    /// All bytes are 0, so that the compiler writes it in place. It would copy the result of a
    /// function.
    pub(crate) const EMPTY: Self = Self {
        survey: Survey::EMPTY,
        temporaries: Temporaries {
            target: ClassTarget::EMPTY,
            given: [[[T::ZERO; STRETCH]; BUFFER]; 2],
            logits: Logits::EMPTY,
            collected: Collected::EMPTY,
        },
        slopes: [[[T::ZERO; STRETCH]; BUFFER]; 2],
    };
}

/// The sweeps over the voxels of some data.
pub(crate) struct Sweep<'a, D: ?Sized, V> {
    pub(crate) data: &'a D,
    /// The shape of the prediction.
    pub(crate) shape: Shape,
    pub(crate) input: Input,
    pub(crate) vectors: V,
}

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// The number of classes.
    #[inline(always)]
    fn class_count(&self) -> usize {
        class_count(self.shape.channels)
    }

    /// The stretches per chunk, and those that the buffers hold.
    #[inline(always)]
    fn stretches(&self) -> [usize; 2] {
        match self.input {
            Input::Probabilities => [STRETCHES, BUFFER],
            Input::Softmax => {
                let of_each = OF_ALL / self.class_count();
                [of_each.clamp(1, BLOCK), BLOCK_BUFFER]
            }
            Input::Sigmoid => [BLOCK, BLOCK_BUFFER],
        }
    }

    /// The chunks of a sample.
    #[inline(always)]
    pub(crate) fn chunks(&self, sample: usize) -> impl Iterator<Item = Chunk> + use<D, V> {
        let [stretches, _] = self.stretches();
        Chunk::of(sample, 0..self.shape.voxels, stretches)
    }

    /// Splits a chunk into the parts that the buffers hold: usually one.
    #[inline(always)]
    pub(crate) fn subchunks(&self, chunk: &Chunk) -> impl Iterator<Item = Chunk> + use<D, V> {
        let [_, stretches] = self.stretches();
        Chunk::of(chunk.sample, chunk.voxels.clone(), stretches)
    }

    /// Computes what all classes need to know about these voxels, unless it is known already. Calls
    /// `see` with the logits.
    #[cfg_attr(target_os = "none", inline(always))]
    fn look_at(
        &self,
        part: &Chunk,
        survey: &mut Survey,
        temporaries: &mut Temporaries<D::Real>,
        see: impl FnMut(&[Stretch<D::Real>]),
    ) -> Result<(), Error> {
        if survey.is_of(part) {
            return Ok(());
        }
        self.survey(part, survey)?;
        if self.is_normalized(part.sample) {
            self.normalize(part, survey, temporaries, see);
        }
        Ok(())
    }

    /// Adds the terms of a chunk to the sums of each class, and stores in the gradient what
    /// [`finish`](Sweep::finish) needs.
    #[inline(always)]
    pub(crate) fn add_chunk<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        chunk: &Chunk,
        Scratch {
            survey,
            temporaries,
            slopes: [buffer, _],
        }: &mut Scratch<D::Real>,
        sums: &mut [ClassSums<f64, K>],
        mut gradient: Option<&mut impl FieldMut<Item = D::Real>>,
    ) -> Result<(), Error> {
        let mut worst = Worst::none();
        let loss = *loss;
        for group in self.groups_of_classes(chunk.sample) {
            let mut totals = [ChunkSums::EMPTY; 2];
            for part in self.subchunks(chunk) {
                self.look_at(&part, survey, temporaries, |z| worst.see(self.vectors, z))?;
                self.prepare(group, &part, survey, temporaries, |z| {
                    worst.see(self.vectors, z);
                });
                let sources = self.sources(
                    group,
                    &part,
                    survey,
                    &temporaries.given,
                    &temporaries.logits,
                );
                for ((&index, source), total) in
                    group.classes().iter().zip(sources).zip(&mut totals)
                {
                    let target = &mut temporaries.target;
                    self.find_target(index, &part, survey, target);
                    let class = classes.class(index, self.class_count());
                    let runs = Runs { survey, target };
                    match source {
                        ClassSource::FromP(p) => {
                            let p = FromP(p);
                            match gradient.as_deref_mut() {
                                Some(gradient) if kept(&loss, &class, group) == Some(1) => {
                                    channel::write(gradient, index, &part, buffer, |kept| {
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
                        // Unreachable: the guard lets the compiler drop the logit code for
                        // probabilities.
                        ClassSource::FromLn(_) | ClassSource::FromSoftmax(_)
                            if self.input == Input::Probabilities => {}
                        ClassSource::FromLn(ln) => {
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
                        ClassSource::FromSoftmax(softmax) => {
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
                    self.keep_folded(group, &part, &temporaries.logits, buffer, gradient);
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
            self.data.check(chunk)
        }
    }

    /// Stores for a part of a chunk what [`add_chunk`](Sweep::add_chunk) stores for the
    /// gradient.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn keep_chunk<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        chunk: &Chunk,
        scratch: &mut Scratch<D::Real>,
        gradient: &mut impl FieldMut<Item = D::Real>,
    ) {
        let Scratch {
            survey,
            temporaries,
            slopes: [buffer, _],
        } = scratch;
        self.survey_again(chunk, survey);
        if self.is_normalized(chunk.sample) {
            self.normalize(chunk, survey, temporaries, |_| {});
        }
        for group in self.groups_of_classes(chunk.sample) {
            let index = group.channel();
            let class = classes.class(index, self.class_count());
            if self.input != Input::Probabilities {
                self.prepare(group, chunk, survey, temporaries, |_| {});
                self.keep_folded(group, chunk, &temporaries.logits, buffer, gradient);
            } else if kept(loss, &class, group) == Some(1) {
                self.prepare(group, chunk, survey, temporaries, |_| {});
                self.find_target(index, chunk, survey, &mut temporaries.target);
                let runs = Runs {
                    survey,
                    target: &temporaries.target,
                };
                let sources = self.sources(
                    group,
                    chunk,
                    survey,
                    &temporaries.given,
                    &temporaries.logits,
                );
                if let [ClassSource::FromP(p), _] = sources {
                    let (mut sums, mut worst) = (ChunkSums::EMPTY, Worst::none());
                    channel::write(gradient, index, chunk, buffer, |kept| {
                        runs.add(
                            self.vectors,
                            *loss,
                            class,
                            FromP(p),
                            Derivatives,
                            kept,
                            &mut sums,
                            &mut worst,
                        );
                    });
                }
            }
        }
    }

    /// Repeats the survey of the first sweep.
    #[cfg_attr(target_os = "none", inline(always))]
    fn survey_again(&self, chunk: &Chunk, survey: &mut Survey) {
        if !survey.is_of(chunk) && self.survey(chunk, survey).is_err() {
            // The first sweep reported the error. The gradient is 0 here.
            survey.count_nothing(chunk);
        }
    }
}

/// How many numbers per voxel must be stored for the gradient of a class with given probabilities,
/// or `None` if stored numbers do not suffice.
#[inline(always)]
fn kept<const K: usize>(loss: &impl Loss<K>, class: &Class, group: Group) -> Option<usize> {
    match group {
        Group::One(_) => Plan::new(loss, class).kept(),
        // Two classes would write to the same place.
        Group::Foreground | Group::Difference => None,
    }
}
