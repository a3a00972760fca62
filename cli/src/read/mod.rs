//! Reads arrays and images from the files that segmentation work uses: `.npy`, `.npz`, safetensors, NIfTI, NRRD, MetaImage, PNG, TIFF,
//! BMP and GIF.
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
//! | `nifti` 0.18 | reads NIfTI-1 only; does not look at `sizeof_hdr`; its volumes reserve what the header promises; its qform panics on a quaternion that is not a rotation | header parser of version 1 only |
//! | `zip` 9.8 | checks its directory against the file; reports entry sizes as promised | sizes are not used; entries are read to their checksum |
//! | `safetensors` 0.8 | wants the whole file in memory; adds sizes unchecked when comparing with the file's | header type only, which refuses holes and overlaps; sizes are added checked |
//! | `png` 0.18 | needs the caller to allocate the picture | rows are appended as they arrive |
//! | `tiff` 0.11 | refuses palettes; turns pictures whose white is 0; makes room for a strip before it looks at the data; multiplies lengths unchecked, in debug builds with a panic; takes up to 256 MiB for the values that a tag of the first directory promises | directory parser only, built without overflow checks, with room for as many values as the file has bytes from the second directory on; strips are counted and unpacked here |
//! | `weezl` 0.1 | none: fills the buffer that it is given | |
//! | `gif` 0.14 | makes room for the picture that the header promises, up to 4 GiB | the promise is compared with the file's size times what LZW can make of a byte |
//! | `image` 0.25 (BMP) | turns palette indices into colours | not used: [`picture::bmp`] reads the few fields itself |
//! | `flate2` 1.1 | none: a gzip stream carries no size to trust | |

mod fault;
mod geometry;
mod kind;
mod metaimage;
mod nifti;
mod npy;
mod nrrd;
mod numbers;
mod payload;
mod picture;
mod safetensors;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod volume;

use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};

use kind::Kind;

pub(crate) use fault::{Fault, ReadError};
pub(crate) use geometry::Geometry;
pub(crate) use numbers::Numbers;
pub(crate) use volume::{AxisOrder, Format, Scaling, Stored, Values, Volume};

/// The extensions of the files that [`read`] knows, for a message.
pub(crate) fn extensions() -> String {
    kind::list()
}

/// Whether [`read`] knows files of this name, the second file of a pair left out.
pub(crate) fn is_readable_extension(path: &Path) -> bool {
    kind::by_name(path).is_some_and(|kind| kind != Kind::NiftiVoxels)
}

/// Reads `FILE`, or `FILE:KEY` for one array of a `.npz` or `.safetensors` file.
pub(crate) fn read(spec: impl AsRef<Path>) -> Result<Volume, ReadError> {
    let (path, key) = split_key(spec.as_ref());
    read_file(&path, key.as_deref()).map_err(|fault| ReadError { file: path, fault })
}

/// Separates the key from the path: the longest part before a colon that is a file or a folder, unless the whole is there.
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
    let mut file = open_regular(path)?;
    let size = file.metadata()?.len();
    let mut head = [0; kind::HEAD];
    let found = payload::read_up_to(&mut file, &mut head)?;
    let kind = kind::choose(path, &head[..found])?;
    file.rewind()?;
    match (kind, key) {
        (Kind::Npz, _) => npy::read_npz(file, key),
        (Kind::Safetensors, _) => safetensors::read(file, size, key),
        (_, Some(key)) => Err(Fault::KeyNotTaken {
            key: key.to_owned(),
        }),
        (Kind::Npy, None) => npy::read_npy(file, size),
        (Kind::Nifti, None) => nifti::read(path, file),
        (Kind::NiftiVoxels, None) => nifti::read_voxels(path),
        (Kind::Nrrd, None) => nrrd::read(path, file),
        (Kind::MetaImage, None) => metaimage::read(path, file),
        (Kind::Png, None) => picture::png::read(file),
        (Kind::Tiff, None) => picture::tiff::read(file, size),
        (Kind::Bmp, None) => picture::bmp::read(file, size),
        (Kind::Gif, None) => picture::gif::read(file, size),
    }
}

/// Opens a file that has a size to check a header against: a pipe or a device has none, and could block for ever.
fn open_regular(path: &Path) -> Result<File, Fault> {
    if !path.metadata()?.is_file() {
        return Err(Fault::NotAFile);
    }
    Ok(File::open(path)?)
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
