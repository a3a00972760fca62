//! A file of results that is being written. At any moment it holds whole cases, but for the one that is being appended.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::format::{FileFormat, Layout};
use super::reader::Records;
use super::record::{Key, Record};
use crate::failure::Failure;
use crate::output;

/// A file to which records are appended. No other process can write to it.
#[derive(Debug)]
pub(crate) struct ResultsFile {
    path: PathBuf,
    format: FileFormat,
    layout: Layout,
    file: File,
    length: u64,
}

impl ResultsFile {
    /// Checks that a file can be created: its name says its format, and there is none.
    pub(crate) fn check_new(path: &Path) -> Result<(), Failure> {
        FileFormat::by_name(path)?;
        if path.exists() {
            Err(exists(path))
        } else {
            Ok(())
        }
    }

    /// Creates a file, which must not exist.
    pub(crate) fn create(path: &Path, layout: Layout) -> Result<Self, Failure> {
        let format = FileFormat::by_name(path)?;
        let file = options().create_new(true).open(path);
        let file = file.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(path),
            _ => unwritable(path, &error),
        })?;
        let mut created = Self::locked(path, format, layout, file)?;
        created.write_head()?;
        Ok(created)
    }

    /// Opens a file that an interrupted run may have left, and returns the cases that have a score in it. What is incomplete is cut
    /// off, and cases that failed are removed, so that they are tried again.
    pub(crate) fn resume(path: &Path, layout: Layout) -> Result<(Self, HashSet<Key>), Failure> {
        let format = FileFormat::by_name(path)?;
        let file = options().create(true).open(path);
        let file = file.map_err(|error| unwritable(path, &error))?;
        let mut opened = Self::locked(path, format, layout, file)?;
        let done = opened.keep_complete()?;
        if opened.length == 0 {
            opened.write_head()?;
        }
        Ok((opened, done))
    }

    fn locked(
        path: &Path,
        format: FileFormat,
        layout: Layout,
        file: File,
    ) -> Result<Self, Failure> {
        match file.try_lock() {
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self {
                path: path.to_owned(),
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

    /// Makes sure that all records are on the disk.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.file
            .sync_data()
            .map_err(|error| unwritable(&self.path, &error))
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
                kept.write(&text)?;
                length += text.len() as u64;
                from = range.end;
            }
            let replaced = kept.persist()?;
            *self = Self::locked(&self.path, self.format, self.layout.clone(), replaced)?;
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
