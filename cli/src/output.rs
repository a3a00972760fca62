//! Gradients on disk: complete, or not at all.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use ndarray_npy::WriteNpyExt;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::pair::Pair;
use crate::pairs::Cases;
use crate::read;
use crate::score::Gradient;

/// A gradient that is written, and waits for all others before it takes its place.
#[derive(Debug)]
pub(crate) struct Staged {
    file: PathBuf,
    written: NamedTempFile,
}

/// Checks that the gradients of these cases can be written to `out`, a file for one, a folder for several: each to a file of its
/// own, within the folder, that is no input.
pub(crate) fn check(out: &Path, found: &Cases) -> Result<(), Failure> {
    if !out.is_dir() && found.cases.len() > 1 {
        return Err(Failure::file(
            out,
            "is no folder, expected one for the gradients of several cases",
        ));
    }
    let pairs = || found.cases.iter().flatten();
    let inputs: HashSet<PathBuf> = pairs()
        .flat_map(|pair| [&pair.prediction, &pair.target])
        .filter_map(|input| read::split_key(input).0.canonicalize().ok())
        .collect();
    let mut places: HashMap<PathBuf, &Pair> = HashMap::new();
    for pair in pairs() {
        let file = place(out, pair);
        let inside = |part| matches!(part, Component::Normal(_));
        if out.is_dir() && !Path::new(&pair.name).components().all(inside) {
            return Err(pair.failure(format!(
                "the case's name {:?} leads out of the folder of gradients, expected one that does not",
                pair.name
            )));
        }
        if file.canonicalize().is_ok_and(|file| inputs.contains(&file)) {
            return Err(Failure::file(
                file,
                "is an input, expected another place for the gradient",
            ));
        }
        if let Some(other) = places.insert(file, pair) {
            return Err(pair.failure(format!(
                "has the name {} as {} has, expected names of their own for gradients (a manifest's column case gives them)",
                pair.name,
                other.prediction.display()
            )));
        }
    }
    Ok(())
}

/// The place of a case's gradient: the file `out`, or under the case's name in the folder `out`.
fn place(out: &Path, pair: &Pair) -> PathBuf {
    if out.is_dir() {
        out.join(format!("{}.npy", pair.name))
    } else {
        out.to_owned()
    }
}

impl Staged {
    /// Writes the gradient of a case.
    pub(crate) fn new(out: &Path, pair: &Pair, gradient: Gradient) -> Result<Self, Failure> {
        let file = place(out, pair);
        // A case's own folder is made when the gradient takes its place.
        let folder = if out.is_dir() {
            Some(out)
        } else {
            file.parent()
        };
        match stage(folder.unwrap_or(Path::new("")), gradient) {
            Ok(written) => Ok(Self { file, written }),
            Err(error) => Err(unwritable(&file, error)),
        }
    }

    /// Puts it where it belongs.
    pub(crate) fn persist(self) -> Result<(), Failure> {
        let Self { file, written } = self;
        if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
            fs::create_dir_all(folder).map_err(|error| unwritable(&file, error))?;
        }
        match written.persist(&file) {
            Ok(_) => Ok(()),
            Err(error) => Err(unwritable(&file, error)),
        }
    }
}

/// The gradient in a temporary file in a folder, on the same disk as the file that it is to become.
fn stage(folder: &Path, gradient: Gradient) -> Result<NamedTempFile, Box<dyn std::error::Error>> {
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
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
