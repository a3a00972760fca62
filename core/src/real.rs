//! The arithmetic of the formulas, and its scalars.
//!
//! [`Real`] is an elementwise value: an `f32`, an `f64`, a [`Dual`](crate::Dual) of these, or a
//! whole tensor of a framework. [`Float`] adds the operations of scalars that the evaluation of
//! values in memory needs.

use core::ops::{Add, Div, Mul, Sub};

use crate::math;

/// Elementwise arithmetic: exactly the operations that the formulas of the losses need.
///
/// Constants are `f64` in every method, and are rounded once to the type's precision.
///
/// Three methods are defined at their edges so that no formula has to guard against NaN or a
/// vanishing gradient:
///
/// | method | at the edge | why |
/// |---|---|---|
/// | [`ln`](Real::ln) | `ln(max(x, TINY))` | `0 · ln 0` is 0, not NaN |
/// | [`powf`](Real::powf) | its derivative at 0 is 0 for an exponent below 1 | a perfect score has the gradient 0, not NaN |
/// | [`clip`](Real::clip) | its derivative is 1 outside the bounds, too | a prediction that is wrong with certainty still gets a gradient |
///
/// # Examples
///
/// A formula over `Real` runs on numbers and on dual numbers alike:
///
/// ```
/// use unifocal_core::formula::{Dual, Real};
///
/// fn focal<R: Real>(p: R) -> R {
///     p.clone().complement().powf(2.0.into()) * p.ln().scale(-1.0)
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
    /// The smallest positive normal number. Smaller numbers count as 0.
    const TINY: f64;

    /// x · k.
    fn scale(self, k: f64) -> Self;

    /// x + k.
    fn shift(self, k: f64) -> Self;

    /// The natural logarithm of max(x, `low`), with `low` at least [`TINY`](Real::TINY).
    fn ln_above(self, low: f64) -> Self;

    /// ln(1 + x) for x ≥ 0, exact where x is small.
    fn ln_1p(self) -> Self;

    /// xᵉ for x ≥ 0; 0⁰ is 1.
    ///
    /// The derivative at 0 is 0 for e < 1, where the true one is infinite (or 0, for e = 0).
    fn powf(self, e: Exponent) -> Self;

    /// Clamps x to [`low`, `high`]; the derivative stays that of x.
    ///
    /// A clamp whose derivative vanishes outside the bounds would leave the worst predictions
    /// without a gradient.
    fn clip(self, low: f64, high: f64) -> Self;

    /// 1 where x > 0, else 0. The derivative is 0.
    fn positive(self) -> Self;

    /// The natural logarithm of max(x, [`TINY`](Real::TINY)): finite for every finite x.
    #[inline(always)]
    fn ln(self) -> Self {
        self.ln_above(Self::TINY)
    }

    /// x / (x + `rest`), for x and `rest` ≥ 0.
    ///
    /// The derivative is as exact as the value. Near 1, the derivative of the plain quotient would
    /// be a difference of near-equal numbers.
    #[inline(always)]
    fn over_sum_with(self, rest: Self) -> Self {
        self.clone() / (self + rest)
    }

    /// 0, with the shape of x.
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

/// A scalar: a [`Real`] with comparison, conversion and exponentials.
pub trait Float: Real + Copy + PartialOrd + Default + Send + Sync + 'static {
    /// 0.
    const ZERO: Self;

    /// The largest finite number of the type.
    const MAX: f64;

    /// The largest magnitude of a logarithm. Weighted sums of 2⁶⁴ such logarithms are finite in
    /// `f64`.
    const LN_LIMIT: f64;

    /// Rounds to the nearest number of this type. Numbers beyond its range become the largest
    /// finite one.
    fn from_f64(x: f64) -> Self;

    /// Converts to `f64`, exactly.
    fn to_f64(self) -> f64;

    /// The bits of a number. Compared as integers, numbers ≥ 0 sort by value, and negative numbers
    /// and NaN sort above infinity.
    type Bits: Copy + Ord + Default;

    /// The bits.
    fn to_bits(self) -> Self::Bits;

    /// The larger of two numbers; if one is NaN, the other.
    fn larger(self, other: Self) -> Self;

    /// eˣ for x ≤ 0.
    fn exp(self) -> Self;

    /// √x, rounded correctly.
    fn sqrt(self) -> Self;

    /// xᵉ for x ≥ 0 and any e ≠ 0, without the shortcuts of [`powf`](Real::powf).
    fn pow(self, e: f64) -> Self;
}

/// An exponent. [`Real::powf`] has exact shortcuts for those that the losses use by default.
///
/// # Examples
///
/// ```
/// use unifocal_core::formula::{Exponent, Real};
///
/// assert_eq!(Exponent::from(0.5), Exponent::Half);
/// assert_eq!(2.25.powf(1.5.into()), 3.375);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Exponent {
    /// 0.
    Zero,
    /// ½.
    Half,
    /// 1.
    One,
    /// 1½.
    ThreeHalves,
    /// 2.
    Two,
    /// Any other from −1 to 1.
    Root(f64),
    /// Any other.
    Other(f64),
}

impl From<f64> for Exponent {
    #[inline]
    fn from(e: f64) -> Self {
        match e {
            0.0 => Self::Zero,
            0.5 => Self::Half,
            1.0 => Self::One,
            1.5 => Self::ThreeHalves,
            2.0 => Self::Two,
            _ if e.abs() <= 1.0 => Self::Root(e),
            _ => Self::Other(e),
        }
    }
}

impl Exponent {
    /// The exponent as a number.
    #[inline(always)]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Half => 0.5,
            Self::One => 1.0,
            Self::ThreeHalves => 1.5,
            Self::Two => 2.0,
            Self::Root(e) | Self::Other(e) => e,
        }
    }
}

macro_rules! float {
    (
        $float:ident as $bits:ident,
        ln: $ln:path,
        ln_1p: $ln_1p:path,
        exp: $exp:path,
        root: $root:path,
        pow: $pow:path,
        sqrt: $sqrt:path,
        ln_limit: $ln_limit:expr,
    ) => {
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
            fn ln_above(self, low: f64) -> Self {
                let low = low as $float;
                $ln(if self > low { self } else { low })
            }

            #[inline(always)]
            fn ln_1p(self) -> Self {
                $ln_1p(self)
            }

            #[inline(always)]
            fn powf(self, e: Exponent) -> Self {
                match e {
                    Exponent::Zero => 1.0,
                    Exponent::Half => self.sqrt(),
                    Exponent::One => self,
                    Exponent::ThreeHalves => self * self.sqrt(),
                    Exponent::Two => self * self,
                    Exponent::Root(e) => $root(self, e),
                    Exponent::Other(e) => $pow(self, e),
                }
            }

            #[inline(always)]
            fn clip(self, low: f64, high: f64) -> Self {
                let (low, high) = (low as $float, high as $float);
                let x = if self < low { low } else { self };
                if x > high { high } else { x }
            }

            #[inline(always)]
            fn positive(self) -> Self {
                if self > 0.0 { 1.0 } else { 0.0 }
            }
        }

        impl Float for $float {
            const ZERO: Self = 0.0;
            const MAX: f64 = $float::MAX as f64;
            const LN_LIMIT: f64 = $ln_limit;

            type Bits = $bits;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x.clamp(-<Self as Float>::MAX, <Self as Float>::MAX) as $float
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn to_bits(self) -> $bits {
                $float::to_bits(self)
            }

            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                // `max`, not a comparison: compilers turn the latter into a conditional store,
                // which some processors execute much more slowly.
                self.max(other)
            }

            #[inline(always)]
            fn exp(self) -> Self {
                $exp(self)
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                $sqrt(self)
            }

            #[inline(always)]
            fn pow(self, e: f64) -> Self {
                if e.abs() <= 1.0 {
                    $root(self, e)
                } else {
                    $pow(self, e)
                }
            }
        }
    };
}

float!(
    f32 as u32,
    ln: math::ln,
    ln_1p: math::ln_1p,
    exp: math::exp,
    root: math::root,
    pow: math::pow,
    sqrt: math::sqrt,
    // A chunk of terms is summed in f32.
    ln_limit: f32::MAX as f64 / 4096.0,
);
float!(
    f64 as u64,
    ln: math::ln_f64,
    ln_1p: math::ln_1p_f64,
    exp: math::exp_f64,
    root: math::root_f64,
    pow: math::pow_f64,
    sqrt: math::sqrt_f64,
    ln_limit: 1e150,
);
