//! Decompression of a strip or tile.

use flate2::bufread::ZlibDecoder;
use weezl::BitOrder;
use weezl::decode::Decoder;

use super::super::super::Fault;
use super::super::super::payload::read_up_to;
use super::super::gif::LZW_RATIO;
use super::fault::malformed;

/// The largest ratio of all compressions.
pub(super) const MOST: u64 = LZW_RATIO;

/// Unpacks a strip into a buffer as far as it reaches, and returns the number of bytes.
type Unpack = fn(&[u8], &mut [u8]) -> Result<usize, Fault>;

/// Unpacks the first `expected` bytes of `packed`.
pub(super) fn unpack(compression: u16, packed: Vec<u8>, expected: usize) -> Result<Vec<u8>, Fault> {
    let (ratio, unpack): (usize, Unpack) = match compression {
        1 => (1, copy),
        5 => (LZW_RATIO as usize, lzw),
        8 | 32946 => (1032, deflate),
        32773 => (64, packbits),
        6 | 7 => {
            return Err(Fault::Unsupported {
                found: "JPEG compression, which changes labels".to_owned(),
                expected: "LZW, Deflate, PackBits or none",
            });
        }
        other => {
            return Err(Fault::Unsupported {
                found: format!("compression {other}"),
                expected: "LZW, Deflate, PackBits or none",
            });
        }
    };
    // Check the size before allocating.
    if expected > packed.len().saturating_mul(ratio) {
        return Err(truncated(packed.len(), expected));
    }
    let mut bytes = vec![0; expected];
    let found = unpack(&packed, &mut bytes)?;
    if found < expected {
        return Err(truncated(found, expected));
    }
    Ok(bytes)
}

fn truncated(found: usize, expected: usize) -> Fault {
    Fault::Truncated {
        expected: expected as u64,
        found: found as u64,
    }
}

fn copy(packed: &[u8], into: &mut [u8]) -> Result<usize, Fault> {
    let count = packed.len().min(into.len());
    into[..count].copy_from_slice(&packed[..count]);
    Ok(count)
}

fn deflate(packed: &[u8], into: &mut [u8]) -> Result<usize, Fault> {
    read_up_to(&mut ZlibDecoder::new(packed), into)
}

fn lzw(packed: &[u8], into: &mut [u8]) -> Result<usize, Fault> {
    let mut decoder = Decoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let (mut read, mut written) = (0, 0);
    while written < into.len() {
        let step = decoder.decode_bytes(&packed[read..], &mut into[written..]);
        step.status
            .map_err(|error| malformed(error.to_string(), "LZW"))?;
        (read, written) = (read + step.consumed_in, written + step.consumed_out);
        if (step.consumed_in, step.consumed_out) == (0, 0) {
            break;
        }
    }
    Ok(written)
}

/// Unpacks PackBits: runs of one byte, and literal bytes.
fn packbits(mut packed: &[u8], into: &mut [u8]) -> Result<usize, Fault> {
    let mut written = 0;
    while let [length, rest @ ..] = packed
        && written < into.len()
    {
        let left = &mut into[written..];
        match *length as i8 {
            length @ 0.. => {
                let count = (usize::from(length.unsigned_abs()) + 1).min(rest.len());
                let fits = count.min(left.len());
                left[..fits].copy_from_slice(&rest[..fits]);
                (packed, written) = (&rest[count..], written + fits);
            }
            -128 => packed = rest,
            length => {
                let [byte, rest @ ..] = rest else { break };
                let count = (usize::from(length.unsigned_abs()) + 1).min(left.len());
                left[..count].fill(*byte);
                (packed, written) = (rest, written + count);
            }
        }
    }
    Ok(written)
}

/// How the numbers of a row are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// Differences to the previous number of the same channel.
    Difference,
    /// Differences of the bytes of floats, all highest bytes first.
    Float,
}

impl Predictor {
    pub(super) fn new(number: u16) -> Result<Self, Fault> {
        match number {
            1 => Ok(Self::None),
            2 => Ok(Self::Difference),
            3 => Ok(Self::Float),
            other => Err(malformed(format!("predictor {other}"), "1 to 3")),
        }
    }

    /// Restores the numbers of a row, of `bytes` bytes each.
    pub(super) fn undo(self, row: &mut [u8], bytes: usize, samples: usize, big_endian: bool) {
        match self {
            Self::None => {}
            Self::Difference => match bytes {
                1 => add_up::<1>(row, samples, big_endian),
                2 => add_up::<2>(row, samples, big_endian),
                4 => add_up::<4>(row, samples, big_endian),
                _ => add_up::<8>(row, samples, big_endian),
            },
            Self::Float => {
                add_up::<1>(row, samples, big_endian);
                let planes = row.to_vec();
                let count = row.len() / bytes;
                for (at, byte) in row.iter_mut().enumerate() {
                    let place = at % bytes;
                    let plane = if big_endian { place } else { bytes - 1 - place };
                    *byte = planes[plane * count + at / bytes];
                }
            }
        }
    }
}

/// Adds to each number of `N` bytes the previous one of the same channel.
fn add_up<const N: usize>(row: &mut [u8], samples: usize, big_endian: bool) {
    let numbers = row.as_chunks_mut::<N>().0;
    for at in samples..numbers.len() {
        let before = numbers[at - samples];
        // Carry from the lowest byte up.
        let mut carry = 0;
        for place in 0..N {
            let place = if big_endian { N - 1 - place } else { place };
            let sum = u16::from(numbers[at][place]) + u16::from(before[place]) + carry;
            numbers[at][place] = sum as u8;
            carry = sum >> 8;
        }
    }
}
