//! The options that select the files and pair them.

use std::path::PathBuf;

use clap::Args;

use super::pattern::Pattern;

/// The files, and the options that pair them.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct Pairing {
    /// Prediction: a file, or a folder of files
    #[arg(
        value_name = "PRED",
        help_heading = "Arguments",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) prediction: Option<PathBuf>,
    /// Ground truth: a file or a folder of label maps, or of one-hot or soft arrays with the axes of PRED
    #[arg(
        value_name = "TARGET",
        help_heading = "Arguments",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) target: Option<PathBuf>,
    /// Read the cases from a CSV file instead of PRED and TARGET. Its columns are prediction and target (paths relative to the
    /// CSV file) and, optionally, case (names) and annotated (the classes that the target annotates, separated by spaces; empty: as
    /// --annotated)
    #[arg(long, value_name = "CSV")]
    pub(crate) manifest: Option<PathBuf>,
    /// Match the files in the folder PRED; {case} stands for the name of the case, as in '{case}_0000.nii.gz' or '{case}/{case}-seg'
    #[arg(long, value_name = "PATTERN", conflicts_with = "manifest")]
    pub(crate) prediction_pattern: Option<Pattern>,
    /// Match the files in the folder TARGET, as --prediction-pattern does for PRED
    #[arg(long, value_name = "PATTERN", conflicts_with = "manifest")]
    pub(crate) target_pattern: Option<Pattern>,
    /// Search subfolders of PRED and TARGET, too; they become part of the case names
    #[arg(long, conflicts_with = "manifest")]
    pub(crate) recursive: bool,
    /// Stop at the first case that cannot be scored, without a report
    #[arg(long, help_heading = "Run")]
    pub(crate) fail_fast: bool,
}

impl Pairing {
    /// The first option in use that applies to folders only.
    pub(super) fn for_folders(&self) -> Option<&'static str> {
        let options = [
            (self.prediction_pattern.is_some(), "--prediction-pattern"),
            (self.target_pattern.is_some(), "--target-pattern"),
            (self.recursive, "--recursive"),
        ];
        let used = options.into_iter().find(|(used, _)| *used);
        used.map(|(_, option)| option)
    }
}
