//! y over a run of stretches: of each voxel, or the same for all.

use core::ops::Range;

use crate::extent::Extent;
use crate::form::Plan;
use crate::share::Hard;
use crate::stretch::Stretch;
use crate::{Dual, Float, Share};

/// The target y of a class over a run of stretches.
pub(crate) trait Targets<T: Float>: Copy {
    /// The type of y at a voxel.
    type Share: Share<T> + Share<Dual<T>>;

    /// How much of the run the class covers.
    const EXTENT: Extent;

    /// y restricted to these stretches.
    fn run(&self, stretches: Range<usize>) -> Self;

    /// y at position `i` of a stretch.
    fn share(&self, stretch: usize, i: usize) -> Self::Share;

    /// Whether a term is 0 at every voxel of the run.
    fn is_zero<const K: usize>(&self, plan: &Plan<K>, term: usize) -> bool;
}

/// y differs between voxels.
#[derive(Clone, Copy)]
pub(crate) struct Soft<'a, T>(pub(crate) &'a [Stretch<T>]);

impl<T: Float> Targets<T> for Soft<'_, T> {
    type Share = T;

    const EXTENT: Extent = Extent::Some;

    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self(&self.0[stretches])
    }

    #[inline(always)]
    fn share(&self, stretch: usize, i: usize) -> T {
        self.0[stretch][i]
    }

    #[inline(always)]
    fn is_zero<const K: usize>(&self, _: &Plan<K>, _: usize) -> bool {
        false
    }
}

/// y is 1 at every voxel.
#[derive(Clone, Copy)]
pub(crate) struct Inside;

impl<T: Float> Targets<T> for Inside {
    type Share = Hard;

    const EXTENT: Extent = Extent::All;

    #[inline(always)]
    fn run(&self, _: Range<usize>) -> Self {
        *self
    }

    #[inline(always)]
    fn share(&self, _: usize, _: usize) -> Hard {
        Hard(true)
    }

    #[inline(always)]
    fn is_zero<const K: usize>(&self, plan: &Plan<K>, term: usize) -> bool {
        plan.is_zero_inside(term)
    }
}

/// y is 0 at every voxel.
#[derive(Clone, Copy)]
pub(crate) struct Outside;

impl<T: Float> Targets<T> for Outside {
    type Share = Hard;

    const EXTENT: Extent = Extent::None;

    #[inline(always)]
    fn run(&self, _: Range<usize>) -> Self {
        *self
    }

    #[inline(always)]
    fn share(&self, _: usize, _: usize) -> Hard {
        Hard(false)
    }

    #[inline(always)]
    fn is_zero<const K: usize>(&self, plan: &Plan<K>, term: usize) -> bool {
        plan.is_zero_outside(term)
    }
}
