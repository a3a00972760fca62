//! Which prediction belongs to which target: two files, or two folders matched by name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::read;

/// A prediction and its target, as they are named.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) prediction: PathBuf,
    pub(crate) target: PathBuf,
}

/// The pairs that PRED and TARGET name.
pub(crate) fn pairs(prediction: &Path, target: &Path) -> Result<Vec<Pair>, Failure> {
    match (prediction.is_dir(), target.is_dir()) {
        (false, false) => Ok(vec![Pair {
            prediction: prediction.to_owned(),
            target: target.to_owned(),
        }]),
        (true, true) => folders(prediction, target),
        (true, false) => Err(Failure::file(
            target,
            "is no folder, expected one since PRED is",
        )),
        (false, true) => Err(Failure::file(
            prediction,
            "is no folder, expected one since TARGET is",
        )),
    }
}

fn folders(prediction: &Path, target: &Path) -> Result<Vec<Pair>, Failure> {
    let mut targets = files(target)?;
    let mut pairs = Vec::new();
    for (name, file) in files(prediction)? {
        let Some(truth) = targets.remove(&name) else {
            let message = format!("found no target of this name in {}", target.display());
            return Err(Failure::file(file, message));
        };
        pairs.push(Pair {
            prediction: file,
            target: truth,
        });
    }
    match targets.into_values().next() {
        Some(file) => {
            let message = format!(
                "found no prediction of this name in {}",
                prediction.display()
            );
            Err(Failure::file(file, message))
        }
        None if pairs.is_empty() => Err(Failure::file(prediction, "found no file to score in it")),
        None => Ok(pairs),
    }
}

/// The readable files of a folder, by their names without extensions.
fn files(folder: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::file(folder, format!("cannot be read: {error}"));
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if !file.is_file() || !read::is_readable_extension(&file) {
            continue;
        }
        let name = stem(&file);
        if let Some(other) = files.insert(name, file.clone()) {
            let message = format!(
                "has the same name as {}, expected one of them",
                other.display()
            );
            return Err(Failure::file(file, message));
        }
    }
    Ok(files)
}

/// The file's name without its extension, `.nii.gz` being one.
pub(crate) fn stem(file: &Path) -> String {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let stem = Path::new(name.strip_suffix(".gz").unwrap_or(&name)).with_extension("");
    stem.to_string_lossy().into_owned()
}
