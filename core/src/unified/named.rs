//! The compound losses that have names.

use super::UnifiedFocal;
use crate::name::Origin;
use crate::parameter::ParameterError;
use crate::{Focal, Name, Tversky};

impl UnifiedFocal {
    /// The plain sum of a region-based and a distribution-based loss, without λ.
    pub fn sum(region: Tversky, distribution: Focal) -> Self {
        Self {
            region,
            distribution,
            region_weight: 1.0,
            distribution_weight: 1.0,
            negated_index: false,
            origin: Origin(Name::SymmetricUnifiedFocal),
        }
    }

    /// The sum of the Dice loss and cross entropy: s = 10⁻⁶, and clip 10⁻⁷ for cross entropy.
    ///
    /// Source: Isensee et al., "nnU-Net", Nat. Methods 18 (2021) 203–211.
    pub fn dice_cross_entropy() -> Self {
        Self {
            origin: Origin(Name::DiceCrossEntropy),
            ..Self::sum(Tversky::dice(), Focal::cross_entropy())
        }
    }

    /// The sum of the Dice loss and the focal loss: γ = 2, s = 10⁻⁶, and clip 10⁻⁷ for the focal
    /// loss.
    ///
    /// Source: Zhu et al., "AnatomyNet", Med. Phys. 46 (2019) 576–589, arXiv 1808.05238.
    pub fn dice_focal() -> Self {
        Self {
            origin: Origin(Name::DiceFocal),
            ..Self::sum(Tversky::dice(), Focal::new())
        }
    }

    /// The exponential logarithmic loss, λ·mean_c (−ln Dice_c)^γ + (1−λ)·(1/M) Σ_c Σ y·(−ln p)^γ: λ = 0.8, γ = 0.3,
    /// s = 10⁻⁶, and clip 10⁻⁷ for cross entropy.
    ///
    /// The source weighs the classes of its cross entropy side by (Σ_k f_k / f_c)^½, where f_c is the frequency of
    /// class c: [`with_class_alpha`](crate::Classes::with_class_alpha). To give the sides different exponents, use
    /// [`sum`](UnifiedFocal::sum) of [`Tversky::log_dice`] and [`Focal::exponential_log`].
    ///
    /// Source: Wong et al. 2018, arXiv 1809.00076.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Focal, Tversky, UnifiedFocal};
    ///
    /// // γ_Dice = 0.3 and γ_Cross = 0.5, with the weights 0.8 and 0.2
    /// let (dice, entropy) = (Tversky::log_dice().with_gamma(0.3)?, Focal::exponential_log().with_gamma(0.5)?);
    /// let loss = UnifiedFocal::sum(dice, entropy).with_lambda(0.8)?;
    /// assert_ne!(loss, UnifiedFocal::exponential_log());
    /// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
    /// ```
    pub fn exponential_log() -> Self {
        let sides = || {
            let dice = Tversky::log_dice().with_gamma(0.3)?;
            Self::sum(dice, Focal::exponential_log()).with_lambda(0.8)
        };
        Self {
            origin: Origin(Name::ExponentialLog),
            ..sides().expect("0.3 and 0.8 are in range")
        }
    }

    /// The symmetric Unified Focal loss: λ = ½, δ = 0.6, γ = 0.5, s = clip = 10⁻⁷.
    pub fn symmetric() -> Self {
        let (region, distribution) = (Tversky::symmetric_focal(), Focal::symmetric());
        Self::reference(region, distribution, Name::SymmetricUnifiedFocal)
    }

    /// The asymmetric Unified Focal loss: λ = ½, δ = 0.6, γ = 0.5, s = clip = 10⁻⁷.
    ///
    /// The PyTorch port differs only in its default γ = 0.2: `.with_gamma(0.2)?`.
    pub fn asymmetric() -> Self {
        let (region, distribution) = (Tversky::asymmetric_focal(), Focal::asymmetric());
        Self::reference(region, distribution, Name::AsymmetricUnifiedFocal)
    }

    fn reference(region: Tversky, distribution: Focal, name: Name) -> Self {
        let valid = "0.6 and 0.5 are in range";
        Self {
            region_weight: 0.5,
            distribution_weight: 0.5,
            origin: Origin(name),
            ..Self::sum(region, distribution)
        }
        .with_delta(0.6)
        .and_then(|loss| loss.with_gamma(0.5))
        .expect(valid)
    }

    /// Tversky loss and weighted cross entropy: the symmetric Unified Focal loss at γ = 0
    /// (λ = ½, δ = 0.6).
    pub fn tversky_cross_entropy() -> Self {
        Self {
            origin: Origin(Name::TverskyCrossEntropy),
            ..Self::symmetric().with_gamma(0.0).expect("0 is in range")
        }
    }

    /// The Combo loss, a·(1/M) Σ_c b_c·F_c(0) − (1−a)·mean_c TI, with δ = ½ and s = 10⁻⁶. Without
    /// a: the plain difference.
    ///
    /// b_c is b for common classes and 1−b for rare ones, as in the reference's code; without b, it
    /// is 1 for every class. The reference's defaults are a = b = ½, where the loss is ½ below the
    /// Unified Focal loss at λ = ½, γ = 0, δ = ½.
    ///
    /// Source: Taghanaki et al. 2019, arXiv 1805.02798.
    ///
    /// # Errors
    ///
    /// a or b outside [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::UnifiedFocal;
    ///
    /// let combo = UnifiedFocal::combo(0.5, 0.5)?;
    /// let plain = UnifiedFocal::combo(None, None)?;
    /// assert_ne!(combo, plain);
    /// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
    /// ```
    pub fn combo(
        alpha: impl Into<Option<f64>>,
        beta: impl Into<Option<f64>>,
    ) -> Result<Self, ParameterError> {
        Self {
            negated_index: true,
            origin: Origin(Name::Combo),
            ..Self::sum(Tversky::dice(), Focal::cross_entropy())
        }
        .with_alpha(alpha.into())?
        .with_beta(beta.into())
    }
}
