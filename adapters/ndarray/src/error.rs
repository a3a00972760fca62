//! What can be wrong with arrays: the core's errors, and shapes with all their axes.

use thiserror::Error as ThisError;

/// Why a loss could not be computed.
#[derive(Clone, Debug, PartialEq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Two arrays that belong together have different shapes.
    #[error("the {what} has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// An array has too few axes.
    #[error("the {what} has shape {found:?}, expected a sample and a class axis at least")]
    Rank {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
    },
    /// An array has no values.
    #[error("the {what} has shape {found:?}, expected one value at least")]
    Empty {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
    },
    /// Everything else: values, labels, parameters.
    #[error(transparent)]
    Core(#[from] unifocal_core::Error),
}

impl From<unifocal_core::ParameterError> for Error {
    fn from(error: unifocal_core::ParameterError) -> Self {
        Self::Core(error.into())
    }
}
