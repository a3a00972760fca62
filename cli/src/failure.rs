//! What ends a command: which file or parameter, what was found, what was expected.

use std::path::PathBuf;

use unifocal_ndarray::core::ParameterError;

use crate::read::ReadError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("--{0}")]
    Parameter(#[from] ParameterError),
    #[error("unknown loss {found:?}: did you mean {nearest:?}? Expected one of {all}")]
    UnknownLoss {
        found: String,
        nearest: &'static str,
        all: String,
    },
    #[error("{loss} has no parameter --{parameter}, expected {expected}")]
    NoSuchParameter {
        loss: &'static str,
        parameter: &'static str,
        expected: String,
    },
    #[error("{}: {message}", file.display())]
    File { file: PathBuf, message: String },
    #[error("{} against {}: {message}", prediction.display(), target.display())]
    Pair {
        prediction: PathBuf,
        target: PathBuf,
        message: String,
    },
    #[error("the threads cannot be started: {0}")]
    Threads(String),
    #[error("the report cannot be written: {0}")]
    Report(String),
}

impl Failure {
    pub(crate) fn file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::File {
            file: file.into(),
            message: message.into(),
        }
    }
}
