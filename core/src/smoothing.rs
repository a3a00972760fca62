//! The smoothing terms of a score: s beside all of its sums, r beside those of right voxels.

use crate::parameter::{ParameterError, Range};
use crate::{Parameter, Real};

/// r is added to a sum of right voxels, and s − r (at least 0) to a sum of wrong ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Smoothing {
    pub(crate) s: f64,
    /// `None` is s.
    pub(crate) r: Option<f64>,
}

impl Smoothing {
    /// s beside right voxels, and nothing beside wrong ones.
    pub(crate) const fn new(s: f64) -> Self {
        Self { s, r: None }
    }

    /// Fails for s below 10⁻³⁰ or not finite.
    pub(crate) fn with_s(self, s: f64) -> Result<Self, ParameterError> {
        let s = Range::SMOOTH.check(Parameter::Smooth.as_str(), s)?;
        Ok(Self { s, ..self })
    }

    /// Fails for r negative or not finite.
    pub(crate) fn with_r(self, r: Option<f64>) -> Result<Self, ParameterError> {
        let check = |r| Range::SMOOTH_NUMERATOR.check(Parameter::SmoothNumerator.as_str(), r);
        let r = r.map(check).transpose()?;
        Ok(Self { r, ..self })
    }

    /// The number added to a sum of right voxels.
    #[inline(always)]
    pub(crate) fn of_right(self) -> f64 {
        self.r.unwrap_or(self.s)
    }

    /// A sum of wrong voxels with its smoothing.
    #[inline(always)]
    pub(crate) fn wrong<R: Real>(self, sum: R) -> R {
        let r = self.of_right();
        if r == self.s {
            return sum;
        }
        sum.shift(self.s - r).clip(0.0, f64::INFINITY)
    }
}
