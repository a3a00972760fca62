//! The arithmetic that every formula is written over, and its scalars.
//!
//! [`Real`] is what one elementwise value is: an `f32`, an `f64`, a block of [`Lanes`](crate::Lanes), a
//! [`Dual`](crate::Dual) of any of these, or a whole tensor of a framework. [`Float`] adds what a scalar can do
//! besides, and what only the evaluation of values in memory needs.

use core::ops::{Add, Div, Mul, Sub};

/// Elementwise arithmetic: all that the formulas of the losses need, and no more.
///
/// Constants are `f64` in every method, and are rounded to the type's own precision once.
///
/// Three methods differ from what their names mean elsewhere, so that no formula has to guard against a NaN or a
/// dead gradient:
///
/// | method | at the edge | why |
/// |---|---|---|
/// | [`ln`](Real::ln) | `ln(max(x, TINY))` | `0 · ln 0` is 0, not NaN |
/// | [`powf`](Real::powf) | its derivative at 0 is 0 for an exponent below 1 | a perfect score pulls nowhere, instead of to NaN |
/// | [`clip`](Real::clip) | its derivative is 1 outside the bounds too | a hard wrong prediction is pushed back |
///
/// # Examples
///
/// A formula over `Real` runs on numbers and on dual numbers alike:
///
/// ```
/// use unifocal_core::{Dual, Real};
///
/// fn focal<R: Real>(p: R) -> R {
///     p.clone().complement().powf(2.0) * p.ln().scale(-1.0)
/// }
///
/// let p = 0.25;
/// assert_eq!(focal(p), 0.75 * 0.75 * -libm::log(0.25));
/// let Dual { derivative, .. } = focal(Dual::variable(p));
/// let by_hand = 2.0 * 0.75 * libm::log(0.25) - 0.75 * 0.75 / 0.25;
/// assert!((derivative - by_hand).abs() < 1e-15);
/// ```
pub trait Real:
    Clone + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// The smallest positive number that is not subnormal, below which a number counts as 0.
    const TINY: f64;

    /// x · k.
    fn scale(self, k: f64) -> Self;

    /// x + k.
    fn shift(self, k: f64) -> Self;

    /// The natural logarithm of max(x, [`TINY`](Real::TINY)): finite for every x ≥ 0.
    fn ln(self) -> Self;

    /// xᵉ for x ≥ 0; 0⁰ is 1.
    ///
    /// Its derivative at 0 is 0 for e < 1, where the true one is infinite (or, at e = 0, is 0).
    fn powf(self, e: f64) -> Self;

    /// x clamped to [`low`, `high`], with the derivative of x itself.
    ///
    /// A clamp whose derivative vanishes outside its bounds leaves the worst predictions without a gradient; this
    /// one continues the derivative of the bound, so it pushes them back.
    fn clip(self, low: f64, high: f64) -> Self;

    /// 1 where x > 0 and 0 elsewhere, a constant.
    fn positive(self) -> Self;

    /// 0, whatever x is.
    #[inline(always)]
    fn zero(&self) -> Self {
        self.clone().positive().scale(0.0)
    }

    /// 1 − x.
    #[inline(always)]
    fn complement(self) -> Self {
        self.scale(-1.0).shift(1.0)
    }
}

/// A scalar: a [`Real`] that can be compared, converted and exponentiated.
pub trait Float: Real + Copy + PartialOrd + Default + 'static {
    /// The largest finite number of the type.
    const MAX: f64;

    /// How far below 0 a logarithm may be: far enough from the largest number that weighted sums of
    /// 2⁶⁴ of them are finite in `f64`.
    const LN_LIMIT: f64;

    /// The nearest number of this type; beyond its range, the largest finite one.
    fn from_f64(x: f64) -> Self;

    /// The same number, exactly.
    fn to_f64(self) -> f64;

    /// eˣ.
    fn exp(self) -> Self;

    /// ln(1 + x), exact where x is small.
    fn ln_1p(self) -> Self;
}

/// Exponents that the losses use by default have exact short cuts, which are also the fastest.
macro_rules! float {
    ($float:ident, $ln:path, $ln_1p:path, $exp:path, $pow:path, $sqrt:path) => {
        impl Real for $float {
            const TINY: f64 = $float::MIN_POSITIVE as f64;

            #[inline(always)]
            fn scale(self, k: f64) -> Self {
                self * k as $float
            }

            #[inline(always)]
            fn shift(self, k: f64) -> Self {
                self + k as $float
            }

            #[inline(always)]
            fn ln(self) -> Self {
                $ln(if self > $float::MIN_POSITIVE {
                    self
                } else {
                    $float::MIN_POSITIVE
                })
            }

            #[inline(always)]
            fn powf(self, e: f64) -> Self {
                if e == 0.0 {
                    1.0
                } else if e == 0.5 {
                    $sqrt(self)
                } else if e == 1.0 {
                    self
                } else if e == 1.5 {
                    self * $sqrt(self)
                } else if e == 2.0 {
                    self * self
                } else {
                    $pow(self, e as $float)
                }
            }

            #[inline(always)]
            fn clip(self, low: f64, high: f64) -> Self {
                self.clamp(low as $float, high as $float)
            }

            #[inline(always)]
            fn positive(self) -> Self {
                if self > 0.0 { 1.0 } else { 0.0 }
            }
        }

        impl Float for $float {
            const MAX: f64 = $float::MAX as f64;
            const LN_LIMIT: f64 = if $float::MAX as f64 > 1e100 {
                1e150
            } else {
                $float::MAX as f64
            };

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x.clamp(-<Self as Float>::MAX, <Self as Float>::MAX) as $float
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }

            #[inline(always)]
            fn ln_1p(self) -> Self {
                $ln_1p(self)
            }
        }
    };
}

float!(
    f32,
    libm::logf,
    libm::log1pf,
    libm::expf,
    libm::powf,
    libm::sqrtf
);
float!(
    f64,
    libm::log,
    libm::log1p,
    libm::exp,
    libm::pow,
    libm::sqrt
);
