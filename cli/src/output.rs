//! Gradients on disk: complete, or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ndarray_npy::WriteNpyExt;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::pairs::{self, Pair};
use crate::score::Gradient;

/// A gradient that is written, and waits for all others before it takes its place.
#[derive(Debug)]
pub(crate) struct Staged {
    file: PathBuf,
    written: NamedTempFile,
}

/// Checks that the gradients of as many cases can be written to `out`: a file for one, a folder for several.
pub(crate) fn check(out: &Path, cases: usize) -> Result<(), Failure> {
    if cases > 1 && !out.is_dir() {
        return Err(Failure::file(
            out,
            "is no folder, expected one for the gradients of several cases",
        ));
    }
    Ok(())
}

impl Staged {
    /// Writes the gradient of a case that is to be the file `out`, or to lie in the folder `out` under the prediction's name.
    pub(crate) fn new(out: &Path, pair: &Pair, gradient: Gradient) -> Result<Self, Failure> {
        let file = if out.is_dir() {
            out.join(format!("{}.npy", pairs::stem(&pair.prediction)))
        } else {
            out.to_owned()
        };
        match stage(&file, gradient) {
            Ok(written) => Ok(Self { file, written }),
            Err(error) => Err(unwritable(&file, error)),
        }
    }

    /// Puts it where it belongs.
    pub(crate) fn persist(self) -> Result<(), Failure> {
        let Self { file, written } = self;
        match written.persist(&file) {
            Ok(_) => Ok(()),
            Err(error) => Err(unwritable(&file, error)),
        }
    }
}

/// The gradient in a temporary file beside the one that it is to become.
fn stage(file: &Path, gradient: Gradient) -> Result<NamedTempFile, Box<dyn std::error::Error>> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut staged = builder.tempfile_in(folder)?;
    let mut writer = BufWriter::new(&mut staged);
    match gradient {
        Gradient::F32(array) => array.write_npy(&mut writer)?,
        Gradient::F64(array) => array.write_npy(&mut writer)?,
    }
    writer.flush()?;
    drop(writer);
    Ok(staged)
}

fn unwritable(file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::file(file, format!("cannot be written: {error}"))
}
