//! What can be wrong with tensors: shapes with all their axes, places, and the core's errors.

use thiserror::Error as ThisError;

/// Why a loss could not be computed.
#[derive(Clone, Debug, PartialEq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Two tensors that belong together have different shapes.
    #[error(
        "the {what} has shape {found:?}, expected {expected:?} for a prediction of shape {prediction:?}{hint}"
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
        /// What else would do, or nothing.
        hint: &'static str,
    },
    /// An ignored label beside a target that has no labels.
    #[error(
        "the label {label} is to be ignored beside a one-hot or soft target, which has no labels; leave voxels out by voxel weights of 0 \
         (`try_forward_weighted`, `sums_weighted`)"
    )]
    IgnoredLabel {
        /// The label.
        label: i64,
    },
    /// The prediction has too few axes.
    #[error("the prediction has shape {found:?}, expected [N, C] or [N, C, spatial…]")]
    Rank {
        /// Its shape.
        found: Vec<usize>,
    },
    /// The prediction has no values.
    #[error("the prediction has shape {found:?}, expected one value at least")]
    Empty {
        /// Its shape.
        found: Vec<usize>,
    },
    /// Two tensors that belong together are on different devices.
    #[error("the {what} is on {found}, expected {expected}, where the prediction is")]
    Device {
        /// Which tensor.
        what: &'static str,
        /// Where it is.
        found: String,
        /// Where it should be.
        expected: String,
    },
    /// No loss has this name, or not these parameters.
    #[error("the name of the loss is {found:?}: {error}")]
    Name {
        /// The name.
        found: String,
        /// What is wrong with it.
        error: unifocal_core::LossError,
    },
    /// Sums of single samples, which cannot be those of a sample elsewhere.
    #[error("sums per sample cannot be added up over devices, expected Pooling::Batch")]
    PerSample,
    /// Everything else: values, labels, parameters, classes.
    #[error("{0}{hint}", hint = hint(.0))]
    Core(#[from] unifocal_core::Error),
}

/// What is often behind an error of the core's.
fn hint(error: &unifocal_core::Error) -> &'static str {
    match error {
        unifocal_core::Error::Value {
            what: "prediction",
            expected: "a probability in [0, 1]",
            ..
        } => "; logits are announced by `with_activation`",
        _ => "",
    }
}

impl From<unifocal_core::ParameterError> for Error {
    fn from(error: unifocal_core::ParameterError) -> Self {
        Self::Core(error.into())
    }
}
