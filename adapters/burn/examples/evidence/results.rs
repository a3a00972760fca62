//! The results: a row per training, in a CSV file.

use std::fs::{File, OpenOptions};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sets::{Name, Set};

/// A training and its scores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The version of this crate.
    pub(crate) version: String,
    /// `phantoms` or `brain`.
    pub(crate) set: String,
    /// The share of the pixels that a lesion covers, of phantoms.
    pub(crate) share: Option<f32>,
    /// `trial`, which a validation set decides about, or `test`.
    pub(crate) part: String,
    /// The name of the loss.
    pub(crate) loss: String,
    /// Its parameter, such as `gamma=2`; empty if the loss has none.
    pub(crate) parameter: String,
    /// The learning rate.
    pub(crate) rate: f64,
    /// The number of steps of the training.
    pub(crate) steps: usize,
    pub(crate) seed: u64,
    /// The mean Dice score of the foreground on the validation images, after the last step.
    pub(crate) validation: f64,
    /// The validated step from which on this score is above 0, if there is one.
    pub(crate) first: Option<usize>,
    /// Whether the loss or the predictions stopped being finite.
    pub(crate) diverged: bool,
    /// The Dice scores of a test, separated by spaces: of the lesion in each phantom, or of each structure of the brain.
    pub(crate) test: String,
}

impl Row {
    /// A row whose training has not begun.
    pub(crate) fn new(
        part: &str,
        set: &Set,
        loss: &str,
        (parameter, rate): (&str, f64),
        steps: usize,
        seed: u64,
    ) -> Self {
        let Name { set, share } = set.name();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            set,
            share,
            part: part.to_owned(),
            loss: loss.to_owned(),
            parameter: parameter.to_owned(),
            rate,
            steps,
            seed,
            validation: f64::NAN,
            first: None,
            diverged: false,
            test: String::new(),
        }
    }

    /// The set of images.
    pub(crate) fn name(&self) -> Name {
        let (set, share) = (self.set.clone(), self.share);
        Name { set, share }
    }

    /// The Dice scores of the test.
    pub(crate) fn scores(&self) -> Vec<f64> {
        self.test
            .split_whitespace()
            .filter_map(|text| text.parse().ok())
            .collect()
    }

    /// Whether this row is of the same training.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let texts =
            |row: &Self| [&row.set, &row.part, &row.loss, &row.parameter].map(String::clone);
        let numbers = |row: &Self| (row.share, row.rate, row.steps, row.seed);
        texts(self) == texts(other) && numbers(self) == numbers(other)
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
