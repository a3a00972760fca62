//! The Unified Focal loss with the parameters of other sources: the printed equations, MONAI, nnU-Net and geodl.

use super::{UnifiedFocal, check_gamma, check_lambda};
use crate::parameter::{ParameterError, Range};
use crate::{Focal, Tversky};

impl UnifiedFocal {
    /// The symmetric Unified Focal loss as printed in the paper's equations, for `classes` classes.
    ///
    /// It differs from the code: λ multiplies the focal side, γ is 1 minus the code's γ, the focal
    /// side weighs every class by δ, and the Tversky side is the sum over the classes instead of
    /// the mean: λ·δ·(1/M) Σ_c F_c(1−γ) + (1−λ)·Σ_c (1−TI_c)^γ. The equations have no s and no
    /// clip; here they are the code's.
    ///
    /// # Errors
    ///
    /// λ, δ or γ outside [0, 1].
    pub fn paper_symmetric(
        lambda: f64,
        delta: f64,
        gamma: f64,
        classes: usize,
    ) -> Result<Self, ParameterError> {
        let gamma = 1.0 - check_gamma(gamma)?;
        let region = Tversky::symmetric_focal()
            .with_delta(delta)?
            .with_gamma(gamma)?;
        let distribution = Focal::new().with_alpha(delta)?.with_gamma(gamma)?;
        Self::sum(region, distribution).printed(lambda, classes)
    }

    /// The asymmetric Unified Focal loss as printed in the paper's equations, for `classes`
    /// classes.
    ///
    /// It differs from the code: λ multiplies the focal side, and the Tversky side is the sum over
    /// the classes instead of the mean. γ is the same.
    ///
    /// # Errors
    ///
    /// λ, δ or γ outside [0, 1].
    pub fn paper_asymmetric(
        lambda: f64,
        delta: f64,
        gamma: f64,
        classes: usize,
    ) -> Result<Self, ParameterError> {
        Self::asymmetric()
            .with_delta(delta)?
            .with_gamma(gamma)?
            .printed(lambda, classes)
    }

    fn printed(self, lambda: f64, classes: usize) -> Result<Self, ParameterError> {
        let lambda = check_lambda(lambda)?;
        self.with_weights((1.0 - lambda) * classes as f64, lambda)
    }

    /// MONAI's `AsymmetricUnifiedFocalLoss(weight, gamma, delta)`, for two classes.
    /// It differs from the reference: the weight multiplies the focal side, and the focal side is
    /// also averaged over the class axis: (1−weight)·mean_c (1−TI_c)^e_c + weight·½·(1/M) Σ_c
    /// w_c·F_c(g_c). MONAI's defaults are 0.5, 0.5 and 0.7.
    ///
    /// # Errors
    ///
    /// The weight, γ or δ outside [0, 1].
    pub fn monai(weight: f64, gamma: f64, delta: f64) -> Result<Self, ParameterError> {
        let weight = Range::SHARE.check("weight", weight)?;
        Self::asymmetric()
            .with_delta(delta)?
            .with_gamma(gamma)?
            .with_weights(1.0 - weight, 0.5 * weight)
    }

    /// nnU-Net's `DC_and_CE_loss`: cross entropy minus the Dice score.
    ///
    /// ```text
    /// (1/M) Σ_c F_c(0) − mean_c (2·TP + s) / (2·TP + FP + FN + s)        s = 10⁻⁵
    /// ```
    ///
    /// nnU-Net leaves the background out of the Dice score:
    /// [`with_region_weights`](crate::Classes::with_region_weights) of 0, 1, 1, … With `batch_dice`,
    /// it sums over the batch ([`Pooling::Batch`](crate::Pooling::Batch)). It takes softmax logits.
    ///
    /// Source: Isensee et al., Nat. Methods 18 (2021) 203–211, and its code, version 2.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Classes, UnifiedFocal};
    ///
    /// let (loss, classes) = (UnifiedFocal::nnunet(), Classes::default().with_region_weights(&[0.0, 1.0]));
    /// // weight_ce=0.5, weight_dice=2
    /// let weighted = loss.with_weights(2.0, 0.5)?;
    /// # let _ = (weighted, classes);
    /// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
    /// ```
    pub fn nnunet() -> Self {
        let valid = "5·10⁻⁶ is in range, and so is no clip";
        let dice = Tversky::dice().with_smooth(0.5e-5).expect(valid);
        let entropy = Focal::cross_entropy().with_clip(None).expect(valid);
        Self {
            negated_index: true,
            ..Self::sum(dice, entropy)
        }
    }

    /// The Unified Focal loss of the R package geodl,
    /// `defineUnifiedFocalLoss(lambda, gamma, delta)` without class weights.
    ///
    /// It differs from the reference: λ multiplies the focal side, the exponent of the Tversky side
    /// is γ itself (1 is no focus), that of the focal side is 1−γ, and all classes of the focal
    /// side have the weight 1: λ·(1/M) Σ_c F_c(1−γ) + (1−λ)·mean_c (1−TI_c)^γ with s = 10⁻⁸ and no
    /// clip. geodl sums over the whole batch ([`Pooling::Batch`](crate::Pooling::Batch)) and takes
    /// softmax logits.
    ///
    /// # Errors
    ///
    /// λ, γ or δ outside [0, 1].
    pub fn geodl(lambda: f64, gamma: f64, delta: f64) -> Result<Self, ParameterError> {
        let gamma = check_gamma(gamma)?;
        let lambda = check_lambda(lambda)?;
        let region = Tversky::new()
            .with_delta(delta)?
            .with_gamma(gamma)?
            .with_smooth(1e-8)?;
        let distribution = Focal::new().with_gamma(1.0 - gamma)?.with_clip(None)?;
        Self::sum(region, distribution).with_weights(1.0 - lambda, lambda)
    }
}
