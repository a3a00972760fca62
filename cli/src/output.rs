//! Writes a file for each case, either all of them or none, and files that appear when they are complete.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::pair::Pair;
use crate::pairs::Cases;
use crate::read;

/// A case's file under a temporary name, which is moved into place once those of all cases are written.
#[derive(Debug)]
pub(crate) struct Staged {
    file: PathBuf,
    written: NamedTempFile,
}

/// Checks where files of the cases would be written: `out` is a folder if there are several cases, each of them has its own file within
/// the folder, and no input is overwritten. `beside` are the files, or the folders of files, that are read beside the cases'.
pub(crate) fn check(
    out: &Path,
    found: &Cases,
    beside: &[Option<&Path>],
    extension: &str,
) -> Result<(), Failure> {
    if !out.is_dir() && found.cases.len() > 1 {
        return Err(Failure::file(
            out,
            "must be an existing folder, because there are several cases and each has a file of its own",
        ));
    }
    let beside = beside.iter().flatten();
    let beside = beside.filter_map(|path| path.canonicalize().ok());
    let beside: Vec<PathBuf> = beside.collect();
    if let Ok(folder) = out.canonicalize()
        && folder.is_dir()
        && beside.contains(&folder)
    {
        return Err(Failure::file(
            out,
            "is a folder that is read: choose another folder",
        ));
    }
    let pairs = || found.cases.iter().flatten();
    let inputs: HashSet<PathBuf> = pairs()
        .flat_map(|pair| [&pair.prediction, &pair.target])
        .filter_map(|input| read::split_key(input).0.canonicalize().ok())
        .chain(beside)
        .collect();
    let mut places: HashMap<PathBuf, &Pair> = HashMap::new();
    for pair in pairs() {
        let file = place(out, pair, extension);
        let inside = |part| matches!(part, Component::Normal(_));
        if out.is_dir() && !Path::new(&pair.name).components().all(inside) {
            return Err(pair.failure(format!(
                "the name of the case, {:?}, leads out of the folder: give it another name in the manifest's column case",
                pair.name
            )));
        }
        if file.canonicalize().is_ok_and(|file| inputs.contains(&file)) {
            return Err(Failure::file(file, "is an input file: choose another name"));
        }
        if let Some(other) = places.insert(file, pair) {
            return Err(pair.failure(format!(
                "has the same case name, {}, as {}, so their files would overwrite each other: give them unique names in the manifest's column case",
                pair.name,
                other.prediction.display()
            )));
        }
    }
    Ok(())
}

/// The file for a case: `out`, or a file named after the case in the folder `out`.
fn place(out: &Path, pair: &Pair, extension: &str) -> PathBuf {
    if out.is_dir() {
        out.join(format!("{}.{extension}", pair.name))
    } else {
        out.to_owned()
    }
}

impl Staged {
    /// Writes the file of a case.
    pub(crate) fn new(
        out: &Path,
        pair: &Pair,
        extension: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Box<dyn Error>>,
    ) -> Result<Self, Failure> {
        let file = place(out, pair, extension);
        // `persist` creates subfolders, so that a failed run leaves none.
        let folder = if out.is_dir() {
            Some(out)
        } else {
            file.parent()
        };
        match stage(folder.unwrap_or(Path::new("")), write) {
            Ok(written) => Ok(Self { file, written }),
            Err(error) => Err(unwritable(&file, error)),
        }
    }

    /// Where it will be.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Moves it into place.
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

/// Writes to a temporary file in `folder`, on the same disk as its final place, so that moving it is atomic.
fn stage(
    folder: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Box<dyn Error>>,
) -> Result<NamedTempFile, Box<dyn Error>> {
    let mut staged = temporary(folder)?;
    let mut writer = BufWriter::new(&mut staged);
    write(&mut writer)?;
    writer.flush()?;
    drop(writer);
    Ok(staged)
}

/// A file that appears when it is complete.
pub(crate) struct Complete {
    path: PathBuf,
    writer: BufWriter<NamedTempFile>,
}

impl Complete {
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        let written = temporary(path.parent().unwrap_or(Path::new("")));
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::new(written.map_err(|error| unwritable(path, error))?),
        })
    }

    pub(crate) fn append(&mut self, content: &[u8]) -> Result<(), Failure> {
        let written = self.writer.write_all(content);
        written.map_err(|error| unwritable(&self.path, error))
    }

    /// Moves it into place, and over a file of its name.
    pub(crate) fn persist(self) -> Result<File, Failure> {
        let Self { path, writer } = self;
        let failure = |error: &dyn std::fmt::Display| unwritable(&path, error);
        let written = writer.into_inner().map_err(|error| failure(&error))?;
        let synced = written.as_file().sync_data();
        synced.map_err(|error| failure(&error))?;
        written.persist(&path).map_err(|error| failure(&error))
    }
}

impl Write for Complete {
    fn write(&mut self, content: &[u8]) -> std::io::Result<usize> {
        self.writer.write(content)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

/// A temporary file in a folder.
fn temporary(folder: &Path) -> std::io::Result<NamedTempFile> {
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
    builder.tempfile_in(folder)
}

fn unwritable(file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::file(file, format!("cannot be written: {error}"))
}
