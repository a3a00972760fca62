//! GIF: the palette indices of a single picture.

use std::fs::File;
use std::io::{BufReader, ErrorKind};

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::super::element::Element;
use super::super::{Fault, Format, Stored, Volume};
use super::{too_large, values};

/// The largest ratio of LZW: a code of 12 bits unpacks to at most 4096 bytes.
pub(super) const LZW_RATIO: u64 = 2731;

pub(in super::super) fn read(file: File, size: u64) -> Result<Volume, Fault> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(BufReader::new(file)).map_err(fault)?;
    let screen = (decoder.width(), decoder.height());
    let Some(frame) = decoder.next_frame_info().map_err(fault)? else {
        return Err(malformed("no picture", "one"));
    };
    let found = (frame.left, frame.top, frame.width, frame.height);
    if found != (0, 0, screen.0, screen.1) {
        return Err(Fault::Unsupported {
            found: "a picture that is smaller than its canvas".to_owned(),
            expected: "a picture that fills the canvas",
        });
    }
    let (width, height) = (usize::from(screen.0), usize::from(screen.1));
    let count = width * height;
    // Check the size before allocating.
    if count as u64 > size.saturating_mul(LZW_RATIO) || count == 0 {
        return Err(too_large(width, height));
    }
    let mut pixels = vec![0; count];
    decoder.read_into_buffer(&mut pixels).map_err(fault)?;
    // A second picture means an animation. The file may also end without a trailer.
    if let Ok(Some(_)) = decoder.next_frame_info() {
        return Err(Fault::Unsupported {
            found: "an animation".to_owned(),
            expected: "a single picture",
        });
    }
    Ok(Volume::plain(
        Format::Gif,
        Stored::Integer { max: 255 },
        values(Element::U8, false, &[height, width], &pixels)?,
    ))
}

fn malformed(found: impl Into<String>, expected: impl Into<String>) -> Fault {
    Fault::malformed("GIF", found, expected)
}

fn fault(error: DecodingError) -> Fault {
    match error {
        DecodingError::Io(error) if error.kind() != ErrorKind::UnexpectedEof => error.into(),
        DecodingError::Io(_) => malformed("a truncated picture", "a complete one"),
        error => malformed(error.to_string(), "a valid picture"),
    }
}
