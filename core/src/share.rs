//! The target y in a formula: the fraction of a voxel that a class covers.

use crate::{Dual, Real};

/// The target y ∈ [0, 1] of a class at a voxel, as a factor in formulas.
///
/// y is data: no derivative is taken with respect to it. So formulas need only three operations, and
/// each kind of y implements them as cheaply as it can. Where y is 0 or 1 for a whole stretch of
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
pub trait Share<R: Real> {
    /// y·x.
    fn of(&self, x: R) -> R;

    /// 1 − y.
    fn complement(&self) -> Self;

    /// (y + r·(1 − y))·x: y·x with r in place of 0.
    #[inline(always)]
    fn raised(&self, r: f64, x: R) -> R {
        self.of(x.clone()).scale(1.0 - r) + x.scale(r)
    }

    /// Whether y is known to be 0 or 1 at every voxel, so that y·(1 − y) is 0.
    #[inline(always)]
    fn is_hard(&self) -> bool {
        false
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

    #[inline(always)]
    fn raised(&self, r: f64, x: R) -> R {
        x * self.clone().scale(1.0 - r).shift(r)
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

    #[inline(always)]
    fn raised(&self, r: f64, x: Dual<R>) -> Dual<R> {
        let y = self.clone().scale(1.0 - r).shift(r);
        Share::<Dual<R>>::of(&y, x)
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
    fn raised(&self, r: f64, x: R) -> R {
        if self.0 { x } else { x.scale(r) }
    }

    #[inline(always)]
    fn is_hard(&self) -> bool {
        true
    }
}
