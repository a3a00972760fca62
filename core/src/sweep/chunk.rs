//! A chunk: the voxels of a sample that are swept together.

use core::ops::Range;

use crate::stretch::STRETCH;

/// Neighbouring voxels that are swept together: a chunk, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chunk {
    pub(super) sample: usize,
    pub(super) voxels: Range<usize>,
}

impl Chunk {
    /// Splits voxels of a sample into chunks of `stretches` stretches.
    #[inline(always)]
    pub(super) fn of(
        sample: usize,
        voxels: Range<usize>,
        stretches: usize,
    ) -> impl Iterator<Item = Self> {
        let (len, end) = (stretches * STRETCH, voxels.end);
        voxels.step_by(len).map(move |start| Self {
            sample,
            voxels: start..end.min(start + len),
        })
    }

    /// The number of stretches; the last one may be shorter.
    #[inline(always)]
    pub(super) fn stretches(&self) -> usize {
        self.voxels.len().div_ceil(STRETCH)
    }

    /// The voxels of stretch `index`.
    #[inline(always)]
    pub(super) fn stretch(&self, index: usize) -> Range<usize> {
        let start = self.voxels.start + index * STRETCH;
        start..self.voxels.end.min(start + STRETCH)
    }
}
