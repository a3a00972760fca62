//! Files of results that appear when they are complete.

use std::path::Path;

use super::format::{FileFormat, Layout, LineFormat};
#[cfg(feature = "parquet")]
use super::parquet::Table;
use super::record::Record;
use crate::failure::Failure;
use crate::output::Complete;

/// A file that is being written, in the format that its name says.
pub(crate) struct WholeFile(Content);

enum Content {
    Lines(LineFormat, Complete),
    #[cfg(feature = "parquet")]
    Parquet(Box<Table>),
}

impl WholeFile {
    pub(crate) fn new(path: &Path) -> Result<Self, Failure> {
        match FileFormat::by_name(path)? {
            FileFormat::Lines(format) => {
                let mut file = Complete::new(path)?;
                file.append(&format.head()?)?;
                Ok(Self(Content::Lines(format, file)))
            }
            #[cfg(feature = "parquet")]
            FileFormat::Parquet => {
                let table = Box::new(Table::new(path)?);
                Ok(Self(Content::Parquet(table)))
            }
        }
    }

    pub(crate) fn add(&mut self, record: &Record, layout: &Layout) -> Result<(), Failure> {
        match &mut self.0 {
            Content::Lines(format, file) => file.append(&format.lines(record, layout)?),
            #[cfg(feature = "parquet")]
            Content::Parquet(table) => table.add(record, layout),
        }
    }

    /// Moves the file into place, and over a file of its name.
    pub(crate) fn persist(self) -> Result<(), Failure> {
        match self.0 {
            Content::Lines(_, file) => file.persist().map(|_| ()),
            #[cfg(feature = "parquet")]
            Content::Parquet(table) => table.persist(),
        }
    }
}
