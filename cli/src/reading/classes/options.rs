//! The options about labels.

use std::str::FromStr;

/// A union of labels that forms a class: `core=1,4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) name: String,
    pub(crate) labels: Vec<i64>,
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("found {text:?}, expected a name and its labels, such as core=1,4");
        let (name, labels) = text.split_once('=').ok_or_else(expected)?;
        let labels = labels
            .split(',')
            .map(|label| label.trim().parse().map_err(|_| expected()));
        let labels: Vec<i64> = labels.collect::<Result<_, _>>()?;
        if name.is_empty() {
            return Err(expected());
        }
        Ok(Self {
            name: name.to_owned(),
            labels,
        })
    }
}

/// The options about labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) labels: Option<Vec<i64>>,
    pub(crate) regions: Vec<Region>,
    pub(crate) ignored: Vec<i64>,
}

impl Options {
    /// The labels that are not ignored.
    pub(super) fn counted(&self, occurring: &[i64]) -> Vec<i64> {
        let counted = occurring
            .iter()
            .filter(|label| !self.ignored.contains(label));
        counted.copied().collect()
    }
}
