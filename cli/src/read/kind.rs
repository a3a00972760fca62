//! Which reader a file is for: its first bytes decide, and its name where they do not.

use std::io::Read;
use std::path::Path;

use super::Fault;
use super::stream::Gunzip;

/// A reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Npy,
    Npz,
    Safetensors,
    Nifti,
    /// The voxels of a NIfTI pair, which the other file describes.
    NiftiVoxels,
    Nrrd,
    MetaImage,
    Png,
    Tiff,
    Bmp,
    Gif,
}

/// What is read, by extension.
pub(super) const EXTENSIONS: [(&str, Kind); 18] = [
    (".npy", Kind::Npy),
    (".npz", Kind::Npz),
    (".safetensors", Kind::Safetensors),
    (".nii", Kind::Nifti),
    (".nii.gz", Kind::Nifti),
    (".hdr", Kind::Nifti),
    (".hdr.gz", Kind::Nifti),
    (".img", Kind::NiftiVoxels),
    (".img.gz", Kind::NiftiVoxels),
    (".nrrd", Kind::Nrrd),
    (".nhdr", Kind::Nrrd),
    (".mha", Kind::MetaImage),
    (".mhd", Kind::MetaImage),
    (".png", Kind::Png),
    (".tif", Kind::Tiff),
    (".tiff", Kind::Tiff),
    (".bmp", Kind::Bmp),
    (".gif", Kind::Gif),
];

/// The extensions, for a message.
pub(super) fn list() -> String {
    EXTENSIONS.map(|(extension, _)| extension).join(", ")
}

/// The reader that the file's name asks for, in any case of letters.
pub(super) fn by_name(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let mut known = EXTENSIONS.into_iter();
    known
        .find(|(extension, _)| name.ends_with(extension))
        .map(|(_, kind)| kind)
}

/// The first bytes that are looked at.
pub(super) const HEAD: usize = 4096;

/// The reader for a file of this name that begins with `head`.
pub(super) fn choose(path: &Path, head: &[u8]) -> Result<Kind, Fault> {
    let named = by_name(path);
    if named == Some(Kind::NiftiVoxels) {
        // Voxels may begin with anything.
        return Ok(Kind::NiftiVoxels);
    }
    if let Some(kind) = by_content(head) {
        return Ok(kind);
    }
    if let Some((found, expected)) = unread(path, head) {
        return Err(Fault::Unsupported {
            found: found.to_owned(),
            expected,
        });
    }
    named.ok_or(Fault::UnknownExtension)
}

fn by_content(head: &[u8]) -> Option<Kind> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let signatures: [(&[u8], Kind); 14] = [
        (b"\x93NUMPY", Kind::Npy),
        (b"PK\x03\x04", Kind::Npz),
        (b"PK\x05\x06", Kind::Npz),
        (b"\x89PNG\r\n\x1a\n", Kind::Png),
        (b"II*\0", Kind::Tiff),
        (b"MM\0*", Kind::Tiff),
        (b"II+\0", Kind::Tiff),
        (b"MM\0+", Kind::Tiff),
        (b"GIF87a", Kind::Gif),
        (b"GIF89a", Kind::Gif),
        (b"NRRD000", Kind::Nrrd),
        (b"ObjectType =", Kind::MetaImage),
        (b"ObjectType=", Kind::MetaImage),
        (b"NDims =", Kind::MetaImage),
    ];
    if let Some((_, kind)) = signatures.into_iter().find(|(magic, _)| starts(magic)) {
        return Some(kind);
    }
    if starts(b"\x1f\x8b") {
        let mut inner = [0; 352];
        let mut gunzip = Gunzip::new(head);
        let mut filled = 0;
        // What `head` cuts off ends the stream in an error.
        while let Ok(n @ 1..) = gunzip.read(&mut inner[filled..]) {
            filled += n;
        }
        return is_nifti(&inner[..filled]).then_some(Kind::Nifti);
    }
    if is_nifti(head) {
        return Some(Kind::Nifti);
    }
    // The length of the header that follows a bitmap's file header, of those in use.
    let bitmap = head.get(14).filter(|_| starts(b"BM"));
    if bitmap.is_some_and(|length| [12, 40, 52, 56, 64, 108, 124].contains(length)) {
        return Some(Kind::Bmp);
    }
    None
}

fn is_nifti(head: &[u8]) -> bool {
    let magic = |at: usize, ones: [&[u8; 4]; 2]| {
        head.get(at..at + 4)
            .is_some_and(|found| ones.iter().any(|magic| found == *magic))
    };
    magic(344, [b"n+1\0", b"ni1\0"]) || magic(4, [b"n+2\0", b"ni2\0"])
}

/// What users have and no reader is for: what it is, and what is wanted in its place.
fn unread(path: &Path, head: &[u8]) -> Option<(&'static str, &'static str)> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let named = |extensions: &[&str]| extensions.iter().any(|e| name.ends_with(e));
    let lossless = "a file that keeps numbers as they are, for example a PNG picture or an .npy array, \
                    made from the labels or probabilities themselves";
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
            "a volume in one file, for example NIfTI, NRRD or MetaImage",
        ));
    }
    if head.starts_with(b"\x89HDF") || named(&[".h5", ".hdf5", ".mat"]) {
        return Some((
            "an HDF5 or MATLAB file",
            "its array in a file of its own, for example .npy",
        ));
    }
    None
}
