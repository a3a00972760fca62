//! The options that say which files belong together.

use std::path::PathBuf;

use clap::Args;

use super::pattern::Pattern;

/// Which prediction belongs to which target.
#[derive(Debug, Default, Args)]
pub(crate) struct Pairing {
    /// Prediction: a file or a folder
    #[arg(
        value_name = "PRED",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) prediction: Option<PathBuf>,
    /// Truth: labels, or a one-hot or soft array with PRED's axes
    #[arg(
        value_name = "TARGET",
        required_unless_present = "manifest",
        conflicts_with = "manifest"
    )]
    pub(crate) target: Option<PathBuf>,
    /// A CSV file of cases in place of PRED and TARGET: the columns prediction and target (paths, from the CSV file's folder),
    /// and case, a name, if wanted
    #[arg(long, value_name = "CSV")]
    pub(crate) manifest: Option<PathBuf>,
    /// Where a prediction's path in the folder PRED has the case's name: '{case}_0000.nii.gz', '{case}/{case}-seg'
    #[arg(long, value_name = "PATTERN", conflicts_with = "manifest")]
    pub(crate) prediction_pattern: Option<Pattern>,
    /// The same for the targets in the folder TARGET
    #[arg(long, value_name = "PATTERN", conflicts_with = "manifest")]
    pub(crate) target_pattern: Option<Pattern>,
    /// Look into the folders within PRED and TARGET, too; they are part of a case's name
    #[arg(long, conflicts_with = "manifest")]
    pub(crate) recursive: bool,
    /// Stop at the first case that cannot be scored, and report none; otherwise the others are scored
    #[arg(long)]
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
