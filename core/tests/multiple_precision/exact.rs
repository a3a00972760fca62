//! 320-bit numbers, against which rounding errors are measured.

use dashu_float::FBig;
use dashu_float::round::mode::HalfEven;
use unifocal_core::formula::{Exponent, Real};

type Big = FBig<HalfEven, 2>;

/// The precision in bits.
const BITS: usize = 320;

/// A number whose rounding error is invisible in `f64`, with an unlimited exponent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exact(Big);

impl Exact {
    /// Converts exactly.
    pub(crate) fn new(x: f64) -> Self {
        let x = Big::try_from(x).expect("a finite number");
        Self(x.with_precision(BITS).value())
    }

    pub(crate) fn exp(&self) -> Self {
        Self(self.0.exp())
    }

    pub(crate) fn ln_exact(&self) -> Self {
        Self(self.0.ln())
    }

    /// The nearest `f64`.
    pub(crate) fn to_f64(&self) -> f64 {
        self.0.to_f64().value()
    }

    /// |found − self| divided by `scale`.
    pub(crate) fn error_of(&self, found: f64, scale: &Self) -> f64 {
        let error = (Self::new(found) - self.clone()).abs();
        if error.0 == Big::ZERO {
            return 0.0;
        }
        (error / scale.abs()).to_f64()
    }

    pub(crate) fn abs(&self) -> Self {
        self.clone().max(&Self(-self.0.clone()))
    }

    pub(crate) fn max(self, other: &Self) -> Self {
        if self.0 < other.0 {
            other.clone()
        } else {
            self
        }
    }
}

operators!(Exact: Add add + Sub sub - Mul mul * Div div /);

impl Real for Exact {
    const TINY: f64 = f64::MIN_POSITIVE;

    fn scale(self, k: f64) -> Self {
        self * Self::new(k)
    }

    fn shift(self, k: f64) -> Self {
        self + Self::new(k)
    }

    fn ln_above(self, low: f64) -> Self {
        self.max(&Self::new(low)).ln_exact()
    }

    fn ln_1p(self) -> Self {
        self.shift(1.0).ln_exact()
    }

    fn powf(self, e: Exponent) -> Self {
        if e == Exponent::Zero {
            Self::new(1.0)
        } else if self.0 == Big::ZERO {
            self
        } else {
            Self(self.0.powf(&Self::new(e.to_f64()).0))
        }
    }

    fn clip(self, low: f64, high: f64) -> Self {
        let x = if low > f64::NEG_INFINITY {
            self.max(&Self::new(low))
        } else {
            self
        };
        if high < f64::INFINITY && x.0 > Self::new(high).0 {
            Self::new(high)
        } else {
            x
        }
    }

    fn positive(self) -> Self {
        Self::new(if self.0 > Big::ZERO { 1.0 } else { 0.0 })
    }

    fn zero(&self) -> Self {
        Self::new(0.0)
    }
}
