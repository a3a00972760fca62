//! Decodes the raw numbers after a header into an array, and allocates only for data that exists.

use std::fs::File;
use std::io::Read;

use bytemuck::{AnyBitPattern, NoUninit};
use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::element::Element;
use super::{Fault, Numbers, Values};

/// A header's description of the numbers that follow it.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub element: Element,
    pub big_endian: bool,
    /// Whether the first index changes fastest.
    pub fortran: bool,
    pub shape: Vec<u64>,
}

/// The number of bytes to read or convert at a time, and to grow vectors of unknown length by.
pub(super) const CHUNK: usize = 1 << 16;

impl Layout {
    /// Reads the numbers from `source`. `available` is the number of bytes left in the file, if known.
    pub(super) fn read(
        &self,
        source: &mut dyn Read,
        available: Option<u64>,
    ) -> Result<Values, Fault> {
        let plan = Plan::new(self, available)?;
        if self.is_native() {
            // Most files: no number is converted.
            match self.element {
                Element::U8 => return Ok(Values::U8(plan.read_native(source)?.into())),
                Element::U16 => return Ok(Values::U16(plan.read_native(source)?.into())),
                Element::I32 => return Ok(Values::I32(plan.read_native(source)?.into())),
                Element::I64 => return Ok(Values::I64(plan.read_native(source)?.into())),
                Element::F32 => return Ok(Values::F32(plan.read_native(source)?.into())),
                Element::F64 => return Ok(Values::F64(plan.read_native(source)?.into())),
                _ => {}
            }
        }
        macro_rules! read {
            ($to:ident, $from:ty, $convert:expr) => {{
                const N: usize = size_of::<$from>();
                let convert = $convert;
                let array = if self.big_endian {
                    plan.read(source, |b: [u8; N]| convert(<$from>::from_be_bytes(b)))?
                } else {
                    plan.read(source, |b: [u8; N]| convert(<$from>::from_le_bytes(b)))?
                };
                Values::$to(array.into())
            }};
        }
        Ok(match self.element {
            Element::Bool => read!(U8, u8, |x| Ok(u8::from(x != 0))),
            Element::U8 => read!(U8, u8, Ok),
            Element::I8 => read!(I32, i8, |x| Ok(i32::from(x))),
            Element::U16 => read!(U16, u16, Ok),
            Element::I16 => read!(I32, i16, |x| Ok(i32::from(x))),
            Element::U32 => read!(I64, u32, |x| Ok(i64::from(x))),
            Element::I32 => read!(I32, i32, Ok),
            Element::U64 => read!(I64, u64, |x| i64::try_from(x).map_err(|_| x)),
            Element::I64 => read!(I64, i64, Ok),
            Element::F16 => read!(F32, f16, |x: f16| Ok(x.to_f32())),
            Element::Bf16 => read!(F32, bf16, |x: bf16| Ok(x.to_f32())),
            Element::F32 => read!(F32, f32, Ok),
            Element::F64 => read!(F64, f64, Ok),
        })
    }
}

impl Layout {
    /// Whether the numbers have the processor's order of bytes.
    fn is_native(&self) -> bool {
        self.big_endian == cfg!(target_endian = "big") || self.element.bytes() == 1
    }

    /// The size of the numbers in bytes.
    pub(super) fn bytes(&self) -> Result<u64, Fault> {
        Ok(Plan::new(self, None)?.bytes)
    }

    /// Maps the numbers at `offset` of the file, if it has the processor's number format.
    pub(super) fn map(
        &self,
        file: &File,
        offset: u64,
        available: u64,
    ) -> Result<Option<Values>, Fault> {
        if !self.is_native() {
            return Ok(None);
        }
        let plan = Plan::new(self, Some(available))?;
        if plan.count == 0 {
            return Ok(None);
        }
        let (shape, fortran) = (&plan.shape, self.fortran);
        Ok(match self.element {
            Element::U8 => Numbers::map(file, offset, shape, fortran).map(Values::U8),
            Element::U16 => Numbers::map(file, offset, shape, fortran).map(Values::U16),
            Element::I32 => Numbers::map(file, offset, shape, fortran).map(Values::I32),
            Element::I64 => Numbers::map(file, offset, shape, fortran).map(Values::I64),
            Element::F32 => Numbers::map(file, offset, shape, fortran).map(Values::F32),
            Element::F64 => Numbers::map(file, offset, shape, fortran).map(Values::F64),
            _ => None,
        })
    }
}

/// A layout that was checked against the address space and the size of the file.
struct Plan {
    shape: Vec<usize>,
    fortran: bool,
    count: usize,
    bytes: u64,
    /// The number of elements to reserve at first: all of them if the file is known to hold them.
    reserve: usize,
}

impl Plan {
    fn new(layout: &Layout, available: Option<u64>) -> Result<Self, Fault> {
        let too_large = || Fault::TooLarge {
            shape: layout.shape.clone(),
        };
        let size = layout.element.bytes();
        // Like ndarray, require that the product of the non-zero lengths fits the address space even if the array is empty.
        // The result can be eight times as wide as the file's numbers.
        let mut lengths = layout.shape.iter().copied().filter(|&n| n != 0);
        lengths
            .try_fold(8, u64::checked_mul)
            .filter(|&bytes| isize::try_from(bytes).is_ok())
            .ok_or_else(too_large)?;
        let shape = layout.shape.iter().map(|&n| usize::try_from(n));
        let shape: Vec<usize> = shape.collect::<Result<_, _>>().map_err(|_| too_large())?;
        let count: usize = shape.iter().product();
        let bytes = count as u64 * size as u64;
        if let Some(found) = available.filter(|&found| found < bytes) {
            return Err(Fault::Truncated {
                expected: bytes,
                found,
            });
        }
        let reserve = if available.is_some() {
            count
        } else {
            count.min(CHUNK)
        };
        Ok(Self {
            shape,
            fortran: layout.fortran,
            count,
            bytes,
            reserve,
        })
    }

    /// Reads numbers as they are.
    fn read_native<T: NoUninit + AnyBitPattern>(
        &self,
        source: &mut dyn Read,
    ) -> Result<ArrayD<T>, Fault> {
        let size = size_of::<T>();
        let mut values = Vec::with_capacity(self.reserve);
        while values.len() < self.count {
            let start = values.len();
            values.resize(start + (self.count - start).min(CHUNK / size), T::zeroed());
            let chunk = bytemuck::cast_slice_mut(&mut values[start..]);
            let (wanted, found) = (chunk.len(), read_up_to(source, chunk)?);
            if found < wanted {
                return Err(self.truncated(start * size + found));
            }
        }
        self.array(values)
    }

    /// Reads elements of `N` bytes. `convert` returns a value that the target type cannot hold as an error.
    fn read<T, const N: usize>(
        &self,
        source: &mut dyn Read,
        convert: impl Fn([u8; N]) -> Result<T, u64>,
    ) -> Result<ArrayD<T>, Fault> {
        let mut values = Vec::with_capacity(self.reserve);
        let mut chunk = vec![0; CHUNK];
        while values.len() < self.count {
            let wanted = (self.count - values.len()).min(CHUNK / N) * N;
            let found = read_up_to(source, &mut chunk[..wanted])?;
            if found < wanted {
                return Err(self.truncated(values.len() * N + found));
            }
            for &bytes in chunk[..wanted].as_chunks::<N>().0 {
                let value = convert(bytes).map_err(|value| Fault::OutOfRange {
                    value,
                    index: self.index(values.len()),
                })?;
                values.push(value);
            }
        }
        self.array(values)
    }

    fn array<T>(&self, values: Vec<T>) -> Result<ArrayD<T>, Fault> {
        let shape = IxDyn(&self.shape).set_f(self.fortran);
        ArrayD::from_shape_vec(shape, values).map_err(|error| Fault::Damaged(error.to_string()))
    }

    fn truncated(&self, found: usize) -> Fault {
        Fault::Truncated {
            expected: self.bytes,
            found: found as u64,
        }
    }

    /// The index of the element that is stored at `position`.
    fn index(&self, mut position: usize) -> Vec<usize> {
        let mut index = vec![0; self.shape.len()];
        let mut place = |axis: usize| {
            index[axis] = position % self.shape[axis];
            position /= self.shape[axis];
        };
        if self.fortran {
            (0..self.shape.len()).for_each(&mut place);
        } else {
            (0..self.shape.len()).rev().for_each(&mut place);
        }
        index
    }
}

/// Fills `buffer` until the source ends.
pub(super) fn read_up_to(source: &mut dyn Read, buffer: &mut [u8]) -> Result<usize, Fault> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) => match error.kind() {
                std::io::ErrorKind::Interrupted => {}
                // A compressed stream ends too early. The caller reports how much is missing.
                std::io::ErrorKind::UnexpectedEof => break,
                _ => return Err(unpacked(error)),
            },
        }
    }
    Ok(filled)
}

/// The fault of a stream that cannot be read on: what it holds, or the device.
pub(super) fn unpacked(error: std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            Fault::Damaged(error.to_string())
        }
        _ => error.into(),
    }
}

/// Reads past the data so that a compressed stream verifies its checksum. Further data is not read.
pub(super) fn verify_end(source: &mut dyn Read) -> Result<(), Fault> {
    match std::io::copy(&mut source.take(CHUNK as u64), &mut std::io::sink()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::Damaged(error.to_string())),
    }
}
