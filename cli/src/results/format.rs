//! The formats of files of results. A record is one or more whole lines.

use std::path::Path;

use super::csv;
use super::json_lines;
use super::record::Record;
use crate::failure::Failure;
use crate::metrics::Empty;

/// The facts that all records of a file share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The options that the numbers depend on.
    pub(crate) run: String,
    /// The value of a metric that is 0/0. The metrics in a file are for other programs: they follow from the counts.
    pub(crate) empty: Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Csv,
    JsonLines,
}

impl FileFormat {
    /// The format that a file's name says.
    pub(crate) fn by_name(file: &Path) -> Result<Self, Failure> {
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            _ => Err(Failure::file(
                file,
                "is a file of results, expected a name that ends in .csv or .jsonl (JSON Lines)",
            )),
        }
    }

    /// The lines before the first record.
    pub(crate) fn head(self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Csv => csv::head(),
            Self::JsonLines => Ok(Vec::new()),
        }
    }

    /// The lines of a record.
    pub(crate) fn lines(self, record: &Record, layout: &Layout) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Csv => csv::lines(record, layout),
            Self::JsonLines => json_lines::line(record, layout),
        }
    }
}
