//! The target of a class over a chunk: which of its stretches the class covers, and y where it covers
//! them partly.

use core::ops::Range;

use super::data::Data;
use super::survey::Survey;
use super::{BUFFER, Chunk, Sweep};
use crate::kernel::Vectors;
use crate::stretch::{COMPACT, STRETCH, Stretch};
use crate::target::Content;
use crate::{Extent, Float};

/// How to evaluate a stretch for a class, if any of its voxels count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// How many of its voxels the class covers.
    pub(super) covered: Extent,
    /// Whether each voxel has its own weight.
    pub(super) weighted: bool,
}

/// The target of a class over a chunk.
pub(super) struct ClassTarget<T> {
    /// The kind of each run of stretches; `None` where nothing counts.
    kinds: [Option<Kind>; BUFFER],
    /// The end of each run.
    ends: [usize; BUFFER],
    /// The number of runs.
    runs: usize,
    /// y, in stretches that the class covers partly.
    pub(super) y: [Stretch<T>; BUFFER],
}

impl<T: Float> ClassTarget<T> {
    pub(super) const EMPTY: Self = Self {
        // Not `None`, so that all bytes are 0.
        kinds: [Some(Kind {
            covered: Extent::None,
            weighted: false,
        }); BUFFER],
        ends: [0; BUFFER],
        runs: 0,
        y: [[T::ZERO; STRETCH]; BUFFER],
    };

    /// Appends stretches of a kind, up to `end`.
    #[inline(always)]
    fn push(&mut self, kind: Option<Kind>, end: usize) {
        if self.runs == 0 || self.kinds[self.runs - 1] != kind {
            self.runs += 1;
        }
        self.kinds[self.runs - 1] = kind;
        self.ends[self.runs - 1] = end;
    }

    /// The runs of stretches, with their kinds.
    #[inline(always)]
    pub(super) fn runs(&self) -> impl Iterator<Item = (Option<Kind>, Range<usize>)> {
        let mut start = 0;
        let runs = self.kinds.iter().zip(&self.ends).take(self.runs);
        runs.map(move |(kind, end)| {
            let run = start..*end;
            start = *end;
            (*kind, run)
        })
    }
}

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// Finds which voxels a class covers.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn find_target(
        &self,
        class: usize,
        chunk: &Chunk,
        survey: &Survey,
        target: &mut ClassTarget<D::Real>,
    ) {
        let kind = |covered, counted| {
            let weighted = counted == Extent::Some;
            (counted != Extent::None).then_some(Kind { covered, weighted })
        };
        target.runs = 0;
        if COMPACT {
            target.push(kind(Extent::Some, survey.counted[0]), 1);
            let y = target.y[0].iter_mut().zip(&survey.weights[0]);
            for ((y, weight), voxel) in y.zip(chunk.voxels.start..) {
                *y = if *weight == 0.0 {
                    Float::ZERO
                } else {
                    self.data.target(chunk.sample, class, voxel)
                };
            }
            return;
        }
        for Range { start, end } in survey.runs() {
            let (content, counted) = (survey.contents[start], survey.counted[start]);
            let held = survey.held(class, start..end);
            if held.start > start {
                target.push(kind(Extent::None, counted), held.start);
            }
            if let Content::Class(_) = content
                && !held.is_empty()
            {
                target.push(kind(Extent::All, counted), end);
            } else if !held.is_empty() {
                let mut covered = [Extent::None; BUFFER];
                let covered = &mut covered[..held.len()];
                self.find_target_of_run(class, chunk, &held, survey, &mut target.y, covered);
                let mut end = held.start;
                for alike in covered.chunk_by(|a, b| a == b) {
                    end += alike.len();
                    target.push(kind(alike[0], counted), end);
                }
            }
            if held.end < end {
                target.push(kind(Extent::None, counted), end);
            }
        }
    }

    /// Finds which voxels of a run of stretches a class covers.
    #[inline(always)]
    fn find_target_of_run(
        &self,
        class: usize,
        chunk: &Chunk,
        run: &Range<usize>,
        survey: &Survey,
        y: &mut [Stretch<D::Real>; BUFFER],
        covered: &mut [Extent],
    ) {
        let voxels = Chunk {
            sample: chunk.sample,
            voxels: chunk.stretch(run.start).start..chunk.stretch(run.end - 1).end,
        };
        let y = &mut y[run.clone()];
        self.data.cover(class, &voxels, y, covered);
        if survey.contents[run.start] == Content::Unknown {
            // A voxel of weight 0 was not checked: its target may be anything, NaN included.
            let weights = survey.weights[run.clone()].as_flattened();
            for (y, weight) in y.as_flattened_mut().iter_mut().zip(weights) {
                *y = if *weight == 0.0 { Float::ZERO } else { *y };
            }
        }
    }
}
