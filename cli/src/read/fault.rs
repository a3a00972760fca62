//! Why a file cannot be read.

use std::io;
use std::path::PathBuf;

/// A file that cannot be read and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub(crate) struct ReadError {
    pub file: PathBuf,
    pub fault: Fault,
}

/// The reason why a file cannot be read: what was found and what was expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is a folder, pipe or device, expected a regular file")]
    NotAFile,
    #[error("found an unknown file type, expected one of the extensions {expected}")]
    UnknownExtension { expected: String },
    #[error("is one file of a pair, but {} is missing", expected.display())]
    NoOtherFile { expected: PathBuf },
    #[error(
        "found a colour at index {index:?}, expected grey levels or palette indices: a picture does not say which class a colour \
         stands for, so save the class of each pixel instead"
    )]
    Coloured { index: Vec<usize> },
    #[error("is not a valid {format} file: found {found}, expected {expected}")]
    Malformed {
        format: &'static str,
        found: String,
        expected: String,
    },
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("found {found} bytes of data, expected {expected} according to the header")]
    Truncated { expected: u64, found: u64 },
    #[error("found shape {shape:?}, expected an array that fits in memory")]
    TooLarge { shape: Vec<u64> },
    #[error("found {found}, expected {expected}")]
    Unsupported {
        found: String,
        expected: &'static str,
    },
    #[error("found no array {key:?}, expected one of: {}", available.join(", "))]
    NoSuchKey { key: String, available: Vec<String> },
    #[error("found {} arrays, expected one: choose it by FILE:KEY, with one of the keys {}", available.len(), available.join(", "))]
    KeyNeeded { available: Vec<String> },
    #[error("found the key {key:?}, expected no key: files of this format hold a single array")]
    KeyNotTaken { key: String },
    #[error(
        "found the value {value} at index {index:?}, expected at most {}",
        i64::MAX
    )]
    OutOfRange { value: u64, index: Vec<usize> },
}

impl Fault {
    pub(super) fn unsupported(found: impl Into<String>, expected: &'static str) -> Self {
        Fault::Unsupported {
            found: found.into(),
            expected,
        }
    }

    pub(super) fn malformed(
        format: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Fault::Malformed {
            format,
            found: found.into(),
            expected: expected.into(),
        }
    }
}
