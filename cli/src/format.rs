//! The formats of reports.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for reading
    #[default]
    Table,
    /// One object; numbers have full precision
    Json,
    /// One row per case and loss (and class)
    Csv,
}
