//! The configuration of each loss, with the paper's defaults.

use std::fmt;

use burn::config::{Config, config_to_json};
use burn::nn::loss::Reduction;
use serde::{Deserialize, Deserializer, Serialize};
use unifocal_core::{AnyLoss, Focal, Settings, Tversky, UnifiedFocal, catalogue::Name};

use crate::{Error, Route, SegmentationLoss};

/// Makes a field of a file required, even one that may be `null`.
fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<T, D::Error> {
    T::deserialize(field)
}

/// One `with_…` method per field of a configuration.
macro_rules! setters {
    ($($field:ident / $with:ident: $type:ty,)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $with(self, $field: $type) -> Self {
                Self { $field, ..self }
            }
        )*
    };
}

/// The configuration of a loss: its own parameters and the settings of every loss.
macro_rules! loss {
    (
        $(#[doc = $doc:literal])*
        $config:ident($self:ident) {
            $($(#[doc = $about:literal])* $parameter:ident / $with:ident: $type:ty = $default:expr,)*
        } => $loss:expr, $value:literal
    ) => {
        $(#[doc = $doc])*
        ///
        /// # Shapes
        ///
        /// - predictions: `[batch_size, num_classes, ...]`
        /// - targets: `[batch_size, ...]` integer labels, or `[batch_size, num_classes, ...]` floats
        /// - output: `[1]`
        ///
        /// # Example
        ///
        /// ```
        #[doc = concat!("use unifocal_burn::", stringify!($config), ";")]
        /// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
        ///
        /// let device = Device::flex();
        /// let predictions = Tensor::<3>::from_data([[[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]]], &device);
        /// let targets = Tensor::<2, Int>::from_data([[0, 1, 0]], &device);
        #[doc = concat!("let loss = ", stringify!($config), "::new().init();")]
        /// let value: f64 = loss.forward(predictions, targets).into_scalar();
        #[doc = concat!("assert_eq!(format!(\"{value:.4}\"), \"", $value, "\");")]
        /// ```
        // Burn's derive reads a missing `Option` as `None`, which here would select another loss.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct $config {
            $(
                $(#[doc = $about])*
                #[serde(deserialize_with = "required")]
                pub $parameter: $type,
            )*
            /// How predictions and targets are read, and the class options. In a file, these fields are at the same level as those of the loss
            #[serde(flatten)]
            pub settings: Settings,
            /// Whether the losses of the samples are averaged or summed. Default: `Mean`
            pub reduction: Reduction,
            /// How the loss is computed. Default: `Auto`, fused where the device supports it
            pub route: Route,
        }

        impl Config for $config {}

        impl fmt::Display for $config {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&config_to_json(self))
            }
        }

        impl Default for $config {
            fn default() -> Self {
                Self::new()
            }
        }

        impl $config {
            /// The default configuration.
            pub fn new() -> Self {
                Self {
                    $($parameter: $default,)*
                    settings: Settings::default(),
                    reduction: Reduction::Mean,
                    route: Route::Auto,
                }
            }

            setters! {
                $($parameter / $with: $type,)*
                settings / with_settings: Settings,
                reduction / with_reduction: Reduction,
                route / with_route: Route,
            }

            unifocal_core::settings_methods!(self => self.settings);
        }

        impl $config {
            /// Builds the loss.
            ///
            /// # Panics
            ///
            /// If a parameter is out of range.
            #[track_caller]
            pub fn init(&self) -> SegmentationLoss {
                match self.try_init() {
                    Ok(loss) => loss,
                    Err(error) => panic!("{error}"),
                }
            }

            /// [`init`](Self::init), but returns an error instead of panicking.
            ///
            /// # Errors
            ///
            /// A parameter is out of range.
            pub fn try_init(&self) -> Result<SegmentationLoss, Error> {
                Ok(SegmentationLoss::new(self.loss()?)
                    .with_settings(self.settings.clone())
                    .with_reduction(self.reduction.clone())
                    .with_route(self.route))
            }

            fn loss(&$self) -> Result<AnyLoss, Error> {
                Ok(AnyLoss::from($loss))
            }
        }
    };
}

loss! {
    /// Configuration of the Dice loss (Milletari et al. 2016, arXiv 1606.04797).
    ///
    /// # Mathematical definition
    ///
    /// `mean_c 1 − (2·TP + s) / (2·TP + FP + FN + s)`, up to a factor 2 in s
    DiceLossConfig(self) {
        /// The smoothing term s > 0. Default: 10⁻⁶
        smooth / with_smooth: f64 = 1e-6,
    } => Tversky::dice().with_smooth(self.smooth)?, "0.2468"
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
    /// Configuration of cross entropy over voxels.
    ///
    /// # Mathematical definition
    ///
    /// `−(1/M) Σ_c Σ_i y·ln p`
    CrossEntropyLossConfig(self) {} => Focal::cross_entropy(), "0.2798"
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
    } => Focal::new().with_gamma(self.gamma)?.with_alpha(self.alpha)?, "0.0306"
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
