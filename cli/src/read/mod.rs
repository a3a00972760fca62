//! Reads arrays and images from the files that segmentation work uses: `.npy`, `.npz`, NIfTI-1, PNG and safetensors.
//!
//! A file is untrusted: a header may promise anything. What holds for every format here:
//!
//! - Headers are checked with checked arithmetic, and where the file's own size bounds the data, against that size,
//!   before anything is allocated. Compressed data is read in chunks into a vector that grows with what arrives.
//! - All numbers pass through one decoder, [`payload`]; crates are used for containers and headers only, since their
//!   own array readers trust the header.
//!
//! What was found in the crates, and what is done about it:
//!
//! | crate | finding | here |
//! |---|---|---|
//! | `npyz` 0.9 | multiplies the shape unchecked (panics in debug builds, wraps in release); allocates a header of up to 4 GiB before reading it | not used: [`npy`] reads the three-key header itself |
//! | `ndarray-npy` 0.10 | allocates header and array as promised; refuses trailing bytes, which NumPy allows | not used |
//! | `nifti` 0.18 | reads NIfTI-1 only; does not look at `sizeof_hdr`; its volumes reserve what the header promises; its qform panics on a quaternion that is not a rotation | header parser only |
//! | `zip` 9.8 | checks its directory against the file; reports entry sizes as promised | sizes are not used; entries are read to their checksum |
//! | `safetensors` 0.8 | wants the whole file in memory; adds sizes unchecked when comparing with the file's | header type only, which refuses holes and overlaps; sizes are added checked |
//! | `png` 0.18 | needs the caller to allocate the picture | rows are appended as they arrive |
//! | `flate2` 1.1 | none: a gzip stream carries no size to trust | |

mod fault;
mod geometry;
mod nifti;
mod npy;
mod numbers;
mod payload;
mod png;
mod safetensors;
#[cfg(test)]
mod tests;
mod volume;

use std::fs::File;
use std::path::{Path, PathBuf};

pub(crate) use fault::{Fault, ReadError};
pub(crate) use geometry::Geometry;
pub(crate) use numbers::Numbers;
pub(crate) use volume::{AxisOrder, Format, Scaling, Stored, Values, Volume};

pub(crate) const EXTENSIONS: [&str; 6] =
    [".npy", ".npz", ".nii", ".nii.gz", ".png", ".safetensors"];

/// The one of [`EXTENSIONS`] that the file's name ends with, in any case.
fn extension(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    EXTENSIONS.into_iter().find(|e| name.ends_with(e))
}

/// Whether [`read`] knows files of this name.
pub(crate) fn is_readable_extension(path: &Path) -> bool {
    extension(path).is_some()
}

/// Reads `FILE`, or `FILE:KEY` for one array of a `.npz` or `.safetensors` file.
pub(crate) fn read(spec: impl AsRef<Path>) -> Result<Volume, ReadError> {
    let (path, key) = split_key(spec.as_ref());
    read_file(&path, key.as_deref()).map_err(|fault| ReadError { file: path, fault })
}

/// Separates the key from the path: the longest part before a colon that is there, unless the whole is.
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

fn read_file(path: &Path, key: Option<&str>) -> Result<Volume, Fault> {
    let metadata = path.metadata()?;
    let extension = extension(path).ok_or(Fault::UnknownExtension)?;
    // A pipe or a device could block for ever and has no size to check a header against.
    if !metadata.is_file() {
        return Err(Fault::NotAFile);
    }
    let (file, size) = (File::open(path)?, metadata.len());
    match (extension, key) {
        (".npz", _) => npy::read_npz(file, key),
        (".safetensors", _) => safetensors::read(file, size, key),
        (_, Some(key)) => Err(Fault::KeyNotTaken {
            key: key.to_owned(),
        }),
        (".npy", None) => npy::read_npy(file, size),
        (".png", None) => png::read(file),
        (_, None) => nifti::read(file, size, extension == ".nii.gz"),
    }
}

/// The array meant by `key`, or the only one.
fn choose(mut available: Vec<String>, key: Option<&str>) -> Result<String, Fault> {
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
