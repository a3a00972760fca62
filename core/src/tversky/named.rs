//! The losses of the Tversky family that have names.

use super::{Focus, Form, Tversky};
use crate::name::Origin;
use crate::order::Order;
use crate::parameter::{ParameterError, Range};
use crate::smoothing::Smoothing;
use crate::{Clip, Name, Parameter};

impl Tversky {
    /// The Tversky loss: δ = 0.7, s = 10⁻⁶, no clip.
    pub fn new() -> Self {
        Self {
            fp_weight: 1.0 - 0.7,
            fn_weight: 0.7,
            order: Order::Products,
            smoothing: Smoothing::new(1e-6),
            form: Form::Index,
            volume_exponent: None,
            gamma: 1.0,
            focus: Focus::Plain,
            clip: None,
            origin: Origin(Name::Tversky),
        }
    }

    /// The Dice loss: Tversky at δ = ½.
    pub fn dice() -> Self {
        Self {
            fp_weight: 0.5,
            fn_weight: 0.5,
            origin: Origin(Name::Dice),
            ..Self::new()
        }
    }

    /// The Jaccard (IoU) loss: Tversky at α = β = 1.
    pub fn jaccard() -> Self {
        Self {
            fp_weight: 1.0,
            fn_weight: 1.0,
            origin: Origin(Name::Jaccard),
            ..Self::new()
        }
    }

    /// The Tversky loss with any weights and exponent: α = 0.3, β = 0.7, γ = 1, s = 10⁻⁶, no clip.
    ///
    /// It is [`new`](Tversky::new), but by name it has the parameters α and β in place of δ.
    pub fn weighted() -> Self {
        Self {
            fp_weight: 0.3,
            origin: Origin(Name::WeightedTversky),
            ..Self::new()
        }
    }

    /// The logarithmic Dice loss, (−ln TI)^γ: α = β = ½, γ = 1, s = 10⁻⁶, no clip.
    ///
    /// Its gradient grows as the overlap shrinks, where that of [`dice`](Tversky::dice) vanishes.
    /// With γ = 0.3 it is the Dice side of the exponential logarithmic loss of the source.
    ///
    /// Source: Wong et al. 2018, arXiv 1809.00076.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Segmentation, Tversky};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1, 0.2, 0.8], [1, 2, 2])?;
    /// let segmentation = Segmentation::new(prediction, Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?))?;
    /// let foreground = Classes::default().with_class_weights(&[0.0, 1.0]);
    /// let value = |loss| -> Result<f64, Error> {
    ///     Ok(segmentation.evaluate(&loss, &foreground, &mut Buffers::with_len::<2>())?.value())
    /// };
    /// let (dice, log_dice) = (value(Tversky::dice())?, value(Tversky::log_dice())?);
    /// assert!((log_dice - -f64::ln(1.0 - dice)).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn log_dice() -> Self {
        Self {
            form: Form::Log,
            origin: Origin(Name::LogDice),
            ..Self::dice()
        }
    }

    /// The log-cosh Dice loss, mean_c ln cosh(1 − TI_c): α = β = ½, γ = 1, s = 10⁻⁶, no clip.
    ///
    /// The source has one class. For several, it is the mean of the classes' losses.
    ///
    /// Source: Jadon 2020, arXiv 2006.14822.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Segmentation, Tversky};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1, 0.2, 0.8], [1, 2, 2])?;
    /// let segmentation = Segmentation::new(prediction, Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?))?;
    /// let foreground = Classes::default().with_class_weights(&[0.0, 1.0]);
    /// let value = |loss| -> Result<f64, Error> {
    ///     Ok(segmentation.evaluate(&loss, &foreground, &mut Buffers::with_len::<2>())?.value())
    /// };
    /// let (dice, log_cosh) = (value(Tversky::dice())?, value(Tversky::log_cosh_dice())?);
    /// assert!((log_cosh - dice.cosh().ln()).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn log_cosh_dice() -> Self {
        Self {
            form: Form::LogCosh,
            origin: Origin(Name::LogCoshDice),
            ..Self::dice()
        }
    }

    /// The noise-robust Dice loss, mean_c Σ |p−y|^γ / (Σ p² + Σ y² + 2s): γ = 1.5, s = 5·10⁻⁶, no clip.
    ///
    /// γ goes from 2, the Dice loss of squared differences, to 1, a mean absolute error relative to the sizes. The lower, the less
    /// a wrong label counts. It is not bounded by 1: it is Σ (α·\|p−y\|^γ where p > y, and β·\|p−y\|^γ elsewhere) /
    /// (½(Σ p² + Σ y²) + s), where α and β are ½ but for [`with_weights`](Tversky::with_weights).
    ///
    /// Source: Wang et al., "A noise-robust framework for automatic segmentation of COVID-19
    /// pneumonia lesions from CT images", IEEE Trans. Med. Imaging 39 (2020) 2653.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Segmentation, Tversky};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1, 0.2, 0.8], [1, 2, 2])?;
    /// let segmentation = Segmentation::new(prediction, Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?))?;
    /// let foreground = Classes::default().with_class_weights(&[0.0, 1.0]);
    /// let mut buffers = Buffers::with_len::<2>();
    /// let value = segmentation.evaluate(&Tversky::noise_robust_dice(), &foreground, &mut buffers)?.value();
    /// let (errors, squares) = (0.1_f64.powf(1.5) + 0.2_f64.powf(1.5), 0.1_f64.powi(2) + 0.8_f64.powi(2) + 1.0);
    /// assert!((value - errors / (squares + 1e-5)).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn noise_robust_dice() -> Self {
        Self {
            form: Form::Robust,
            gamma: 1.5,
            smoothing: Smoothing::new(0.5e-5),
            origin: Origin(Name::NoiseRobustDice),
            ..Self::dice()
        }
    }

    /// The generalised Dice loss, one ratio over all classes, each weighted by the inverse square of
    /// its volume.
    ///
    /// Source: Sudre et al. 2017, arXiv 1707.03237. See
    /// [`with_volume_exponent`](Tversky::with_volume_exponent) for the formula.
    pub fn generalized_dice() -> Self {
        Self {
            volume_exponent: Some(2),
            origin: Origin(Name::GeneralizedDice),
            ..Self::dice()
        }
    }

    /// The loss 1 − F_β, where recall counts β times as much as precision: Tversky with the weights
    /// 1/(1 + β²) of false positives and β²/(1 + β²) of false negatives.
    ///
    /// Source: van Rijsbergen, "Information Retrieval", 1979. F_1 is Dice.
    ///
    /// # Errors
    ///
    /// β outside [0, 10¹⁵].
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::Tversky;
    ///
    /// assert_eq!(Tversky::f_beta(1.0)?, Tversky::dice());
    /// let f2 = Tversky::f_beta(2.0)?;
    /// assert_eq!((f2.fp_weight(), f2.fn_weight()), (0.2, 0.8));
    /// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
    /// ```
    pub fn f_beta(beta: f64) -> Result<Self, ParameterError> {
        let square = Range::F_BETA.check(Parameter::Beta.as_str(), beta)?;
        let square = square * square;
        Self::weighted().with_weights(1.0 / (1.0 + square), square / (1.0 + square))
    }

    /// The focal Tversky loss (1 − TI)^γ: δ = 0.7, γ = 0.75, s = 10⁻⁶, clip 10⁻⁷.
    pub fn focal() -> Self {
        Self {
            gamma: 0.75,
            clip: Some(Clip::REFERENCE),
            origin: Origin(Name::FocalTversky),
            ..Self::new()
        }
    }

    /// The symmetric focal Tversky loss (1 − TI)^(1−γ): δ = 0.7, γ = 0.75, s = clip = 10⁻⁷.
    pub fn symmetric_focal() -> Self {
        Self {
            smoothing: Smoothing::new(1e-7),
            focus: Focus::Symmetric,
            origin: Origin(Name::SymmetricFocalTversky),
            ..Self::focal()
        }
    }

    /// The asymmetric focal Tversky loss, (1 − TI)^(1−γ) for rare classes and 1 − TI for common
    /// ones: δ = 0.7, γ = 0.75, s = clip = 10⁻⁷.
    pub fn asymmetric_focal() -> Self {
        Self {
            focus: Focus::Asymmetric,
            origin: Origin(Name::AsymmetricFocalTversky),
            ..Self::symmetric_focal()
        }
    }
}
