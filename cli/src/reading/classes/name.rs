//! The name of a class in reports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A class, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Name {
    /// The label of the class.
    Label(i64),
    /// The name of the region.
    Region(String),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => label.fmt(f),
            Self::Region(name) => f.write_str(name),
        }
    }
}
