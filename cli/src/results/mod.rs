//! Files of results: the scores of many cases, written as they come, and read again.

mod csv;
mod file;
mod format;
mod json_lines;
mod reader;
mod record;

pub(crate) use file::ResultsFile;
pub(crate) use format::{FileFormat, Layout};
pub(crate) use reader::read;
pub(crate) use record::{ClassRecord, Key, Record};
