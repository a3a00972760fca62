//! Checks of shapes and lengths.

use crate::{Error, Shape};

/// Checks the length of a list or a buffer.
pub(crate) fn expect_len(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            found,
            expected,
        })
    }
}

/// Checks that no axis is empty and the size does not overflow.
pub(crate) fn expect_voxels(what: &'static str, found: Shape) -> Result<(), Error> {
    match found.checked_len() {
        Some(len) if len > 0 => Ok(()),
        _ => Err(Error::Empty { what, found }),
    }
}

/// Checks that a tensor has the shape that another one requires.
pub(crate) fn expect_shape(what: &'static str, found: Shape, expected: Shape) -> Result<(), Error> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::Shape {
            what,
            found,
            expected,
        })
    }
}
