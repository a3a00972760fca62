//! The compound losses: weighted sums of a region-based and a distribution-based loss.

mod conventions;
mod named;

use crate::extent::Extent;
use crate::name::Origin;
use crate::order::{First, Order, Products, Second};
use crate::parameter::{ParameterError, Range};
use crate::stretch::COMPACT;
use crate::{
    Class, ClassSums, Focal, Loss, Parameter, Probability, Real, Score, Share, Tversky, Visitor,
};

/// The Unified Focal loss, λ·(focal Tversky) + (1−λ)·(focal cross entropy), and the compound losses
/// it generalises.
///
/// | constructor | region | distribution | λ |
/// |---|---|---|---|
/// | [`symmetric`](UnifiedFocal::symmetric) | [`Tversky::symmetric_focal`] | [`Focal::symmetric`] | ½ |
/// | [`asymmetric`](UnifiedFocal::asymmetric) | [`Tversky::asymmetric_focal`] | [`Focal::asymmetric`] | ½ |
/// | [`tversky_cross_entropy`](UnifiedFocal::tversky_cross_entropy) | symmetric at γ = 0 | symmetric at γ = 0 | ½ |
/// | [`dice_cross_entropy`](UnifiedFocal::dice_cross_entropy) | [`Tversky::dice`] | [`Focal::cross_entropy`] | none: the sum |
/// | [`dice_focal`](UnifiedFocal::dice_focal) | [`Tversky::dice`] | [`Focal::new`] | none: the sum |
/// | [`exponential_log`](UnifiedFocal::exponential_log) | [`Tversky::log_dice`] | [`Focal::exponential_log`] | 0.8 |
/// | [`combo`](UnifiedFocal::combo) | minus [`Tversky::dice`]'s index | weighted cross entropy | 1−a |
///
/// λ multiplies the Tversky side, as in the code published with the paper. Other sources use the
/// same letters differently; [`paper_symmetric`](UnifiedFocal::paper_symmetric),
/// [`paper_asymmetric`](UnifiedFocal::paper_asymmetric), [`monai`](UnifiedFocal::monai) and
/// [`geodl`](UnifiedFocal::geodl) take the parameters of these sources.
///
/// Source: Yeung, Sala, Schönlieb, Rundo, "Unified Focal loss: Generalising Dice and cross
/// entropy-based losses to handle class imbalanced medical image segmentation", Comput. Med.
/// Imaging Graph. 95 (2022) 102026, arXiv 2102.04525.
///
/// It has four sums: TP, FP, FN and F.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Tversky, UnifiedFocal};
///
/// let loss = UnifiedFocal::asymmetric().with_delta(0.7)?.with_gamma(0.2)?.with_lambda(0.4)?;
/// assert_eq!(loss.lambda(), Some(0.4));
/// assert_eq!(loss.region(), Tversky::asymmetric_focal().with_gamma(0.2)?);
/// // The plain sum of both sides:
/// assert_eq!(loss.with_lambda(None)?.lambda(), None);
/// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnifiedFocal {
    region: Tversky,
    distribution: Focal,
    region_weight: f64,
    distribution_weight: f64,
    /// Whether the region side is −TI instead of 1 − TI.
    negated_index: bool,
    pub(crate) origin: Origin,
}

impl UnifiedFocal {
    /// Sets a of [`combo`](UnifiedFocal::combo).
    pub(crate) fn with_alpha(self, alpha: Option<f64>) -> Result<Self, ParameterError> {
        match alpha {
            Some(a) => {
                let a = Range::SHARE.check(Parameter::Alpha.as_str(), a)?;
                self.with_weights(1.0 - a, a)
            }
            None => self.with_weights(1.0, 1.0),
        }
    }

    /// Sets b of [`combo`](UnifiedFocal::combo).
    pub(crate) fn with_beta(self, beta: Option<f64>) -> Result<Self, ParameterError> {
        Ok(Self {
            distribution: self.distribution.with_beta(beta)?,
            ..self
        })
    }

    /// a of [`combo`](UnifiedFocal::combo), if there is one.
    pub(crate) fn alpha(&self) -> Option<f64> {
        self.lambda().map(|_| self.distribution_weight)
    }

    /// Weighs the Tversky side by λ and the cross entropy side by 1−λ; `None` weighs both by 1.
    ///
    /// # Errors
    ///
    /// λ outside [0, 1].
    pub fn with_lambda(self, lambda: impl Into<Option<f64>>) -> Result<Self, ParameterError> {
        match lambda.into().map(check_lambda).transpose()? {
            Some(lambda) => self.with_weights(lambda, 1.0 - lambda),
            None => self.with_weights(1.0, 1.0),
        }
    }

    /// Sets any two weights for the sides, for conventions that no λ can express.
    ///
    /// # Errors
    ///
    /// A weight outside [0, 10³⁰].
    pub fn with_weights(self, region: f64, distribution: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            region_weight: Range::WEIGHT.check("region_weight", region)?,
            distribution_weight: Range::WEIGHT.check("distribution_weight", distribution)?,
            ..self
        })
    }

    /// Sets δ of both sides: it weighs false negatives against false positives, and rare classes
    /// against common ones.
    ///
    /// # Errors
    ///
    /// δ outside [0, 1].
    pub fn with_delta(self, delta: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            region: self.region.with_delta(delta)?,
            distribution: self.distribution.with_delta(delta)?,
            ..self
        })
    }

    /// Sets γ of both sides, or of the focal side alone if the Tversky side is neither the symmetric
    /// nor the asymmetric loss, nor that of [`exponential_log`](UnifiedFocal::exponential_log).
    ///
    /// # Errors
    ///
    /// γ outside [0, 1]; for the focal side alone, outside [0, 10³⁰]; for the exponential logarithmic loss,
    /// outside [0.001, 5].
    pub fn with_gamma(self, gamma: f64) -> Result<Self, ParameterError> {
        let gamma = self.gamma_range().check(Parameter::Gamma.as_str(), gamma)?;
        let mut loss = self;
        loss.distribution = self.distribution.with_gamma(gamma)?;
        if !self.region.is_plain() || self.is_exponential() {
            loss.region = self.region.with_gamma(gamma)?;
        }
        Ok(loss)
    }

    pub(crate) fn gamma_range(&self) -> Range {
        if self.distribution.is_exponential() {
            self.distribution.gamma_range()
        } else {
            self.region.gamma_range()
        }
    }

    /// Whether both sides are powers of logarithms, which share γ.
    fn is_exponential(&self) -> bool {
        self.region.log() && self.distribution.is_exponential()
    }

    /// Sets the smoothing term s of the Tversky side.
    ///
    /// # Errors
    ///
    /// s below 10⁻³⁰ or not finite.
    pub fn with_smooth(self, smooth: f64) -> Result<Self, ParameterError> {
        let region = self.region.with_smooth(smooth)?;
        Ok(Self { region, ..self })
    }

    /// Sets the smoothing term of the numerator of the Tversky side; `None` is s.
    ///
    /// # Errors
    ///
    /// The term is negative or not finite.
    pub fn with_smooth_numerator(
        self,
        smooth: impl Into<Option<f64>>,
    ) -> Result<Self, ParameterError> {
        let region = self.region.with_smooth_numerator(smooth)?;
        Ok(Self { region, ..self })
    }

    /// Sets the [order](Tversky::with_order) of the Tversky side.
    ///
    /// # Errors
    ///
    /// An order other than 1 and 2.
    pub fn with_order(self, order: impl Into<Option<u32>>) -> Result<Self, ParameterError> {
        let region = self.region.with_order(order)?;
        Ok(Self { region, ..self })
    }

    /// Sets the [label smoothing](Focal::with_label_smoothing) of the cross entropy side.
    ///
    /// # Errors
    ///
    /// t outside [0, 1].
    pub fn with_label_smoothing(self, smoothing: f64) -> Result<Self, ParameterError> {
        let distribution = self.distribution.with_label_smoothing(smoothing)?;
        Ok(Self {
            distribution,
            ..self
        })
    }

    /// Clamps the probabilities of both sides to [ε, 1 − ε]; `None` does not clamp. Logits are
    /// never clamped.
    ///
    /// # Errors
    ///
    /// ε outside (0, ½).
    pub fn with_clip(self, epsilon: impl Into<Option<f64>>) -> Result<Self, ParameterError> {
        let epsilon = epsilon.into();
        Ok(Self {
            region: self.region.with_clip(epsilon)?,
            distribution: self.distribution.with_clip(epsilon)?,
            ..self
        })
    }

    /// The region-based side.
    pub fn region(&self) -> Tversky {
        self.region
    }

    /// The distribution-based side.
    pub fn distribution(&self) -> Focal {
        self.distribution
    }

    /// λ, if the weights of the two sides add up to 1.
    pub fn lambda(&self) -> Option<f64> {
        // Up to rounding: 1 − 0.3 and 0.7 differ in the last bit.
        let sums_to_one =
            (self.region_weight + self.distribution_weight - 1.0).abs() <= f64::EPSILON;
        sums_to_one.then_some(self.region_weight)
    }
}

fn check_lambda(lambda: f64) -> Result<f64, ParameterError> {
    Range::LAMBDA.check(Parameter::Lambda.as_str(), lambda)
}

fn check_gamma(gamma: f64) -> Result<f64, ParameterError> {
    Range::GAMMA.check(Parameter::Gamma.as_str(), gamma)
}

impl Default for UnifiedFocal {
    fn default() -> Self {
        Self::asymmetric()
    }
}

/// A compound loss with its sides as types.
#[derive(Clone, Copy)]
struct OfSides<'a, T, F> {
    loss: &'a UnifiedFocal,
    region: T,
    distribution: F,
}

impl<T: Loss<3>, F: Loss<1>> Loss<4> for OfSides<'_, T, F> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 4] {
        let [tp, fp, fn_] = self.region.terms(class, prediction, y);
        let [f] = self.distribution.terms(class, prediction, y);
        [tp, fp, fn_, f]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        self.loss.finalize(class, sums)
    }
}

/// Puts a region-based side beside the distribution-based one that it visits.
struct Beside<'a, T, V> {
    loss: &'a UnifiedFocal,
    region: T,
    visitor: V,
}

impl UnifiedFocal {
    #[inline(always)]
    fn beside<T, V>(&self, region: T, visitor: V) -> Beside<'_, T, V> {
        Beside {
            loss: self,
            region,
            visitor,
        }
    }
}

impl<T: Loss<3>, V: Visitor<4>> Visitor<1> for Beside<'_, T, V> {
    type Output = V::Output;

    const EXTENT: Extent = V::EXTENT;

    #[inline(always)]
    fn visit(self, distribution: impl Loss<1>) -> V::Output {
        self.visitor.visit(OfSides {
            loss: self.loss,
            region: self.region,
            distribution,
        })
    }
}

impl Loss<4> for UnifiedFocal {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 4] {
        let sides = OfSides {
            loss: self,
            region: self.region,
            distribution: self.distribution,
        };
        sides.terms(class, prediction, y)
    }

    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [tp, fp, fn_, f] = sums.terms.clone();
        let Score {
            mean: region,
            share,
            ..
        } = self.region.finalize(class, &sums.with_terms([tp, fp, fn_]));
        let distribution = self.distribution.finalize(class, &sums.with_terms([f])).sum;
        let region = if self.negated_index {
            region.shift(-1.0)
        } else {
            region
        };
        // A side with weight 0 may have an infinite slope, and 0·∞ is NaN.
        let part = |score: R, weight: f64| match weight {
            0.0 => score.zero(),
            _ => score.scale(weight),
        };
        Score {
            mean: part(region, self.region_weight),
            sum: part(distribution, self.distribution_weight),
            share,
        }
    }

    #[inline(always)]
    fn specialize<V: Visitor<4>>(&self, class: &Class, visitor: V) -> V::Output {
        // Debug builds would take several times as long to compile, and small devices lack the memory.
        if cfg!(debug_assertions) || COMPACT {
            return visitor.visit(*self);
        }
        let distribution = &self.distribution;
        // Types for what is common: with all exponents for each order there would be three times as many.
        match self.region.differences() {
            Order::One
                if const { V::EXTENT.is_partial() } && !distribution.is_of_log(V::EXTENT) =>
            {
                let beside = self.beside(self.region.of_order(First), visitor);
                distribution.specialize_roughly(class, beside)
            }
            Order::One if const { V::EXTENT.is_partial() } => visitor.visit(*self),
            // Inside and outside of a class, order 1 is that of products.
            Order::One | Order::Products => {
                let beside = self.beside(self.region.of_order(Products), visitor);
                distribution.specialize(class, beside)
            }
            Order::Two if !distribution.is_of_log(V::EXTENT) => {
                let beside = self.beside(self.region.of_order(Second), visitor);
                distribution.specialize_roughly(class, beside)
            }
            Order::Two | Order::Robust(_) => visitor.visit(*self),
        }
    }
}
