//! The content of a file: its numbers and what the file states about them.

use super::element::Element;
use super::format::Format;
use super::geometry::Geometry;
use super::numbers::Numbers;

/// The numbers of a file, in the smallest of these types that holds the file's type.
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

    /// Permutes the axes into this order.
    pub(super) fn permuted(self, order: &[usize]) -> Self {
        if order.is_sorted() {
            return self;
        }
        macro_rules! permuted {
            ($($kind:ident)*) => {
                match self {
                    $(Values::$kind(a) => Values::$kind(a.into_owned().permuted_axes(order).into()),)*
                }
            };
        }
        permuted!(U8 U16 I32 I64 F32 F64)
    }
}

/// The numbers of a file and what the file states about them.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub values: Values,
    pub format: Format,
    /// The key of the array, if the format has keys.
    pub key: Option<String>,
    pub stored: Stored,
    /// The scaling from the stored numbers to `values`, if the header has one.
    pub scaling: Option<Scaling>,
    /// The geometry in NIfTI's orientation (x to the right, y to the front, z up), if the file has one.
    pub geometry: Option<Geometry>,
    /// The array in the file, if `values` are a window of it.
    pub whole: Option<Whole>,
}

/// An array of which a window was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub shape: Vec<usize>,
    /// Whether the first index changes fastest.
    pub fortran: bool,
    /// The first index of the window on each axis.
    pub first: Vec<usize>,
}

/// The kind of numbers in the file, before any scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Integers of at most `max` (1 for booleans).
    Integer {
        max: u64,
    },
    F16,
    Bf16,
    F32,
    F64,
}

/// A header's scaling: value = stored · slope + intercept, computed in f64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaling {
    pub slope: f64,
    pub intercept: f64,
}

impl Scaling {
    /// The largest difference between a written number and the one read, for numbers up to `largest`: half a step of the stored
    /// integers, plus the rounding of slope and intercept to f32.
    pub(crate) fn error(&self, largest: f64) -> f64 {
        let rounding = f64::from(f32::EPSILON) * (largest.abs() + 2.0 * self.intercept.abs());
        self.slope.abs() / 2.0 + rounding
    }
}

impl Volume {
    /// A volume without scaling or geometry.
    pub(crate) fn plain(format: Format, stored: Stored, values: Values) -> Self {
        Volume {
            values,
            format,
            key: None,
            stored,
            scaling: None,
            geometry: None,
            whole: None,
        }
    }

    /// The shape of the array in the file.
    pub(crate) fn shape(&self) -> &[usize] {
        match &self.whole {
            Some(whole) => &whole.shape,
            None => self.values.shape(),
        }
    }
}

impl From<Element> for Stored {
    fn from(element: Element) -> Self {
        let max = match element {
            Element::Bool => 1,
            Element::U8 => u8::MAX.into(),
            Element::I8 => i8::MAX as u64,
            Element::U16 => u16::MAX.into(),
            Element::I16 => i16::MAX as u64,
            Element::U32 => u32::MAX.into(),
            Element::I32 => i32::MAX as u64,
            Element::U64 => u64::MAX,
            Element::I64 => i64::MAX as u64,
            Element::F16 => return Stored::F16,
            Element::Bf16 => return Stored::Bf16,
            Element::F32 => return Stored::F32,
            Element::F64 => return Stored::F64,
        };
        Stored::Integer { max }
    }
}
