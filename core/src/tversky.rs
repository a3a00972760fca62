//! The region-based losses: Dice, Jaccard, Tversky and the focal Tversky losses as one formula.

mod formula;
mod named;

use crate::name::Origin;
use crate::order::Order;
use crate::parameter::{ParameterError, Range};
use crate::smoothing::Smoothing;
use crate::{Clip, Parameter};

/// The focal Tversky family, mean_c (1 − TI_c)^e_c.
///
/// Per sample and class, with TP = Σ p·y, FP = Σ p·(1−y), FN = Σ (1−p)·y,
///
/// ```text
/// 1 − TI = (α·FP + β·FN) / (TP + α·FP + β·FN + s)         α = 1 − δ, β = δ
/// ```
///
/// computed in this form, which subtracts no near-equal numbers. α is
/// [`fp_weight`](Tversky::fp_weight) and β is [`fn_weight`](Tversky::fn_weight). The literature
/// uses the two letters both ways.
///
/// | constructor | e | δ | γ | s | clip | source |
/// |---|---|---|---|---|---|---|
/// | [`dice`](Tversky::dice) | 1 | ½ | | 10⁻⁶ | no | Milletari et al. 2016, arXiv 1606.04797 |
/// | [`new`](Tversky::new) | 1 | 0.7 | | 10⁻⁶ | no | Salehi et al. 2017, arXiv 1706.05721 |
/// | [`weighted`](Tversky::weighted) | γ | α 0.3, β 0.7 | 1 | 10⁻⁶ | no | Salehi et al. 2017 |
/// | [`jaccard`](Tversky::jaccard) | 1 | α = β = 1 | | 10⁻⁶ | no | Rahman & Wang 2016 |
/// | [`log_dice`](Tversky::log_dice) | γ, of −ln TI | α = β = ½ | 1 | 10⁻⁶ | no | Wong et al. 2018, arXiv 1809.00076 |
/// | [`log_cosh_dice`](Tversky::log_cosh_dice) | γ, in ln cosh | α = β = ½ | 1 | 10⁻⁶ | no | Jadon 2020, arXiv 2006.14822 |
/// | [`noise_robust_dice`](Tversky::noise_robust_dice) | Σ \|p−y\|^γ / (Σ p² + Σ y² + 2s) | α = β = ½ | 1.5 | 5·10⁻⁶ | no | Wang et al. 2020 |
/// | [`generalized_dice`](Tversky::generalized_dice) | 1 | ½ | | 10⁻⁶ | no | Sudre et al. 2017, arXiv 1707.03237 |
/// | [`focal`](Tversky::focal) | γ | 0.7 | 0.75 | 10⁻⁶ | 10⁻⁷ | Abraham & Khan 2019, arXiv 1810.07842 |
/// | [`symmetric_focal`](Tversky::symmetric_focal) | 1−γ | 0.7 | 0.75 | 10⁻⁷ | 10⁻⁷ | Yeung et al. 2022, arXiv 2102.04525 |
/// | [`asymmetric_focal`](Tversky::asymmetric_focal) | 1 common, 1−γ rare | 0.7 | 0.75 | 10⁻⁷ | 10⁻⁷ | Yeung et al. 2022 |
///
/// Four options make it the loss of other sources: [`with_order`](Tversky::with_order), other
/// definitions of TP, FP and FN; [`with_smooth_numerator`](Tversky::with_smooth_numerator), a
/// smoothing term of its own for the numerator of TI; [`with_log`](Tversky::with_log), −ln TI in
/// place of 1 − TI; and [`with_volume_exponent`](Tversky::with_volume_exponent), one ratio over all
/// classes.
///
/// It has three sums: TP, FP and FN.
///
/// # Examples
///
/// ```
/// use unifocal_core::Tversky;
///
/// let tversky = Tversky::new().with_delta(0.8)?;
/// assert_eq!(tversky.fn_weight(), 0.8);
/// // Special cases are values of one family:
/// assert_eq!(Tversky::new().with_delta(0.5)?, Tversky::dice());
/// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tversky {
    fp_weight: f64,
    fn_weight: f64,
    order: Order,
    smoothing: Smoothing,
    form: Form,
    volume_exponent: Option<u32>,
    gamma: f64,
    focus: Focus,
    clip: Option<Clip>,
    pub(crate) origin: Origin,
}

/// The function of TI.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// (1 − TI)^e.
    Index,
    /// (−ln TI)^e.
    Log,
    /// ln cosh((1 − TI)^e).
    LogCosh,
    /// Σ |p − y|^γ / (Σ p² + Σ y²).
    Robust,
}

/// How γ determines the exponent of 1 − TI.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Focus {
    /// (1 − TI)^γ; no focus at γ = 1.
    Plain,
    /// (1 − TI)^(1−γ); no focus at γ = 0.
    Symmetric,
    /// (1 − TI)^(1−γ) for rare classes, 1 − TI for common ones.
    Asymmetric,
}

impl Tversky {
    /// Weighs false negatives by δ and false positives by 1 − δ.
    ///
    /// # Errors
    ///
    /// δ outside [0, 1].
    pub fn with_delta(self, delta: f64) -> Result<Self, ParameterError> {
        let delta = Range::DELTA.check(Parameter::Delta.as_str(), delta)?;
        Ok(Self {
            fp_weight: 1.0 - delta,
            fn_weight: delta,
            ..self
        })
    }

    /// Weighs false positives by α and false negatives by β, which need not sum to 1.
    ///
    /// # Errors
    ///
    /// A weight outside [0, 10³⁰].
    pub fn with_weights(self, fp_weight: f64, fn_weight: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            fp_weight: Range::WEIGHT.check(Parameter::FpWeight.as_str(), fp_weight)?,
            fn_weight: Range::WEIGHT.check(Parameter::FnWeight.as_str(), fn_weight)?,
            ..self
        })
    }

    /// Sets γ: the exponent itself for the focal Tversky loss (and for Dice, Tversky and Jaccard,
    /// where it is 1 by default), 1 minus the exponent for the symmetric and asymmetric losses.
    ///
    /// # Errors
    ///
    /// γ outside [0, 10³⁰]; for the symmetric and asymmetric losses, γ outside [0, 1]; for
    /// [`noise_robust_dice`](Tversky::noise_robust_dice), γ outside [1, 2].
    pub fn with_gamma(self, gamma: f64) -> Result<Self, ParameterError> {
        let gamma = self.gamma_range().check(Parameter::Gamma.as_str(), gamma)?;
        Ok(Self { gamma, ..self })
    }

    /// Whether γ itself is the exponent: it is neither the symmetric nor the asymmetric loss.
    pub(crate) fn is_plain(&self) -> bool {
        self.focus == Focus::Plain
    }

    pub(crate) fn gamma_range(&self) -> Range {
        match self.focus {
            Focus::Plain if self.form == Form::Robust => Range::ROBUST,
            Focus::Plain => Range::WEIGHT,
            Focus::Symmetric | Focus::Asymmetric => Range::GAMMA,
        }
    }

    /// Sets the smoothing term s in the denominator of TI, and in its numerator unless that has
    /// [its own](Tversky::with_smooth_numerator).
    ///
    /// # Errors
    ///
    /// s below 10⁻³⁰ or not finite. At s = 0, a class that is absent and not predicted would score
    /// 0/0.
    pub fn with_smooth(self, smooth: f64) -> Result<Self, ParameterError> {
        let smoothing = self.smoothing.with_s(smooth)?;
        Ok(Self { smoothing, ..self })
    }

    /// Sets the smoothing term r in the numerator of TI alone; `None` is s, as in the denominator.
    ///
    /// ```text
    /// 1 − TI = (α·FP + β·FN + s − r) / (TP + α·FP + β·FN + s)
    /// ```
    ///
    /// At r = 0, a class that is absent and not predicted scores 1 instead of 0, and has no
    /// gradient. For r > s, 1 − TI would be negative for a good score, and is bounded by 0.
    ///
    /// # Errors
    ///
    /// r negative or not finite.
    ///
    /// # Examples
    ///
    /// MONAI's `DiceLoss(squared_pred=True, smooth_nr=0, smooth_dr=1e-5)`:
    ///
    /// ```
    /// use unifocal_core::Tversky;
    ///
    /// let loss = Tversky::dice().with_order(2)?.with_smooth(0.5e-5)?.with_smooth_numerator(0.0)?;
    /// assert_eq!(loss.smooth_numerator(), Some(0.0));
    /// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
    /// ```
    pub fn with_smooth_numerator(
        self,
        smooth: impl Into<Option<f64>>,
    ) -> Result<Self, ParameterError> {
        let smoothing = self.smoothing.with_r(smooth.into())?;
        Ok(Self { smoothing, ..self })
    }

    /// Sets the order of the differences between p and y that FP and FN sum. It matters for soft
    /// targets, and 2 for all targets.
    ///
    /// | order | TP | FP | FN | source |
    /// |---|---|---|---|---|
    /// | `None`, the default | Σ p·y | Σ p·(1−y) | Σ (1−p)·y | Milletari et al. 2016 |
    /// | 1 | Σ min(p, y) | Σ max(p−y, 0) | Σ max(y−p, 0) | Wang et al., MICCAI 2023, arXiv 2303.16296 |
    /// | 2 | Σ p·y | Σ max(p−y, 0)² | Σ max(y−p, 0)² | Milletari et al. 2016, as in V-Net's code |
    ///
    /// With products, a soft target has its minimum at p = 0 or p = 1; with order 1 and 2 it is at
    /// p = y. With order 2, Dice is 1 − 2·Σ p·y / (Σ p² + Σ y²).
    ///
    /// # Errors
    ///
    /// An order other than 1 and 2. [`noise_robust_dice`](Tversky::noise_robust_dice) has powers of
    /// its own, and takes none.
    pub fn with_order(self, order: impl Into<Option<u32>>) -> Result<Self, ParameterError> {
        let order = Order::new(order.into())?;
        if let (Form::Robust, Some(found)) = (self.form, order.number()) {
            let found = Some(f64::from(found));
            return Err(Range::ROBUST_ORDER.refuse(Parameter::Order.as_str(), found));
        }
        Ok(Self { order, ..self })
    }

    /// Takes one ratio over all classes, each weighted by w_c = 1/G_cᵏ, where G_c is the volume of the
    /// class in the target, at least 1. `None` averages the ratios of the classes.
    ///
    /// ```text
    /// Σ_c w_c·(α·FP + β·FN)_c / Σ_c (w_c·(TP + α·FP + β·FN)_c + s)
    /// ```
    ///
    /// In other words, it is the mean of the classes' 1 − TI, whose weights are the terms of the
    /// denominator. An absent class counts as one voxel; with
    /// [`AbsentClass::Skip`](crate::AbsentClass::Skip) it is left out.
    ///
    /// # Errors
    ///
    /// An exponent above 2.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Segmentation, Tversky};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1, 0.6, 0.4, 0.2, 0.8], [1, 2, 3])?;
    /// let labels = Labels::new(Dense::per_voxel(&[0_u8, 0, 1], [1, 3])?);
    /// let segmentation = Segmentation::new(prediction, labels)?;
    /// let (classes, mut buffers) = (Classes::default(), Buffers::with_len::<2>());
    /// let loss = Tversky::generalized_dice().with_volume_exponent(1)?.with_smooth(1e-12)?;
    /// let value = segmentation.evaluate(&loss, &classes, &mut buffers)?.value();
    /// // Of the two voxels of class 0, and the one of class 1:
    /// let (overlap, sizes) = (1.5 / 2.0 + 0.8 / 1.0, (2.0 + 1.7) / 2.0 + (1.0 + 1.3) / 1.0);
    /// assert!((value - (1.0 - 2.0 * overlap / sizes)).abs() < 1e-9);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_volume_exponent(
        self,
        exponent: impl Into<Option<u32>>,
    ) -> Result<Self, ParameterError> {
        let volume_exponent = exponent.into();
        if let Some(found) = volume_exponent {
            let name = Parameter::VolumeExponent.as_str();
            Range::VOLUME_EXPONENT.check(name, f64::from(found))?;
        }
        Ok(Self {
            volume_exponent,
            ..self
        })
    }

    /// Takes −ln TI in place of 1 − TI. It stays finite: the numerator of TI counts as at least
    /// 10⁻³⁰.
    #[must_use]
    pub fn with_log(self, log: bool) -> Self {
        self.with_form(Form::Log, log)
    }

    /// Takes ln cosh((1 − TI)^e), with e as the exponent. It is about ½·(1 − TI)^2e for a good score, and flatter than
    /// the loss without it everywhere. It replaces [`with_log`](Tversky::with_log), and the other way round.
    ///
    /// Source: Jadon 2020, arXiv 2006.14822.
    #[must_use]
    pub fn with_log_cosh(self, log_cosh: bool) -> Self {
        self.with_form(Form::LogCosh, log_cosh)
    }

    fn with_form(self, form: Form, is_set: bool) -> Self {
        let form = match is_set {
            true => form,
            false if self.form == form => Form::Index,
            false => self.form,
        };
        Self { form, ..self }
    }

    /// Clamps probabilities to [ε, 1 − ε]; `None` does not clamp. Logits are never clamped.
    ///
    /// # Errors
    ///
    /// ε outside (0, ½).
    pub fn with_clip(self, epsilon: impl Into<Option<f64>>) -> Result<Self, ParameterError> {
        let clip = epsilon.into().map(Clip::new).transpose()?;
        Ok(Self { clip, ..self })
    }

    /// α, the weight of false positives.
    pub fn fp_weight(&self) -> f64 {
        self.fp_weight
    }

    /// β, the weight of false negatives.
    pub fn fn_weight(&self) -> f64 {
        self.fn_weight
    }

    /// The order of the differences, if it is 1 or 2.
    pub fn order(&self) -> Option<u32> {
        self.order.number()
    }

    /// s, the smoothing term.
    pub fn smooth(&self) -> f64 {
        self.smoothing.s
    }

    /// The smoothing term of the numerator, if it has its own.
    pub fn smooth_numerator(&self) -> Option<f64> {
        self.smoothing.r
    }

    /// Whether it takes −ln TI in place of 1 − TI.
    pub fn log(&self) -> bool {
        self.form == Form::Log
    }

    /// Whether it is the [noise-robust](Tversky::noise_robust_dice) loss, whose γ is the exponent of |p − y|.
    pub fn noise_robust(&self) -> bool {
        self.form == Form::Robust
    }

    /// Whether it takes ln cosh of (1 − TI)^e.
    pub fn log_cosh(&self) -> bool {
        self.form == Form::LogCosh
    }

    /// k of [`with_volume_exponent`](Tversky::with_volume_exponent), if there is one.
    pub fn volume_exponent(&self) -> Option<u32> {
        self.volume_exponent
    }

    /// γ, as [`with_gamma`](Tversky::with_gamma) defines it.
    pub fn gamma(&self) -> f64 {
        self.gamma
    }

    /// The clip, if there is one.
    pub fn clip(&self) -> Option<Clip> {
        self.clip
    }

    /// How its terms differ between p and y.
    #[inline(always)]
    pub(crate) fn differences(&self) -> Order {
        match self.form {
            Form::Robust => Order::Robust(self.gamma.into()),
            Form::Index | Form::Log | Form::LogCosh => self.order,
        }
    }
}

impl Default for Tversky {
    fn default() -> Self {
        Self::new()
    }
}
