//! Dual numbers: they derive the gradient of every formula from the formula itself.

use core::ops::{Add, Div, Mul, Sub};

use crate::{Exponent, Real};

/// A value and its derivative with respect to one variable: value + derivative · ε, with ε² = 0.
///
/// Duals nest: `Dual<Dual<f64>>` gives second derivatives. Where [`Real::ln`], [`Real::powf`] and
/// [`Real::clip`] define a finite derivative at an edge, duals follow them.
///
/// # Examples
///
/// ```
/// use unifocal_core::formula::{Dual, Real};
///
/// let x = Dual::variable(3.0);
/// let y = x.clone() * x + Dual::constant(1.0);
/// assert_eq!((y.value, y.derivative), (10.0, 6.0));
/// assert_eq!(Dual::variable(0.0).powf(0.5.into()).derivative, 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dual<R> {
    /// The value.
    pub value: R,
    /// Its derivative.
    pub derivative: R,
}

impl<R: Real> Dual<R> {
    /// The variable: its derivative is 1.
    #[inline(always)]
    pub fn variable(value: R) -> Self {
        let derivative = value.zero().shift(1.0);
        Self { value, derivative }
    }

    /// A constant: its derivative is 0.
    #[inline(always)]
    pub fn constant(value: R) -> Self {
        let derivative = value.zero();
        Self { value, derivative }
    }
}

impl<R: Real> Add for Dual<R> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            derivative: self.derivative + other.derivative,
        }
    }
}

impl<R: Real> Sub for Dual<R> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            derivative: self.derivative - other.derivative,
        }
    }
}

impl<R: Real> Mul for Dual<R> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            derivative: self.derivative * other.value.clone()
                + self.value.clone() * other.derivative,
            value: self.value * other.value,
        }
    }
}

impl<R: Real> Div for Dual<R> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value.clone();
        Self {
            derivative: (self.derivative - quotient.clone() * other.derivative) / other.value,
            value: quotient,
        }
    }
}

impl<R: Real> Real for Dual<R> {
    const TINY: f64 = R::TINY;

    #[inline(always)]
    fn scale(self, k: f64) -> Self {
        Self {
            value: self.value.scale(k),
            derivative: self.derivative.scale(k),
        }
    }

    #[inline(always)]
    fn shift(self, k: f64) -> Self {
        Self {
            value: self.value.shift(k),
            derivative: self.derivative,
        }
    }

    #[inline(always)]
    fn ln_above(self, low: f64) -> Self {
        let floored = self.value.clone().clip(low, f64::INFINITY);
        Self {
            value: self.value.ln_above(low),
            derivative: self.derivative / floored,
        }
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        Self {
            derivative: self.derivative / self.value.clone().shift(1.0),
            value: self.value.ln_1p(),
        }
    }

    #[inline(always)]
    fn powf(self, e: Exponent) -> Self {
        let x = self.value;
        let value = x.clone().powf(e);
        let slope = match e {
            Exponent::Zero => x.zero(),
            Exponent::One => x.zero().shift(1.0),
            Exponent::ThreeHalves => x.powf(Exponent::Half).scale(1.5),
            Exponent::Two => x.scale(2.0),
            // At x = 0 the division yields 0/TINY = 0; the true slope may be infinite.
            Exponent::Half | Exponent::Root(_) | Exponent::Other(_) => {
                (value.clone() / x.clip(R::TINY, f64::INFINITY)).scale(e.to_f64())
            }
        };
        Self {
            value,
            derivative: self.derivative * slope,
        }
    }

    #[inline(always)]
    fn over_sum_with(self, rest: Self) -> Self {
        let total = self.value.clone() + rest.value.clone();
        let share = self.value / total.clone();
        let others = rest.value / total.clone();
        Self {
            derivative: (others * self.derivative - share.clone() * rest.derivative) / total,
            value: share,
        }
    }

    #[inline(always)]
    fn clip(self, low: f64, high: f64) -> Self {
        Self {
            value: self.value.clip(low, high),
            derivative: self.derivative,
        }
    }

    #[inline(always)]
    fn positive(self) -> Self {
        Self::constant(self.value.positive())
    }
}
