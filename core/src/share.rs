//! y, as a formula sees it: how much of a voxel a class covers.

use crate::{Dual, Real};

/// The target y ∈ [0, 1] of a class at a voxel, as a factor of what a formula computes there.
///
/// It is data: nothing is differentiated with respect to it. So a formula needs two things of it only, and each source of y
/// does them as cheaply as it can. Where y is the same at all voxels of a stretch, as in most of a mask, a
/// formula loses the terms that y = 0 or y = 1 makes vanish when it is compiled.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dual, Share};
///
/// /// False positives, p·(1−y).
/// fn false_positives<R, Y: Share<R>>(p: R, y: &Y) -> R {
///     y.complement().of(p)
/// }
///
/// let (p, y) = (0.5, 0.25);
/// assert_eq!(false_positives(p, &y), 0.375);
/// assert_eq!(false_positives(Dual::variable(p), &y).derivative, 0.75);
/// ```
pub trait Share<R> {
    /// y·x.
    fn of(&self, x: R) -> R;

    /// 1 − y.
    fn complement(&self) -> Self;
}

impl<R: Real> Share<R> for R {
    #[inline(always)]
    fn of(&self, x: R) -> R {
        x * self.clone()
    }

    #[inline(always)]
    fn complement(&self) -> R {
        self.clone().complement()
    }
}

impl<R: Real> Share<Dual<R>> for R {
    #[inline(always)]
    fn of(&self, x: Dual<R>) -> Dual<R> {
        Dual {
            value: x.value * self.clone(),
            derivative: x.derivative * self.clone(),
        }
    }

    #[inline(always)]
    fn complement(&self) -> R {
        Real::complement(self.clone())
    }
}

/// All of a voxel, or nothing of it: where that is known as a program is compiled, the terms that vanish are not computed.
#[derive(Clone, Copy)]
pub(crate) struct Hard(pub(crate) bool);

impl<R: Real> Share<R> for Hard {
    #[inline(always)]
    fn of(&self, x: R) -> R {
        if self.0 { x } else { x.zero() }
    }

    #[inline(always)]
    fn complement(&self) -> Self {
        Self(!self.0)
    }
}
