//! Errors of tensors: full shapes, devices, and the core's errors.

use thiserror::Error as ThisError;
use unifocal_core::data::{Position, Valid};

/// Why a loss could not be computed.
#[derive(Clone, Debug, PartialEq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Two tensors that belong together have different shapes.
    #[error(
        "the shape of the {what} is {found:?}, expected {expected:?} for a prediction of shape {prediction:?}{hint}"
    )]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The prediction's shape.
        prediction: Vec<usize>,
        /// The way to solve it, or nothing.
        hint: &'static str,
    },
    /// The prediction has too few axes.
    #[error("the shape of the prediction is {found:?}, expected [N, C] or [N, C, spatial…]")]
    Rank {
        /// Its shape.
        found: Vec<usize>,
    },
    /// The prediction has no values.
    #[error("the shape of the prediction is {found:?}, expected at least one value")]
    Empty {
        /// Its shape.
        found: Vec<usize>,
    },
    /// A target cannot have this size.
    #[error(
        "the shape of the {what} is {found:?} and the new size of its last axes is {size:?}, expected no more lengths than axes, and none of 0"
    )]
    Size {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The size.
        size: Vec<usize>,
    },
    /// Two tensors that belong together are on different devices.
    #[error(
        "the device of the {what} is {found}, expected {expected}, the device of the prediction"
    )]
    Device {
        /// Which tensor.
        what: &'static str,
        /// Its device.
        found: String,
        /// The prediction's device.
        expected: String,
    },
    /// No loss has this name, or not these parameters.
    #[error("the name of the loss is {found:?}: {error}")]
    Name {
        /// The name.
        found: String,
        /// The fault in the name or its parameters.
        error: unifocal_core::catalogue::LossError,
    },
    /// Sums per sample cannot be added up: other ranks have other samples.
    #[error("sums per sample cannot be added up over ranks, use `Pooling::Batch`")]
    PerSample,
    /// A level of a deeply supervised network could not be evaluated.
    #[error("level {level}: {error}")]
    Level {
        /// The level; 0 is the full size.
        level: usize,
        /// Why.
        error: Box<Error>,
    },
    /// A device could not compute or return numbers.
    #[error("the device failed: {0}")]
    Read(String),
    /// An invalid value, label, parameter or class option.
    #[error("{0}{hint}", hint = hint(.0))]
    Core(#[from] unifocal_core::Error),
}

impl Error {
    /// The error of samples that are the regions of samples, as one of the samples.
    pub(crate) fn of_regions(self, regions: usize) -> Self {
        match self {
            Self::Core(mut error) => {
                // Without sets of labels, each class is a region.
                if let unifocal_core::Error::Label { classes, .. } = &mut error {
                    *classes = (*classes).max(regions);
                }
                Self::Core(error.map_position(|at| Position {
                    sample: at.sample / regions,
                    channel: at.channel + at.sample % regions,
                    ..at
                }))
            }
            error => error,
        }
    }
}

/// A hint at the usual cause of an error of the core.
fn hint(error: &unifocal_core::Error) -> &'static str {
    match error {
        unifocal_core::Error::Value {
            expected: Valid::Probability,
            ..
        } => "; for logits, use `with_input`",
        _ => "",
    }
}

impl From<unifocal_core::catalogue::ParameterError> for Error {
    fn from(error: unifocal_core::catalogue::ParameterError) -> Self {
        Self::Core(error.into())
    }
}
