//! NIfTI-1 and NIfTI-2, in one file (`.nii`) or two (`.hdr` and `.img`), gzipped or not.

mod header;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use header::{Header, LENGTH_1, LENGTH_2, malformed};

use super::payload::{read_up_to, verify_end};
use super::stream::{self, open_regular};
use super::window::{Part, Source};
use super::{Fault, Format, Numbers, Scaling, Values, Volume};

/// `path` is the file, or the header of a pair.
pub(super) fn read(path: &Path, file: File, part: Part<'_>) -> Result<Volume, Fault> {
    let mut voxels = Voxels::open(file)?;
    let header = read_header(path, &mut *voxels.source)?;
    if header.single {
        return voxels.read(&header, header.length, part);
    }
    Voxels::open(open_regular(&other_file(path, ".hdr", ".img")?)?)?.read(&header, 0, part)
}

/// `path` is the voxel file of a pair.
pub(super) fn read_voxels(path: &Path, part: Part<'_>) -> Result<Volume, Fault> {
    let header = other_file(path, ".img", ".hdr")?;
    let file = open_regular(&header)?;
    let mut source = Voxels::open(file)?.source;
    let header = read_header(&header, &mut *source)?;
    if header.single {
        let found = "a header whose voxels follow in the same file";
        return Err(malformed(found, "the header of a .hdr/.img pair"));
    }
    Voxels::open(open_regular(path)?)?.read(&header, 0, part)
}

/// The other file of a pair.
fn other_file(path: &Path, from: &str, to: &str) -> Result<PathBuf, Fault> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lower = name.to_ascii_lowercase();
    let end = [".gz", ""]
        .iter()
        .find_map(|gz| lower.strip_suffix(gz)?.strip_suffix(from))
        .map_or(name.len(), str::len);
    let stem = name.get(..end).unwrap_or(&name);
    let beside = |extension: &str| path.with_file_name(format!("{stem}{extension}"));
    let gzipped = format!("{to}.gz");
    [to, &gzipped, &to.to_ascii_uppercase()]
        .map(beside)
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| Fault::NoOtherFile {
            expected: beside(to),
        })
}

/// A file with voxels.
struct Voxels {
    source: Box<dyn Read>,
    /// The file and its size, if it is not compressed.
    plain: Option<(File, u64)>,
}

impl Voxels {
    fn open(file: File) -> Result<Self, Fault> {
        let (same, size) = (file.try_clone()?, file.metadata()?.len());
        let (source, gzipped) = stream::open(file)?;
        let plain = (!gzipped).then_some((same, size));
        Ok(Self { source, plain })
    }

    /// Reads the voxels from a source of which `passed` bytes were already read.
    fn read(mut self, header: &Header, passed: u64, part: Part<'_>) -> Result<Volume, Fault> {
        let layout = header.layout()?;
        let scaling = header.scaling()?;
        let offset = header.first_voxel()?;
        let gap = offset - passed;
        let skipped = io::copy(&mut (&mut self.source).take(gap), &mut io::sink());
        let skipped = skipped.map_err(|error| Fault::Damaged(error.to_string()))?;
        if skipped < gap {
            let found = format!("{} bytes", passed + skipped);
            return Err(malformed(found, format!("voxels from byte {offset} on")));
        }
        let window = part.ranges(layout.shape.len());
        let plain = self.plain.as_ref();
        let plain = plain.map(|(file, size)| (file, size.saturating_sub(offset)));
        let values = match (plain, &window) {
            (Some((file, available)), Some(window)) => {
                layout.read_window(Source::Plain(file, offset, available), window)?
            }
            (None, Some(window)) => {
                layout.read_window(Source::Packed(&mut *self.source), window)?
            }
            (Some((file, available)), None) => match layout.map(file, offset, available)? {
                Some(values) => values,
                None => layout.read(&mut *self.source, Some(available))?,
            },
            (None, None) => {
                let values = layout.read(&mut *self.source, None)?;
                verify_end(&mut *self.source)?;
                values
            }
        };
        Ok(Volume {
            values: match scaling {
                Some(scaling) => scaled(&values, scaling),
                None => values,
            },
            format: Format::Nifti,
            key: None,
            stored: layout.element.into(),
            scaling,
            geometry: header.geometry(),
            whole: window.and_then(|window| layout.whole(&window)),
        })
    }
}

fn read_header(path: &Path, source: &mut dyn Read) -> Result<Header, Fault> {
    let mut bytes = [0; LENGTH_2];
    let mut found = read_up_to(source, &mut bytes[..LENGTH_1])?;
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let is = |n: usize| size == (n as u32).to_le_bytes() || size == (n as u32).to_be_bytes();
    let length = if is(LENGTH_2) { LENGTH_2 } else { LENGTH_1 };
    found += read_up_to(source, &mut bytes[LENGTH_1..length])?;
    if found < length {
        return Err(malformed(
            format!("{found} bytes"),
            format!("a header of {length} bytes"),
        ));
    }
    if !is(length) {
        let found = format!("the first bytes {}", bytes[..4].escape_ascii());
        return Err(malformed(
            found,
            format!("the header's size, {LENGTH_1} or {LENGTH_2}"),
        ));
    }
    let magic = if length == LENGTH_2 {
        [bytes[4], bytes[5], bytes[6], bytes[7]]
    } else {
        [bytes[344], bytes[345], bytes[346], bytes[347]]
    };
    match &magic {
        b"n+1\0" | b"ni1\0" if length == LENGTH_1 => {
            let mut first = [0; LENGTH_1];
            first.copy_from_slice(&bytes[..LENGTH_1]);
            Header::version_1(&first)
        }
        b"n+2\0" | b"ni2\0" if length == LENGTH_2 => Ok(Header::version_2(&bytes)),
        _ if path.to_string_lossy().to_ascii_lowercase().contains(".hdr") => {
            Err(Fault::Unsupported {
                found: "an Analyze header, which does not state the orientation of the volume"
                    .to_owned(),
                expected: "a NIfTI header: convert the volume to NIfTI",
            })
        }
        _ => {
            let found = format!("the magic {}", magic.escape_ascii());
            Err(malformed(found, "n+1\\x00, ni1\\x00, n+2\\x00 or ni2\\x00"))
        }
    }
}

fn scaled(values: &Values, Scaling { slope, intercept }: Scaling) -> Values {
    Values::F64(Numbers::Read(match values {
        Values::U8(a) => a.mapv(|x| f64::from(x) * slope + intercept),
        Values::U16(a) => a.mapv(|x| f64::from(x) * slope + intercept),
        Values::I32(a) => a.mapv(|x| f64::from(x) * slope + intercept),
        Values::I64(a) => a.mapv(|x| x as f64 * slope + intercept),
        Values::F32(a) => a.mapv(|x| f64::from(x) * slope + intercept),
        Values::F64(a) => a.mapv(|x| x * slope + intercept),
    }))
}
