//! Losses by name and parameters: listing, reading, setting and printing them.

use core::fmt;

use crate::loss_error::LossError;
use crate::name::Origin;
use crate::parameter::Range;
use crate::{AnyLoss, Clip, Focal, HardVoxels, Matthews, Name, Parameter, Tversky, UnifiedFocal};

impl Name {
    /// The parameters of the loss, in the order of [`Parameter::ALL`].
    pub const fn parameters(self) -> &'static [Parameter] {
        use Parameter::{
            Alpha, Beta, Clip, Delta, FnWeight, FpWeight, Gamma, LabelSmoothing, Lambda, Order,
            Poly, Smooth, SmoothNumerator, Threshold, VolumeExponent,
        };
        match self {
            Self::Dice | Self::Tversky => &[Delta, Order, Smooth, SmoothNumerator, Clip],
            Self::Jaccard => &[Order, Smooth, SmoothNumerator, Clip],
            Self::WeightedTversky | Self::LogDice | Self::LogCoshDice => &[
                FpWeight,
                FnWeight,
                Gamma,
                Order,
                Smooth,
                SmoothNumerator,
                Clip,
            ],
            Self::NoiseRobustDice => &[FpWeight, FnWeight, Gamma, Smooth, Clip],
            Self::GeneralizedDice => &[VolumeExponent, Order, Smooth, SmoothNumerator, Clip],
            Self::FocalTversky | Self::SymmetricFocalTversky | Self::AsymmetricFocalTversky => {
                &[Delta, Gamma, Order, Smooth, SmoothNumerator, Clip]
            }
            Self::Matthews => &[Smooth, SmoothNumerator, Clip],
            Self::HardVoxels => &[Threshold, Clip],
            Self::CrossEntropy => &[LabelSmoothing, Clip],
            Self::Focal => &[Gamma, Alpha, LabelSmoothing, Clip],
            Self::Poly1 => &[Gamma, Alpha, LabelSmoothing, Poly, Clip],
            Self::SymmetricFocal | Self::AsymmetricFocal => &[Delta, Gamma, LabelSmoothing, Clip],
            Self::DiceCrossEntropy => &[Lambda, Order, Smooth, SmoothNumerator, LabelSmoothing],
            Self::DiceFocal | Self::ExponentialLog => &[
                Lambda,
                Gamma,
                Order,
                Smooth,
                SmoothNumerator,
                LabelSmoothing,
            ],
            Self::Combo => &[Alpha, Beta, Order, Smooth, SmoothNumerator, LabelSmoothing],
            Self::TverskyCrossEntropy => &[
                Lambda,
                Delta,
                Order,
                Smooth,
                SmoothNumerator,
                LabelSmoothing,
                Clip,
            ],
            Self::SymmetricUnifiedFocal | Self::AsymmetricUnifiedFocal => &[
                Lambda,
                Delta,
                Gamma,
                Order,
                Smooth,
                SmoothNumerator,
                LabelSmoothing,
                Clip,
            ],
        }
    }

    /// The valid values of a parameter of the loss.
    ///
    /// # Errors
    ///
    /// The loss does not have the parameter.
    pub fn range(self, parameter: Parameter) -> Result<Range, LossError> {
        if !self.parameters().contains(&parameter) {
            return Err(self.lacks(parameter));
        }
        Ok(match (parameter, self.loss()) {
            (Parameter::Lambda, _) => Range::LAMBDA.or_none(),
            (Parameter::Delta, _) => Range::DELTA,
            (Parameter::FpWeight | Parameter::FnWeight, _) => Range::WEIGHT,
            (Parameter::VolumeExponent, _) => Range::VOLUME_EXPONENT.or_none(),
            (Parameter::Order, _) => Range::ORDER.or_none(),
            (Parameter::SmoothNumerator, _) => Range::SMOOTH_NUMERATOR.or_none(),
            (Parameter::Gamma, AnyLoss::Tversky(loss)) => loss.gamma_range(),
            (Parameter::Gamma, AnyLoss::UnifiedFocal(loss)) => loss.gamma_range(),
            (Parameter::Gamma, AnyLoss::Focal(loss)) => loss.gamma_range(),
            (Parameter::Alpha, AnyLoss::Focal(_)) => Range::WEIGHT,
            (Parameter::Gamma, AnyLoss::Matthews(_) | AnyLoss::HardVoxels(_)) => {
                return Err(self.lacks(parameter));
            }
            (Parameter::Alpha | Parameter::Beta, _) => Range::SHARE.or_none(),
            (Parameter::LabelSmoothing, _) => Range::SHARE,
            (Parameter::Threshold, _) => Range::THRESHOLD,
            (Parameter::Poly, _) => Range::POLY,
            (Parameter::Smooth, _) => Range::SMOOTH,
            (Parameter::Clip, _) => Range::CLIP.or_none(),
        })
    }

    fn lacks(self, parameter: Parameter) -> LossError {
        LossError::NotOfLoss {
            loss: self,
            parameter,
        }
    }
}

impl AnyLoss {
    /// The name that describes the loss completely, together with the parameters of that name. It
    /// is the name that the loss was made with, if possible, else another name. Returns `None` if
    /// no name does.
    ///
    /// ```
    /// use unifocal_core::{AnyLoss, Focal, UnifiedFocal, catalogue::Name};
    ///
    /// let loss = AnyLoss::from(Focal::new().with_gamma(0.0)?);
    /// assert_eq!(loss.name(), Some(Name::Focal));
    /// let loss = AnyLoss::from(Focal::cross_entropy().with_gamma(1.0)?);
    /// assert_eq!(loss.name(), Some(Name::Focal));
    /// let loss = AnyLoss::from(UnifiedFocal::monai(0.5, 0.5, 0.7)?);
    /// assert_eq!(loss.name(), None);
    /// # Ok::<(), unifocal_core::catalogue::ParameterError>(())
    /// ```
    pub fn name(&self) -> Option<Name> {
        let Origin(name) = match self {
            Self::Tversky(loss) => loss.origin,
            Self::Focal(loss) => loss.origin,
            Self::UnifiedFocal(loss) => loss.origin,
            Self::Matthews(loss) => loss.origin,
            Self::HardVoxels(loss) => loss.origin,
        };
        let mut names = [name].into_iter().chain(Name::ALL);
        names.find(|name| self.rebuilt_as(*name) == Some(*self))
    }

    /// The loss called `name` with the parameter values of this one.
    fn rebuilt_as(&self, name: Name) -> Option<Self> {
        name.parameters()
            .iter()
            .try_fold(name.loss(), |loss, parameter| {
                loss.set(*parameter, self.value(*parameter)?)
            })
    }

    /// The value of a parameter; `None` means none.
    ///
    /// # Errors
    ///
    /// The loss does not have the parameter.
    pub fn get(&self, parameter: Parameter) -> Result<Option<f64>, LossError> {
        let name = self.name().ok_or(LossError::Nameless)?;
        self.value(parameter)
            .filter(|_| name.parameters().contains(&parameter))
            .ok_or(name.lacks(parameter))
    }

    /// Sets a parameter; `None` means none.
    ///
    /// # Errors
    ///
    /// The loss does not have the parameter; the value is outside its [range](Name::range).
    pub fn with(
        self,
        parameter: Parameter,
        value: impl Into<Option<f64>>,
    ) -> Result<Self, LossError> {
        let name = self.name().ok_or(LossError::Nameless)?;
        let range = name.range(parameter)?;
        let value = value.into();
        if !range.contains(value) {
            return Err(range.refuse(parameter.as_str(), value).into());
        }
        self.set(parameter, value)
            .map(|loss| loss.made_as(name))
            .ok_or(name.lacks(parameter))
    }

    /// All parameters of the loss with their values, in the order of [`Parameter::ALL`].
    pub fn parameters(&self) -> impl Iterator<Item = (Parameter, Option<f64>)> + use<> {
        let loss = *self;
        let parameters = self.name().map_or(&[][..], Name::parameters);
        parameters
            .iter()
            .filter_map(move |parameter| Some((*parameter, loss.value(*parameter)?)))
    }

    /// The value of a parameter, if this type of loss has it.
    fn value(&self, parameter: Parameter) -> Option<Option<f64>> {
        let epsilon = |clip: Option<Clip>| clip.map(|clip| clip.epsilon());
        Some(match (parameter, self) {
            (Parameter::Lambda, Self::UnifiedFocal(loss)) => loss.lambda(),
            (Parameter::Delta, Self::Tversky(loss)) => Some(loss.fn_weight()),
            (Parameter::Delta, Self::Focal(loss)) => loss.delta(),
            (Parameter::Delta, Self::UnifiedFocal(loss)) => Some(loss.region().fn_weight()),
            (Parameter::FpWeight, Self::Tversky(loss)) => Some(loss.fp_weight()),
            (Parameter::FnWeight, Self::Tversky(loss)) => Some(loss.fn_weight()),
            (Parameter::Gamma, Self::Tversky(loss)) => Some(loss.gamma()),
            (Parameter::Gamma, Self::Focal(loss)) => Some(loss.gamma()),
            (Parameter::Gamma, Self::UnifiedFocal(loss)) => Some(loss.distribution().gamma()),
            (Parameter::Alpha, Self::Focal(loss)) => Some(loss.alpha()),
            (Parameter::Alpha, Self::UnifiedFocal(loss)) => loss.alpha(),
            (Parameter::Beta, Self::UnifiedFocal(loss)) => loss.distribution().beta(),
            (Parameter::VolumeExponent, Self::Tversky(loss)) => {
                loss.volume_exponent().map(f64::from)
            }
            (Parameter::Order, Self::Tversky(loss)) => loss.order().map(f64::from),
            (Parameter::Order, Self::UnifiedFocal(loss)) => loss.region().order().map(f64::from),
            (Parameter::SmoothNumerator, Self::Matthews(loss)) => loss.smooth_numerator(),
            (Parameter::SmoothNumerator, Self::Tversky(loss)) => loss.smooth_numerator(),
            (Parameter::SmoothNumerator, Self::UnifiedFocal(loss)) => {
                loss.region().smooth_numerator()
            }
            (Parameter::LabelSmoothing, Self::Focal(loss)) => Some(loss.label_smoothing()),
            (Parameter::LabelSmoothing, Self::UnifiedFocal(loss)) => {
                Some(loss.distribution().label_smoothing())
            }
            (Parameter::Threshold, Self::HardVoxels(loss)) => Some(loss.threshold()),
            (Parameter::Poly, Self::Focal(loss)) => Some(loss.poly()),
            (Parameter::Smooth, Self::Matthews(loss)) => Some(loss.smooth()),
            (Parameter::Smooth, Self::Tversky(loss)) => Some(loss.smooth()),
            (Parameter::Smooth, Self::UnifiedFocal(loss)) => Some(loss.region().smooth()),
            (Parameter::Clip, Self::HardVoxels(loss)) => epsilon(loss.clip()),
            (Parameter::Clip, Self::Matthews(loss)) => epsilon(loss.clip()),
            (Parameter::Clip, Self::Tversky(loss)) => epsilon(loss.clip()),
            (Parameter::Clip, Self::Focal(loss)) => epsilon(loss.clip()),
            (Parameter::Clip, Self::UnifiedFocal(loss)) => epsilon(loss.distribution().clip()),
            _ => return None,
        })
    }

    /// Sets a parameter, if this type of loss has it and the value is in range.
    fn set(self, parameter: Parameter, value: Option<f64>) -> Option<Self> {
        let whole = |number: f64| number as u32;
        let set = match (parameter, self) {
            (Parameter::Lambda, Self::UnifiedFocal(loss)) => {
                loss.with_lambda(value).map(Self::from)
            }
            (Parameter::Delta, Self::Tversky(loss)) => loss.with_delta(value?).map(Self::from),
            (Parameter::FpWeight, Self::Tversky(loss)) => {
                loss.with_weights(value?, loss.fn_weight()).map(Self::from)
            }
            (Parameter::FnWeight, Self::Tversky(loss)) => {
                loss.with_weights(loss.fp_weight(), value?).map(Self::from)
            }
            (Parameter::Delta, Self::Focal(loss)) => loss.with_delta(value?).map(Self::from),
            (Parameter::Delta, Self::UnifiedFocal(loss)) => loss.with_delta(value?).map(Self::from),
            (Parameter::Gamma, Self::Tversky(loss)) => loss.with_gamma(value?).map(Self::from),
            (Parameter::Gamma, Self::Focal(loss)) => loss.with_gamma(value?).map(Self::from),
            (Parameter::Gamma, Self::UnifiedFocal(loss)) => loss.with_gamma(value?).map(Self::from),
            (Parameter::Alpha, Self::Focal(loss)) => loss.with_alpha(value?).map(Self::from),
            (Parameter::Alpha, Self::UnifiedFocal(loss)) => loss.with_alpha(value).map(Self::from),
            (Parameter::Beta, Self::UnifiedFocal(loss)) => loss.with_beta(value).map(Self::from),
            (Parameter::VolumeExponent, Self::Tversky(loss)) => {
                loss.with_volume_exponent(value.map(whole)).map(Self::from)
            }
            (Parameter::Order, Self::Tversky(loss)) => {
                loss.with_order(value.map(whole)).map(Self::from)
            }
            (Parameter::Order, Self::UnifiedFocal(loss)) => {
                loss.with_order(value.map(whole)).map(Self::from)
            }
            (Parameter::SmoothNumerator, Self::Matthews(loss)) => {
                loss.with_smooth_numerator(value).map(Self::from)
            }
            (Parameter::SmoothNumerator, Self::Tversky(loss)) => {
                loss.with_smooth_numerator(value).map(Self::from)
            }
            (Parameter::SmoothNumerator, Self::UnifiedFocal(loss)) => {
                loss.with_smooth_numerator(value).map(Self::from)
            }
            (Parameter::LabelSmoothing, Self::Focal(loss)) => {
                loss.with_label_smoothing(value?).map(Self::from)
            }
            (Parameter::LabelSmoothing, Self::UnifiedFocal(loss)) => {
                loss.with_label_smoothing(value?).map(Self::from)
            }
            (Parameter::Threshold, Self::HardVoxels(loss)) => {
                loss.with_threshold(value?).map(Self::from)
            }
            (Parameter::Poly, Self::Focal(loss)) => loss.with_poly(value?).map(Self::from),
            (Parameter::Smooth, Self::Matthews(loss)) => loss.with_smooth(value?).map(Self::from),
            (Parameter::Smooth, Self::Tversky(loss)) => loss.with_smooth(value?).map(Self::from),
            (Parameter::Smooth, Self::UnifiedFocal(loss)) => {
                loss.with_smooth(value?).map(Self::from)
            }
            (Parameter::Clip, Self::HardVoxels(loss)) => loss.with_clip(value).map(Self::from),
            (Parameter::Clip, Self::Matthews(loss)) => loss.with_clip(value).map(Self::from),
            (Parameter::Clip, Self::Tversky(loss)) => loss.with_clip(value).map(Self::from),
            (Parameter::Clip, Self::Focal(loss)) => loss.with_clip(value).map(Self::from),
            (Parameter::Clip, Self::UnifiedFocal(loss)) => loss.with_clip(value).map(Self::from),
            _ => return None,
        };
        set.ok()
    }

    fn made_as(mut self, name: Name) -> Self {
        let origin = Origin(name);
        match &mut self {
            Self::Tversky(loss) => loss.origin = origin,
            Self::Focal(loss) => loss.origin = origin,
            Self::UnifiedFocal(loss) => loss.origin = origin,
            Self::Matthews(loss) => loss.origin = origin,
            Self::HardVoxels(loss) => loss.origin = origin,
        }
        self
    }
}

/// The name, followed by the parameters that differ from its defaults in parentheses; `{:#}` prints
/// all parameters.
impl fmt::Display for AnyLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = self.name() else {
            return match self {
                Self::Tversky(loss) => write!(f, "{loss:?}"),
                Self::Focal(loss) => write!(f, "{loss:?}"),
                Self::UnifiedFocal(loss) => write!(f, "{loss:?}"),
                Self::Matthews(loss) => write!(f, "{loss:?}"),
                Self::HardVoxels(loss) => write!(f, "{loss:?}"),
            };
        };
        f.write_str(name.as_str())?;
        let default = name.loss();
        let mut before = "(";
        for (parameter, value) in self.parameters() {
            if f.alternate() || default.value(parameter) != Some(value) {
                match value {
                    Some(number) => write!(f, "{before}{parameter}={number:?}")?,
                    None => write!(f, "{before}{parameter}=none")?,
                }
                before = ", ";
            }
        }
        f.write_str(if before == ", " { ")" } else { "" })
    }
}

macro_rules! display {
    ($($loss:ident)*) => {
        $(
            /// Prints the loss as [`AnyLoss`] does.
            impl fmt::Display for $loss {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    AnyLoss::from(*self).fmt(f)
                }
            }
        )*
    };
}

display!(Tversky Focal UnifiedFocal Matthews HardVoxels);
