//! The options of `report`.

use std::path::PathBuf;

use clap::Args;

use crate::summary::RunArgs;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Look for the files of the cases in FOLDER: the one that the run was started in [default: the current folder]
    #[arg(long, value_name = "FOLDER", help_heading = "Pictures")]
    pub(crate) root: Option<PathBuf>,
    /// Draw no pictures of the worst cases, which reads their files again
    #[arg(long, conflicts_with = "root", help_heading = "Pictures")]
    pub(crate) no_pictures: bool,
    /// Write the page to FILE
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: PathBuf,
}
