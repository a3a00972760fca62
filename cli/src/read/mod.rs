//! Reads arrays and images from the files that segmentation work uses: `.npy`, `.npz`, safetensors, NIfTI, NRRD, MetaImage, PNG, TIFF,
//! BMP and GIF.
//!
//! Files are untrusted: a header may promise anything. For every format:
//!
//! - Headers are checked with checked arithmetic, and where the file's own size bounds the data, against that size,
//!   before anything is allocated. Compressed data is read in chunks into a growing vector.
//! - All numbers pass through one decoder, [`payload`]. Crates are used only for containers and headers, because their
//!   array readers trust the header.
//!
//! Findings in the crates, and how they are handled:
//!
//! | crate | finding | here |
//! |---|---|---|
//! | `npyz` 0.9 | multiplies the shape unchecked (panics in debug builds, wraps in release); allocates a header of up to 4 GiB before reading it | not used: [`npy`] reads the three-key header itself |
//! | `ndarray-npy` 0.10 | allocates header and array as promised; refuses trailing bytes, which NumPy allows | not used |
//! | `nifti` 0.18 | reads NIfTI-1 only; ignores `sizeof_hdr`; its volumes reserve what the header promises; its qform panics on a quaternion that is not a rotation | header parser of version 1 only |
//! | `zip` 9.8 | checks its directory against the file; reports entry sizes as promised | sizes are not used; entries are read to their checksum |
//! | `safetensors` 0.8 | needs the whole file in memory; adds sizes unchecked when comparing with the file's | header type only, which refuses holes and overlaps; sizes are added checked |
//! | `png` 0.18 | needs the caller to allocate the picture | rows are appended as they arrive |
//! | `tiff` 0.11 | refuses palettes; inverts pictures whose white is 0; allocates a strip before it reads the data; multiplies lengths unchecked, in debug builds with a panic; takes up to 256 MiB for the values that a tag of the first directory promises | directory parser only, built without overflow checks, with room for as many values as the file has bytes from the second directory on; strips are counted and unpacked here |
//! | `weezl` 0.1 | none: fills the buffer that it is given | |
//! | `gif` 0.14 | allocates the picture that the header promises, up to 4 GiB | the promised size is checked against the file's size times the largest ratio of LZW |
//! | `image` 0.25 (BMP) | turns palette indices into colours | not used: [`picture::bmp`] reads the few fields itself |
//! | `flate2` 1.1 | none: a gzip stream carries no size to trust | |

mod element;
mod fault;
mod format;
mod geometry;
mod metaimage;
mod nifti;
mod npy;
mod nrrd;
mod numbers;
mod payload;
mod picture;
mod safetensors;
mod spec;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod volume;
mod window;

use std::io::Seek;
use std::ops::Range;
use std::path::Path;

use format::Reader;
use stream::open_regular;
use window::Part;

pub(crate) use fault::{Fault, ReadError};
pub(crate) use format::{AxisOrder, Format};
pub(crate) use geometry::{Geometry, ORDERS};
pub(crate) use numbers::Numbers;
pub(crate) use spec::split_key;
pub(crate) use volume::{Scaling, Stored, Values, Volume, Whole};

/// The extensions that [`read`] supports, for a message.
pub(crate) fn extensions() -> String {
    format::extensions()
}

/// The extensions of formats with keys, for a message.
pub(crate) fn keyed_extensions() -> String {
    format::keyed_extensions()
}

/// Reads `FILE`, or `FILE:KEY` for one array of a `.npz` or `.safetensors` file.
pub(crate) fn read(spec: impl AsRef<Path>) -> Result<Volume, ReadError> {
    read_part(spec.as_ref(), Part::Whole)
}

/// Reads what the file states about its numbers, but none of them.
pub(crate) fn header(spec: impl AsRef<Path>) -> Result<Volume, ReadError> {
    read_part(spec.as_ref(), Part::Header)
}

/// Reads the numbers within a range of each axis.
pub(crate) fn window(spec: impl AsRef<Path>, window: &[Range<usize>]) -> Result<Volume, ReadError> {
    read_part(spec.as_ref(), Part::Window(window))
}

fn read_part(spec: &Path, part: Part<'_>) -> Result<Volume, ReadError> {
    let (path, key) = split_key(spec);
    read_file(&path, key.as_deref(), part).map_err(|fault| ReadError { file: path, fault })
}

/// Tells the system that a file will be read, so that it comes from the disk while others are scored. If it cannot be opened, reading says so.
pub(crate) fn expect(spec: impl AsRef<Path>) {
    let (path, _) = split_key(spec.as_ref());
    if let Ok(file) = open_regular(&path) {
        numbers::fetch(&file);
    }
}

fn read_file(path: &Path, key: Option<&str>, part: Part<'_>) -> Result<Volume, Fault> {
    let mut file = open_regular(path)?;
    let size = file.metadata()?.len();
    let mut head = [0; format::HEAD];
    let found = payload::read_up_to(&mut file, &mut head)?;
    let reader = format::choose(path, &head[..found])?;
    file.rewind()?;
    let format = match reader {
        Reader::Whole(format) => format,
        Reader::Voxels => Format::Nifti,
    };
    if let Some(key) = key.filter(|_| !format.has_keys()) {
        let key = key.to_owned();
        return Err(Fault::KeyNotTaken { key });
    }
    if reader == Reader::Voxels {
        return nifti::read_voxels(path, part);
    }
    if !matches!(part, Part::Whole) && !matches!(format, Format::Npy | Format::Nifti) {
        return Err(Fault::unsupported(
            format!("a file of the format {}", format.name()),
            "a .npy or NIfTI file, of which a slab can be read alone",
        ));
    }
    match format {
        Format::Npy => npy::read_npy(file, size, part),
        Format::Nifti => nifti::read(path, file, part),
        Format::Npz => npy::read_npz(file, key),
        Format::Safetensors => safetensors::read(file, size, key),
        Format::Nrrd => nrrd::read(path, file),
        Format::MetaImage => metaimage::read(path, file),
        Format::Png => picture::png::read(file),
        Format::Tiff => picture::tiff::read(file, size),
        Format::Bmp => picture::bmp::read(file, size),
        Format::Gif => picture::gif::read(file, size),
    }
}
