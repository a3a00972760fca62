//! The account that a report gives of how its inputs were read.

use serde::Serialize;

use crate::reading::Axes;
use crate::reading::classes::Name;

/// An account of how a prediction and its target were read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Account {
    pub(crate) prediction: Input,
    pub(crate) target: Input,
    pub(crate) samples: usize,
    pub(crate) classes: Vec<Name>,
    /// Changes of the numbers, and decisions between readings.
    pub(crate) notes: Vec<String>,
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
    /// The labels to be left out that the target does not have.
    #[serde(skip)]
    pub(crate) ignored_in_vain: Vec<i64>,
}

/// An account of how one file was read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Input {
    pub(crate) format: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) axes: Axes,
    /// The meaning of its numbers.
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

/// The most classes that a line lists.
const SHOWN: usize = 12;

/// The classes, or how many there are if they are many.
pub(crate) fn listed(classes: &[Name]) -> String {
    let mut text: Vec<String> = classes.iter().take(SHOWN).map(Name::to_string).collect();
    if classes.len() > SHOWN {
        text.push(format!("… ({} in all)", classes.len()));
    }
    text.join(", ")
}

impl Account {
    /// All of it, a line each.
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

    /// All of it on one line.
    pub(crate) fn text(&self) -> String {
        self.lines().join("; ")
    }
}
