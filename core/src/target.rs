//! Targets: integer labels, or a one-hot or soft target per class.

mod annotated;
mod labels;
mod regions;
mod soft;
mod stretches;

use core::ops::Range;

pub(crate) use self::annotated::background;
pub use self::annotated::{Annotated, check_annotated};
pub use self::labels::{Label, Labels};
pub use self::regions::Regions;
pub use self::soft::Soft;
pub use crate::extent::Extent;
use crate::stretch::STRETCH;
use crate::{Error, Float, Shape};

/// The content of a stretch of the target, as far as [`Target::survey`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Not known: each voxel must be [checked](Target::check).
    Unknown,
    /// No voxel counts.
    Ignored,
    /// All voxels count.
    Counted,
    /// All voxels count and belong to this class.
    Class(usize),
    /// All voxels count. A voxel can belong to class c only if bit c mod 64 is set.
    Classes(u64),
}

impl Content {
    /// Whether a class may cover voxels of stretches that count in full or in part.
    #[inline(always)]
    pub(crate) fn may_hold(self, class: usize) -> bool {
        match self {
            Self::Classes(bits) => bits >> (class % 64) & 1 == 1,
            Self::Class(only) => only == class,
            Self::Ignored => false,
            Self::Counted | Self::Unknown => true,
        }
    }

    /// Whether both stretches are looked at in the same way.
    #[inline(always)]
    pub(crate) fn is_like(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Classes(_), Self::Classes(_)))
    }
}

/// The target y, by sample, class and voxel.
pub trait Target {
    /// The shape, with one channel for labels.
    fn shape(&self) -> Shape;

    /// The shape that this kind of target must have for a prediction of shape `prediction`.
    fn expected_shape(&self, prediction: Shape) -> Shape;

    /// Whether a voxel counts.
    ///
    /// # Errors
    ///
    /// The voxel holds no valid target for `classes` classes.
    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error>;

    /// y of `class`, one of `classes`, at a voxel that [counts](Target::check).
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R;

    /// Whether each class is annotated in a sample; `None` if all are. The others are part of class 0,
    /// and y of class 0 includes theirs.
    #[inline(always)]
    fn annotated(&self, sample: usize) -> Option<&[bool]> {
        let _ = sample;
        None
    }

    /// Classifies each stretch of [`STRETCH`] voxels; the last one may be shorter.
    ///
    /// [`Content::Unknown`] is always correct. Any other content guarantees that every voxel of the
    /// stretch passes the [check](Target::check).
    #[inline(always)]
    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        let _ = (sample, voxels, classes);
        contents.fill(Content::Unknown);
    }

    /// Finds how much of each stretch of [`STRETCH`] voxels a class covers. Where that is
    /// [`Extent::Some`], fills `y` with y of at least the voxels that count.
    #[inline(always)]
    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
        y: &mut [[R; STRETCH]],
        covered: &mut [Extent],
    ) {
        for (voxel, y) in voxels.zip(y.as_flattened_mut()) {
            *y = self.get(sample, class, voxel, classes);
        }
        covered.fill(Extent::Some);
    }
}
