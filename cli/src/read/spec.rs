//! `FILE:KEY`: which file, and which of its arrays.

use std::path::{Path, PathBuf};

use super::fault::Fault;

/// Splits `PATH:KEY`. The path is the whole text if that exists, or else the longest part before a colon that exists.
pub(crate) fn split_key(spec: &Path) -> (PathBuf, Option<String>) {
    if !spec.exists()
        && let Some(text) = spec.to_str()
        && let Some((at, _)) = text
            .rmatch_indices(':')
            .find(|(at, _)| Path::new(&text[..*at]).exists())
    {
        return (PathBuf::from(&text[..at]), Some(text[at + 1..].to_owned()));
    }
    (spec.to_owned(), None)
}

/// The name of the array that `key` selects, or of the only one.
pub(super) fn choose(mut available: Vec<String>, key: Option<&str>) -> Result<String, Fault> {
    available.sort();
    match key {
        Some(key) if available.iter().any(|name| name == key) => Ok(key.to_owned()),
        Some(key) => Err(Fault::NoSuchKey {
            key: key.to_owned(),
            available,
        }),
        None if available.len() == 1 => Ok(available.remove(0)),
        None => Err(Fault::KeyNeeded { available }),
    }
}
