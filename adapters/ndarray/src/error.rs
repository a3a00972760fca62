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
    /// A smaller prediction has no target of its size.
    #[error(
        "the spatial size is {found:?}, expected one that divides {of:?}, the size of the full prediction: for any other, make its target with `nearest`, and use `DeepSupervision::new`"
    )]
    Factor {
        /// The spatial size of the prediction.
        found: Vec<usize>,
        /// The spatial size of the full prediction.
        of: Vec<usize>,
    },
    /// A level of a deeply supervised network could not be evaluated.
    #[error("level {level}: {error}")]
    Level {
        /// The level; 0 is the full size.
        level: usize,
        /// Why.
        error: Box<Error>,
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
