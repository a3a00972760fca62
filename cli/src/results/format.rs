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

/// A format of files of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// Records are appended.
    Lines(LineFormat),
    /// Written at once, when all records are there.
    #[cfg(feature = "parquet")]
    Parquet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineFormat {
    Csv,
    JsonLines,
}

impl FileFormat {
    /// The format that a file's name says.
    pub(crate) fn by_name(file: &Path) -> Result<Self, Failure> {
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Lines(LineFormat::Csv)),
            "jsonl" | "ndjson" => Ok(Self::Lines(LineFormat::JsonLines)),
            #[cfg(feature = "parquet")]
            "parquet" => Ok(Self::Parquet),
            #[cfg(not(feature = "parquet"))]
            "parquet" => Err(Failure::file(
                file,
                "is a Parquet file, but this program was built without the feature parquet: expected .csv or .jsonl (JSON Lines)",
            )),
            _ => Err(Failure::file(
                file,
                "is a file of results, expected a name that ends in .csv or .jsonl (JSON Lines), or in .parquet with the feature parquet",
            )),
        }
    }
}

impl LineFormat {
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
