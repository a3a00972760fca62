//! Reads files of results, up to the last complete case.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::csv::Lines;
use super::format::{FileFormat, Layout, LineFormat};
use super::json_lines;
use super::record::Record;
use crate::failure::Failure;

/// A record, and where it is in its file.
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) layout: Layout,
    /// The first byte of its lines, and the one after them.
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A record and what it shares with those of its run, or why it cannot be read.
pub(crate) type Read = Result<(Record, Layout), Failure>;

/// The records of a file, in order. An incomplete one at the end, which an interrupted run leaves, is left out.
#[cfg_attr(
    not(feature = "parquet"),
    expect(
        clippy::infallible_destructuring_match,
        reason = "there is another format with the feature parquet"
    )
)]
pub(crate) fn read(path: &Path) -> Result<Box<dyn Iterator<Item = Read>>, Failure> {
    let format = match FileFormat::by_name(path)? {
        FileFormat::Lines(format) => format,
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => return Ok(Box::new(super::parquet::read(path)?)),
    };
    let file = File::open(path)
        .map_err(|error| Failure::file(path, format!("cannot be read: {error}")))?;
    let records = Records::new(path, format, file);
    Ok(Box::new(records.map(|found| {
        found.map(|found| (found.record, found.layout))
    })))
}

pub(super) struct Records {
    path: PathBuf,
    format: LineFormat,
    lines: BufReader<File>,
    /// The rows of a CSV file, once its head is read.
    rows: Option<Lines>,
    /// Where the next line starts, and where the head or last complete record ends.
    position: u64,
    complete: u64,
    line: usize,
}

impl Records {
    /// Reads from the start of a file.
    pub(super) fn new(path: &Path, format: LineFormat, file: File) -> Self {
        Self {
            path: path.to_owned(),
            format,
            lines: BufReader::new(file),
            rows: None,
            position: 0,
            complete: 0,
            line: 0,
        }
    }

    /// Where the last complete record that was read ends, or the head.
    pub(super) fn complete(&self) -> u64 {
        self.complete
    }

    /// The next line, if it is complete.
    fn next_line(&mut self) -> Result<Option<String>, Failure> {
        let mut bytes = Vec::new();
        let unreadable = |error| Failure::file(&self.path, format!("cannot be read: {error}"));
        self.lines
            .read_until(b'\n', &mut bytes)
            .map_err(unreadable)?;
        if bytes.pop() != Some(b'\n') {
            return Ok(None);
        }
        self.position += bytes.len() as u64 + 1;
        self.line += 1;
        match String::from_utf8(bytes) {
            Ok(line) => Ok(Some(line)),
            Err(_) => Err(self.malformed("found bytes that are not UTF-8")),
        }
    }

    fn malformed(&self, message: &str) -> Failure {
        let line = self.line;
        Failure::file(
            &self.path,
            format!("is not a file of results of this program: line {line}: {message}"),
        )
    }

    /// The record that ends with this line, if one does.
    fn parse(&mut self, line: &str) -> Result<Option<(Record, Layout)>, String> {
        match (self.format, &mut self.rows) {
            (LineFormat::JsonLines, _) => json_lines::parse(line).map(Some),
            (LineFormat::Csv, Some(rows)) => rows.add(line),
            (LineFormat::Csv, rows) => {
                *rows = Some(Lines::new(line)?);
                self.complete = self.position;
                Ok(None)
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Found>, Failure> {
        while let Some(line) = self.next_line()? {
            let found = self.parse(&line);
            if let Some((record, layout)) = found.map_err(|message| self.malformed(&message))? {
                let start = self.complete;
                self.complete = self.position;
                return Ok(Some(Found {
                    record,
                    layout,
                    start,
                    end: self.position,
                }));
            }
        }
        Ok(None)
    }
}

impl Iterator for Records {
    type Item = Result<Found, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
