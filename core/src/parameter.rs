//! The parameters of the losses: their names, meanings and ranges.

use crate::limits::LARGEST_WEIGHT;
use core::fmt;
use core::str::FromStr;

use crate::spelling;

/// The name of a parameter.
///
/// [`Name::parameters`](crate::Name::parameters) lists the parameters of a loss, and
/// [`Name::range`](crate::Name::range) returns their valid values.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Parameter, catalogue::Name};
///
/// let parameter: Parameter = "gamma".parse()?;
/// assert_eq!(parameter, Parameter::Gamma);
/// for loss in Name::ALL {
///     if let Ok(range) = loss.range(parameter) {
///         println!("{loss}: {}, {range}", parameter.description());
///     }
/// }
/// # Ok::<(), unifocal_core::catalogue::UnknownParameter>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parameter {
    /// λ, [`UnifiedFocal::with_lambda`](crate::UnifiedFocal::with_lambda).
    Lambda,
    /// δ, [`UnifiedFocal::with_delta`](crate::UnifiedFocal::with_delta).
    Delta,
    /// The weight of false positives,
    /// [`Tversky::with_weights`](crate::Tversky::with_weights).
    FpWeight,
    /// The weight of false negatives,
    /// [`Tversky::with_weights`](crate::Tversky::with_weights).
    FnWeight,
    /// γ, [`UnifiedFocal::with_gamma`](crate::UnifiedFocal::with_gamma).
    Gamma,
    /// α of the focal loss, [`Focal::with_alpha`](crate::Focal::with_alpha), or a of
    /// [`UnifiedFocal::combo`](crate::UnifiedFocal::combo).
    Alpha,
    /// b of [`UnifiedFocal::combo`](crate::UnifiedFocal::combo).
    Beta,
    /// k, [`Tversky::with_volume_exponent`](crate::Tversky::with_volume_exponent).
    VolumeExponent,
    /// The order of differences, [`Tversky::with_order`](crate::Tversky::with_order).
    Order,
    /// s, [`Tversky::with_smooth`](crate::Tversky::with_smooth).
    Smooth,
    /// r, [`Tversky::with_smooth_numerator`](crate::Tversky::with_smooth_numerator).
    SmoothNumerator,
    /// t, [`Focal::with_label_smoothing`](crate::Focal::with_label_smoothing).
    LabelSmoothing,
    /// τ, [`HardVoxels::with_threshold`](crate::HardVoxels::with_threshold).
    Threshold,
    /// ε of Poly-1, [`Focal::with_poly`](crate::Focal::with_poly).
    Poly,
    /// ε, [`Focal::with_clip`](crate::Focal::with_clip).
    Clip,
}

impl Parameter {
    /// All parameters, in the order in which losses list theirs.
    pub const ALL: [Self; 15] = [
        Self::Lambda,
        Self::Delta,
        Self::FpWeight,
        Self::FnWeight,
        Self::Gamma,
        Self::Alpha,
        Self::Beta,
        Self::VolumeExponent,
        Self::Order,
        Self::Smooth,
        Self::SmoothNumerator,
        Self::LabelSmoothing,
        Self::Threshold,
        Self::Poly,
        Self::Clip,
    ];

    /// The canonical spelling, for example `gamma`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::Delta => "delta",
            Self::FpWeight => "fp-weight",
            Self::FnWeight => "fn-weight",
            Self::Gamma => "gamma",
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::VolumeExponent => "volume-exponent",
            Self::Order => "order",
            Self::Smooth => "smooth",
            Self::SmoothNumerator => "smooth-numerator",
            Self::LabelSmoothing => "label-smoothing",
            Self::Threshold => "threshold",
            Self::Poly => "poly",
            Self::Clip => "clip",
        }
    }

    /// The symbol and a short description.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Lambda => "λ, the weight of the Tversky side; none adds both sides",
            Self::Delta => "δ, the weight of false negatives and of rare classes",
            Self::FpWeight => "the weight of false positives",
            Self::FnWeight => "the weight of false negatives",
            Self::Gamma => "γ, the focus",
            Self::Alpha => "α, the weight of all classes; for combo a, the weight of cross entropy",
            Self::Beta => "b, the weight of common classes; none gives every class the weight 1",
            Self::VolumeExponent => {
                "k, weighs a class by 1/volumeᵏ in one ratio over all classes; none averages their ratios"
            }
            Self::Order => "1 sums the differences of p and y, 2 their squares, none products",
            Self::Smooth => "s, the smoothing term of the Tversky index",
            Self::SmoothNumerator => {
                "the smoothing term of the numerator of the Tversky index; none is s"
            }
            Self::LabelSmoothing => {
                "t, replaces y by (1−t)·y + t/C in the cross entropy side, for C classes"
            }
            Self::Threshold => {
                "τ, leaves voxels out whose probability of the true class is not below"
            }
            Self::Poly => "ε of Poly-1, adds ε·(1−p) to −ln p",
            Self::Clip => "ε, clamps probabilities to [ε, 1−ε]; none does not clamp",
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Parameter {
    type Err = UnknownParameter;

    fn from_str(name: &str) -> Result<Self, UnknownParameter> {
        let known = || Self::ALL.into_iter().map(|known| (known, known.as_str()));
        spelling::find(name, known()).ok_or_else(|| UnknownParameter {
            nearest: spelling::nearest(name, known()).unwrap_or(Self::Gamma),
        })
    }
}

/// No parameter has this name; [`Parameter::ALL`] lists all names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownParameter {
    /// The parameter with the most similar name.
    pub nearest: Parameter,
}

impl fmt::Display for UnknownParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no parameter has this name: did you mean \"{}\"? Expected one of ",
            self.nearest
        )?;
        spelling::list(f, Parameter::ALL)
    }
}

impl core::error::Error for UnknownParameter {}

/// The valid values of a parameter: a range of numbers, and possibly none.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Parameter, catalogue::{LossError, Name}};
///
/// let range = Name::FocalTversky.range(Parameter::Clip)?;
/// assert_eq!(range.to_string(), "0 < ε < 0.5, or none");
/// assert!(range.contains(1e-7) && range.contains(None) && !range.contains(0.5));
/// # Ok::<(), LossError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    least: f64,
    most: f64,
    text: &'static str,
    whole: bool,
    none: bool,
}

impl Range {
    /// λ.
    pub(crate) const LAMBDA: Self = Self::new(0.0, 1.0, "0 ≤ λ ≤ 1");
    /// δ.
    pub(crate) const DELTA: Self = Self::new(0.0, 1.0, "0 ≤ δ ≤ 1");
    /// γ, where the exponent is 1 − γ.
    pub(crate) const GAMMA: Self = Self::new(0.0, 1.0, "0 ≤ γ ≤ 1");
    /// A fraction.
    pub(crate) const SHARE: Self = Self::new(0.0, 1.0, "a number in [0, 1]");
    /// A weight. Also γ where it is the exponent itself, because it is then a factor of the
    /// derivative.
    pub(crate) const WEIGHT: Self = Self::new(0.0, LARGEST_WEIGHT, "a number from 0 to 1e30");
    /// γ, where it is the exponent of −ln p. Its powers must be finite in f32, and at 0 the loss would
    /// be constant.
    pub(crate) const EXPONENTIAL: Self = Self::new(1e-3, 5.0, "0.001 ≤ γ ≤ 5");
    /// τ of the hard voxels. At 0 there would be none.
    pub(crate) const THRESHOLD: Self = Self::new(1e-30, 1.0, "a number from 1e-30 to 1");
    /// ε of Poly-1. Below −1, the loss would rise with p.
    pub(crate) const POLY: Self = Self::new(-1.0, LARGEST_WEIGHT, "a number from -1 to 1e30");
    /// γ of the noise-robust Dice loss. Below 1, its slope at p = y would be infinite.
    pub(crate) const ROBUST: Self = Self::new(1.0, 2.0, "1 ≤ γ ≤ 2");
    /// The order of the noise-robust Dice loss.
    pub(crate) const ROBUST_ORDER: Self =
        Self::new(f64::NAN, f64::NAN, "none: this loss has powers of its own");
    /// s. At 0, a class that is absent and not predicted would score 0/0.
    pub(crate) const SMOOTH: Self = Self::new(1e-30, f64::MAX, "a finite s ≥ 1e-30");
    /// The smoothing term of the numerator.
    pub(crate) const SMOOTH_NUMERATOR: Self = Self::new(0.0, f64::MAX, "a finite number ≥ 0");
    /// β of F_β, whose square must be finite.
    pub(crate) const F_BETA: Self = Self::new(0.0, 1e15, "a number from 0 to 1e15");
    /// k of the volumes.
    pub(crate) const VOLUME_EXPONENT: Self = Self {
        whole: true,
        ..Self::new(0.0, 2.0, "0, 1 or 2")
    };
    /// The order of differences.
    pub(crate) const ORDER: Self = Self {
        whole: true,
        ..Self::new(1.0, 2.0, "1 or 2")
    };
    /// ε.
    pub(crate) const CLIP: Self = Self::new(0.0_f64.next_up(), 0.5_f64.next_down(), "0 < ε < 0.5");

    const fn new(least: f64, most: f64, text: &'static str) -> Self {
        Self {
            least,
            most,
            text,
            whole: false,
            none: false,
        }
    }

    /// Allows none as well.
    pub(crate) const fn or_none(self) -> Self {
        Self { none: true, ..self }
    }

    /// The smallest valid number.
    pub const fn least(&self) -> f64 {
        self.least
    }

    /// The largest valid number.
    pub const fn most(&self) -> f64 {
        self.most
    }

    /// Whether the parameter may be none.
    pub const fn allows_none(&self) -> bool {
        self.none
    }

    /// Whether a value is valid; `None` means none.
    pub fn contains(&self, value: impl Into<Option<f64>>) -> bool {
        value.into().map_or(self.none, |number| {
            let is_allowed = !self.whole || number % 1.0 == 0.0;
            is_allowed && (self.least..=self.most).contains(&number)
        })
    }

    /// Returns `found` if it is in range, else an error that names the parameter.
    pub(crate) fn check(&self, parameter: &'static str, found: f64) -> Result<f64, ParameterError> {
        if self.contains(found) {
            Ok(found)
        } else {
            Err(self.refuse(parameter, Some(found)))
        }
    }

    /// The error for a value outside the range.
    pub(crate) fn refuse(&self, parameter: &'static str, found: Option<f64>) -> ParameterError {
        ParameterError {
            parameter,
            found,
            expected: self.text,
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)?;
        f.write_str(if self.none { ", or none" } else { "" })
    }
}

/// A parameter outside its range: its name, the value found, and the values expected.
///
/// # Examples
///
/// ```
/// use unifocal_core::Tversky;
///
/// let error = Tversky::new().with_delta(1.2).unwrap_err();
/// assert_eq!(error.to_string(), "delta is 1.2, expected 0 ≤ δ ≤ 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterError {
    /// The name of the parameter.
    pub parameter: &'static str,
    /// The value found; `None` means none.
    pub found: Option<f64>,
    /// The valid values.
    pub expected: &'static str,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            parameter,
            found,
            expected,
        } = self;
        match found {
            Some(found) => write!(f, "{parameter} is {found}, expected {expected}"),
            None => write!(f, "{parameter} is none, expected {expected}"),
        }
    }
}

impl core::error::Error for ParameterError {}
