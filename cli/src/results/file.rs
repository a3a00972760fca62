//! A file of results that is being written. At any moment it holds whole cases, but for the one that is being appended.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::format::{FileFormat, Layout, LineFormat};
use super::reader::{self, Records};
use super::record::{Key, Record};
use super::whole::WholeFile;
use crate::failure::Failure;
use crate::output;

/// A file to which records are appended. No other process can write to it.
#[derive(Debug)]
pub(crate) struct ResultsFile {
    /// The file that is asked for.
    output: PathBuf,
    /// The file of lines that grows: the output, or one beside it if the output is written at once.
    path: PathBuf,
    format: LineFormat,
    layout: Layout,
    file: File,
    length: u64,
}

/// The file that grows, and its format.
fn growing(output: &Path) -> Result<(PathBuf, LineFormat), Failure> {
    match FileFormat::by_name(output)? {
        FileFormat::Lines(format) => Ok((output.to_owned(), format)),
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => {
            let mut name = output.as_os_str().to_owned();
            name.push(".partial.jsonl");
            Ok((name.into(), LineFormat::JsonLines))
        }
    }
}

impl ResultsFile {
    /// Checks that a file can be created: its name says its format, and there is none.
    pub(crate) fn check_new(output: &Path) -> Result<(), Failure> {
        let (path, _) = growing(output)?;
        match [output, &path].into_iter().find(|path| path.exists()) {
            Some(found) => Err(exists(found)),
            None => Ok(()),
        }
    }

    /// Creates a file, which must not exist.
    pub(crate) fn create(output: &Path, layout: Layout) -> Result<Self, Failure> {
        let (path, format) = growing(output)?;
        let file = options().create_new(true).open(&path);
        let file = file.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(&path),
            _ => unwritable(&path, &error),
        })?;
        let mut created = Self::locked(output, path, format, layout, file)?;
        created.write_head()?;
        Ok(created)
    }

    /// Opens a file that an interrupted run may have left, and returns the cases that have a score in it. What is incomplete is cut
    /// off, and cases that failed are removed, so that they are tried again.
    pub(crate) fn resume(output: &Path, layout: Layout) -> Result<(Self, HashSet<Key>), Failure> {
        let (path, format) = growing(output)?;
        let reopened = path != output && output.exists() && !path.exists();
        if reopened {
            // The run was finished, but some of its cases may have failed.
            let mut lines = WholeFile::new(&path)?;
            for found in reader::read(output)? {
                let (record, layout) = found?;
                lines.add(&record, &layout)?;
            }
            lines.persist()?;
        }
        let opened = Self::open(output, path.clone(), format, layout);
        if reopened && opened.is_err() {
            let _ = fs::remove_file(path);
        }
        opened
    }

    fn open(
        output: &Path,
        path: PathBuf,
        format: LineFormat,
        layout: Layout,
    ) -> Result<(Self, HashSet<Key>), Failure> {
        let file = options().create(true).open(&path);
        let file = file.map_err(|error| unwritable(&path, &error))?;
        let mut opened = Self::locked(output, path, format, layout, file)?;
        let done = opened.keep_complete()?;
        if opened.length == 0 {
            opened.write_head()?;
        }
        Ok((opened, done))
    }

    fn locked(
        output: &Path,
        path: PathBuf,
        format: LineFormat,
        layout: Layout,
        file: File,
    ) -> Result<Self, Failure> {
        match file.try_lock() {
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self {
                output: output.to_owned(),
                path,
                format,
                layout,
                file,
                length: 0,
            }),
            Err(TryLockError::WouldBlock) => Err(Failure::file(
                path,
                "is being written by another process: wait for it, or choose another file",
            )),
        }
    }

    fn write_head(&mut self) -> Result<(), Failure> {
        let head = self.format.head()?;
        self.write(&head)
    }

    /// Appends a record.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), Failure> {
        let lines = self.format.lines(record, &self.layout)?;
        self.write(&lines)
    }

    /// Appends lines at once. If that fails, as on a full disk, the file is what it was before.
    fn write(&mut self, lines: &[u8]) -> Result<(), Failure> {
        if let Err(error) = self.file.write_all(lines) {
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(unwritable(&self.path, &error));
        }
        self.length += lines.len() as u64;
        Ok(())
    }

    /// Makes sure that all records are on the disk, in the file that is asked for.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let synced = self.file.sync_data();
        synced.map_err(|error| unwritable(&self.path, &error))?;
        if self.path == self.output {
            return Ok(());
        }
        let mut whole = WholeFile::new(&self.output)?;
        for found in reader::read(&self.path)? {
            let (record, layout) = found?;
            whole.add(&record, &layout)?;
        }
        whole.persist()?;
        fs::remove_file(&self.path).map_err(|error| unwritable(&self.path, &error))
    }

    /// Cuts off what is incomplete, removes the cases that failed, and returns the others.
    fn keep_complete(&mut self) -> Result<HashSet<Key>, Failure> {
        let mut done = HashSet::new();
        let mut failed = Vec::new();
        let unreadable = |error| Failure::file(&self.path, format!("cannot be read: {error}"));
        let copy = self.file.try_clone().map_err(unreadable)?;
        let mut records = Records::new(&self.path, self.format, copy);
        for found in records.by_ref() {
            let found = found?;
            if found.layout.run != self.layout.run {
                return Err(Failure::file(
                    &self.path,
                    format!(
                        "was written with other options: found {:?}, expected {:?}: --resume needs the options of the run that it continues",
                        found.layout.run, self.layout.run
                    ),
                ));
            }
            let key = found.record.key;
            if found.record.error.is_some() {
                failed.push(found.start..found.end);
            } else if let Some(twice) = done.replace(key) {
                return Err(Failure::file(
                    &self.path,
                    format!("has the case {} twice", twice.case),
                ));
            }
        }
        let complete = records.complete();
        let written = |error: std::io::Error| unwritable(&self.path, &error);
        if !failed.is_empty() {
            let mut kept = output::Complete::new(&self.path)?;
            let (mut from, mut length) = (0, 0);
            failed.push(complete..complete);
            for range in failed {
                self.file.seek(SeekFrom::Start(from)).map_err(written)?;
                let mut part = (&self.file).take(range.start - from);
                let mut text = Vec::new();
                part.read_to_end(&mut text).map_err(written)?;
                kept.append(&text)?;
                length += text.len() as u64;
                from = range.end;
            }
            let replaced = kept.persist()?;
            *self = Self::locked(
                &self.output,
                self.path.clone(),
                self.format,
                self.layout.clone(),
                replaced,
            )?;
            self.length = length;
        } else {
            self.file.set_len(complete).map_err(written)?;
            self.length = complete;
        }
        let written = |error: std::io::Error| unwritable(&self.path, &error);
        self.file
            .seek(SeekFrom::Start(self.length))
            .map_err(written)?;
        Ok(done)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

fn exists(path: &Path) -> Failure {
    Failure::file(
        path,
        "exists already: --resume continues an interrupted run; else remove it or choose another name",
    )
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::file(path, format!("cannot be written: {error}"))
}
