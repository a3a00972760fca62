//! A prediction and its target.

use std::path::PathBuf;

/// A prediction and its target: files, or `FILE:KEY`.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The case's name, with its folders where cases lie in folders.
    pub(crate) name: String,
    pub(crate) prediction: PathBuf,
    pub(crate) target: PathBuf,
}
