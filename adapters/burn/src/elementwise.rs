//! [`Real`] for Burn tensors: evaluates the core's formulas on whole tensors, which Burn's autodiff differentiates.

use std::ops::{Add, Div, Mul, Sub};

use burn::tensor::Tensor;
use unifocal_core::formula::{Exponent, Real};

/// A tensor of f32 or f64 with elementwise arithmetic, as a [`Real`] of the core's formulas.
#[derive(Clone, Debug)]
pub struct Elementwise<const D: usize>(pub Tensor<D>);

macro_rules! operator {
    ($operator:ident $method:ident) => {
        impl<const D: usize> $operator for Elementwise<D> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0))
            }
        }
    };
}

operator!(Add add);
operator!(Sub sub);
operator!(Mul mul);
operator!(Div div);

impl<const D: usize> Real for Elementwise<D> {
    const TINY: f64 = f32::MIN_POSITIVE as f64;

    fn scale(self, k: f64) -> Self {
        Self(self.0.mul_scalar(k))
    }

    fn shift(self, k: f64) -> Self {
        Self(self.0.add_scalar(k))
    }

    fn ln_above(self, low: f64) -> Self {
        Self(self.clip(low, f64::INFINITY).0.log())
    }

    fn ln_1p(self) -> Self {
        Self(self.0.log1p())
    }

    fn powf(self, e: Exponent) -> Self {
        match e {
            // Keep a dependence on x: Burn has no gradient for a constant.
            Exponent::Zero => self.scale(0.0).shift(1.0),
            Exponent::One => self,
            Exponent::Two => self.clone() * self,
            Exponent::ThreeHalves => self.clone() * self.powf(Exponent::Half),
            Exponent::Half | Exponent::Root(_) | Exponent::Other(_) if e.to_f64() < 1.0 => {
                // The root's slope is infinite at 0: mask zeros, so that their slope is 0.
                let x = self.0.clone().detach();
                let vanishes = x.clone().lower_equal_elem(Self::TINY);
                // `clamp_min` may turn NaN into a number, depending on the backend. x − x is 0, or NaN for NaN.
                let floored = self.0.clamp_min(Self::TINY) + (x.clone() - x);
                let power = match e {
                    Exponent::Half => floored.sqrt(),
                    _ => floored.powf_scalar(e.to_f64()),
                };
                Self(power.mask_fill(vanishes, 0.0))
            }
            _ => Self(self.0.powf_scalar(e.to_f64())),
        }
    }

    fn clip(self, low: f64, high: f64) -> Self {
        let x = self.0;
        let mut clamped = x.clone().detach();
        if low > f64::NEG_INFINITY {
            clamped = clamped.clamp_min(low);
        }
        if high < f64::INFINITY {
            clamped = clamped.clamp_max(high);
        }
        // The value is exactly the bound; the slope is that of x.
        Self(clamped + (x.clone() - x.detach()))
    }

    fn positive(self) -> Self {
        let mask = self.0.clone().detach().greater_elem(0.0);
        Self(self.0.zeros_like().mask_fill(mask, 1.0))
    }
}
