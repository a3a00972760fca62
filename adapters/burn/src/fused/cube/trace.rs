//! Traces the core's formulas into a kernel.
//!
//! CubeCL builds a kernel by running Rust code that records instructions instead of computing. [`Traced`] does this behind the core's
//! arithmetic trait, so GPUs run [`Loss::terms`], [`Classes::value`] and their derivatives from their only definition.
//!
//! [`Loss::terms`]: unifocal_core::formula::Loss::terms
//! [`Classes::value`]: unifocal_core::Classes::value

use std::ops::{Add, Div, Mul, Sub};

use burn_cubecl::cubecl;
use cubecl::ir::Scope;
use cubecl::prelude::*;
use unifocal_core::formula::{Exponent, Real};

/// A value in the kernel of `scope`.
#[derive(Clone, Copy)]
pub(super) struct Traced<'s> {
    scope: &'s Scope,
    pub(super) value: NativeExpand<f32>,
}

impl<'s> Traced<'s> {
    pub(super) fn new(scope: &'s Scope, value: NativeExpand<f32>) -> Self {
        Self { scope, value }
    }

    /// A constant of the kernel.
    pub(super) fn constant(scope: &'s Scope, value: f64) -> Self {
        Self::new(scope, NativeExpand::from_lit(scope, value as f32))
    }

    fn like(self, value: NativeExpand<f32>) -> Self {
        Self { value, ..self }
    }

    fn number(self, value: f64) -> Self {
        Self::constant(self.scope, value)
    }

    /// max(x, low); `low` if x is NaN.
    fn at_least(self, low: f64) -> Self {
        let low = self.number(low);
        let above = self.value.__expand_gt_method(self.scope, &low.value);
        self.like(select::expand(self.scope, above, self.value, low.value))
    }

    /// min(x, high); `high` if x is NaN.
    fn at_most(self, high: f64) -> Self {
        let high = self.number(high);
        let below = self.value.__expand_lt_method(self.scope, &high.value);
        self.like(select::expand(self.scope, below, self.value, high.value))
    }
}

macro_rules! operator {
    ($operator:ident $method:ident $expand:ident) => {
        impl $operator for Traced<'_> {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                self.like(self.value.$expand(self.scope, other.value))
            }
        }
    };
}

operator!(Add add __expand_add_method);
operator!(Sub sub __expand_sub_method);
operator!(Mul mul __expand_mul_method);
operator!(Div div __expand_div_method);

impl Real for Traced<'_> {
    const TINY: f64 = f32::MIN_POSITIVE as f64;

    fn scale(self, k: f64) -> Self {
        self * self.number(k)
    }

    fn shift(self, k: f64) -> Self {
        self + self.number(k)
    }

    fn ln_above(self, low: f64) -> Self {
        let floored = self.at_least(low).value;
        self.like(super::math::ln::expand(self.scope, floored))
    }

    fn ln_1p(self) -> Self {
        self.like(super::math::ln_1p::expand(self.scope, self.value))
    }

    fn powf(self, e: Exponent) -> Self {
        let root = || self.like(self.value.__expand_sqrt_method(self.scope));
        match e {
            Exponent::Zero => self.number(1.0),
            Exponent::Half => root(),
            Exponent::One => self,
            Exponent::ThreeHalves => self * root(),
            Exponent::Two => self * self,
            Exponent::Root(e) | Exponent::Other(e) => {
                let base = self.at_least(Self::TINY).value;
                let e = self.number(e).value;
                let power = self.like(base.__expand_powf_method(self.scope, e));
                power * self.at_least(Self::TINY / 2.0).positive()
            }
        }
    }

    fn clip(self, low: f64, high: f64) -> Self {
        let x = if low > f64::NEG_INFINITY {
            self.at_least(low)
        } else {
            self
        };
        if high < f64::INFINITY {
            x.at_most(high)
        } else {
            x
        }
    }

    fn positive(self) -> Self {
        let [zero, one] = [self.number(0.0), self.number(1.0)];
        let above = self.value.__expand_gt_method(self.scope, &zero.value);
        self.like(select::expand(self.scope, above, one.value, zero.value))
    }

    fn zero(&self) -> Self {
        self.number(0.0)
    }
}
