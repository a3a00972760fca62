//! The target y in a formula: the fraction of a voxel that a class covers.

use crate::{Dual, Real};

/// The target y ∈ [0, 1] of a class at a voxel, as a factor in formulas.
///
/// y is data: no derivative is taken with respect to it. So formulas need only three operations,
/// and each kind of y implements them as cheaply as it can. Where y is 0 or 1 for a whole stretch of
/// voxels, as in most of a mask, the terms that vanish are removed at compile time.
///
/// # Examples
///
/// ```
/// use unifocal_core::formula::{Dual, Real, Share};
///
/// /// False positives, p·(1−y).
/// fn false_positives<R: Real, Y: Share<R>>(p: R, y: &Y) -> R {
///     y.complement().of(p)
/// }
///
/// let (p, y) = (0.5, 0.25);
/// assert_eq!(false_positives(p, &y), 0.375);
/// assert_eq!(false_positives(Dual::variable(p), &y).derivative, 0.75);
/// ```
pub trait Share<R: Real>: Sized {
    /// y·x.
    fn of(&self, x: R) -> R;

    /// 1 − y.
    fn complement(&self) -> Self;

    /// min(p, y), max(p − y, 0) and max(y − p, 0), from p and 1 − p.
    ///
    /// p − y is computed as (1 − y)·p − y·(1 − p), which is exact at y = 0 and y = 1. Where p = y,
    /// the derivatives are those of p on the inner side, so that y = 1 and y = 0 give p, 0, 1 − p
    /// and 0, p, 0, with their derivatives.
    #[inline(always)]
    fn overlap(&self, p: R, complement: R) -> [R; 3] {
        let less = |p: R, complement: R| self.complement().of(p) - self.of(complement);
        // 1 where p > y, else 0. `TINY` decides where p = y, and where both are about as small.
        let above = less(p.clone().shift(R::TINY), complement.clone().shift(R::TINY)).positive();
        let below = above.clone().complement();
        let difference = less(p.clone(), complement);
        let at_least_0 = |x: R| x.clip(0.0, f64::INFINITY);
        [
            self.of(above.clone()) + below.clone() * p,
            at_least_0(above * difference.clone()),
            at_least_0(below * difference.scale(-1.0)),
        ]
    }
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

/// y = 1 or y = 0. Where the compiler knows which, it removes the terms that vanish.
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

    #[inline(always)]
    fn overlap(&self, p: R, complement: R) -> [R; 3] {
        let outside = Self(!self.0);
        [self.of(p.clone()), outside.of(p), self.of(complement)]
    }
}
