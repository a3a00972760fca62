//! Errors: full shapes of arrays, and the core's errors.

use thiserror::Error as ThisError;

/// Why a loss could not be computed.
#[derive(Clone, Debug, PartialEq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// Two arrays that belong together have different shapes.
    #[error("the shape of the {what} is {found:?}, expected {expected:?}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// An array has too few axes.
    #[error("the shape of the {what} is {found:?}, expected at least a sample and a class axis")]
    Rank {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
    },
    /// An array has no values.
    #[error("the shape of the {what} is {found:?}, expected at least one value")]
    Empty {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A target cannot have this size.
    #[error(
        "the shape of the {what} is {found:?} and the new size of its last axes is {size:?}, expected no more lengths than axes, and none of 0"
    )]
    Size {
        /// Which array.
        what: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// The size.
        size: Vec<usize>,
    },
    /// An invalid value, label, parameter or class option.
    #[error(transparent)]
    Core(#[from] unifocal_core::Error),
}

impl From<unifocal_core::catalogue::ParameterError> for Error {
    fn from(error: unifocal_core::catalogue::ParameterError) -> Self {
        Self::Core(error.into())
    }
}
