//! A prediction and its target.

use std::path::PathBuf;

/// A prediction and its target: files, or `FILE:KEY`.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The name of the case, including subfolders.
    pub(crate) name: String,
    pub(crate) prediction: PathBuf,
    pub(crate) target: PathBuf,
    /// The classes that the target annotates, by label or region name, if a manifest gives them.
    pub(crate) annotated: Option<Vec<String>>,
}
