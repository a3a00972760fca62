//! The facts about the voxels of a chunk that the sweeps need besides the predictions: which of them
//! count, with which weights, and which classes they may belong to.

use core::ops::Range;
use core::slice;

use super::data::Data;
use super::{BUFFER, Chunk, Sweep};
use crate::kernel::{self, Lanes, Vectors};
use crate::limits::LARGEST_WEIGHT;
use crate::stretch::{COMPACT, LANES, STRETCH, Stretch};
use crate::target::Content;
use crate::{Error, Extent};

/// Which voxels of a chunk, or of a part of it, count.
pub(super) struct Survey {
    /// The voxels described here.
    of: Option<Chunk>,
    /// The content of each stretch of the target.
    pub(super) contents: [Content; BUFFER],
    /// How many voxels of each stretch count in full. With [`Extent::Some`], each voxel has its own
    /// weight.
    pub(super) counted: [Extent; BUFFER],
    /// The weights of the voxels, in stretches of [`Extent::Some`].
    pub(super) weights: [Stretch<f64>; BUFFER],
    /// Whether all voxels count, with any weight.
    pub(super) complete: bool,
    /// The sum of all weights.
    pub(super) voxels: f64,
    /// The ends of the runs of stretches with equal content and extent, and the number of runs.
    ends: [usize; BUFFER],
    runs: usize,
}

impl Survey {
    pub(super) const EMPTY: Self = Self {
        of: None,
        contents: [Content::Unknown; BUFFER],
        counted: [Extent::None; BUFFER],
        weights: [[0.0; STRETCH]; BUFFER],
        complete: false,
        voxels: 0.0,
        ends: [0; BUFFER],
        runs: 0,
    };

    /// Finds the runs among the first `stretches` stretches, from their contents and extents.
    #[cfg_attr(target_os = "none", inline(always))]
    fn find_runs(&mut self, stretches: usize) {
        let contents = &self.contents[..stretches];
        let counted = &self.counted[..stretches];
        self.runs = 0;
        for index in 1..stretches {
            let is_like = contents[index].is_like(contents[index - 1]);
            if !is_like || counted[index] != counted[index - 1] {
                self.ends[self.runs] = index;
                self.runs += 1;
            }
        }
        self.ends[self.runs] = stretches;
        self.runs += 1;
    }

    /// The runs of stretches that are looked at in the same way.
    #[inline(always)]
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.ends[..self.runs].iter().map(move |end| {
            let run = start..*end;
            start = *end;
            run
        })
    }

    /// The stretches of a run that may hold voxels of a class: all but some at both ends that do not.
    /// With many classes, few do.
    #[inline(always)]
    pub(super) fn held(&self, class: usize, run: Range<usize>) -> Range<usize> {
        let may_hold = |content: &Content| content.may_hold(class);
        let contents = &self.contents[run.clone()];
        if !matches!(contents, [Content::Classes(_), ..]) {
            // The stretches of all other runs are alike.
            let holds = contents.first().is_some_and(may_hold);
            return if holds { run } else { run.start..run.start };
        }
        let Some(first) = contents.iter().position(may_hold) else {
            return run.start..run.start;
        };
        let last = contents.iter().rposition(may_hold).unwrap_or(first);
        run.start + first..run.start + last + 1
    }

    /// Marks all voxels of a chunk as ignored.
    #[inline(always)]
    pub(super) fn count_nothing(&mut self, chunk: &Chunk) {
        let stretches = chunk.stretches();
        self.contents[..stretches].fill(Content::Ignored);
        self.counted[..stretches].fill(Extent::None);
        self.complete = false;
        self.find_runs(stretches);
        self.of = Some(chunk.clone());
    }

    /// Discards the survey.
    #[inline(always)]
    pub(super) fn forget(&mut self) {
        self.of = None;
    }

    /// Whether the survey describes this chunk.
    #[inline(always)]
    pub(super) fn is_of(&self, chunk: &Chunk) -> bool {
        self.of.as_ref() == Some(chunk)
    }
}

/// Finds from the weights how many voxels of each stretch count, or `None` if they must be checked
/// one by one. Returns whether all voxels count.
#[inline(always)]
fn survey_weights(weights: &[Stretch<f64>], extents: &mut [Option<Extent>]) -> bool {
    let [zero, one, largest] = [0.0, 1.0, LARGEST_WEIGHT].map(f64::to_bits);
    let mut complete = true;
    for (weights, extent) in weights.iter().zip(extents) {
        // As bits, numbers ≥ 0 sort by value, and all others are larger. Unrolled by hand, as in
        // the kernels.
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

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// Finds which voxels count, and their weights.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(super) fn survey(&self, chunk: &Chunk, survey: &mut Survey) -> Result<(), Error> {
        let stretches = chunk.stretches();
        let Chunk { sample, voxels } = chunk;
        let mut weighed = [Some(Extent::All); BUFFER];
        survey.complete = true;
        // Small devices check each voxel by itself, to save code. The contents stay unknown.
        if !COMPACT {
            let contents = &mut survey.contents[..stretches];
            self.data.contents(chunk, contents);
            let plain = !self.data.is_weighted();
            let is_known =
                |content: &Content| !matches!(content, Content::Unknown | Content::Ignored);
            if plain && voxels.len() % STRETCH == 0 && contents.iter().all(is_known) {
                survey.counted[..stretches].fill(Extent::All);
                survey.voxels = voxels.len() as f64;
                survey.find_runs(stretches);
                survey.of = Some(chunk.clone());
                return Ok(());
            }
            if !plain {
                let weights = &mut survey.weights[..stretches];
                let weighed = &mut weighed[..stretches];
                let flat = &mut weights.as_flattened_mut()[..voxels.len()];
                self.data.weights(chunk, flat);
                self.vectors.run(
                    #[inline(always)]
                    || survey.complete = survey_weights(weights, weighed),
                );
            }
        }
        survey.voxels = 0.0;
        for (index, weighed) in weighed[..stretches].iter().enumerate() {
            let stretch = chunk.stretch(index);
            let known = match survey.contents[index] {
                Content::Unknown => None,
                Content::Ignored => Some(Extent::None),
                Content::Counted | Content::Class(_) | Content::Classes(_) => *weighed,
            };
            let extent = match known {
                Some(extent) if !COMPACT && stretch.len() == STRETCH => extent,
                _ => {
                    // The missing voxels at the end do not count, either.
                    survey.complete = false;
                    self.data
                        .weigh(*sample, stretch, &mut survey.weights[index])?
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
        survey.find_runs(stretches);
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
}
