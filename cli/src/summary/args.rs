//! The options of summaries.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::score_name::ScoreName;
use crate::failure::Failure;
use crate::format::Format;
use crate::metrics::Empty;
use crate::statistics::Resampling;

/// How scores are described.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Statistics")]
pub(crate) struct Statistics {
    /// Set the scores to describe
    #[arg(
        long,
        value_enum,
        value_name = "NAME,NAME…",
        value_delimiter = ',',
        default_values_t = SCORES
    )]
    pub(crate) scores: Vec<ScoreName>,
    /// Resample the cases N times for the bootstrap intervals of means; 0 leaves the intervals out
    #[arg(long, value_name = "N", default_value_t = RESAMPLES)]
    resamples: usize,
    /// Set the seed of the resampling
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Set the probability that an interval covers the mean
    #[arg(long, value_name = "X", default_value_t = CONFIDENCE)]
    confidence: f64,
}

const SCORES: [ScoreName; 2] = [ScoreName::Loss, ScoreName::Dice];
const RESAMPLES: usize = 2000;
const CONFIDENCE: f64 = 0.95;
const WORST: usize = 5;

impl Default for Statistics {
    fn default() -> Self {
        Self {
            scores: SCORES.to_vec(),
            resamples: RESAMPLES,
            seed: 0,
            confidence: CONFIDENCE,
        }
    }
}

impl Statistics {
    pub(crate) fn resampling(&self) -> Result<Resampling, Failure> {
        let confidence = self.confidence;
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(Failure::Option(format!(
                "--confidence is {confidence}, expected a number above 0 and below 1"
            )));
        }
        Ok(Resampling {
            times: self.resamples,
            seed: self.seed,
            confidence,
        })
    }
}

/// A run, and how it is described.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Files that `eval --output` wrote: one, or the shards of a run
    #[arg(required = true, value_name = "RESULTS", help_heading = "Arguments")]
    pub(crate) results: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) statistics: Statistics,
    /// Set the value of a metric that is 0/0 [default: that of the run]
    #[arg(long, value_enum, help_heading = "Statistics")]
    pub(crate) empty: Option<Empty>,
    /// Also describe the groups of cases that have the same value in this column of the manifest
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "manifest",
        help_heading = "Statistics"
    )]
    pub(crate) by: Option<String>,
    /// The manifest of the run, for --by
    #[arg(long, value_name = "CSV", requires = "by", help_heading = "Statistics")]
    pub(crate) manifest: Option<PathBuf>,
    /// List the N cases with the largest loss
    #[arg(
        long,
        value_name = "N",
        default_value_t = WORST,
        help_heading = "Statistics"
    )]
    pub(crate) worst: usize,
}

/// The options of `summary`.
#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// Report format
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: SummaryFormat,
}

impl RunArgs {
    /// The defaults for a file.
    pub(crate) fn of(file: &Path) -> Self {
        Self {
            results: vec![file.to_owned()],
            statistics: Statistics::default(),
            empty: None,
            by: None,
            manifest: None,
            worst: WORST,
        }
    }
}

impl SummaryArgs {
    /// The default summary of a file.
    pub(crate) fn of(file: &Path, format: Format) -> Self {
        Self {
            run: RunArgs::of(file),
            format: format.into(),
        }
    }
}

/// The options of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The results of the first run
    #[arg(value_name = "FIRST", help_heading = "Arguments")]
    pub(crate) first: PathBuf,
    /// The results of the second run, of the same cases
    #[arg(value_name = "SECOND", help_heading = "Arguments")]
    pub(crate) second: PathBuf,
    #[command(flatten)]
    pub(crate) statistics: Statistics,
    /// Set the value of a metric that is 0/0 [default: that of the runs]
    #[arg(long, value_enum, help_heading = "Statistics")]
    pub(crate) empty: Option<Empty>,
    /// Report format
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryFormat {
    /// A table for reading
    #[default]
    Table,
    /// One object; numbers have full precision
    Json,
    /// One row per group, class and score
    Csv,
    /// The summary.json of nnU-Net
    Nnunet,
}

impl From<Format> for SummaryFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Csv => Self::Csv,
        }
    }
}
