//! The table of formats: name, extensions, first bytes and order of axes.

use std::io::Read;
use std::path::Path;

use super::Fault;
use super::stream::Gunzip;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Npy,
    Npz,
    Safetensors,
    /// NIfTI-1 and NIfTI-2, in one file or in two.
    Nifti,
    Nrrd,
    MetaImage,
    Png,
    Tiff,
    Bmp,
    Gif,
}

/// The order of a shape's axes, as far as a format fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AxisOrder {
    /// The format does not fix the order.
    Free,
    /// `[x, y, z, …]`: up to three spatial axes first, then time, channels and so on.
    XyzFirst,
    /// `[y, x]`, or `[z, y, x]` for several pages.
    Picture,
}

/// A row of the table of formats.
struct Row {
    format: Format,
    name: &'static str,
    /// In lower case.
    extensions: &'static [&'static str],
    /// The possible first bytes of such a file; empty if they vary.
    beginnings: &'static [&'static [u8]],
    axes: AxisOrder,
}

static FORMATS: [Row; 10] = [
    Row {
        format: Format::Npy,
        name: "npy",
        extensions: &[".npy"],
        beginnings: &[b"\x93NUMPY"],
        axes: AxisOrder::Free,
    },
    Row {
        format: Format::Npz,
        name: "npz",
        extensions: &[".npz"],
        beginnings: &[b"PK\x03\x04", b"PK\x05\x06"],
        axes: AxisOrder::Free,
    },
    Row {
        format: Format::Safetensors,
        name: "safetensors",
        extensions: &[".safetensors"],
        beginnings: &[],
        axes: AxisOrder::Free,
    },
    Row {
        format: Format::Nifti,
        name: "nifti",
        extensions: &[".nii", ".nii.gz", ".hdr", ".hdr.gz"],
        beginnings: &[],
        axes: AxisOrder::XyzFirst,
    },
    Row {
        format: Format::Nrrd,
        name: "nrrd",
        extensions: &[".nrrd", ".nhdr"],
        beginnings: &[b"NRRD000"],
        axes: AxisOrder::XyzFirst,
    },
    Row {
        format: Format::MetaImage,
        name: "metaimage",
        extensions: &[".mha", ".mhd"],
        beginnings: &[b"ObjectType =", b"ObjectType=", b"NDims ="],
        axes: AxisOrder::XyzFirst,
    },
    Row {
        format: Format::Png,
        name: "png",
        extensions: &[".png"],
        beginnings: &[b"\x89PNG\r\n\x1a\n"],
        axes: AxisOrder::Picture,
    },
    Row {
        format: Format::Tiff,
        name: "tiff",
        extensions: &[".tif", ".tiff"],
        beginnings: &[b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"],
        axes: AxisOrder::Picture,
    },
    Row {
        format: Format::Bmp,
        name: "bmp",
        extensions: &[".bmp"],
        beginnings: &[],
        axes: AxisOrder::Picture,
    },
    Row {
        format: Format::Gif,
        name: "gif",
        extensions: &[".gif"],
        beginnings: &[b"GIF87a", b"GIF89a"],
        axes: AxisOrder::Picture,
    },
];

/// The extensions of the voxel file of a NIfTI pair, whose header is in the other file.
const VOXELS: [&str; 2] = [".img", ".img.gz"];

impl Format {
    fn row(self) -> &'static Row {
        // A test checks that the table has the order of the variants.
        &FORMATS[self as usize]
    }

    /// The format's name in reports.
    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn axes(self) -> AxisOrder {
        self.row().axes
    }

    /// Whether a file can hold several arrays, of which a key selects one.
    pub(crate) fn has_keys(self) -> bool {
        matches!(self, Self::Npz | Self::Safetensors)
    }

    /// The format by the file's extension, ignoring case; `None` for the voxel file of a pair.
    pub(crate) fn by_name(path: &Path) -> Option<Self> {
        let has = |extension: &&str| ends_with(path, extension);
        let row = FORMATS.iter().find(|row| row.extensions.iter().any(has));
        row.map(|row| row.format)
    }
}

fn ends_with(path: &Path, extension: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.to_ascii_lowercase().ends_with(extension)
}

/// The extensions, for a message.
pub(super) fn extensions() -> String {
    let all = FORMATS.iter().flat_map(|row| row.extensions);
    let all: Vec<&str> = all.chain(&VOXELS).copied().collect();
    all.join(", ")
}

/// The extensions of formats with keys, for a message.
pub(super) fn keyed_extensions() -> String {
    let keyed = FORMATS.iter().filter(|row| row.format.has_keys());
    let keyed: Vec<&str> = keyed.flat_map(|row| row.extensions).copied().collect();
    keyed.join(" or ")
}

/// The number of bytes that [`choose`] looks at.
pub(super) const HEAD: usize = 4096;

/// A way to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Whole(Format),
    /// The voxels of a NIfTI pair.
    Voxels,
}

/// The reader for a file with this name that begins with `head`. The first bytes decide, or else the name.
pub(super) fn choose(path: &Path, head: &[u8]) -> Result<Reader, Fault> {
    // A voxel file can begin with any bytes.
    if VOXELS.iter().any(|extension| ends_with(path, extension)) {
        return Ok(Reader::Voxels);
    }
    if let Some(format) = by_content(head) {
        return Ok(Reader::Whole(format));
    }
    if let Some((found, expected)) = unread(path, head) {
        return Err(Fault::unsupported(found, expected));
    }
    let named = Format::by_name(path).ok_or_else(|| Fault::UnknownExtension {
        expected: extensions(),
    })?;
    Ok(Reader::Whole(named))
}

fn by_content(head: &[u8]) -> Option<Format> {
    let starts = |magic: &&[u8]| head.starts_with(magic);
    if let Some(row) = (FORMATS.iter()).find(|row| row.beginnings.iter().any(starts)) {
        return Some(row.format);
    }
    if head.starts_with(b"\x1f\x8b") {
        let mut inner = [0; 352];
        let mut gunzip = Gunzip::new(head);
        let mut filled = 0;
        // The stream ends with an error at the end of `head`.
        while let Ok(n @ 1..) = gunzip.read(&mut inner[filled..]) {
            filled += n;
        }
        return is_nifti(&inner[..filled]).then_some(Format::Nifti);
    }
    if is_nifti(head) {
        return Some(Format::Nifti);
    }
    // The length of the second header identifies a bitmap, since `BM` alone is too short.
    let bitmap = head.get(14).filter(|_| head.starts_with(b"BM"));
    let is_bitmap = bitmap.is_some_and(|length| [12, 40, 52, 56, 64, 108, 124].contains(length));
    is_bitmap.then_some(Format::Bmp)
}

fn is_nifti(head: &[u8]) -> bool {
    let magic = |at: usize, ones: [&[u8; 4]; 2]| {
        head.get(at..at + 4)
            .is_some_and(|found| ones.iter().any(|magic| found == *magic))
    };
    magic(344, [b"n+1\0", b"ni1\0"]) || magic(4, [b"n+2\0", b"ni2\0"])
}

/// Common files without a reader: what such a file is, and what to use instead.
fn unread(path: &Path, head: &[u8]) -> Option<(&'static str, &'static str)> {
    let named = |extensions: &[&str]| extensions.iter().any(|e| ends_with(path, e));
    let lossless = "a lossless file that is made from the original labels or probabilities, such as a PNG \
                    picture or an .npy array";
    if head.starts_with(b"\xff\xd8\xff") || named(&[".jpg", ".jpeg"]) {
        return Some(("a JPEG picture, whose compression changes labels", lossless));
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
        return Some((
            "a WebP picture, whose compression may change labels",
            lossless,
        ));
    }
    if head.get(128..132) == Some(b"DICM") || named(&[".dcm"]) {
        return Some((
            "a DICOM file",
            "a volume in one file, such as NIfTI, NRRD or MetaImage",
        ));
    }
    if head.starts_with(b"\x89HDF") || named(&[".h5", ".hdf5", ".mat"]) {
        return Some((
            "an HDF5 or MATLAB file",
            "the array in a file of its own, such as .npy",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::FORMATS;

    #[test]
    fn the_table_has_a_row_for_each_format_in_order() {
        for row in &FORMATS {
            assert_eq!(row.format.row().name, row.name);
        }
    }
}
