//! What is known of the voxels of a chunk before their predictions are looked at: which of them count, what they weigh, and which a
//! class covers.

use core::ops::Range;
use core::slice;

use super::{Chunk, ROOM, RealOf};
use crate::kernel::{self, LANES, Lanes, SMALL, STRETCH, Stretch, Vectors};
use crate::parameter::LARGEST_WEIGHT;
use crate::target::Content;
use crate::{Element, Error, Extent, Field, Float, Segmentation, Target};

/// Which voxels of a chunk, or of a part of it, count.
pub(super) struct Survey {
    /// Of which voxels this is known.
    of: Option<Chunk>,
    /// What the target says of each stretch.
    contents: [Content; ROOM],
    /// How many voxels of each stretch count in full; of the others of [`Extent::Some`], each has a weight.
    pub(super) counted: [Extent; ROOM],
    /// The weights of the voxels, in stretches of [`Extent::Some`].
    pub(super) weights: [Stretch<f64>; ROOM],
    /// Whether all voxels count, whatever they weigh.
    pub(super) complete: bool,
    /// The sum of all weights.
    pub(super) voxels: f64,
}

/// How a stretch of which something counts is evaluated for a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// How much of it the class covers.
    pub(super) covered: Extent,
    /// Whether each voxel has a weight of its own.
    pub(super) weighted: bool,
}

/// The target of a class over a chunk.
pub(super) struct Cover<T> {
    /// `None` where nothing counts.
    kinds: [Option<Kind>; ROOM],
    /// y, in stretches of which the class covers some.
    pub(super) y: [Stretch<T>; ROOM],
}

impl Survey {
    pub(super) const EMPTY: Self = Self {
        of: None,
        contents: [Content::Unknown; ROOM],
        counted: [Extent::None; ROOM],
        weights: [[0.0; STRETCH]; ROOM],
        complete: false,
        voxels: 0.0,
    };

    /// Whether it is known of these voxels.
    #[inline(always)]
    pub(super) fn is_of(&self, chunk: &Chunk) -> bool {
        self.of.as_ref() == Some(chunk)
    }
}

impl<T: Float> Cover<T> {
    pub(super) const EMPTY: Self = Self {
        // Not `None`, so that all of it is bytes of 0.
        kinds: [Some(Kind {
            covered: Extent::None,
            weighted: false,
        }); ROOM],
        y: [[T::ZERO; STRETCH]; ROOM],
    };

    /// Runs of stretches of the same kind, among this many.
    #[inline(always)]
    pub(super) fn runs(
        &self,
        stretches: usize,
    ) -> impl Iterator<Item = (Option<Kind>, Range<usize>)> {
        ranges(&self.kinds[..stretches], PartialEq::eq).map(|run| (self.kinds[run.start], run))
    }
}

/// The ranges of neighbours that are alike.
#[inline(always)]
fn ranges<T>(all: &[T], alike: impl FnMut(&T, &T) -> bool) -> impl Iterator<Item = Range<usize>> {
    all.chunk_by(alike).scan(
        0,
        #[inline(always)]
        |end, run| {
            let start = *end;
            *end += run.len();
            Some(start..*end)
        },
    )
}

/// Finds how much of each stretch counts by the weights of its voxels, `None` if they have to be looked at one by one, and whether all
/// of them do.
#[inline(always)]
fn survey_weights(weights: &[Stretch<f64>], extents: &mut [Option<Extent>]) -> bool {
    let [zero, one, largest] = [0.0, 1.0, LARGEST_WEIGHT].map(f64::to_bits);
    let mut complete = true;
    for (weights, extent) in weights.iter().zip(extents) {
        // Those of numbers ≥ 0 are in the order of the numbers, and all others lie beyond. Written out, as in the kernels.
        let [mut low, mut high] = [[0; LANES]; 2];
        for lane in 0..LANES {
            let bits = |i: usize| weights[lane + i * LANES].to_bits();
            let [a, b, c, d] = [bits(0), bits(1), bits(2), bits(3)];
            low[lane] = a.min(b).min(c.min(d));
            high[lane] = a.max(b).max(c.max(d));
        }
        let least = low.into_iter().fold(u64::MAX, u64::min);
        let most = high.into_iter().fold(0, u64::max);
        complete &= least > zero;
        *extent = if most > largest {
            None
        } else if most == zero {
            Some(Extent::None)
        } else if [least, most] == [one; 2] {
            Some(Extent::All)
        } else {
            Some(Extent::Some)
        };
    }
    complete
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// Finds which voxels count, and what they weigh.
    #[inline(always)]
    pub(super) fn survey(&self, chunk: &Chunk, survey: &mut Survey) -> Result<(), Error> {
        let stretches = chunk.stretches();
        let Chunk { sample, voxels } = chunk;
        let mut weighed = [Some(Extent::All); ROOM];
        survey.complete = true;
        // Where code is counted, each voxel is looked at by itself, and what the target contains stays unknown.
        if !SMALL {
            let (target, classes) = (&self.target, self.class_count());
            let contents = &mut survey.contents[..stretches];
            self.vectors.run(
                #[inline(always)]
                || target.survey(*sample, voxels.clone(), classes, contents),
            );
            let plain = self.weights.constant().map(|one| one.real().to_f64()) == Some(1.0);
            if !plain {
                let weights = &mut survey.weights[..stretches];
                let weighed = &mut weighed[..stretches];
                self.vectors.run(
                    #[inline(always)]
                    || {
                        self.read_weights(chunk, weights.as_flattened_mut());
                        survey.complete = survey_weights(weights, weighed);
                    },
                );
            }
        }
        survey.voxels = 0.0;
        for (index, weighed) in weighed[..stretches].iter().enumerate() {
            let stretch = chunk.stretch(index);
            let known = match survey.contents[index] {
                Content::Unknown => None,
                Content::Ignored => Some(Extent::None),
                Content::Counted | Content::Class(_) => *weighed,
            };
            let extent = match known {
                Some(extent) if !SMALL && stretch.len() == STRETCH => extent,
                _ => {
                    // What is missing at the end does not count, either.
                    survey.complete = false;
                    self.weigh(*sample, stretch, &mut survey.weights[index])?
                }
            };
            survey.voxels += match extent {
                Extent::None => 0.0,
                Extent::Some => self.total(&survey.weights[index]),
                Extent::All => STRETCH as f64,
            };
            survey.complete &= extent != Extent::None;
            survey.counted[index] = extent;
        }
        survey.of = Some(chunk.clone());
        Ok(())
    }

    /// The sum of the weights of a stretch.
    #[inline(always)]
    fn total(&self, weights: &Stretch<f64>) -> f64 {
        let mut lanes = Lanes::ZERO;
        kernel::add_up(self.vectors, slice::from_ref(weights), &mut lanes);
        lanes.sum()
    }

    /// Reads the weights as they were given.
    #[inline(always)]
    fn read_weights(&self, Chunk { sample, voxels }: &Chunk, weights: &mut [f64]) {
        if let Some(given) = self.weights.slice(*sample, 0, voxels.clone()) {
            for (weight, given) in weights.iter_mut().zip(given) {
                *weight = given.real().to_f64();
            }
        } else {
            for (weight, voxel) in weights.iter_mut().zip(voxels.clone()) {
                *weight = self.weights.get(*sample, 0, voxel).real().to_f64();
            }
        }
    }

    /// Checks the voxels of a stretch one by one, and finds what they weigh.
    #[cfg_attr(target_os = "none", inline(always))]
    fn weigh(
        &self,
        sample: usize,
        voxels: Range<usize>,
        weights: &mut Stretch<f64>,
    ) -> Result<Extent, Error> {
        *weights = [0.0; STRETCH];
        for (weight, voxel) in weights.iter_mut().zip(voxels) {
            *weight = self.weight(sample, voxel)?;
        }
        Ok(if weights.iter().all(|weight| *weight == 1.0) {
            Extent::All
        } else {
            Extent::Some
        })
    }

    /// Finds what a class covers.
    #[inline(always)]
    pub(super) fn cover(
        &self,
        class: usize,
        chunk: &Chunk,
        survey: &Survey,
        cover: &mut Cover<RealOf<P>>,
    ) {
        if SMALL {
            cover.kinds[0] = (survey.counted[0] != Extent::None).then_some(Kind {
                covered: Extent::Some,
                weighted: survey.counted[0] == Extent::Some,
            });
            let y = cover.y[0].iter_mut().zip(&survey.weights[0]);
            for ((y, weight), voxel) in y.zip(chunk.voxels.start..) {
                *y = if *weight == 0.0 {
                    Float::ZERO
                } else {
                    self.target
                        .get(chunk.sample, class, voxel, self.class_count())
                };
            }
            return;
        }
        let contents = &survey.contents[..chunk.stretches()];
        let is_mixed = |content: &Content| matches!(content, Content::Unknown | Content::Counted);
        let mut covered = [Extent::None; ROOM];
        for run in ranges(contents, |a, b| is_mixed(a) == is_mixed(b)) {
            let covered = &mut covered[run.clone()];
            if !is_mixed(&contents[run.start]) {
                for (covered, content) in covered.iter_mut().zip(&contents[run]) {
                    let inside = *content == Content::Class(class);
                    *covered = if inside { Extent::All } else { Extent::None };
                }
                continue;
            }
            let (target, count) = (&self.target, self.class_count());
            let voxels = chunk.stretch(run.start).start..chunk.stretch(run.end - 1).end;
            let y = cover.y[run.clone()].as_flattened_mut();
            self.vectors.run(
                #[inline(always)]
                || target.cover(chunk.sample, class, voxels, count, y, covered),
            );
            for index in run.filter(|index| contents[*index] == Content::Unknown) {
                // Each of these voxels was weighed: what a target that does not count says could be anything.
                for (y, weight) in cover.y[index].iter_mut().zip(&survey.weights[index]) {
                    *y = if *weight == 0.0 { Float::ZERO } else { *y };
                }
            }
        }
        let counted = survey.counted.iter().zip(covered);
        for (kind, (counted, covered)) in cover.kinds.iter_mut().zip(counted) {
            *kind = (*counted != Extent::None).then_some(Kind {
                covered,
                weighted: *counted == Extent::Some,
            });
        }
    }

    /// Checks the numbers that were given, one by one.
    #[cold]
    pub(super) fn check(&self, Chunk { sample, voxels }: &Chunk) -> Result<(), Error> {
        for voxel in voxels.clone() {
            if self.weight(*sample, voxel)? != 0.0 {
                self.check_prediction(*sample, voxel)?;
            }
        }
        Ok(())
    }
}
