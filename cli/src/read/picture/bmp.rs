//! BMP, uncompressed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::super::element::Element;
use super::super::payload::read_up_to;
use super::super::{Fault, Format, Stored, Volume};
use super::{Channels, too_large, unpack, values};

/// The size of the file header and of the used part of the picture's header.
const HEADERS: usize = 66;

pub(in super::super) fn read(mut file: File, size: u64) -> Result<Volume, Fault> {
    let mut bytes = [0; HEADERS];
    let found = read_up_to(&mut file, &mut bytes)?;
    let header = Header::new(&bytes[..found])?;
    let (width, height) = (header.width, header.height);
    let bits = usize::from(header.bits);
    // Rows are padded to a multiple of four bytes.
    let row_bits = width.checked_mul(bits);
    let stride = row_bits
        .map(|bits| bits.div_ceil(32) * 4)
        .ok_or_else(|| too_large(width, height))?;
    let expected = stride
        .checked_mul(height)
        .filter(|&bytes| isize::try_from(bytes).is_ok_and(|bytes| bytes < isize::MAX / 8))
        .ok_or_else(|| too_large(width, height))?;
    let available = size.saturating_sub(header.offset);
    if available < expected as u64 {
        return Err(Fault::Truncated {
            expected: expected as u64,
            found: available,
        });
    }
    file.seek(SeekFrom::Start(header.offset))?;
    let mut rows = vec![0; expected];
    BufReader::new(file).read_exact(&mut rows)?;
    let mut pixels = Vec::new();
    let mut append = |row: &[u8]| match header.bits {
        bits @ (1 | 4) => unpack(row, bits, width, &mut pixels),
        _ => pixels.extend_from_slice(&row[..width * bits / 8]),
    };
    if header.top_down {
        rows.chunks_exact(stride).for_each(&mut append);
    } else {
        rows.chunks_exact(stride).rev().for_each(&mut append);
    }
    let channels = match bits {
        24 => Channels { colours: 3, all: 3 },
        32 => Channels { colours: 3, all: 4 },
        _ => Channels::GREY,
    };
    let pixels = channels.grey(pixels, 1, width)?;
    let max = (1 << bits.min(8)) - 1;
    Ok(Volume::plain(
        Format::Bmp,
        Stored::Integer { max },
        values(Element::U8, false, &[height, width], &pixels)?,
    ))
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("BMP", found, expected)
}

struct Header {
    offset: u64,
    width: usize,
    height: usize,
    top_down: bool,
    bits: u8,
}

impl Header {
    fn new(bytes: &[u8]) -> Result<Self, Fault> {
        if !bytes.starts_with(b"BM") {
            let start = &bytes[..bytes.len().min(2)];
            return Err(malformed(
                format!("the first bytes {}", start.escape_ascii()),
                "BM",
            ));
        }
        let whole = || malformed("a truncated header", "a complete one");
        let u16_at = |at: usize| -> Result<u16, Fault> {
            let found = bytes.get(at..at + 2).ok_or_else(whole)?;
            Ok(u16::from_le_bytes([found[0], found[1]]))
        };
        let u32_at = |at: usize| -> Result<u32, Fault> {
            Ok(u32::from(u16_at(at)?) | u32::from(u16_at(at + 2)?) << 16)
        };
        let offset = u32_at(10)?.into();
        let (width, height, bits, compression) = match u32_at(14)? {
            12 => (u16_at(18)?.into(), u16_at(20)?.into(), u16_at(24)?, 0),
            40.. => {
                let lengths = (u32_at(18)? as i32, u32_at(22)? as i32);
                (lengths.0, lengths.1, u16_at(28)?, u32_at(30)?)
            }
            other => {
                let found = format!("a header of {other} bytes");
                return Err(malformed(found, "12, or 40 or more"));
            }
        };
        if width <= 0 || height == 0 {
            let found = format!("a width of {width} and a height of {height}");
            return Err(malformed(found, "at least one pixel"));
        }
        let is_plain = match (compression, bits) {
            (0, 1 | 4 | 8 | 24 | 32) => true,
            (3 | 6, 32) => [u32_at(54)?, u32_at(58)?, u32_at(62)?] == [0xff_0000, 0xff00, 0xff],
            _ => false,
        };
        if !is_plain {
            return Err(Fault::Unsupported {
                found: format!("a BMP picture of {bits} bits per pixel, compression {compression}"),
                expected: "1, 4, 8, 24 or 32 bits per pixel, uncompressed",
            });
        }
        Ok(Self {
            offset,
            width: width.unsigned_abs() as usize,
            height: height.unsigned_abs() as usize,
            top_down: height < 0,
            bits: bits as u8,
        })
    }
}
