//! All settings that are not part of a loss.

use alloc::vec::Vec;

use crate::expect::expect_len;
use crate::{AbsentClass, Classes, Error, Input, Pooling, class_count};

/// The settings of an evaluation: how to read predictions and targets, which voxels share their
/// sums, and the class options.
///
/// A loss holds its own parameters; the settings hold the rest. Every adapter accepts them as a
/// whole, and has the same methods to set them one by one. With the feature `serde` they can be
/// read from a configuration file; missing settings have their defaults.
///
/// # Examples
///
/// ```
/// use unifocal_core::{AbsentClass, Input, Settings};
///
/// let settings = Settings::default()
///     .with_input(Input::Softmax)
///     .with_ignore_label(255)
///     .with_class_weights([0.0, 1.0, 1.0]) // leave the background out
///     .with_absent_class(AbsentClass::Skip);
/// assert!(settings.classes().check(3).is_ok());
/// assert!(settings.classes().check(2).is_err()); // three weights for two classes
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Settings {
    /// How to interpret the values of a prediction. Default: as probabilities
    pub input: Input,
    /// Which voxels share their sums. Default: those of a sample
    pub pooling: Pooling,
    /// Whether the channels are overlapping regions, each the foreground of two classes of its own.
    /// Default: they are the classes
    pub multilabel: bool,
    /// The labels of each region, for a label map whose regions overlap. Default: channel c is the
    /// label c
    pub regions: Option<Vec<Vec<i64>>>,
    /// The label of voxels to ignore. Default: none
    pub ignore_label: Option<i64>,
    /// How to score a class that is absent from a sample's target. Default: the smoothing term
    /// decides
    pub absent_class: AbsentClass,
    /// A weight per class, in [0, 10³⁰], at least one above 0. Default: equal weights
    pub class_weights: Option<Vec<f64>>,
    /// A weight per class for the region-based side alone, in place of the class weights there.
    /// Default: the class weights
    pub region_weights: Option<Vec<f64>>,
    /// The focal loss's α per class, or per region its outside and inside, in [0, 10³⁰]. Default: 1
    pub class_alpha: Option<Vec<f64>>,
    /// The rare classes, for asymmetric losses. Default: all but class 0
    pub rare_classes: Option<Vec<usize>>,
}

impl Settings {
    crate::settings_methods!(self => self);

    /// Sets all class options.
    #[must_use]
    pub fn with_classes(self, classes: &Classes<'_>) -> Self {
        Self {
            absent_class: classes.absent,
            class_weights: classes.weights.map(Vec::from),
            region_weights: classes.region_weights.map(Vec::from),
            class_alpha: classes.alpha.map(Vec::from),
            rare_classes: classes.rare.map(Vec::from),
            ..self
        }
    }

    /// Whether the channels are regions: it was set, or the labels of each are given.
    pub fn is_multilabel(&self) -> bool {
        self.multilabel || self.regions.is_some()
    }

    /// The labels of each region for a prediction of `channels` channels, from label maps.
    ///
    /// Without [`with_regions`](Settings::with_regions), each class is a region. A single channel
    /// then has class 1 for its inside.
    ///
    /// # Errors
    ///
    /// Another number of regions than of channels.
    pub fn label_sets(&self, channels: usize) -> Result<LabelSets, Error> {
        let Some(regions) = &self.regions else {
            let first = i64::from(channels == 1);
            return Ok(LabelSets {
                sets: (0..channels)
                    .map(|c| alloc::vec![first + c as i64])
                    .collect(),
                classes: Some(class_count(channels)),
            });
        };
        expect_len("regions", regions.len(), channels)?;
        Ok(LabelSets {
            sets: regions.clone(),
            classes: None,
        })
    }

    /// The class options.
    pub fn classes(&self) -> Classes<'_> {
        let mut classes = Classes::default().with_absent_class(self.absent_class);
        if let Some(weights) = &self.class_weights {
            classes = classes.with_class_weights(weights);
        }
        if let Some(weights) = &self.region_weights {
            classes = classes.with_region_weights(weights);
        }
        if let Some(alpha) = &self.class_alpha {
            classes = classes.with_class_alpha(alpha);
        }
        if let Some(rare) = &self.rare_classes {
            classes = classes.with_rare_classes(rare);
        }
        classes
    }
}

/// The labels of each region.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LabelSets {
    /// The labels, region by region.
    pub sets: Vec<Vec<i64>>,
    /// How many labels are valid, from 0 on; `None` if all are.
    pub classes: Option<usize>,
}

/// Methods that set one of the [`Settings`] each, for `Settings` itself and for the types of
/// adapters.
#[doc(hidden)]
#[macro_export]
macro_rules! settings_methods {
    ($self:ident => $settings:expr) => {
        /// Sets how to interpret the values of a prediction: as probabilities by default. Prefer
        /// logits: they are never clamped.
        #[must_use]
        pub fn with_input(mut $self, input: $crate::Input) -> Self {
            $settings.input = input;
            $self
        }

        /// Sets which voxels share their sums: those of a sample by default, or those of the whole
        /// batch.
        #[must_use]
        pub fn with_pooling(mut $self, pooling: $crate::Pooling) -> Self {
            $settings.pooling = pooling;
            $self
        }

        /// Sets whether the channels are regions that may overlap (multi-label segmentation), as with a
        /// sigmoid for each. By default they are classes that exclude each other.
        ///
        /// Each channel is then a prediction of its own, the foreground of two classes, and the loss is
        /// the mean over the channels: groups are channels of samples, or of the batch. Options per
        /// class are for the outside and the inside of every region: class weights of 0 and 1
        /// score the inside only.
        #[must_use]
        pub fn with_multilabel(mut $self, multilabel: bool) -> Self {
            $settings.multilabel = multilabel;
            $self
        }

        /// Reads label maps as regions that may overlap: each is a set of labels, and a channel of the
        /// prediction. Labels in no region are outside of all of them. Implies
        /// [`with_multilabel`](Self::with_multilabel). An error with one-hot and soft targets, which have
        /// no labels.
        #[must_use]
        pub fn with_regions<R: AsRef<[i64]>>(
            mut $self,
            regions: impl IntoIterator<Item = R>,
        ) -> Self {
            let regions = regions.into_iter().map(|region| region.as_ref().to_vec());
            $settings.regions = Some(regions.collect());
            $self
        }

        /// Ignores voxels with this label. An error with one-hot and soft targets, which have no
        /// labels: use voxel weights of 0 there.
        #[must_use]
        pub fn with_ignore_label(mut $self, label: impl Into<Option<i64>>) -> Self {
            $settings.ignore_label = label.into();
            $self
        }

        /// Sets how to score a class that is absent from a sample's target.
        #[must_use]
        pub fn with_absent_class(mut $self, absent: $crate::AbsentClass) -> Self {
            $settings.absent_class = absent;
            $self
        }

        /// Sets a weight per class, applied to everything that the class adds to the loss. Weights
        /// are normalised so that those above 0 average 1; a weight of 0 leaves the class out.
        #[must_use]
        pub fn with_class_weights(mut $self, weights: impl Into<Vec<f64>>) -> Self {
            $settings.class_weights = Some(weights.into());
            $self
        }

        /// Sets a weight per class for the region-based side alone, in place of the class weights
        /// there: the Dice loss without the background beside the full cross entropy, for example.
        #[must_use]
        pub fn with_region_weights(mut $self, weights: impl Into<Vec<f64>>) -> Self {
            $settings.region_weights = Some(weights.into());
            $self
        }

        /// Sets the focal loss's α per class: an absolute weight, used only by distribution-based
        /// losses.
        ///
        /// With [`with_multilabel`](Self::with_multilabel), two numbers are the α of the outside and the
        /// inside of all regions, and two per region, region by region, those of each. `[1, w]` is the
        /// `pos_weight` w of PyTorch.
        #[must_use]
        pub fn with_class_alpha(mut $self, alpha: impl Into<Vec<f64>>) -> Self {
            $settings.class_alpha = Some(alpha.into());
            $self
        }

        /// Sets the rare classes, for asymmetric losses. Default: all but class 0.
        #[must_use]
        pub fn with_rare_classes(mut $self, classes: impl Into<Vec<usize>>) -> Self {
            $settings.rare_classes = Some(classes.into());
            $self
        }
    };
}
