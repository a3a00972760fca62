//! NIfTI-1 in one file, `.nii` or `.nii.gz`: the format of most medical volumes.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use nifti::{Endianness, NiftiHeader, NiftiType};

use super::payload::{Element, Layout, read_up_to, verify_end};
use super::{AxisOrder, Fault, Format, Geometry, Numbers, Scaling, Values, Volume};

const HEADER: usize = 348;
/// The first byte where voxels may begin: after the header and the four bytes that announce extensions.
const FIRST_VOXEL: u64 = 352;

pub(super) fn read(file: File, size: u64, gzip: bool) -> Result<Volume, Fault> {
    if gzip {
        let mut source = MultiGzDecoder::new(BufReader::new(file));
        let volume = read_volume(&mut source, None)?;
        verify_end(&mut source)?;
        Ok(volume)
    } else {
        let mapped = file.try_clone()?;
        read_volume(&mut BufReader::new(file), Some((&mapped, size)))
    }
}

/// `file` is the file and its size, if it holds the volume as it is.
fn read_volume(source: &mut dyn Read, file: Option<(&File, u64)>) -> Result<Volume, Fault> {
    let header = read_header(source)?;
    let layout = layout(&header)?;
    let scaling = scaling(&header)?;
    let offset = first_voxel(&header)?;
    let gap = offset - HEADER as u64;
    let skipped = io::copy(&mut source.take(gap), &mut io::sink());
    let skipped = skipped.map_err(|error| Fault::Damaged(error.to_string()))?;
    if skipped < gap {
        let found = format!("an end at byte {}", HEADER as u64 + skipped);
        return Err(malformed(found, format!("voxels from byte {offset} on")));
    }
    let available = file.map(|(_, size)| size.saturating_sub(offset));
    let mapped = match (file, available) {
        (Some((file, _)), Some(available)) => layout.map(file, offset, available)?,
        _ => None,
    };
    let values = match mapped {
        Some(values) => values,
        None => layout.read(source, available)?,
    };
    Ok(Volume {
        values: match scaling {
            Some(scaling) => scaled(&values, scaling),
            None => values,
        },
        format: Format::Nifti,
        axes: AxisOrder::XyzFirst,
        stored: layout.element.into(),
        scaling,
        geometry: geometry(&header),
    })
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("NIfTI-1", found, expected)
}

fn read_header(source: &mut dyn Read) -> Result<NiftiHeader, Fault> {
    let mut bytes = [0; HEADER];
    let found = read_up_to(source, &mut bytes)?;
    let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let is = |n: u32| size == n.to_le_bytes() || size == n.to_be_bytes();
    if is(540) {
        return Err(Fault::Unsupported {
            found: "a NIfTI-2 file".to_owned(),
            expected: "NIfTI-1",
        });
    }
    if found < HEADER {
        return Err(malformed(
            format!("{found} bytes"),
            format!("a header of {HEADER}"),
        ));
    }
    if !is(HEADER as u32) {
        let found = format!("the first bytes {}", bytes[..4].escape_ascii());
        return Err(malformed(found, format!("the header's size, {HEADER}")));
    }
    if &bytes[HEADER - 4..] == b"ni1\0" {
        return Err(Fault::Unsupported {
            found: "the header of a .hdr/.img pair".to_owned(),
            expected: "NIfTI-1 in one file",
        });
    }
    NiftiHeader::from_reader(&bytes[..]).map_err(|_| {
        let found = format!("the magic {}", bytes[HEADER - 4..].escape_ascii());
        malformed(found, "n+1\\x00")
    })
}

fn layout(header: &NiftiHeader) -> Result<Layout, Fault> {
    // The crate reads the lengths as unsigned, the format means i16.
    let rank = usize::from(header.dim[0]);
    let shape = header.dim.get(1..=rank).unwrap_or_default();
    if shape.is_empty() || shape.iter().any(|&n| n == 0 || n > i16::MAX as u16) {
        let found = header.dim.map(|n| n as i16);
        let expected = "one to seven lengths from 1 to 32767, preceded by their number";
        return Err(malformed(format!("the dimensions {found:?}"), expected));
    }
    let unsupported = |found| Fault::Unsupported {
        found,
        expected: "voxels that are integers or floats of at most 64 bits",
    };
    let element = match header.data_type() {
        Ok(NiftiType::Uint8) => Element::U8,
        Ok(NiftiType::Int8) => Element::I8,
        Ok(NiftiType::Uint16) => Element::U16,
        Ok(NiftiType::Int16) => Element::I16,
        Ok(NiftiType::Uint32) => Element::U32,
        Ok(NiftiType::Int32) => Element::I32,
        Ok(NiftiType::Uint64) => Element::U64,
        Ok(NiftiType::Int64) => Element::I64,
        Ok(NiftiType::Float32) => Element::F32,
        Ok(NiftiType::Float64) => Element::F64,
        Ok(other) => return Err(unsupported(format!("{other:?} voxels"))),
        Err(_) => {
            return Err(unsupported(format!(
                "voxels of datatype {}",
                header.datatype
            )));
        }
    };
    Ok(Layout {
        element,
        big_endian: header.endianness == Endianness::Big,
        fortran: true,
        shape: shape.iter().map(|&n| u64::from(n)).collect(),
    })
}

fn first_voxel(header: &NiftiHeader) -> Result<u64, Fault> {
    let offset = header.vox_offset;
    // The cast cuts fractions, as other readers do, and turns what is not a number into 0.
    match offset as u64 {
        bytes if bytes >= FIRST_VOXEL && offset.is_finite() => Ok(bytes),
        _ => Err(malformed(
            format!("voxels from byte {offset} on"),
            format!("from byte {FIRST_VOXEL} or later"),
        )),
    }
}

/// Slope and intercept, where they change anything; a slope of 0 says that there is no scaling.
fn scaling(header: &NiftiHeader) -> Result<Option<Scaling>, Fault> {
    let (slope, intercept) = (f64::from(header.scl_slope), f64::from(header.scl_inter));
    if slope == 0.0 || !slope.is_finite() || (slope, intercept) == (1.0, 0.0) {
        Ok(None)
    } else if intercept.is_finite() {
        Ok(Some(Scaling { slope, intercept }))
    } else {
        Err(malformed(
            format!("the intercept {intercept} with slope {slope}"),
            "a finite one",
        ))
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

/// The sform if the file has one, else the qform, as nibabel prefers them.
fn geometry(header: &NiftiHeader) -> Option<Geometry> {
    let affine = if header.sform_code > 0 {
        [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from))
    } else if header.qform_code > 0 {
        qform(header)
    } else {
        return None;
    };
    Some(Geometry { affine })
}

/// The rotation, spacing and shift of the qform ("method 2" of the NIfTI-1 standard).
fn qform(header: &NiftiHeader) -> [[f64; 4]; 3] {
    let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
    // The fourth part makes a unit quaternion. In a turn by 180°, as mirrored axes are stored, it is 0 but for the
    // rounding of the others to f32, whose root would turn the volume visibly: nibabel has the same threshold.
    let rest = 1.0 - (b * b + c * c + d * d);
    let a = if rest < 3.0 * f64::from(f32::EPSILON) {
        0.0
    } else {
        rest.sqrt()
    };
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    let mirror = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let [_, dx, dy, dz, ..] = header.pixdim.map(f64::from);
    let shift = [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from);
    std::array::from_fn(|row| {
        let r = rotation[row];
        [r[0] * dx, r[1] * dy, r[2] * dz * mirror, shift[row]]
    })
}
