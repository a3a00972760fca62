//! A class's probability at a voxel: p, 1 − p and ln p, each without cancellation.

use crate::parameter::{ParameterError, Range};
use crate::{Dual, Parameter, Real};

/// A class's probability at a voxel: p, 1 − p and ln p, each computed without subtracting
/// near-equal numbers.
///
/// From a probability, ln p is computed only when a formula calls [`ln`](Probability::ln). From a
/// logit, all three come from the logarithm, so that 1 − 10⁻³⁰ is not rounded to 1.
///
/// # Examples
///
/// ```
/// use unifocal_core::formula::Probability;
///
/// let half = Probability::new(0.5_f64);
/// assert_eq!(half.complement, 0.5);
/// assert_eq!(half.ln(), -core::f64::consts::LN_2);
///
/// let z: f64 = -800.0; // ln p of a class whose p underflows
/// assert_eq!(Probability::from_ln(0.0, 1.0, z).ln(), -800.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probability<R> {
    /// p.
    pub p: R,
    /// 1 − p.
    pub complement: R,
    ln: Logarithm<R>,
    bounds: Clip,
}

/// The source of ln p.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Logarithm<R> {
    /// It is given.
    Known(R),
    /// The logarithm of this p, computed on demand.
    Of(R),
}

impl<R: Real> Probability<R> {
    /// From p. Values outside [0, 1] count as 0 or 1.
    #[inline(always)]
    pub fn new(p: R) -> Self {
        Self::within(p, Clip::NONE)
    }

    /// From p, 1 − p and ln p.
    #[inline(always)]
    pub fn from_ln(p: R, complement: R, ln: R) -> Self {
        Self {
            p,
            complement,
            ln: Logarithm::Known(ln),
            bounds: Clip::NONE,
        }
    }

    /// ln p.
    #[inline(always)]
    pub fn ln(&self) -> R {
        match &self.ln {
            Logarithm::Known(ln) => ln.clone(),
            // Clamp ln p from above, not p: f32 would round 1 − ε.
            Logarithm::Of(given) => {
                let low = self.bounds.low.max(R::TINY);
                let ln = given.clone().ln_above(low);
                ln.clip(f64::NEG_INFINITY, self.bounds.ln_high)
            }
        }
    }

    /// Clamps p to [ε, 1 − ε], and 1 − p and ln p accordingly. Does nothing without a clip, or if p
    /// comes from a logit: ln p is exact then, and needs no bound.
    ///
    /// Each of the three has its own bounds, so that 1 − p is ε at the upper bound in every
    /// precision (in `f32`, 1 − 10⁻⁷ is 1 − 1.19·10⁻⁷). The derivatives are those of
    /// [`Real::clip`].
    #[inline(always)]
    pub fn clipped(&self, clip: Option<Clip>) -> Self {
        match &self.ln {
            Logarithm::Known(_) => self.clone(),
            Logarithm::Of(given) => Self::within(given.clone(), clip.unwrap_or(Clip::NONE)),
        }
    }

    #[inline(always)]
    fn within(given: R, bounds: Clip) -> Self {
        let clip = |x: R| x.clip(bounds.low, bounds.high);
        Self {
            p: clip(given.clone()),
            complement: clip(given.clone().complement()),
            ln: Logarithm::Of(given),
            bounds,
        }
    }
}

impl<R: Real> Probability<Dual<R>> {
    /// p, 1 − p and ln p as dual numbers in the variable ln p, which is stable for logits: ∂p = p,
    /// ∂(1 − p) = −p, and ∂ln p = 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::formula::{Probability, Real};
    ///
    /// let half = Probability::by_ln(0.5_f64, 0.5, -core::f64::consts::LN_2);
    /// assert_eq!((half.ln() * half.p).derivative, 0.5 - 0.5 * core::f64::consts::LN_2);
    /// ```
    #[inline(always)]
    pub fn by_ln(p: R, complement: R, ln: R) -> Self {
        let one = ln.zero().shift(1.0);
        let dual = |value, derivative| Dual { value, derivative };
        Self::from_ln(
            dual(p.clone(), p.clone()),
            dual(complement, p.scale(-1.0)),
            dual(ln, one),
        )
    }
}

/// The bounds [ε, 1 − ε] that a loss clamps probabilities to, 0 < ε < ½. Logits are never clamped.
///
/// # Examples
///
/// ```
/// use unifocal_core::formula::Clip;
///
/// assert_eq!(Clip::new(1e-7)?.epsilon(), 1e-7);
/// assert!(Clip::new(0.5).is_err());
/// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    low: f64,
    high: f64,
    ln_high: f64,
}

impl Clip {
    /// The reference's clip, ε = 10⁻⁷.
    pub const REFERENCE: Self = Self {
        low: 1e-7,
        high: 1.0 - 1e-7,
        ln_high: -1.000_000_050_000_003_3e-7,
    };

    /// No clip: p in [0, 1].
    const NONE: Self = Self {
        low: 0.0,
        high: 1.0,
        ln_high: 0.0,
    };

    /// Creates the bounds [ε, 1 − ε].
    ///
    /// # Errors
    ///
    /// ε outside (0, ½).
    pub fn new(epsilon: f64) -> Result<Self, ParameterError> {
        let epsilon = Range::CLIP.check(Parameter::Clip.as_str(), epsilon)?;
        Ok(Self {
            low: epsilon,
            high: 1.0 - epsilon,
            ln_high: libm::log1p(-epsilon),
        })
    }

    /// ε.
    pub fn epsilon(&self) -> f64 {
        self.low
    }
}
