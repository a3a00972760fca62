//! Label maps as pictures: greyscale levels or palette indices, as the numbers that are stored.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek};

use ndarray::ArrayD;
use png::{BitDepth, ColorType, Decoder, DecodingError, Reader};

use super::{AxisOrder, Fault, Format, Stored, Values, Volume};

pub(super) fn read(file: File) -> Result<Volume, Fault> {
    let mut file = BufReader::new(file);
    if open(&mut file)?.info().interlaced {
        // The passes are put together in the whole picture, so see that they are all there before making room for it.
        let mut reader = open(&mut file)?;
        while reader.next_row().map_err(fault)?.is_some() {}
    }
    let mut reader = open(&mut file)?;
    let info = reader.info();
    let (width, height, depth) = (info.width as usize, info.height as usize, info.bit_depth);
    let line = reader
        .output_line_size(info.width)
        .ok_or_else(|| too_large(width, height))?;
    let size = reader
        .output_buffer_size()
        .ok_or_else(|| too_large(width, height))?;
    let mut bytes = Vec::new();
    if reader.info().interlaced {
        bytes.resize(size, 0);
        reader.next_frame(&mut bytes).map_err(fault)?;
    } else {
        while let Some(row) = reader.next_row().map_err(fault)? {
            bytes.extend_from_slice(row.data());
        }
    }
    let rows = bytes.chunks_exact(line);
    let shape = [height, width];
    let values = match depth {
        BitDepth::Sixteen => {
            let pixels = rows
                .flat_map(|row| row.as_chunks().0)
                .map(|&b| u16::from_be_bytes(b));
            Values::U16(array(shape, pixels.collect())?.into())
        }
        BitDepth::Eight => Values::U8(array(shape, bytes)?.into()),
        _ => {
            let pixels = rows.flat_map(|row| unpacked(row, depth as u8, width));
            Values::U8(array(shape, pixels.collect())?.into())
        }
    };
    let max = (1 << depth as u8) - 1;
    Ok(Volume::plain(
        Format::Png,
        AxisOrder::Picture,
        Stored::Integer { max },
        values,
    ))
}

/// Starts at the beginning and reads up to the picture, refusing what is no label map.
fn open<R: BufRead + Seek>(file: &mut R) -> Result<Reader<&mut R>, Fault> {
    file.rewind()?;
    let mut decoder = Decoder::new(file);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().map_err(fault)?;
    let info = reader.info();
    let found = match info.color_type {
        _ if info.frame_control.is_some() || info.animation_control.is_some() => "an animation",
        ColorType::Grayscale | ColorType::Indexed => return Ok(reader),
        ColorType::GrayscaleAlpha => "greyscale with transparency",
        ColorType::Rgb => "RGB colours",
        ColorType::Rgba => "RGB colours with transparency",
    };
    Err(Fault::Unsupported {
        found: found.to_owned(),
        expected: "a greyscale or palette picture",
    })
}

/// The pixels of a row that holds several in each byte, the first in the highest bits.
fn unpacked(row: &[u8], bits: u8, width: usize) -> impl Iterator<Item = u8> {
    let shifts = (0..8 / bits).rev().map(move |place| place * bits);
    let mask = (1 << bits) - 1;
    row.iter()
        .flat_map(move |byte| shifts.clone().map(move |shift| byte >> shift & mask))
        .take(width)
}

fn array<T>(shape: [usize; 2], pixels: Vec<T>) -> Result<ArrayD<T>, Fault> {
    let found = pixels.len();
    ArrayD::from_shape_vec(&shape[..], pixels)
        .map_err(|_| Fault::malformed("PNG", format!("{found} pixels"), format!("{shape:?}")))
}

fn too_large(width: usize, height: usize) -> Fault {
    Fault::TooLarge {
        shape: vec![height as u64, width as u64],
    }
}

fn fault(error: DecodingError) -> Fault {
    match error {
        DecodingError::IoError(error) if error.kind() != ErrorKind::UnexpectedEof => error.into(),
        DecodingError::IoError(_) => {
            Fault::malformed("PNG", "an end within the picture", "a whole one")
        }
        DecodingError::LimitsExceeded => {
            Fault::malformed("PNG", "more than 64 MiB in one row or chunk", "less")
        }
        error => Fault::malformed("PNG", error.to_string(), "a valid one"),
    }
}
