//! The losses by name: what a command line, a configuration file or a test over all of them needs.

use core::fmt;
use core::str::FromStr;

use crate::{
    Class, ClassSums, Focal, Loss, Probability, Real, Score, Share, Tversky, UnifiedFocal,
};

/// A loss of the family, whichever.
///
/// All have four sums, TP, FP, FN and F; those that a loss does not need are 0.
///
/// # Examples
///
/// ```
/// use unifocal_core::{AnyLoss, Name, Tversky};
///
/// let name: Name = "focal-tversky".parse()?;
/// assert_eq!(AnyLoss::from(name), AnyLoss::Tversky(Tversky::focal()));
/// # Ok::<(), unifocal_core::UnknownName>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnyLoss {
    /// A region-based loss.
    Tversky(Tversky),
    /// A distribution-based loss.
    Focal(Focal),
    /// A compound loss.
    UnifiedFocal(UnifiedFocal),
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

impl From<Name> for AnyLoss {
    fn from(name: Name) -> Self {
        name.loss()
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
        let zero = || prediction.p.zero();
        match self {
            Self::Tversky(loss) => {
                let [tp, fp, fn_] = loss.terms(class, prediction, y);
                [tp, fp, fn_, zero()]
            }
            Self::Focal(loss) => {
                let [f] = loss.terms(class, prediction, y);
                [zero(), zero(), zero(), f]
            }
            Self::UnifiedFocal(loss) => loss.terms(class, prediction, y),
        }
    }

    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 4>) -> Score<R> {
        let [tp, fp, fn_, f] = sums.terms.clone();
        match self {
            Self::Tversky(loss) => loss.finalize(class, &sums.with_terms([tp, fp, fn_])),
            Self::Focal(loss) => loss.finalize(class, &sums.with_terms([f])),
            Self::UnifiedFocal(loss) => loss.finalize(class, sums),
        }
    }

    #[inline(always)]
    fn specialize<O>(&self, class: &Class, sweep: impl FnOnce(&Self) -> O) -> O {
        match self {
            Self::Tversky(loss) => sweep(&Self::Tversky(*loss)),
            Self::Focal(loss) => loss.specialize(
                class,
                #[inline(always)]
                |loss| sweep(&Self::Focal(*loss)),
            ),
            Self::UnifiedFocal(loss) => loss.specialize(
                class,
                #[inline(always)]
                |loss| sweep(&Self::UnifiedFocal(*loss)),
            ),
        }
    }
}

/// The name of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// [`Tversky::dice`].
    Dice,
    /// [`Tversky::jaccard`].
    Jaccard,
    /// [`Tversky::new`].
    Tversky,
    /// [`Tversky::focal`].
    FocalTversky,
    /// [`Tversky::symmetric_focal`].
    SymmetricFocalTversky,
    /// [`Tversky::asymmetric_focal`].
    AsymmetricFocalTversky,
    /// [`Focal::cross_entropy`].
    CrossEntropy,
    /// [`Focal::new`].
    Focal,
    /// [`Focal::symmetric`].
    SymmetricFocal,
    /// [`Focal::asymmetric`].
    AsymmetricFocal,
    /// [`UnifiedFocal::combo`] at a = b = ½.
    Combo,
    /// [`UnifiedFocal::tversky_cross_entropy`].
    TverskyCrossEntropy,
    /// [`UnifiedFocal::symmetric`].
    SymmetricUnifiedFocal,
    /// [`UnifiedFocal::asymmetric`].
    AsymmetricUnifiedFocal,
}

impl Name {
    /// All of them, region-based first, compound last.
    pub const ALL: [Self; 14] = [
        Self::Dice,
        Self::Jaccard,
        Self::Tversky,
        Self::FocalTversky,
        Self::SymmetricFocalTversky,
        Self::AsymmetricFocalTversky,
        Self::CrossEntropy,
        Self::Focal,
        Self::SymmetricFocal,
        Self::AsymmetricFocal,
        Self::Combo,
        Self::TverskyCrossEntropy,
        Self::SymmetricUnifiedFocal,
        Self::AsymmetricUnifiedFocal,
    ];

    /// The name as it is written: `asymmetric-unified-focal`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::Tversky => "tversky",
            Self::FocalTversky => "focal-tversky",
            Self::SymmetricFocalTversky => "symmetric-focal-tversky",
            Self::AsymmetricFocalTversky => "asymmetric-focal-tversky",
            Self::CrossEntropy => "cross-entropy",
            Self::Focal => "focal",
            Self::SymmetricFocal => "symmetric-focal",
            Self::AsymmetricFocal => "asymmetric-focal",
            Self::Combo => "combo",
            Self::TverskyCrossEntropy => "tversky-cross-entropy",
            Self::SymmetricUnifiedFocal => "symmetric-unified-focal",
            Self::AsymmetricUnifiedFocal => "asymmetric-unified-focal",
        }
    }

    /// The loss of this name, with the reference's defaults.
    pub fn loss(self) -> AnyLoss {
        match self {
            Self::Dice => Tversky::dice().into(),
            Self::Jaccard => Tversky::jaccard().into(),
            Self::Tversky => Tversky::new().into(),
            Self::FocalTversky => Tversky::focal().into(),
            Self::SymmetricFocalTversky => Tversky::symmetric_focal().into(),
            Self::AsymmetricFocalTversky => Tversky::asymmetric_focal().into(),
            Self::CrossEntropy => Focal::cross_entropy().into(),
            Self::Focal => Focal::new().into(),
            Self::SymmetricFocal => Focal::symmetric().into(),
            Self::AsymmetricFocal => Focal::asymmetric().into(),
            Self::Combo => UnifiedFocal::combo(0.5, 0.5).expect("½ is in range").into(),
            Self::TverskyCrossEntropy => UnifiedFocal::tversky_cross_entropy().into(),
            Self::SymmetricUnifiedFocal => UnifiedFocal::symmetric().into(),
            Self::AsymmetricUnifiedFocal => UnifiedFocal::asymmetric().into(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Name {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// No loss has this name; [`Name::ALL`] lists those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no loss has this name")
    }
}

impl core::error::Error for UnknownName {}
