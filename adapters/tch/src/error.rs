//! What can be wrong with tensors, found before libtorch sees them.

use tch::{Device, Kind, TchError};
use thiserror::Error as ThisError;

/// Why a loss could not be computed.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Two tensors that belong together have different shapes. Nothing is broadcast.
    #[error("the {what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Vec<i64>,
        /// The shape it should have.
        expected: Vec<i64>,
    },
    /// Neither the shape of labels nor that of a one-hot or soft target.
    #[error(
        "the target has shape {found:?}, expected {labels:?} of labels or {prediction:?} of a one-hot or soft target"
    )]
    Target {
        /// Its shape.
        found: Vec<i64>,
        /// The shape of labels.
        labels: Vec<i64>,
        /// The shape of the prediction.
        prediction: Vec<i64>,
    },
    /// A prediction without a sample and a class axis, or without values.
    #[error(
        "the prediction has shape {found:?}, expected [N, C, spatial…] with one value at least"
    )]
    Prediction {
        /// Its shape.
        found: Vec<i64>,
    },
    /// A kind of number that is not meant.
    #[error("the {what} is of kind {found:?}, expected {expected}")]
    Kind {
        /// Which tensor.
        what: &'static str,
        /// Its kind.
        found: Kind,
        /// The kinds it may have.
        expected: &'static str,
    },
    /// Two tensors that belong together are on different devices.
    #[error("the {what} is on {found:?}, expected {expected:?}")]
    Device {
        /// Which tensor.
        what: &'static str,
        /// Where it is.
        found: Device,
        /// Where the prediction is.
        expected: Device,
    },
    /// A tensor that is sparse, or in another format than that of rows and strides.
    #[error("the {what} is not a dense, strided tensor")]
    Layout {
        /// Which tensor.
        what: &'static str,
    },
    /// A prediction that is no probability, and may be a logit.
    #[error("{0}; for logits, use `with_input`")]
    Logits(unifocal_core::Error),
    /// A fused route in a module that is made by tracing, which records libtorch's operations and so would not compute the loss.
    #[error(
        "a fused loss cannot be traced: use `.with_route(Route::Composed)`, or compute it outside of the module"
    )]
    Traced,
    /// A reduction other than none, mean and sum.
    #[error("the reduction is Other({found}), expected None, Mean or Sum")]
    Reduction {
        /// Its number.
        found: i64,
    },
    /// Values, labels, parameters: what is wrong with them wherever they are.
    #[error(transparent)]
    Core(unifocal_core::Error),
    /// libtorch refused something, e.g. memory.
    #[error(transparent)]
    Tch(#[from] TchError),
}

impl From<unifocal_core::Error> for Error {
    fn from(error: unifocal_core::Error) -> Self {
        match error {
            // A logit would have to be finite, too.
            unifocal_core::Error::Value {
                what: "prediction",
                found,
                ..
            } if found.is_finite() => Self::Logits(error),
            _ => Self::Core(error),
        }
    }
}

impl From<unifocal_core::ParameterError> for Error {
    fn from(error: unifocal_core::ParameterError) -> Self {
        Self::Core(error.into())
    }
}

impl From<unifocal_ndarray::Error> for Error {
    fn from(error: unifocal_ndarray::Error) -> Self {
        let signed = |shape: Vec<usize>| shape.into_iter().map(|n| n as i64).collect();
        match error {
            unifocal_ndarray::Error::Shape {
                what,
                found,
                expected,
            } => Self::Shape {
                what,
                found: signed(found),
                expected: signed(expected),
            },
            unifocal_ndarray::Error::Core(error) => error.into(),
            unifocal_ndarray::Error::Rank { found, .. }
            | unifocal_ndarray::Error::Empty { found, .. } => Self::Prediction {
                found: signed(found),
            },
            // The enum may grow; what it can say of views of checked tensors is above.
            other => Self::Tch(TchError::Shape(other.to_string())),
        }
    }
}

impl From<Error> for TchError {
    /// For functions of a training loop that return libtorch's errors.
    fn from(error: Error) -> Self {
        match error {
            Error::Tch(error) => error,
            other => Self::Io(std::io::Error::other(other)),
        }
    }
}
