//! The headers of NIfTI-1 and NIfTI-2, which have the same fields with different widths.

use nifti::{Endianness, NiftiHeader, NiftiType};

use super::super::element::Element;
use super::super::payload::Layout;
use super::super::{Fault, Geometry, Scaling};

/// The fields of either version.
pub(super) struct Header {
    big_endian: bool,
    /// The number of axes, then seven lengths.
    dim: [i64; 8],
    datatype: i16,
    vox_offset: f64,
    slope: f64,
    intercept: f64,
    pixdim: [f64; 4],
    qform: Option<Qform>,
    sform: Option<[[f64; 4]; 3]>,
    /// Whether the voxels follow in the same file.
    pub single: bool,
    /// The length of the header.
    pub length: u64,
}

struct Qform {
    quaternion: [f64; 3],
    shift: [f64; 3],
}

pub(super) const LENGTH_1: usize = 348;
pub(super) const LENGTH_2: usize = 540;

impl Header {
    /// Reads a version 1 header whose magic was checked.
    pub(super) fn version_1(bytes: &[u8; LENGTH_1]) -> Result<Self, Fault> {
        let header = NiftiHeader::from_reader(&bytes[..])
            .map_err(|error| malformed(format!("a header with {error}"), "a NIfTI header"))?;
        let f = f64::from;
        Ok(Self {
            big_endian: header.endianness == Endianness::Big,
            // The crate reads the lengths as unsigned, but the format defines them as i16.
            dim: header.dim.map(|n| i64::from(n as i16)),
            datatype: header.datatype,
            vox_offset: f(header.vox_offset),
            slope: f(header.scl_slope),
            intercept: f(header.scl_inter),
            pixdim: std::array::from_fn(|i| f(header.pixdim[i])),
            qform: (header.qform_code > 0).then(|| Qform {
                quaternion: [header.quatern_b, header.quatern_c, header.quatern_d].map(f),
                shift: [header.quatern_x, header.quatern_y, header.quatern_z].map(f),
            }),
            sform: (header.sform_code > 0)
                .then(|| [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f))),
            single: bytes[344..348] == *b"n+1\0",
            length: LENGTH_1 as u64,
        })
    }

    /// Reads a version 2 header whose magic was checked.
    pub(super) fn version_2(bytes: &[u8; LENGTH_2]) -> Self {
        let big_endian = bytes[..4] == (LENGTH_2 as u32).to_be_bytes();
        let fields = Fields { bytes, big_endian };
        let triple = |at: usize| [0, 8, 16].map(|step| fields.f64(at + step));
        Self {
            big_endian,
            dim: std::array::from_fn(|i| fields.i64(16 + 8 * i)),
            datatype: fields.i16(12),
            vox_offset: fields.i64(168) as f64,
            slope: fields.f64(176),
            intercept: fields.f64(184),
            pixdim: std::array::from_fn(|i| fields.f64(104 + 8 * i)),
            qform: (fields.i32(344) > 0).then(|| Qform {
                quaternion: triple(352),
                shift: triple(376),
            }),
            sform: (fields.i32(348) > 0).then(|| {
                [400, 432, 464].map(|at| [0, 8, 16, 24].map(|step| fields.f64(at + step)))
            }),
            single: bytes[4..8] == *b"n+2\0",
            length: LENGTH_2 as u64,
        }
    }

    pub(super) fn layout(&self) -> Result<Layout, Fault> {
        let rank = usize::try_from(self.dim[0]).unwrap_or(0);
        let lengths = self.dim.get(1..=rank).unwrap_or_default();
        let shape: Vec<u64> = lengths
            .iter()
            .filter(|&&n| n > 0)
            .map(|&n| n.unsigned_abs())
            .collect();
        if shape.is_empty() || shape.len() < rank {
            let expected = "the number of axes, from 1 to 7, and their positive lengths";
            return Err(malformed(
                format!("the dimensions {:?}", self.dim),
                expected,
            ));
        }
        Ok(Layout {
            element: self.element()?,
            big_endian: self.big_endian,
            fortran: true,
            shape,
        })
    }

    fn element(&self) -> Result<Element, Fault> {
        let named = NiftiHeader {
            datatype: self.datatype,
            ..NiftiHeader::default()
        };
        let found = match named.data_type() {
            Ok(NiftiType::Uint8) => return Ok(Element::U8),
            Ok(NiftiType::Int8) => return Ok(Element::I8),
            Ok(NiftiType::Uint16) => return Ok(Element::U16),
            Ok(NiftiType::Int16) => return Ok(Element::I16),
            Ok(NiftiType::Uint32) => return Ok(Element::U32),
            Ok(NiftiType::Int32) => return Ok(Element::I32),
            Ok(NiftiType::Uint64) => return Ok(Element::U64),
            Ok(NiftiType::Int64) => return Ok(Element::I64),
            Ok(NiftiType::Float32) => return Ok(Element::F32),
            Ok(NiftiType::Float64) => return Ok(Element::F64),
            Ok(other) => format!("{other:?} voxels"),
            Err(_) => format!("voxels of datatype {}", self.datatype),
        };
        Err(Fault::Unsupported {
            found,
            expected: "integers or floats of at most 64 bits",
        })
    }

    /// The offset of the voxels in the file that holds them.
    pub(super) fn first_voxel(&self) -> Result<u64, Fault> {
        // The header, and four bytes that announce extensions.
        let least = if self.single { self.length + 4 } else { 0 };
        let offset = self.vox_offset;
        // The cast truncates fractions, as other readers do, and turns NaN into 0.
        match offset as u64 {
            bytes if bytes >= least && offset.is_finite() && offset >= 0.0 => Ok(bytes),
            _ => Err(malformed(
                format!("voxels at byte {offset}"),
                format!("byte {least} or later"),
            )),
        }
    }

    /// The scaling, if it has an effect. A slope of 0 means no scaling.
    pub(super) fn scaling(&self) -> Result<Option<Scaling>, Fault> {
        let (slope, intercept) = (self.slope, self.intercept);
        if slope == 0.0 || !slope.is_finite() || (slope, intercept) == (1.0, 0.0) {
            Ok(None)
        } else if intercept.is_finite() {
            Ok(Some(Scaling { slope, intercept }))
        } else {
            Err(malformed(
                format!("the intercept {intercept} with slope {slope}"),
                "a finite intercept",
            ))
        }
    }

    /// The sform if the file has one, else the qform, as in nibabel.
    pub(super) fn geometry(&self) -> Option<Geometry> {
        let qform = || self.qform.as_ref().map(|qform| qform.affine(self.pixdim));
        let affine = self.sform.or_else(qform)?;
        Some(Geometry { affine })
    }
}

impl Qform {
    /// The rotation, spacing and shift of the qform ("method 2" of the NIfTI-1 standard).
    fn affine(&self, [mirror, dx, dy, dz]: [f64; 4]) -> [[f64; 4]; 3] {
        let [b, c, d] = self.quaternion;
        // The fourth component completes a unit quaternion. In a rotation by 180°, which is how mirrored axes are stored, it is 0
        // up to the f32 rounding of the others, whose root would rotate the volume visibly. nibabel has the same threshold.
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
        let mirror = if mirror < 0.0 { -1.0 } else { 1.0 };
        std::array::from_fn(|row| {
            let r = rotation[row];
            [r[0] * dx, r[1] * dy, r[2] * dz * mirror, self.shift[row]]
        })
    }
}

/// Reads the numbers of a header by offset.
struct Fields<'a> {
    bytes: &'a [u8; LENGTH_2],
    big_endian: bool,
}

macro_rules! fields {
    ($($number:ident)*) => {
        $(fn $number(&self, at: usize) -> $number {
            const N: usize = size_of::<$number>();
            let bytes: [u8; N] = std::array::from_fn(|i| self.bytes[at + i]);
            if self.big_endian { $number::from_be_bytes(bytes) } else { $number::from_le_bytes(bytes) }
        })*
    };
}

impl Fields<'_> {
    fields!(i16 i32 i64 f64);
}

/// A fault of a NIfTI file.
pub(super) fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("NIfTI", found, expected)
}
