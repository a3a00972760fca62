//! Faults of TIFF files.

use std::io::ErrorKind;

use tiff::TiffError;

use super::super::super::Fault;

pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("TIFF", found, expected)
}

pub(super) fn fault(error: TiffError) -> Fault {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            malformed("a truncated directory", "a complete one")
        }
        TiffError::IoError(error) if error.kind() != ErrorKind::InvalidData => error.into(),
        error => malformed(error.to_string(), "a valid file"),
    }
}
