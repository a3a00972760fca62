//! The macro that writes the configuration of a loss.

use serde::{Deserialize, Deserializer};

/// Makes a field of a file required, even one that may be `null`.
pub(super) fn required<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    field: D,
) -> Result<T, D::Error> {
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
