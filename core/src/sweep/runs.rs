//! Passes each run of stretches that are alike for a class to a kernel.

use super::class_target::{ClassTarget, Kind};
use super::specialized::{Add, AddWeighted, Slope};
use super::survey::Survey;
use crate::kernel::{
    self, Finish, Inside, Keep, Nothing, Outside, Slopes, Soft, Sums, Vectors, Worst,
};
use crate::source::Source;
use crate::stretch::{COMPACT, STRETCH, Stretch};
use crate::{Class, ClassSums, Extent, Float, Loss};

/// The runs of stretches of a chunk that are alike for a class.
pub(super) struct Runs<'a, T> {
    pub(super) survey: &'a Survey,
    pub(super) target: &'a ClassTarget<T>,
}

impl<T: Float> Runs<'_, T> {
    /// Adds the terms of the class to its sums over the chunk, checks the given values, and stores
    /// numbers for the gradient.
    #[expect(
        clippy::too_many_arguments,
        reason = "of what, from what, and where to"
    )]
    pub(super) fn add<const K: usize>(
        &self,
        vectors: impl Vectors,
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        chunk: &mut ChunkSums<T, K>,
        worst: &mut Worst<T>,
    ) {
        for (kind, run) in self.target.runs() {
            let Some(Kind { covered, weighted }) = kind else {
                continue;
            };
            let (source, y) = (source.run(run.clone()), &self.target.y[run.clone()]);
            if COMPACT {
                let kept = keep.of(kept, run);
                let weights = weighted.then_some(&self.survey.weights[0]);
                let sums = (&mut chunk.plain, chunk.weighted.get_or_insert(Sums::ZERO));
                kernel::add_stretch(
                    vectors,
                    loss,
                    class,
                    source,
                    Soft(y),
                    keep,
                    kept,
                    weights,
                    sums,
                    worst,
                );
                continue;
            }
            if weighted {
                let weights = &self.survey.weights[run.clone()];
                let kept = keep.of(kept, run);
                let Sums { terms, target } = chunk.weighted.get_or_insert(Sums::ZERO);
                kernel::see(vectors, source, weights.len(), worst);
                macro_rules! add {
                    ($y:expr, $keep:expr, $kept:expr) => {{
                        let visitor = AddWeighted {
                            vectors,
                            class,
                            source,
                            y: $y,
                            keep: $keep,
                            kept: $kept,
                            weights,
                            sums: terms,
                        };
                        loss.specialize(&class, visitor);
                    }};
                }
                match covered {
                    Extent::None => add!(Outside, Nothing, &mut []),
                    Extent::Some => {
                        add!(Soft(y), keep, kept);
                        kernel::add_products(vectors, weights, y, target);
                    }
                    Extent::All => {
                        add!(Inside, keep, kept);
                        kernel::add_up(vectors, weights, target);
                    }
                }
            } else {
                let (len, Sums { terms, target }) = (run.len(), &mut chunk.plain);
                let kept = keep.of(kept, run);
                macro_rules! add {
                    ($y:expr, $keep:expr) => {{
                        let visitor = Add {
                            vectors,
                            class,
                            source,
                            y: $y,
                            keep: $keep,
                            kept,
                            run: len,
                            sums: terms,
                            worst,
                        };
                        loss.specialize(&class, visitor);
                    }};
                }
                match covered {
                    Extent::None => add!(Outside, Nothing),
                    Extent::Some => {
                        add!(Soft(y), keep);
                        kernel::add_up(vectors, y, target);
                    }
                    Extent::All => {
                        add!(Inside, keep);
                        chunk.inside += (len * STRETCH) as f64;
                    }
                }
            }
        }
        chunk.voxels += self.survey.voxels;
    }

    /// Writes the slopes of the class with respect to the variable of its source; 0 where nothing
    /// counts.
    pub(super) fn slope<const K: usize>(
        &self,
        vectors: impl Vectors,
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        slopes: Slopes<T, K>,
        out: &mut [Stretch<T>],
    ) {
        for (kind, run) in self.target.runs() {
            let out = &mut out[run.clone()];
            let Some(Kind { covered, weighted }) = kind else {
                out.fill([T::default(); STRETCH]);
                continue;
            };
            let (source, y) = (source.run(run.clone()), &self.target.y[run.clone()]);
            macro_rules! slope {
                ($y:expr) => {{
                    let visitor = Slope {
                        vectors,
                        class,
                        source,
                        y: $y,
                        slopes,
                        out,
                    };
                    loss.specialize(&class, visitor);
                }};
            }
            match covered {
                _ if COMPACT => slope!(Soft(y)),
                Extent::None => slope!(Outside),
                Extent::Some => slope!(Soft(y)),
                Extent::All => slope!(Inside),
            }
            if weighted {
                kernel::weigh(vectors, &self.survey.weights[run], out, slopes.limit());
            }
        }
    }

    /// Writes the gradient of the class with respect to its probabilities, from stored numbers if
    /// there are any.
    pub(super) fn finish(
        &self,
        vectors: impl Vectors,
        slopes: Finish<T>,
        is_kept: bool,
        out: &mut [Stretch<T>],
    ) {
        let [inside, outside] = slopes.constants();
        for (kind, run) in self.target.runs() {
            let out = &mut out[run.clone()];
            let Some(Kind { covered, weighted }) = kind else {
                out.fill([T::default(); STRETCH]);
                continue;
            };
            let y = &self.target.y[run.clone()];
            match covered {
                Extent::None => kernel::fill(vectors, outside, out),
                Extent::Some if is_kept => kernel::finish(vectors, slopes, y, out),
                Extent::Some => kernel::blend(vectors, slopes, y, out),
                Extent::All if is_kept => kernel::finish_inside(vectors, slopes, out),
                Extent::All => kernel::fill(vectors, inside, out),
            }
            if weighted {
                kernel::weigh(vectors, &self.survey.weights[run], out, slopes.limit());
            }
        }
    }
}

/// The sums of one class over a chunk.
pub(super) struct ChunkSums<T, const K: usize> {
    plain: Sums<T, K>,
    /// The number of voxels in stretches inside the class.
    inside: f64,
    /// The sum of all weights.
    voxels: f64,
    /// The sums over voxels with a weight of their own, if there are any.
    weighted: Option<Sums<f64, K>>,
}

impl<T: Float, const K: usize> ChunkSums<T, K> {
    pub(super) const EMPTY: Self = Self {
        plain: Sums::ZERO,
        inside: 0.0,
        voxels: 0.0,
        weighted: None,
    };

    #[inline(always)]
    pub(super) fn add_to(&self, sums: &mut ClassSums<f64, K>) {
        self.plain.add_to(sums);
        sums.target += self.inside;
        sums.voxels += self.voxels;
        if let Some(weighted) = &self.weighted {
            weighted.add_to(sums);
        }
    }
}
