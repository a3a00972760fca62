//! The distribution-based losses: cross entropy and the focal losses as one formula.

mod formula;
mod named;

use crate::name::Origin;
use crate::parameter::{ParameterError, Range};
use crate::{Clip, Exponent, Parameter};

/// The focal cross entropy family, (1/M) Σ_c w_c·F_c(g_c) with F(g) = Σ y·(1−p)^g·(−ln p).
///
/// w_c is a_c·(1−δ) for common classes and a_c·δ for rare ones, or a_c if there is no δ. M is the
/// number of voxels of the sample. [Label smoothing](Focal::with_label_smoothing) replaces y.
///
/// | constructor | g | w | γ | clip | source |
/// |---|---|---|---|---|---|
/// | [`cross_entropy`](Focal::cross_entropy) | 0 | 1 | 0 | 10⁻⁷ | |
/// | [`new`](Focal::new) | γ | a | 2 | 10⁻⁷ | Lin et al. 2017, arXiv 1708.02002 |
/// | [`symmetric`](Focal::symmetric) | γ | 1−δ, δ (δ = 0.7) | 2 | 10⁻⁷ | Yeung et al. 2022, arXiv 2102.04525 |
/// | [`asymmetric`](Focal::asymmetric) | γ common, 0 rare | 1−δ, δ (δ = 0.7) | 2 | 10⁻⁷ | Yeung et al. 2022 |
/// | [`poly1`](Focal::poly1) | 0, with ε·(1−p) beside −ln p | 1 | 0 | 10⁻⁷ | Leng et al. 2022, arXiv 2204.12511 |
/// | [`exponential_log`](Focal::exponential_log) | F = Σ y·(−ln p)^γ | 1 | 0.3 | 10⁻⁷ | Wong et al. 2018, arXiv 1809.00076 |
///
/// It has one sum, F; with label smoothing, Σ (y + r·(1−y))·(1−p)^g·(−ln p) with r = t/C / (1−t+t/C).
///
/// # Examples
///
/// ```
/// use unifocal_core::Focal;
///
/// assert_eq!(Focal::new().with_gamma(0.0)?, Focal::cross_entropy());
/// let asymmetric = Focal::asymmetric().with_delta(0.6)?.with_gamma(0.5)?;
/// assert_eq!(asymmetric.gamma(), 0.5);
/// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    gamma: Exponent,
    weights: Option<Weights>,
    alpha: f64,
    /// Above 0, or `None`.
    label_smoothing: Option<f64>,
    asymmetric: bool,
    form: Form,
    clip: Option<Clip>,
    pub(crate) origin: Origin,
}

/// The function of p that y multiplies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// (1 − p)^γ·(−ln p).
    Entropy,
    /// (1 − p)^γ·(−ln p + ε·(1 − p)), ε ≠ 0.
    Poly(f64),
    /// (−ln p)^γ.
    Exponential,
}

/// The weights of common and rare classes, which add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Weights {
    common: f64,
    rare: f64,
}

impl Weights {
    /// δ for rare classes.
    fn of_delta(delta: f64) -> Self {
        Self {
            common: 1.0 - delta,
            rare: delta,
        }
    }
}

impl Focal {
    /// Weighs rare classes by δ and common ones by 1 − δ; `None` weighs every class by 1.
    ///
    /// # Errors
    ///
    /// δ outside [0, 1].
    pub fn with_delta(self, delta: impl Into<Option<f64>>) -> Result<Self, ParameterError> {
        let check = |delta| Range::DELTA.check(Parameter::Delta.as_str(), delta);
        let delta = delta.into().map(check).transpose()?;
        let weights = delta.map(Weights::of_delta);
        Ok(Self { weights, ..self })
    }

    /// Weighs common classes by b and rare ones by 1 − b, as Combo does; `None` weighs every class
    /// by 1.
    pub(crate) fn with_beta(self, beta: Option<f64>) -> Result<Self, ParameterError> {
        let check = |beta| Range::SHARE.check(Parameter::Beta.as_str(), beta);
        let weights = beta.map(check).transpose()?.map(|beta| Weights {
            common: beta,
            rare: 1.0 - beta,
        });
        Ok(Self { weights, ..self })
    }

    /// Sets γ, the focus.
    ///
    /// # Errors
    ///
    /// γ outside [0, 10³⁰]; for [`exponential_log`](Focal::exponential_log), γ outside [0.001, 5].
    pub fn with_gamma(self, gamma: f64) -> Result<Self, ParameterError> {
        let gamma = self.gamma_range().check(Parameter::Gamma.as_str(), gamma)?;
        let gamma = gamma.into();
        Ok(Self { gamma, ..self })
    }

    pub(crate) fn gamma_range(&self) -> Range {
        match self.form {
            Form::Entropy | Form::Poly(_) => Range::WEIGHT,
            Form::Exponential => Range::EXPONENTIAL,
        }
    }

    /// Whether it is (−ln p)^γ, as [`exponential_log`](Focal::exponential_log) is.
    pub fn is_exponential(&self) -> bool {
        self.form == Form::Exponential
    }

    /// Weighs all classes by a. [`Classes::with_class_alpha`](crate::Classes::with_class_alpha) sets one per
    /// class.
    ///
    /// # Errors
    ///
    /// a outside [0, 10³⁰].
    pub fn with_alpha(self, alpha: f64) -> Result<Self, ParameterError> {
        let alpha = Range::WEIGHT.check(Parameter::Alpha.as_str(), alpha)?;
        Ok(Self { alpha, ..self })
    }

    /// Replaces y by (1 − t)·y + t/C, with C the number of classes.
    ///
    /// Every class then has a term at every voxel. Source: Szegedy et al. 2016, arXiv 1512.00567.
    ///
    /// # Errors
    ///
    /// t outside [0, 1].
    ///
    /// # Examples
    ///
    /// PyTorch's `CrossEntropyLoss(label_smoothing=0.1)`:
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Focal, Labels, Segmentation};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1], [1, 2, 1])?;
    /// let segmentation = Segmentation::new(prediction, Labels::new(Dense::per_voxel(&[0_u8], [1, 1])?))?;
    /// let loss = Focal::cross_entropy().with_label_smoothing(0.1)?;
    /// let (classes, mut buffers) = (Classes::default(), Buffers::with_len::<2>());
    /// let value = segmentation.evaluate(&loss, &classes, &mut buffers)?.value();
    /// assert!((value - (0.95 * -f64::ln(0.9) + 0.05 * -f64::ln(0.1))).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_label_smoothing(self, smoothing: f64) -> Result<Self, ParameterError> {
        let name = Parameter::LabelSmoothing.as_str();
        let smoothing = Range::SHARE.check(name, smoothing)?;
        Ok(Self {
            label_smoothing: Some(smoothing).filter(|t| *t > 0.0),
            ..self
        })
    }

    /// Adds ε·(1 − p) to −ln p: F = Σ y·(1−p)^γ·(−ln p + ε·(1−p)), the first coefficient of its
    /// polynomial in 1 − p changed by ε. 0 is the loss without it.
    ///
    /// Where ε is near −1, the two terms cancel near p = 1, and their difference is as exact as its
    /// terms. It replaces the form of [`exponential_log`](Focal::exponential_log).
    ///
    /// Source: Leng et al. 2022, arXiv 2204.12511.
    ///
    /// # Errors
    ///
    /// ε outside [−1, 10³⁰]. Below −1, the loss would rise with p.
    pub fn with_poly(self, coefficient: f64) -> Result<Self, ParameterError> {
        let form = match Range::POLY.check(Parameter::Poly.as_str(), coefficient)? {
            0.0 => Form::Entropy,
            coefficient => Form::Poly(coefficient),
        };
        Ok(Self { form, ..self })
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

    /// γ, the focus.
    pub fn gamma(&self) -> f64 {
        self.gamma.to_f64()
    }

    /// δ, if there is one.
    pub fn delta(&self) -> Option<f64> {
        self.weights.map(|weights| weights.rare)
    }

    /// b of [`with_beta`](Focal::with_beta), if there is one.
    pub(crate) fn beta(&self) -> Option<f64> {
        self.weights.map(|weights| weights.common)
    }

    /// a, the weight of all classes.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// t, the label smoothing; 0 without.
    pub fn label_smoothing(&self) -> f64 {
        self.label_smoothing.unwrap_or(0.0)
    }

    /// ε of [`with_poly`](Focal::with_poly); 0 without.
    pub fn poly(&self) -> f64 {
        match self.form {
            Form::Poly(coefficient) => coefficient,
            Form::Entropy | Form::Exponential => 0.0,
        }
    }

    /// The clip, if there is one.
    pub fn clip(&self) -> Option<Clip> {
        self.clip
    }
}

impl Default for Focal {
    fn default() -> Self {
        Self::new()
    }
}
