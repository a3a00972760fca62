//! Gradients on disk: complete, or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use ndarray_npy::WriteNpyExt;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::pairs::{self, Pair};
use crate::score::{Gradient, Score};

/// Writes the gradient of every case: to the file `out`, or into the folder `out` under the prediction's name.
pub(crate) fn write_gradients(
    out: &Path,
    cases: &[(Pair, Score)],
    gradients: Vec<Gradient>,
) -> Result<(), Failure> {
    if cases.len() > 1 && !out.is_dir() {
        return Err(Failure::file(
            out,
            "is no folder, expected one for the gradients of several cases",
        ));
    }
    let mut staged = Vec::new();
    for ((pair, _), gradient) in cases.iter().zip(gradients) {
        let file = if out.is_dir() {
            out.join(format!("{}.npy", pairs::stem(&pair.prediction)))
        } else {
            out.to_owned()
        };
        let written = stage(&file, gradient).map_err(|error| unwritable(&file, error))?;
        staged.push((file, written));
    }
    for (file, written) in staged {
        written
            .persist(&file)
            .map_err(|error| unwritable(&file, error))?;
    }
    Ok(())
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
