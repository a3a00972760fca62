//! Errors, found before libtorch sees the tensors.

use tch::{Device, Kind, TchError};
use thiserror::Error as ThisError;
use unifocal_core::data::Valid;

/// Why a loss could not be computed.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Two tensors that belong together have different shapes. Nothing is broadcast.
    #[error("the shape of the {what} is {found:?}, expected {expected:?}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The shape it should have.
        expected: Vec<i64>,
    },
    /// A target cannot have this size.
    #[error(
        "the shape of the {what} is {found:?} and the new size of its last axes is {size:?}, expected no more lengths than axes, and none of 0"
    )]
    Size {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The size.
        size: Vec<i64>,
    },
    /// The target has neither the shape of labels nor that of a one-hot or soft target.
    #[error(
        "the shape of the target is {found:?}, expected {labels:?} for labels or {prediction:?} for a one-hot or soft target"
    )]
    Target {
        /// Its shape.
        found: Vec<i64>,
        /// The shape of labels.
        labels: Vec<i64>,
        /// The shape of the prediction.
        prediction: Vec<i64>,
    },
    /// The prediction lacks a sample or class axis, or has no values.
    #[error(
        "the shape of the prediction is {found:?}, expected [N, C, spatial…] with at least one value"
    )]
    Prediction {
        /// Its shape.
        found: Vec<i64>,
    },
    /// A tensor has an unsupported kind.
    #[error("the kind of the {what} is {found:?}, expected {expected}")]
    Kind {
        /// Which tensor.
        what: &'static str,
        /// Its kind.
        found: Kind,
        /// The kinds it may have.
        expected: &'static str,
    },
    /// Two tensors that belong together are on different devices.
    #[error(
        "the device of the {what} is {found:?}, expected {expected:?}, the device of the prediction"
    )]
    Device {
        /// Which tensor.
        what: &'static str,
        /// Its device.
        found: Device,
        /// The prediction's device.
        expected: Device,
    },
    /// A tensor is undefined, sparse, or in a format without strides.
    #[error("the layout of the {what} is not supported, expected a dense, strided tensor")]
    Layout {
        /// Which tensor.
        what: &'static str,
    },
    /// A value of the prediction is not a probability; it may be a logit.
    #[error("{0}; for logits, use `with_input`")]
    Logits(unifocal_core::Error),
    /// A fused route was called while tracing a module. Tracing records only libtorch's operations, so the module would not compute the loss.
    #[error(
        "a fused loss cannot be traced: use `.with_route(Route::Composed)`, or compute the loss outside the module"
    )]
    Traced,
    /// The reduction is not none, mean or sum.
    #[error("the reduction is Other({found}), expected None, Mean or Sum")]
    Reduction {
        /// Its number.
        found: i64,
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
    /// The ranks could not exchange their sums.
    #[error("the sums of the ranks could not be added up: {0}")]
    AllReduce(Box<dyn std::error::Error + Send + Sync>),
    /// An invalid value, label, parameter or class option.
    #[error(transparent)]
    Core(unifocal_core::Error),
    /// The engine refused tensors that had passed all checks: a bug of this crate.
    #[error("the engine refused tensors that passed all checks: {0}; please report this")]
    Engine(Box<dyn std::error::Error + Send + Sync>),
    /// An error of libtorch, such as out of memory.
    #[error(transparent)]
    Tch(#[from] TchError),
}

impl From<unifocal_core::Error> for Error {
    fn from(error: unifocal_core::Error) -> Self {
        match error {
            // Only a finite value can be a logit.
            unifocal_core::Error::Value {
                expected: Valid::Probability,
                found,
                ..
            } if found.is_finite() => Self::Logits(error),
            _ => Self::Core(error),
        }
    }
}

impl From<unifocal_core::catalogue::ParameterError> for Error {
    fn from(error: unifocal_core::catalogue::ParameterError) -> Self {
        Self::Core(error.into())
    }
}

impl From<unifocal_ndarray::Error> for Error {
    fn from(error: unifocal_ndarray::Error) -> Self {
        match error {
            unifocal_ndarray::Error::Core(error) => error.into(),
            other => Self::Engine(other.into()),
        }
    }
}

impl From<Error> for TchError {
    /// For training loops whose functions return libtorch's errors.
    fn from(error: Error) -> Self {
        match error {
            Error::Tch(error) => error,
            other => Self::Io(std::io::Error::other(other)),
        }
    }
}
