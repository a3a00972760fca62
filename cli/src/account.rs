//! How the inputs of a case were read, as reports show it.

use serde::Serialize;

use crate::listed::listed;
use crate::reading::Axes;
use crate::reading::classes::Name;

/// How a prediction and its target were read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Account {
    pub(crate) prediction: Input,
    pub(crate) target: Input,
    pub(crate) samples: usize,
    pub(crate) classes: Vec<Name>,
    /// Changes to the numbers, and the reasons for the chosen reading.
    pub(crate) notes: Vec<String>,
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
    /// The labels of `--ignore-label` that do not occur in the target.
    #[serde(skip)]
    pub(crate) ignored_in_vain: Vec<i64>,
}

/// How one file was read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Input {
    pub(crate) format: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) axes: Axes,
    /// The kind of its numbers.
    pub(crate) numbers: &'static str,
}

impl Input {
    fn line(&self) -> String {
        format!(
            "{} {:?} as {}: {}",
            self.format, self.shape, self.axes, self.numbers
        )
    }
}

impl Account {
    /// The account as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("PRED    {}", self.prediction.line()),
            format!("TARGET  {}", self.target.line()),
            format!(
                "samples {}, classes {}",
                self.samples,
                listed(&self.classes)
            ),
        ];
        lines.extend(self.notes.iter().cloned());
        lines
    }

    /// The account on one line.
    pub(crate) fn text(&self) -> String {
        self.lines().join("; ")
    }
}
