//! All losses behind one type, for command lines, configuration files and tests that cover every
//! loss.

pub use crate::loss_error::LossError;
pub use crate::name::{Name, UnknownName};
pub use crate::parameter::{ParameterError, Range, UnknownParameter};

use crate::extent::Extent;
use crate::stretch::COMPACT;
use crate::{
    Class, ClassSums, Focal, HardVoxels, Loss, Matthews, Probability, Real, Score, Share, Tversky,
    UnifiedFocal, Visitor,
};

/// Any loss of the family.
///
/// Every loss has the four sums TP, FP, FN and F here; sums that a loss does not use are 0.
/// [`Matthews`] has TN in place of F, [`HardVoxels`] the number of hard voxels in place of TP.
///
/// # By name
///
/// A loss is parsed from its [name](Name), alone or with parameters in the format that
/// [`Display`](core::fmt::Display) prints. [Parameters](crate::Parameter) are read and set by name;
/// omitted ones have their defaults. `{}` prints the parameters that differ from the defaults,
/// `{:#}` prints all of them.
///
/// ```
/// use unifocal_core::{AnyLoss, Parameter, UnifiedFocal, catalogue::LossError};
///
/// let loss = "asym_unified_focal".parse::<AnyLoss>()?.with(Parameter::Gamma, 0.2)?;
/// assert_eq!(loss, UnifiedFocal::asymmetric().with_gamma(0.2).unwrap().into());
/// assert_eq!(loss.get(Parameter::Delta)?, Some(0.6));
///
/// assert_eq!(loss.to_string(), "asymmetric-unified-focal(gamma=0.2)");
/// assert_eq!(loss.to_string().parse(), Ok(loss));
///
/// let error = "dice".parse::<AnyLoss>()?.with(Parameter::Gamma, 0.2).unwrap_err();
/// assert_eq!(error.to_string(), "dice has no parameter gamma, expected one of delta, order, smooth, smooth-numerator, clip");
/// # Ok::<(), LossError>(())
/// ```
///
/// Some losses have no name, because their parameters match no name of the catalogue:
/// [`UnifiedFocal::monai`] for example. They print as their `Debug` output and have no parameters
/// by name.
///
/// With the feature `serde`, a loss in a file is a map such as `{"name": "dice", "smooth": 1.0}`,
/// or the text above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnyLoss {
    /// A region-based loss.
    Tversky(Tversky),
    /// A distribution-based loss.
    Focal(Focal),
    /// A compound loss.
    UnifiedFocal(UnifiedFocal),
    /// The Matthews correlation loss.
    Matthews(Matthews),
    /// Cross entropy of the hard voxels.
    HardVoxels(HardVoxels),
}

impl From<Tversky> for AnyLoss {
    fn from(loss: Tversky) -> Self {
        Self::Tversky(loss)
    }
}

impl From<Focal> for AnyLoss {
    fn from(loss: Focal) -> Self {
        Self::Focal(loss)
    }
}

impl From<UnifiedFocal> for AnyLoss {
    fn from(loss: UnifiedFocal) -> Self {
        Self::UnifiedFocal(loss)
    }
}

impl From<Matthews> for AnyLoss {
    fn from(loss: Matthews) -> Self {
        Self::Matthews(loss)
    }
}

impl From<HardVoxels> for AnyLoss {
    fn from(loss: HardVoxels) -> Self {
        Self::HardVoxels(loss)
    }
}

impl From<Name> for AnyLoss {
    fn from(name: Name) -> Self {
        name.loss()
    }
}

impl Name {
    /// The loss of this name, with the reference's defaults.
    pub fn loss(self) -> AnyLoss {
        match self {
            Self::Dice => Tversky::dice().into(),
            Self::Jaccard => Tversky::jaccard().into(),
            Self::Tversky => Tversky::new().into(),
            Self::WeightedTversky => Tversky::weighted().into(),
            Self::LogDice => Tversky::log_dice().into(),
            Self::LogCoshDice => Tversky::log_cosh_dice().into(),
            Self::NoiseRobustDice => Tversky::noise_robust_dice().into(),
            Self::GeneralizedDice => Tversky::generalized_dice().into(),
            Self::FocalTversky => Tversky::focal().into(),
            Self::SymmetricFocalTversky => Tversky::symmetric_focal().into(),
            Self::AsymmetricFocalTversky => Tversky::asymmetric_focal().into(),
            Self::Matthews => Matthews::new().into(),
            Self::HardVoxels => HardVoxels::new().into(),
            Self::CrossEntropy => Focal::cross_entropy().into(),
            Self::Focal => Focal::new().into(),
            Self::Poly1 => Focal::poly1().into(),
            Self::SymmetricFocal => Focal::symmetric().into(),
            Self::AsymmetricFocal => Focal::asymmetric().into(),
            Self::DiceCrossEntropy => UnifiedFocal::dice_cross_entropy().into(),
            Self::DiceFocal => UnifiedFocal::dice_focal().into(),
            Self::ExponentialLog => UnifiedFocal::exponential_log().into(),
            Self::Combo => UnifiedFocal::combo(0.5, 0.5).expect("½ is in range").into(),
            Self::TverskyCrossEntropy => UnifiedFocal::tversky_cross_entropy().into(),
            Self::SymmetricUnifiedFocal => UnifiedFocal::symmetric().into(),
            Self::AsymmetricUnifiedFocal => UnifiedFocal::asymmetric().into(),
        }
    }
}

impl Loss<4> for AnyLoss {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 4] {
        match self {
            Self::Tversky(loss) => OfRegion(*loss).terms(class, prediction, y),
            Self::Focal(loss) => OfDistribution(*loss).terms(class, prediction, y),
            Self::UnifiedFocal(loss) => loss.terms(class, prediction, y),
            Self::Matthews(loss) => loss.terms(class, prediction, y),
            Self::HardVoxels(loss) => OfHardVoxels(*loss).terms(class, prediction, y),
        }
    }

    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        match self {
            Self::Tversky(loss) => OfRegion(*loss).finalize(class, sums),
            Self::Focal(loss) => OfDistribution(*loss).finalize(class, sums),
            Self::UnifiedFocal(loss) => loss.finalize(class, sums),
            Self::Matthews(loss) => loss.finalize(class, sums),
            Self::HardVoxels(loss) => OfHardVoxels(*loss).finalize(class, sums),
        }
    }

    #[inline(always)]
    fn specialize<V: Visitor<4>>(&self, class: &Class, visitor: V) -> V::Output {
        // Debug builds would take several times as long to compile, and small devices lack the memory.
        if cfg!(debug_assertions) || COMPACT {
            return visitor.visit(*self);
        }
        match self {
            Self::Tversky(loss) => loss.specialize(class, Widening(visitor)),
            Self::Focal(loss) => loss.specialize(class, Widening(visitor)),
            Self::UnifiedFocal(loss) => loss.specialize(class, visitor),
            Self::Matthews(loss) => loss.specialize(class, visitor),
            Self::HardVoxels(loss) => visitor.visit(OfHardVoxels(*loss)),
        }
    }
}

/// A region-based loss with a fourth sum, which is 0.
#[derive(Clone, Copy)]
struct OfRegion<L>(L);

impl<L: Loss<3>> Loss<4> for OfRegion<L> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 4] {
        let [tp, fp, fn_] = self.0.terms(class, prediction, y);
        [tp, fp, fn_, prediction.p.zero()]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [tp, fp, fn_, _] = sums.terms.clone();
        self.0.finalize(class, &sums.with_terms([tp, fp, fn_]))
    }
}

/// A distribution-based loss with three sums before its own, which are 0.
#[derive(Clone, Copy)]
struct OfDistribution<L>(L);

impl<L: Loss<1>> Loss<4> for OfDistribution<L> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 4] {
        let zero = || prediction.p.zero();
        let [f] = self.0.terms(class, prediction, y);
        [zero(), zero(), zero(), f]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [_, _, _, f] = sums.terms.clone();
        self.0.finalize(class, &sums.with_terms([f]))
    }
}

/// The loss of the hard voxels with two sums between its own, which are 0.
#[derive(Clone, Copy)]
struct OfHardVoxels(HardVoxels);

impl Loss<4> for OfHardVoxels {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 4] {
        let zero = || prediction.p.zero();
        let [voxels, f] = self.0.terms(class, prediction, y);
        [voxels, zero(), zero(), f]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [voxels, _, _, f] = sums.terms.clone();
        self.0.finalize(class, &sums.with_terms([voxels, f]))
    }
}

/// Gives the loss that it visits four sums.
struct Widening<V>(V);

impl<V: Visitor<4>> Visitor<3> for Widening<V> {
    type Output = V::Output;

    const EXTENT: Extent = V::EXTENT;

    #[inline(always)]
    fn visit(self, loss: impl Loss<3>) -> V::Output {
        self.0.visit(OfRegion(loss))
    }
}

impl<V: Visitor<4>> Visitor<1> for Widening<V> {
    type Output = V::Output;

    const EXTENT: Extent = V::EXTENT;

    #[inline(always)]
    fn visit(self, loss: impl Loss<1>) -> V::Output {
        self.0.visit(OfDistribution(loss))
    }
}
