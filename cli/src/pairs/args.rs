//! The options that say which files belong together.

use std::path::PathBuf;

use clap::Args;

use super::pattern::Pattern;

/// The files, and the options that pair them.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct Pairing {
    /// Prediction: a file or a folder
    #[arg(
        value_name = "PRED",
        help_heading = "Arguments",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) prediction: Option<PathBuf>,
    /// Truth: labels, or a one-hot or soft array with PRED's axes
    #[arg(
        value_name = "TARGET",
        help_heading = "Arguments",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) target: Option<PathBuf>,
    /// Read the cases from a CSV file in place of PRED and TARGET: columns prediction and target (paths from its folder), and case
    #[arg(long, value_name = "CSV")]
    pub(crate) manifest: Option<PathBuf>,
    /// Pattern of the paths in the folder PRED, with the case's name: '{case}_0000.nii.gz', '{case}/{case}-seg'
    #[arg(long, value_name = "PATTERN", conflicts_with = "manifest")]
    pub(crate) prediction_pattern: Option<Pattern>,
    /// Pattern of the paths in the folder TARGET
    #[arg(long, value_name = "PATTERN", conflicts_with = "manifest")]
    pub(crate) target_pattern: Option<Pattern>,
    /// Also look into folders within PRED and TARGET, which are part of a case's name
    #[arg(long, conflicts_with = "manifest")]
    pub(crate) recursive: bool,
    /// Stop at the first case that cannot be scored, and report none
    #[arg(long, help_heading = "Run")]
    pub(crate) fail_fast: bool,
}

impl Pairing {
    /// An option that was given, and is for folders only.
    pub(super) fn for_folders(&self) -> Option<&'static str> {
        let options = [
            (self.prediction_pattern.is_some(), "--prediction-pattern"),
            (self.target_pattern.is_some(), "--target-pattern"),
            (self.recursive, "--recursive"),
        ];
        let given = options.into_iter().find(|(given, _)| *given);
        given.map(|(_, option)| option)
    }
}
