//! Files of results: the scores of many cases, written as they come, and read again.

mod csv;
mod file;
mod format;
mod json_lines;
#[cfg(feature = "parquet")]
mod parquet;
mod reader;
mod record;
mod rows;
mod whole;

pub(crate) use file::ResultsFile;
pub(crate) use format::Layout;
pub(crate) use reader::read;
pub(crate) use record::{ClassRecord, Key, Record};
pub(crate) use whole::WholeFile;
