//! The configuration of each loss, with the paper's defaults.

#[macro_use]
mod macros;

use std::fmt;

use burn::config::{Config, config_to_json};
use burn::nn::loss::Reduction;
use serde::{Deserialize, Serialize};
use unifocal_core::{
    AnyLoss, Focal, HardVoxels, Matthews, Settings, Tversky, UnifiedFocal, catalogue::Name,
};

use crate::{Error, Route, SegmentationLoss};
use macros::required;

loss! {
    /// Configuration of the Dice loss (Milletari et al. 2016, arXiv 1606.04797).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c 1 − (2·TP + s) / (2·TP + FP + FN + s)`, up to a factor 2 in s
    DiceLossConfig(self) {
        /// The order of the differences between p and y that FP and FN sum, 1 or 2; `None` for products. Default: `None`
        order / with_order: Option<u32> = None,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
        /// The smoothing term of the numerator, at least 0; `None` for s. Default: `None`
        smooth_numerator / with_smooth_numerator: Option<f64> = None,
    } => Tversky::dice()
        .with_order(self.order)?
        .with_smooth(self.smooth)?
        .with_smooth_numerator(self.smooth_numerator)?, "0.2468"
}

loss! {
    /// Configuration of the Jaccard (intersection over union) loss (Rahman and Wang 2016).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c (FP + FN) / (TP + FP + FN + s)`
    JaccardLossConfig(self) {
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::jaccard().with_smooth(self.smooth)?, "0.3924"
}

loss! {
    /// Configuration of the Tversky loss (Salehi et al. 2017, arXiv 1706.05721).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c 1 − TI`, `TI = (TP + s) / (TP + (1−δ)·FP + δ·FN + s)`
    TverskyLossConfig(self) {
        /// The weight δ of false negatives, in [0, 1]; false positives weigh 1 − δ. Default: 0.7
        delta / with_delta: f64 = 0.7,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::new().with_delta(self.delta)?.with_smooth(self.smooth)?, "0.2404"
}

loss! {
    /// Configuration of the Tversky loss with any weights and exponent.
    ///
    /// # Mathematical definition
    ///
    /// `mean_c (1 − TI)^γ`, `TI = (TP + s) / (TP + α·FP + β·FN + s)`
    WeightedTverskyLossConfig(self) {
        /// The weight α of false positives. Default: 0.3
        fp_weight / with_fp_weight: f64 = 0.3,
        /// The weight β of false negatives. Default: 0.7
        fn_weight / with_fn_weight: f64 = 0.7,
        /// The exponent γ. Default: 1
        gamma / with_gamma: f64 = 1.0,
        /// The order of the differences between p and y that FP and FN sum, 1 or 2; `None` for products. Default: `None`
        order / with_order: Option<u32> = None,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
        /// The smoothing term of the numerator, at least 0; `None` for s. Default: `None`
        smooth_numerator / with_smooth_numerator: Option<f64> = None,
    } => Tversky::weighted()
        .with_weights(self.fp_weight, self.fn_weight)?
        .with_gamma(self.gamma)?
        .with_order(self.order)?
        .with_smooth(self.smooth)?
        .with_smooth_numerator(self.smooth_numerator)?, "0.2404"
}

loss! {
    /// Configuration of the logarithmic Dice loss (Wong et al. 2018, arXiv 1809.00076).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c (−ln TI)^γ`, `TI = (TP + s) / (TP + α·FP + β·FN + s)`
    LogDiceLossConfig(self) {
        /// The weight α of false positives. Default: ½
        fp_weight / with_fp_weight: f64 = 0.5,
        /// The weight β of false negatives. Default: ½
        fn_weight / with_fn_weight: f64 = 0.5,
        /// The exponent γ. Default: 1
        gamma / with_gamma: f64 = 1.0,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::log_dice()
        .with_weights(self.fp_weight, self.fn_weight)?
        .with_gamma(self.gamma)?
        .with_smooth(self.smooth)?, "0.2863"
}

loss! {
    /// Configuration of the log-cosh Dice loss (Jadon 2020, arXiv 2006.14822).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c ln cosh((1 − TI)^γ)`, `TI = (TP + s) / (TP + α·FP + β·FN + s)`
    LogCoshDiceLossConfig(self) {
        /// The weight α of false positives. Default: ½
        fp_weight / with_fp_weight: f64 = 0.5,
        /// The weight β of false negatives. Default: ½
        fn_weight / with_fn_weight: f64 = 0.5,
        /// The exponent γ. Default: 1
        gamma / with_gamma: f64 = 1.0,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::log_cosh_dice()
        .with_weights(self.fp_weight, self.fn_weight)?
        .with_gamma(self.gamma)?
        .with_smooth(self.smooth)?, "0.0317"
}

loss! {
    /// Configuration of the noise-robust Dice loss (Wang et al. 2020).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c Σ_i |p−y|^γ / (Σ_i p² + Σ_i y² + 2s)`
    NoiseRobustDiceLossConfig(self) {
        /// The exponent γ, in [1, 2]. Default: 1.5
        gamma / with_gamma: f64 = 1.5,
        /// The smoothing term s > 0. Default: 5·10⁻⁶
        smooth / with_smooth: f64 = 0.5e-5,
    } => Tversky::noise_robust_dice()
        .with_gamma(self.gamma)?
        .with_smooth(self.smooth)?, "0.1616"
}

loss! {
    /// Configuration of the generalised Dice loss (Sudre et al. 2017, arXiv 1707.03237).
    ///
    /// # Mathematical definition
    ///
    /// `Σ_c w_c·(FP + FN)/2 / Σ_c (w_c·(TP + (FP + FN)/2) + s)`, w = 1/Gᵏ, where G is the volume of the class in the target, at least 1
    GeneralizedDiceLossConfig(self) {
        /// The exponent k of the volumes: 0, 1 or 2. Default: 2
        volume_exponent / with_volume_exponent: u32 = 2,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::generalized_dice()
        .with_volume_exponent(self.volume_exponent)?
        .with_smooth(self.smooth)?, "0.2713"
}

loss! {
    /// Configuration of the focal Tversky loss (Abraham and Khan 2019, arXiv 1810.07842).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c (1 − TI)^γ`
    FocalTverskyLossConfig(self) {
        /// The weight δ of false negatives, in [0, 1]. Default: 0.7
        delta / with_delta: f64 = 0.7,
        /// The exponent γ. Default: 0.75
        gamma / with_gamma: f64 = 0.75,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::focal().with_delta(self.delta)?.with_gamma(self.gamma)?.with_smooth(self.smooth)?, "0.3429"
}

loss! {
    /// Configuration of the symmetric focal Tversky loss (Yeung et al. 2022, arXiv 2102.04525).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c (1 − TI)^(1−γ)`
    SymmetricFocalTverskyLossConfig(self) {
        /// The weight δ of false negatives, in [0, 1]. Default: 0.7
        delta / with_delta: f64 = 0.7,
        /// The focus γ, in [0, 1]. Default: 0.75
        gamma / with_gamma: f64 = 0.75,
    } => Tversky::symmetric_focal().with_delta(self.delta)?.with_gamma(self.gamma)?, "0.6994"
}

loss! {
    /// Configuration of the asymmetric focal Tversky loss (Yeung et al. 2022, arXiv 2102.04525).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c (1 − TI)^e`, e = 1 for common classes and 1 − γ for rare ones
    AsymmetricFocalTverskyLossConfig(self) {
        /// The weight δ of false negatives, in [0, 1]. Default: 0.7
        delta / with_delta: f64 = 0.7,
        /// The focus γ, in [0, 1]. Default: 0.75
        gamma / with_gamma: f64 = 0.75,
    } => Tversky::asymmetric_focal().with_delta(self.delta)?.with_gamma(self.gamma)?, "0.4664"
}

loss! {
    /// Configuration of the Matthews correlation loss (Abhishek and Hamarneh 2021, arXiv 2010.13454).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c 1 − (TP·TN − FP·FN) / √((TP+FP)·(TP+FN)·(TN+FP)·(TN+FN))`, with s added to TP and TN
    MatthewsLossConfig(self) {
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
        /// The smoothing term of TP and TN, at least 0, which leaves s less this one for FP and FN; `None` for s. Default: `None`
        smooth_numerator / with_smooth_numerator: Option<f64> = None,
    } => Matthews::new()
        .with_smooth(self.smooth)?
        .with_smooth_numerator(self.smooth_numerator)?, "0.4768"
}

loss! {
    /// Configuration of cross entropy over voxels.
    ///
    /// # Mathematical definition
    ///
    /// `−(1/M) Σ_c Σ_i y·ln p`
    CrossEntropyLossConfig(self) {
        /// Label smoothing t, in [0, 1]: y becomes (1−t)·y + t/C, for C classes. Default: 0
        label_smoothing / with_label_smoothing: f64 = 0.0,
    } => Focal::cross_entropy().with_label_smoothing(self.label_smoothing)?, "0.2798"
}

loss! {
    /// Configuration of cross entropy of the hard voxels (Wu et al. 2016, arXiv 1605.06885).
    ///
    /// # Mathematical definition
    ///
    /// `−Σ_c Σ_i y·[p < τ]·ln p / Σ_c Σ_i y·[p < τ]`
    HardVoxelsLossConfig(self) {
        /// The threshold τ, in (0, 1]. Default: 0.7
        threshold / with_threshold: f64 = 0.7,
    } => HardVoxels::new().with_threshold(self.threshold)?, "0.5108"
}

loss! {
    /// Configuration of the focal loss (Lin et al. 2017, arXiv 1708.02002).
    ///
    /// # Mathematical definition
    ///
    /// `−(α/M) Σ_c Σ_i y·(1−p)^γ·ln p`
    FocalLossConfig(self) {
        /// The focus γ ≥ 0. Default: 2
        gamma / with_gamma: f64 = 2.0,
        /// The weight α of all classes. Default: 1
        alpha / with_alpha: f64 = 1.0,
        /// Label smoothing t, in [0, 1]: y becomes (1−t)·y + t/C, for C classes. Default: 0
        label_smoothing / with_label_smoothing: f64 = 0.0,
    } => Focal::new()
        .with_gamma(self.gamma)?
        .with_alpha(self.alpha)?
        .with_label_smoothing(self.label_smoothing)?, "0.0306"
}

loss! {
    /// Configuration of the Poly-1 cross entropy and focal loss (Leng et al. 2022, arXiv 2204.12511).
    ///
    /// # Mathematical definition
    ///
    /// `(α/M) Σ_c Σ_i y·(1−p)^γ·(−ln p + ε·(1−p))`
    Poly1LossConfig(self) {
        /// The coefficient ε ≥ −1. Default: 2
        poly / with_poly: f64 = 2.0,
        /// The focus γ ≥ 0. Default: 0
        gamma / with_gamma: f64 = 0.0,
        /// The weight α of all classes. Default: 1
        alpha / with_alpha: f64 = 1.0,
        /// Label smoothing t, in [0, 1]: y becomes (1−t)·y + t/C, for C classes. Default: 0
        label_smoothing / with_label_smoothing: f64 = 0.0,
    } => Focal::poly1()
        .with_poly(self.poly)?
        .with_gamma(self.gamma)?
        .with_alpha(self.alpha)?
        .with_label_smoothing(self.label_smoothing)?, "0.7464"
}

loss! {
    /// Configuration of the symmetric focal loss (Yeung et al. 2022, arXiv 2102.04525).
    ///
    /// # Mathematical definition
    ///
    /// `−(1/M) Σ_c w_c Σ_i y·(1−p)^γ·ln p`, w = 1 − δ for common classes and δ for rare ones
    SymmetricFocalLossConfig(self) {
        /// The weight δ of rare classes, in [0, 1]. Default: 0.7
        delta / with_delta: f64 = 0.7,
        /// The focus γ ≥ 0. Default: 2
        gamma / with_gamma: f64 = 2.0,
    } => Focal::symmetric().with_delta(self.delta)?.with_gamma(self.gamma)?, "0.0104"
}

loss! {
    /// Configuration of the asymmetric focal loss (Yeung et al. 2022, arXiv 2102.04525).
    ///
    /// # Mathematical definition
    ///
    /// `−(1/M) Σ_c w_c Σ_i y·(1−p)^g·ln p`, g = γ for common classes and 0 for rare ones
    AsymmetricFocalLossConfig(self) {
        /// The weight δ of rare classes, in [0, 1]. Default: 0.7
        delta / with_delta: f64 = 0.7,
        /// The focus γ ≥ 0. Default: 2
        gamma / with_gamma: f64 = 2.0,
    } => Focal::asymmetric().with_delta(self.delta)?.with_gamma(self.gamma)?, "0.0603"
}

loss! {
    /// Configuration of Dice loss and cross entropy (Isensee et al. 2021, nnU-Net).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c 1 − (2·TP + s) / (2·TP + FP + FN + s) − (1/M) Σ_c Σ_i y·ln p`, up to a factor 2 in s
    DiceCrossEntropyLossConfig(self) {
        /// The weight λ of the Dice loss, in [0, 1], beside 1 − λ of cross entropy; `None` for the unweighted sum. Default: `None`
        lambda / with_lambda: Option<f64> = None,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
        /// Label smoothing t of cross entropy, in [0, 1]: y becomes (1−t)·y + t/C, for C classes. Default: 0
        label_smoothing / with_label_smoothing: f64 = 0.0,
    } => UnifiedFocal::dice_cross_entropy()
        .with_lambda(self.lambda)?
        .with_smooth(self.smooth)?
        .with_label_smoothing(self.label_smoothing)?, "0.5265"
}

loss! {
    /// Configuration of Dice loss and focal loss (Zhu et al. 2019, arXiv 1808.05238).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c 1 − (2·TP + s) / (2·TP + FP + FN + s) − (1/M) Σ_c Σ_i y·(1−p)^γ·ln p`, up to a factor 2 in s
    DiceFocalLossConfig(self) {
        /// The weight λ of the Dice loss, in [0, 1], beside 1 − λ of the focal loss; `None` for the unweighted sum. Default: `None`
        lambda / with_lambda: Option<f64> = None,
        /// The focus γ ≥ 0. Default: 2
        gamma / with_gamma: f64 = 2.0,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
        /// Label smoothing t of the focal loss, in [0, 1]: y becomes (1−t)·y + t/C, for C classes. Default: 0
        label_smoothing / with_label_smoothing: f64 = 0.0,
    } => UnifiedFocal::dice_focal()
        .with_lambda(self.lambda)?
        .with_gamma(self.gamma)?
        .with_smooth(self.smooth)?
        .with_label_smoothing(self.label_smoothing)?, "0.2773"
}

loss! {
    /// Configuration of the exponential logarithmic loss (Wong et al. 2018, arXiv 1809.00076).
    ///
    /// # Mathematical definition
    ///
    /// `λ·mean_c (−ln TI)^γ + ((1−λ)/M) Σ_c Σ_i y·(−ln p)^γ`, δ = ½
    ExponentialLogLossConfig(self) {
        /// The weight λ of the Dice side, in [0, 1]; `None` for the unweighted sum. Default: 0.8
        lambda / with_lambda: Option<f64> = Some(0.8),
        /// The exponent γ, in [0.001, 5]. Default: 0.3
        gamma / with_gamma: f64 = 0.3,
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => UnifiedFocal::exponential_log()
        .with_lambda(self.lambda)?
        .with_gamma(self.gamma)?
        .with_smooth(self.smooth)?, "0.6764"
}

loss! {
    /// Configuration of the Combo loss (Taghanaki et al. 2019, arXiv 1805.02798).
    ///
    /// # Mathematical definition
    ///
    /// `−(a/M) Σ_c b_c Σ_i y·ln p − (1−a)·mean_c TI`, δ = ½, b_c = b for common classes and 1 − b for rare ones
    ComboLossConfig(self) {
        /// The weight a of cross entropy, in [0, 1]; `None` for the unweighted difference. Default: ½
        alpha / with_alpha: Option<f64> = Some(0.5),
        /// The weight b of common classes, in [0, 1]; `None` for 1 in every class. Default: ½
        beta / with_beta: Option<f64> = Some(0.5),
    } => UnifiedFocal::combo(self.alpha, self.beta)?, "-0.3067"
}

loss! {
    /// Configuration of Tversky loss and weighted cross entropy: the symmetric Unified Focal loss at γ = 0.
    ///
    /// # Mathematical definition
    ///
    /// `λ·mean_c (1 − TI) − ((1−λ)/M) Σ_c w_c Σ_i y·ln p`
    TverskyCrossEntropyLossConfig(self) {
        /// The weight λ of the Tversky side, in [0, 1]; `None` for the unweighted sum. Default: ½
        lambda / with_lambda: Option<f64> = Some(0.5),
        /// The weight δ of false negatives and of rare classes, in [0, 1]. Default: 0.6
        delta / with_delta: f64 = 0.6,
    } => UnifiedFocal::tversky_cross_entropy().with_lambda(self.lambda)?.with_delta(self.delta)?, "0.1854"
}

loss! {
    /// Configuration of the symmetric Unified Focal loss (Yeung et al. 2022, arXiv 2102.04525).
    ///
    /// # Mathematical definition
    ///
    /// `λ·mean_c (1 − TI)^(1−γ) − ((1−λ)/M) Σ_c w_c Σ_i y·(1−p)^γ·ln p`
    SymmetricUnifiedFocalLossConfig(self) {
        /// The weight λ of the Tversky side, in [0, 1]; `None` for the unweighted sum. Default: ½
        lambda / with_lambda: Option<f64> = Some(0.5),
        /// The weight δ of false negatives and of rare classes, in [0, 1]. Default: 0.6
        delta / with_delta: f64 = 0.6,
        /// The focus γ, in [0, 1]. Default: ½
        gamma / with_gamma: f64 = 0.5,
    } => UnifiedFocal::symmetric()
        .with_lambda(self.lambda)?
        .with_delta(self.delta)?
        .with_gamma(self.gamma)?, "0.2798"
}

loss! {
    /// Configuration of the asymmetric Unified Focal loss (Yeung et al. 2022, arXiv 2102.04525).
    ///
    /// # Mathematical definition
    ///
    /// `λ·mean_c (1 − TI)^e_c − ((1−λ)/M) Σ_c w_c Σ_i y·(1−p)^g_c·ln p`, with e = 1 and g = γ for common classes, e = 1 − γ and
    /// g = 0 for rare ones
    AsymmetricUnifiedFocalLossConfig(self) {
        /// The weight λ of the Tversky side, in [0, 1]; `None` for the unweighted sum. Default: ½
        lambda / with_lambda: Option<f64> = Some(0.5),
        /// The weight δ of false negatives and of rare classes, in [0, 1]. Default: 0.6
        delta / with_delta: f64 = 0.6,
        /// The focus γ, in [0, 1]. Default: ½
        gamma / with_gamma: f64 = 0.5,
    } => UnifiedFocal::asymmetric()
        .with_lambda(self.lambda)?
        .with_delta(self.delta)?
        .with_gamma(self.gamma)?, "0.2302"
}

loss! {
    /// Configuration that selects a loss by name, at that loss's defaults: for command lines and for comparing losses.
    NamedLossConfig(self) {
        /// The name, and parameters that differ from its defaults: `asymmetric-unified-focal(gamma=0.2)`. Default:
        /// `asymmetric-unified-focal`
        name / with_name: String = Name::default().to_string(),
    } => self.name.parse::<AnyLoss>().map_err(|error| Error::Name { found: self.name.clone(), error })?, "0.2302"
}
