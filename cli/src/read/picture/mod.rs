//! Label maps as pictures. Grey levels or palette indices are read as the stored numbers.
//!
//! A picture with colour channels counts as grey if these are equal. Transparency is ignored.

pub(super) mod bmp;
pub(super) mod gif;
pub(super) mod png;
pub(super) mod tiff;

use super::element::Element;
use super::payload::Layout;
use super::{Fault, Values};

/// The channels of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channels {
    /// The number of colour channels: one or three.
    colours: usize,
    /// The number of all channels, including transparency.
    all: usize,
}

impl Channels {
    const GREY: Self = Self { colours: 1, all: 1 };

    /// Keeps one channel of `pixels`, whose numbers have this many bytes and whose rows have `width` pixels.
    fn grey(self, mut pixels: Vec<u8>, bytes: usize, width: usize) -> Result<Vec<u8>, Fault> {
        if self.all == 1 {
            return Ok(pixels);
        }
        let step = self.all * bytes;
        let count = pixels.len() / step;
        for pixel in 0..count {
            let start = pixel * step;
            let seen = &pixels[start..start + self.colours * bytes];
            if seen.chunks_exact(bytes).any(|one| one != &seen[..bytes]) {
                return Err(Fault::Coloured {
                    index: vec![pixel / width.max(1), pixel % width.max(1)],
                });
            }
            pixels.copy_within(start..start + bytes, pixel * bytes);
        }
        pixels.truncate(count * bytes);
        pixels.shrink_to_fit();
        Ok(pixels)
    }
}

/// The numbers of `pixels` in this shape.
fn values(
    element: Element,
    big_endian: bool,
    shape: &[usize],
    pixels: &[u8],
) -> Result<Values, Fault> {
    let layout = Layout {
        element,
        big_endian,
        fortran: false,
        shape: shape.iter().map(|&n| n as u64).collect(),
    };
    layout.read(&mut &pixels[..], Some(pixels.len() as u64))
}

/// Unpacks a row with several numbers in each byte, the first in the highest bits.
fn unpack(row: &[u8], bits: u8, count: usize, into: &mut Vec<u8>) {
    let shifts = (0..8 / bits).rev().map(|place| place * bits);
    let mask = (1 << bits) - 1;
    let numbers = row
        .iter()
        .flat_map(|byte| shifts.clone().map(move |shift| byte >> shift & mask));
    into.extend(numbers.take(count));
}

fn too_large(width: usize, height: usize) -> Fault {
    Fault::TooLarge {
        shape: vec![height as u64, width as u64],
    }
}
