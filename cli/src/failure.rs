//! Errors that end a command or a case. Each names a file or parameter, what was found and what was expected.

use std::path::PathBuf;

use serde_json::{Value, json};
use unifocal_ndarray::core::{
    Parameter,
    catalogue::{LossError, Name, ParameterError},
};

use crate::pair::Pair;
use crate::read::ReadError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("--{0}")]
    Parameter(#[from] ParameterError),
    #[error("--loss is {found:?}: {error}")]
    Loss { found: String, error: LossError },
    #[error("{loss} has no parameter --{parameter}, expected {}", options(*loss))]
    NoSuchParameter { loss: Name, parameter: Parameter },
    #[error("{0}")]
    Option(String),
    #[error("{}: {message}", file.display())]
    File { file: PathBuf, message: String },
    #[error("{} against {}: {message}", prediction.display(), target.display())]
    Pair {
        prediction: PathBuf,
        target: PathBuf,
        message: String,
    },
    /// A failure at this index of a file, or this sample and voxel.
    #[error("{failure}")]
    At {
        place: Vec<usize>,
        failure: Box<Failure>,
    },
    /// A failure of one of several processes, as its message.
    #[error("{0}")]
    Shared(String),
    #[error("cannot start the threads: {0}")]
    Threads(String),
    #[error("cannot write the report: {0}")]
    Report(String),
}

impl Failure {
    /// The failure of a file at this place, which comes before those at later ones.
    pub(crate) fn at(self, place: Vec<usize>) -> Self {
        let failure = Box::new(self);
        Self::At { place, failure }
    }

    pub(crate) fn place(&self) -> Option<&[usize]> {
        match self {
            Self::At { place, .. } => Some(place),
            _ => None,
        }
    }

    pub(crate) fn file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::File {
            file: file.into(),
            message: message.into(),
        }
    }
}

/// The options for the parameters of a loss.
fn options(loss: Name) -> String {
    let options = loss.parameters().iter().map(|has| format!("--{has}"));
    options.collect::<Vec<_>>().join(", ")
}

/// A case that could not be scored.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The name of the case.
    pub(crate) case: String,
    pub(crate) prediction: Option<PathBuf>,
    pub(crate) target: Option<PathBuf>,
    pub(crate) failure: Box<Failure>,
}

impl Failed {
    pub(crate) fn new(pair: Pair, failure: Failure) -> Self {
        Self {
            case: pair.name,
            prediction: Some(pair.prediction),
            target: Some(pair.target),
            failure: failure.into(),
        }
    }

    /// Its entry in a JSON report.
    pub(crate) fn to_json(&self) -> Value {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        json!({
            "prediction": path(&self.prediction),
            "target": path(&self.target),
            "message": self.failure.to_string(),
        })
    }
}

impl Pair {
    /// An error that names both files.
    pub(crate) fn failure(&self, message: impl Into<String>) -> Failure {
        Failure::Pair {
            prediction: self.prediction.clone(),
            target: self.target.clone(),
            message: message.into(),
        }
    }
}
