//! A picture of panels side by side, and its PNG file.

use std::error::Error;
use std::io::Write;

use ndarray::ArrayD;

use super::colour::Rgb;

/// A plane of coloured voxels, and the distances between its rows and its columns.
pub(super) struct Panel {
    /// As [rows, columns].
    pub(super) voxels: ArrayD<Rgb>,
    pub(super) steps: [f64; 2],
}

/// A picture in pixels.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pixels: Vec<u8>,
}

/// The longest side of a picture gets at least this many pixels, if no zoom is given.
const LONG: f64 = 256.0;

/// A side has at most this many pixels.
const MOST: f64 = 16384.0;

/// A picture with too many pixels.
#[derive(Debug, thiserror::Error)]
#[error(
    "the picture would have {width} × {height} pixels, expected at most {MOST} on each side: --zoom makes it smaller"
)]
pub(super) struct TooLarge {
    width: f64,
    height: f64,
}

/// The width of the space between panels, and its colour.
const GAP: usize = 4;
const BETWEEN: Rgb = [32, 32, 32];

/// Draws panels from the left to the right, with square pixels: a voxel is as many pixels wide and high as its steps say.
pub(super) fn draw(panels: &[Panel], zoom: Option<u32>) -> Result<Picture, TooLarge> {
    let steps = panels.iter().flat_map(|panel| panel.steps);
    let smallest = steps.fold(f64::INFINITY, f64::min);
    let side = |panel: &Panel, axis: usize| {
        panel.voxels.shape()[axis] as f64 * panel.steps[axis] / smallest
    };
    let sides = panels
        .iter()
        .flat_map(|panel| [0, 1].map(|axis| side(panel, axis)));
    let longest = sides.fold(1.0, f64::max);
    let zoom = zoom.map_or_else(|| (LONG / longest).ceil(), f64::from);
    let pixels = |panel: &Panel| [0, 1].map(|axis| (zoom * side(panel, axis)).round().max(1.0));
    let width: f64 = panels.iter().map(|panel| pixels(panel)[1]).sum();
    let width = width + (GAP * (panels.len() - 1)) as f64;
    let height = panels
        .iter()
        .map(|panel| pixels(panel)[0])
        .fold(1.0, f64::max);
    if width > MOST || height > MOST {
        return Err(TooLarge { width, height });
    }
    let (width, height) = (width as usize, height as usize);
    let mut picture = ArrayD::from_elem(ndarray::IxDyn(&[height, width]), BETWEEN);
    let mut left = 0;
    for panel in panels {
        let [rows, columns] = [0, 1].map(|axis| panel.voxels.shape()[axis]);
        let [tall, wide] = pixels(panel).map(|side| side as usize);
        for y in 0..tall {
            for x in 0..wide {
                let voxel = [y * rows / tall, x * columns / wide];
                picture[[y, left + x]] = panel.voxels[voxel];
            }
        }
        left += wide + GAP;
    }
    Ok(Picture {
        width: width as u32,
        height: height as u32,
        pixels: picture.iter().flatten().copied().collect(),
    })
}

impl Picture {
    /// Writes it as PNG.
    pub(crate) fn write(&self, file: &mut dyn Write) -> Result<(), Box<dyn Error>> {
        let mut encoder = png::Encoder::new(file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(())
    }
}
