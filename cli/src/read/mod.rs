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

mod geometry;
mod nifti;
mod npy;
mod numbers;
mod payload;
mod png;
mod safetensors;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use geometry::Geometry;
pub(crate) use numbers::Numbers;

/// The numbers of a file, in the smallest of these types that holds its own type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    U8(Numbers<u8>),
    U16(Numbers<u16>),
    I32(Numbers<i32>),
    I64(Numbers<i64>),
    F32(Numbers<f32>),
    F64(Numbers<f64>),
}

impl Values {
    /// The shape that NumPy or nibabel would show.
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Values::U8(a) => a.shape(),
            Values::U16(a) => a.shape(),
            Values::I32(a) => a.shape(),
            Values::I64(a) => a.shape(),
            Values::F32(a) => a.shape(),
            Values::F64(a) => a.shape(),
        }
    }
}

/// What a file holds: its numbers and, for NIfTI, where they lie in space.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub values: Values,
    pub geometry: Option<Geometry>,
}

/// A file that could not be read, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", file.display())]
pub(crate) struct ReadError {
    pub file: PathBuf,
    pub fault: Fault,
}

/// Why a file could not be read: what was found, and what was expected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("found no regular file, expected one")]
    NotAFile,
    #[error(
        "found an unknown file type, expected one of {}",
        readable_extensions()
    )]
    UnknownExtension,
    #[error("is not a valid {format} file: found {found}, expected {expected}")]
    Malformed {
        format: &'static str,
        found: String,
        expected: String,
    },
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("the header promises {expected} bytes of data, found {found}")]
    Truncated { expected: u64, found: u64 },
    #[error("found shape {shape:?}, expected one whose data fits in memory")]
    TooLarge { shape: Vec<u64> },
    #[error("found {found}, expected {expected}")]
    Unsupported {
        found: String,
        expected: &'static str,
    },
    #[error("found no array {key:?}, expected one of: {}", available.join(", "))]
    NoSuchKey { key: String, available: Vec<String> },
    #[error("found {} arrays, expected one, or FILE:KEY with a key of: {}", available.len(), available.join(", "))]
    KeyNeeded { available: Vec<String> },
    #[error("found the key {key:?}, expected none: such a file holds one array")]
    KeyNotTaken { key: String },
    #[error(
        "found the value {value} at index {index:?}, expected at most {}",
        i64::MAX
    )]
    OutOfRange { value: u64, index: Vec<usize> },
}

impl Fault {
    fn malformed(
        format: &'static str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Fault::Malformed {
            format,
            found: found.into(),
            expected: expected.into(),
        }
    }
}

const EXTENSIONS: [&str; 6] = [".npy", ".npz", ".nii", ".nii.gz", ".png", ".safetensors"];

/// The one of [`EXTENSIONS`] that the file's name ends with, in any case.
fn extension(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    EXTENSIONS.into_iter().find(|e| name.ends_with(e))
}

/// Whether [`read`] knows files of this name.
pub(crate) fn is_readable_extension(path: &Path) -> bool {
    extension(path).is_some()
}

/// The extensions of the files that [`read`] knows, for a message.
pub(crate) fn readable_extensions() -> String {
    EXTENSIONS.join(", ")
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
    let plain = |values| Volume {
        values,
        geometry: None,
    };
    match (extension, key) {
        (".npz", _) => npy::read_npz(file, key).map(plain),
        (".safetensors", _) => safetensors::read(file, size, key).map(plain),
        (_, Some(key)) => Err(Fault::KeyNotTaken {
            key: key.to_owned(),
        }),
        (".npy", None) => npy::read_npy(file, size).map(plain),
        (".png", None) => png::read(file).map(plain),
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
