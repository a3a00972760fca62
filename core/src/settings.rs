//! Everything about predictions and targets that a loss does not hold.

use alloc::vec::Vec;

use crate::{AbsentClass, Classes, Input, Pooling};

/// How predictions and targets are read, which voxels share their sums, and what is known of the classes.
///
/// A loss holds its own parameters; the settings hold all the rest. Every adapter takes them, whole or one by one, by the same methods.
/// With the feature `serde` they can be read from a configuration file, in which a setting that is missing has its default.
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
    /// What the numbers of a prediction are. Default: probabilities
    pub input: Input,
    /// Which voxels share their sums. Default: those of a sample
    pub pooling: Pooling,
    /// The label of voxels that do not count. Default: none
    pub ignore_label: Option<i64>,
    /// How a class that a sample's target does not contain is scored. Default: the smoothing term decides
    pub absent_class: AbsentClass,
    /// A weight per class, in [0, 10³⁰], at least one of them above 0. Default: all alike
    pub class_weights: Option<Vec<f64>>,
    /// The focal loss's α per class, in [0, 10³⁰]. Default: 1
    pub class_alpha: Option<Vec<f64>>,
    /// The rare classes of asymmetric losses. Default: all but class 0
    pub rare_classes: Option<Vec<usize>>,
}

impl Settings {
    crate::settings_methods!(self => self);

    /// Sets what the losses know of the classes, all at once.
    #[must_use]
    pub fn with_classes(self, classes: &Classes<'_>) -> Self {
        Self {
            absent_class: classes.absent,
            class_weights: classes.weights.map(Vec::from),
            class_alpha: classes.alpha.map(Vec::from),
            rare_classes: classes.rare.map(Vec::from),
            ..self
        }
    }

    /// What the losses know of the classes.
    pub fn classes(&self) -> Classes<'_> {
        let mut classes = Classes::default().with_absent(self.absent_class);
        if let Some(weights) = &self.class_weights {
            classes = classes.with_weights(weights);
        }
        if let Some(alpha) = &self.class_alpha {
            classes = classes.with_alpha(alpha);
        }
        if let Some(rare) = &self.rare_classes {
            classes = classes.with_rare(rare);
        }
        classes
    }
}

/// The methods that set one of the [`Settings`] each: the same for the settings alone and for what an adapter makes of them.
#[doc(hidden)]
#[macro_export]
macro_rules! settings_methods {
    ($self:ident => $settings:expr) => {
        /// Sets what the numbers of a prediction are: probabilities by default. Give logits where you can, so that nothing is clipped.
        #[must_use]
        pub fn with_input(mut $self, input: $crate::Input) -> Self {
            $settings.input = input;
            $self
        }

        /// Sets which voxels share their sums: those of a sample by default, or all of the batch.
        #[must_use]
        pub fn with_pooling(mut $self, pooling: $crate::Pooling) -> Self {
            $settings.pooling = pooling;
            $self
        }

        /// Leaves voxels with this label out of every sum. One-hot and soft targets have no labels: beside them it is an error, and voxel
        /// weights of 0 leave voxels out.
        #[must_use]
        pub fn with_ignore_label(mut $self, label: impl Into<Option<i64>>) -> Self {
            $settings.ignore_label = label.into();
            $self
        }

        /// Sets how a class is scored that a sample's target does not contain.
        #[must_use]
        pub fn with_absent_class(mut $self, absent: $crate::AbsentClass) -> Self {
            $settings.absent_class = absent;
            $self
        }

        /// Sets a weight per class, of all that the class adds to the loss. They are normalised so that those above 0 are 1 on average; 0
        /// leaves a class out.
        #[must_use]
        pub fn with_class_weights(mut $self, weights: impl Into<Vec<f64>>) -> Self {
            $settings.class_weights = Some(weights.into());
            $self
        }

        /// Sets the focal loss's α per class: an absolute weight, of distribution-based losses only.
        #[must_use]
        pub fn with_class_alpha(mut $self, alpha: impl Into<Vec<f64>>) -> Self {
            $settings.class_alpha = Some(alpha.into());
            $self
        }

        /// Sets the rare classes of asymmetric losses, in place of all but class 0.
        #[must_use]
        pub fn with_rare_classes(mut $self, classes: impl Into<Vec<usize>>) -> Self {
            $settings.rare_classes = Some(classes.into());
            $self
        }
    };
}
