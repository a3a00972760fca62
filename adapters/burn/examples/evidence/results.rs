//! The results: a row per training, in a CSV file.

use std::fs::{File, OpenOptions};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A training and its scores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The version of this crate.
    pub(crate) version: String,
    /// `trial`, which a validation set decides about, or `test`.
    pub(crate) part: String,
    /// The name of the loss.
    pub(crate) loss: String,
    /// The loss with its parameters.
    pub(crate) setting: String,
    pub(crate) rate: f64,
    pub(crate) share: f32,
    /// The number of steps of the training.
    pub(crate) steps: usize,
    pub(crate) seed: u64,
    /// The Dice score of the lesion on the validation images, after the last step.
    pub(crate) validation: f64,
    /// The first validated step with a Dice score above 0, if there was one.
    pub(crate) first: Option<usize>,
    /// Whether the loss or the predictions stopped being finite.
    pub(crate) diverged: bool,
    /// The Dice score of the lesion on each test image, in test rows, separated by spaces.
    pub(crate) test: String,
}

impl Row {
    /// The Dice scores of the test images.
    pub(crate) fn scores(&self) -> Vec<f64> {
        self.test
            .split_whitespace()
            .filter_map(|text| text.parse().ok())
            .collect()
    }

    /// Whether this row is of the same training.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let key = |row: &Self| (row.part.clone(), row.setting.clone(), row.steps, row.seed);
        key(self) == key(other) && self.rate == other.rate && self.share == other.share
    }
}

/// All rows of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>, csv::Error> {
    csv::Reader::from_path(path)?.deserialize().collect()
}

/// Appends to a file, which gets its header first.
pub(crate) fn appender(path: &Path) -> Result<csv::Writer<File>, Box<dyn std::error::Error>> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let is_new = file.metadata()?.len() == 0;
    Ok(csv::WriterBuilder::new()
        .has_headers(is_new)
        .from_writer(file))
}
