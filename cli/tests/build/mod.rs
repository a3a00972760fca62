//! Builds small files of each format for the tests of the readers and of the program.

#![allow(dead_code, reason = "each test crate uses a part of this module")]

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A PNG file with valid checksums. `kind` is bit depth, colour type and interlacing. Indices have a black palette.
pub(super) fn png(width: u32, height: u32, kind: [u8; 3], compressed: &[u8]) -> Vec<u8> {
    let palette: &[(&[u8], &[u8])] = if kind[1] == 3 {
        &[(b"PLTE", &[0; 6])]
    } else {
        &[]
    };
    png_with(width, height, kind, palette, compressed)
}

/// A PNG file with these chunks, each a name and data, before the pixels.
pub(super) fn png_with(
    width: u32,
    height: u32,
    kind: [u8; 3],
    chunks: &[(&[u8], &[u8])],
    compressed: &[u8],
) -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        let length = (data.len() as u32).to_be_bytes();
        [&length, name, data, &crc.sum().to_be_bytes()].concat()
    };
    let [depth, colour, interlace] = kind;
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let head = [&size[..], &[depth, colour, 0, 0, interlace]].concat();
    let mut bytes = [b"\x89PNG\r\n\x1a\n", &chunk(b"IHDR", &head)[..]].concat();
    for (name, data) in chunks {
        bytes.extend(chunk(name, data));
    }
    bytes.extend(chunk(b"IDAT", compressed));
    bytes.extend(chunk(b"IEND", b""));
    bytes
}

/// The tags of a page with their values, and its strip.
pub(super) type TiffPage<'a> = (&'a [(u16, u32)], &'a [u8]);

/// A little-endian TIFF file. Each page has its tags, in order, and a strip; the tags 273 and 279, which point to it, are added.
pub(super) fn tiff(pages: &[TiffPage<'_>]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    for (index, (tags, strip)) in pages.iter().enumerate() {
        let directory = 2 + 12 * (tags.len() + 2) + 4;
        let data = bytes.len() + directory;
        let mut tags = tags.to_vec();
        tags.push((273, data as u32));
        tags.push((279, strip.len() as u32));
        tags.sort_unstable();
        bytes.extend((tags.len() as u16).to_le_bytes());
        for (tag, value) in tags {
            // Each value is one number of 32 bits.
            bytes.extend([tag.to_le_bytes(), 4_u16.to_le_bytes()].concat());
            bytes.extend([1_u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        let next = data + strip.len();
        let next = if index + 1 < pages.len() { next } else { 0 };
        bytes.extend((next as u32).to_le_bytes());
        bytes.extend_from_slice(strip);
    }
    bytes
}

/// The tags of a page of grey pixels: width, height, bits, compression, and the sample format.
pub(super) fn grey(
    width: u32,
    height: u32,
    bits: u32,
    compression: u32,
    format: u32,
) -> Vec<(u16, u32)> {
    vec![
        (256, width),
        (257, height),
        (258, bits),
        (259, compression),
        (262, 1),
        (277, 1),
        (278, height),
        (339, format),
    ]
}

/// A bottom-up bitmap of stored rows.
pub(super) fn bmp(width: i32, height: i32, bits: u16, rows: &[u8]) -> Vec<u8> {
    let palette = if bits <= 8 { 4 << bits } else { 0 };
    let offset = 54 + palette as u32;
    let mut bytes = b"BM\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend([offset, 40].map(u32::to_le_bytes).concat());
    bytes.extend([width, height].map(i32::to_le_bytes).concat());
    bytes.extend([1, bits].map(u16::to_le_bytes).concat());
    bytes.resize(offset as usize, 0);
    bytes.extend_from_slice(rows);
    bytes
}

/// A GIF picture of 2-bit indices in uncompressed LZW, with a clear code before each pixel.
pub(super) fn gif(width: u16, height: u16, pixels: &[u8]) -> Vec<u8> {
    let size = [width, height].map(u16::to_le_bytes).concat();
    let mut bytes = [b"GIF89a", &size[..], &[0x81, 0, 0], &[0; 12]].concat();
    bytes.extend([&[0x2c, 0, 0, 0, 0], &size[..], &[0, 2]].concat());
    // Codes have three bits; 4 is clear and 5 is end.
    let codes = pixels.iter().flat_map(|&pixel| [4, pixel]).chain([5]);
    let bits: Vec<bool> = codes
        .flat_map(|code| (0..3).map(move |bit| code >> bit & 1 == 1))
        .collect();
    let data: Vec<u8> = bits
        .chunks(8)
        .map(|byte| (0..).zip(byte).map(|(i, &bit)| u8::from(bit) << i).sum())
        .collect();
    for block in data.chunks(255) {
        bytes.push(block.len() as u8);
        bytes.extend_from_slice(block);
    }
    bytes.extend([0, 0x3b]);
    bytes
}

/// A NIfTI-1 file.
pub(super) struct Nifti1<'a> {
    pub(super) shape: &'a [i64],
    pub(super) datatype: i16,
    pub(super) affine: [[f32; 4]; 3],
    /// Slope and intercept. A slope of 0 means no scaling.
    pub(super) scaling: [f32; 2],
    /// The stored voxels, the first axis fastest.
    pub(super) voxels: &'a [u8],
}

pub(super) fn nifti1(file: &Nifti1<'_>) -> Vec<u8> {
    let mut bytes = vec![0_u8; 352];
    let mut put = |at: usize, number: &[u8]| bytes[at..at + number.len()].copy_from_slice(number);
    put(0, &348_i32.to_le_bytes());
    put(40, &(file.shape.len() as i16).to_le_bytes());
    for (axis, length) in file.shape.iter().enumerate() {
        put(42 + 2 * axis, &(*length as i16).to_le_bytes());
    }
    put(70, &file.datatype.to_le_bytes());
    put(108, &352_f32.to_le_bytes());
    for (place, number) in file.scaling.iter().enumerate() {
        put(112 + 4 * place, &number.to_le_bytes());
    }
    put(254, &1_i16.to_le_bytes());
    for (place, number) in file.affine.iter().flatten().enumerate() {
        put(280 + 4 * place, &number.to_le_bytes());
    }
    put(344, b"n+1\0");
    bytes.extend_from_slice(file.voxels);
    bytes
}

/// A NIfTI-2 file with these voxels, or the header of a pair.
pub(super) fn nifti2(
    shape: &[i64],
    datatype: i16,
    voxels: &[u8],
    big_endian: bool,
    single: bool,
) -> Vec<u8> {
    let mut bytes = vec![0; 544];
    macro_rules! put {
        ($at:expr, $number:expr) => {{
            let number = if big_endian {
                $number.to_be_bytes()
            } else {
                $number.to_le_bytes()
            };
            bytes[$at..$at + number.len()].copy_from_slice(&number);
        }};
    }
    put!(0, 540_i32);
    bytes[4..12].copy_from_slice(if single {
        b"n+2\0\r\n\x1a\n"
    } else {
        b"ni2\0\r\n\x1a\n"
    });
    put!(12, datatype);
    put!(16, shape.len() as i64);
    for (axis, &n) in shape.iter().enumerate() {
        put!(24 + 8 * axis, n);
    }
    put!(168, if single { 544_i64 } else { 0 });
    put!(348, 1_i32);
    for (row, at) in [400, 432, 464].into_iter().enumerate() {
        put!(at + 8 * row, 2.0_f64);
        put!(at + 24, -10.0_f64);
    }
    if single {
        bytes.extend_from_slice(voxels);
    } else {
        bytes.truncate(540);
    }
    bytes
}
