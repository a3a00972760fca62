//! Faults of a file that cannot be read.

use std::io;
use std::path::PathBuf;

/// A file that cannot be read, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub(crate) struct ReadError {
    pub file: PathBuf,
    pub fault: Fault,
}

/// A reason why a file cannot be read: what was found, and what was expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("found no regular file, expected one")]
    NotAFile,
    #[error(
        "found an unknown file type, expected one of {}",
        super::format::extensions()
    )]
    UnknownExtension,
    #[error("is one file of a pair: found no {} beside it", expected.display())]
    NoOtherFile { expected: PathBuf },
    #[error(
        "found a colour at index {index:?}, expected grey or palette indices: what class a colour means stands in a table that no \
         picture has, so save the class of each pixel instead"
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
    #[error("the header promises {expected} bytes of data, found {found}")]
    Truncated { expected: u64, found: u64 },
    #[error("found shape {shape:?}, expected one whose data fits in memory")]
    TooLarge { shape: Vec<u64> },
    #[error("found {found}, expected {expected}")]
    Unsupported {
        found: String,
        expected: &'static str,
    },
    #[error("found no array {key:?}, expected one of: {}", available.join(", "))]
    NoSuchKey { key: String, available: Vec<String> },
    #[error("found {} arrays, expected one, or FILE:KEY with a key of: {}", available.len(), available.join(", "))]
    KeyNeeded { available: Vec<String> },
    #[error("found the key {key:?}, expected none: such a file holds one array")]
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
