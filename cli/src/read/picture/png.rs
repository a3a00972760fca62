//! PNG.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek};

use png::{BitDepth, ColorType, Decoder, DecodingError, Reader};

use super::super::element::Element;
use super::super::{Fault, Format, Stored, Volume};
use super::{Channels, too_large, unpack, values};

pub(in super::super) fn read(file: File) -> Result<Volume, Fault> {
    let mut file = BufReader::new(file);
    if open(&mut file)?.info().interlaced {
        // Interlaced passes need the whole picture at once, so check that all of them exist before allocating it.
        let mut reader = open(&mut file)?;
        while reader.next_row().map_err(fault)?.is_some() {}
    }
    let mut reader = open(&mut file)?;
    let info = reader.info();
    let channels = channels(info.color_type);
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
    let (element, pixels) = match depth {
        BitDepth::Sixteen => (Element::U16, channels.grey(bytes, 2, width)?),
        BitDepth::Eight => (Element::U8, channels.grey(bytes, 1, width)?),
        _ => {
            let mut pixels = Vec::new();
            for row in bytes.chunks_exact(line) {
                unpack(row, depth as u8, width, &mut pixels);
            }
            (Element::U8, pixels)
        }
    };
    let max = (1 << depth as u8) - 1;
    Ok(Volume::plain(
        Format::Png,
        Stored::Integer { max },
        values(element, true, &[height, width], &pixels)?,
    ))
}

/// Reads from the beginning up to the picture, and refuses animations.
fn open<R: BufRead + Seek>(file: &mut R) -> Result<Reader<&mut R>, Fault> {
    file.rewind()?;
    let mut decoder = Decoder::new(file);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().map_err(fault)?;
    let info = reader.info();
    if info.frame_control.is_some() || info.animation_control.is_some() {
        return Err(Fault::Unsupported {
            found: "an animation".to_owned(),
            expected: "a single picture",
        });
    }
    Ok(reader)
}

fn channels(colour: ColorType) -> Channels {
    let (colours, all) = match colour {
        ColorType::Grayscale | ColorType::Indexed => (1, 1),
        ColorType::GrayscaleAlpha => (1, 2),
        ColorType::Rgb => (3, 3),
        ColorType::Rgba => (3, 4),
    };
    Channels { colours, all }
}

fn fault(error: DecodingError) -> Fault {
    match error {
        DecodingError::IoError(error) if error.kind() != ErrorKind::UnexpectedEof => error.into(),
        DecodingError::IoError(_) => {
            Fault::malformed("PNG", "a truncated picture", "a complete one")
        }
        DecodingError::LimitsExceeded => {
            Fault::malformed("PNG", "more than 64 MiB in one row or chunk", "less")
        }
        error => Fault::malformed("PNG", error.to_string(), "a valid picture"),
    }
}
