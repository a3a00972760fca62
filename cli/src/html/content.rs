//! The content of the page of a run.

use std::path::PathBuf;

use super::cases::Shown;
use super::facts::Reading;
use crate::results::Record;
use crate::run_text::Run;
use crate::summary::{ScoreName, Summary};

/// The content of the page of a run.
pub(super) struct Content<'a> {
    pub(super) files: &'a [PathBuf],
    pub(super) summary: Summary,
    pub(super) scores: &'a [ScoreName],
    /// `None` if the text of the run is not one of this program.
    pub(super) run: Option<Run>,
    /// The picture of its loss.
    pub(super) curve: Option<String>,
    pub(super) readings: Vec<Reading>,
    pub(super) charts: Vec<Chart>,
    pub(super) worst: Vec<Worst>,
}

/// The values of a score.
pub(super) struct Chart {
    pub(super) score: ScoreName,
    pub(super) svg: String,
    /// How many values are not finite, and not drawn.
    pub(super) left_out: usize,
}

/// One of the worst cases.
pub(super) struct Worst {
    pub(super) record: Record,
    /// Its picture, or why there is none; `None` if none is wanted.
    pub(super) picture: Option<Result<Shown, String>>,
}
