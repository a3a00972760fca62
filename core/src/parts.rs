//! The contribution of classes to the value of a sample.

use crate::Real;

/// The contribution of classes to the value of a sample. Below, r and u are the weights of a class
/// on the two sides, k is its presence, and h its [share](crate::Score::share).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts<R> {
    /// Σ r·k·h·mean.
    pub(crate) mean: R,
    /// Σ r·k·h.
    pub(crate) share: R,
    /// Σ u·k·sum.
    pub(crate) sum: R,
    /// Σ k.
    pub(crate) presence: R,
}

impl<R: Real> Parts<R> {
    /// Adds the contribution of other classes.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            mean: self.mean + other.mean,
            share: self.share + other.share,
            sum: self.sum + other.sum,
            presence: self.presence + other.presence,
        }
    }

    /// Converts every part to another arithmetic, for example by summing tensors over a class axis.
    pub fn map<Q>(self, of: impl Fn(R) -> Q) -> Parts<Q> {
        Parts {
            mean: of(self.mean),
            share: of(self.share),
            sum: of(self.sum),
            presence: of(self.presence),
        }
    }

    /// The value of a sample with these classes.
    pub fn value(self) -> R {
        self.mean / self.share.clip(R::TINY, f64::INFINITY) + self.sum
    }

    /// 1 if a sample with these classes [counts](crate::Classes::counts), else 0.
    pub fn counts(self) -> R {
        self.presence.positive()
    }
}
