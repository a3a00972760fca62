//! Reads PNG pictures.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

pub(super) const MAGENTA: [u8; 3] = [255, 0, 255];
pub(super) const GREEN: [u8; 3] = [0, 255, 0];
pub(super) const ORANGE: [u8; 3] = [255, 165, 0];
/// 35 % of (80, 160, 240) over black.
pub(super) const PALE_BLUE: [u8; 3] = [28, 56, 84];
pub(super) const BLACK: [u8; 3] = [0; 3];
pub(super) const BETWEEN: [u8; 3] = [32; 3];

/// A picture in colours.
#[derive(Debug, PartialEq)]
pub(super) struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    pub(super) fn read(path: &Path) -> Self {
        let file = BufReader::new(File::open(path).expect("a picture"));
        let mut reader = png::Decoder::new(file).read_info().expect("a PNG file");
        let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut bytes).expect("pixels");
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self {
            width: info.width as usize,
            height: info.height as usize,
            bytes,
        }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> [u8; 3] {
        let start = 3 * (row * self.width + column);
        [0, 1, 2].map(|channel| self.bytes[start + channel])
    }

    /// The colours of a panel of voxels, each `size` pixels high and wide, whose upper left pixel is at column `left`; checks that
    /// every pixel of a voxel has the same colour.
    pub(super) fn voxels(
        &self,
        left: usize,
        [rows, columns]: [usize; 2],
        size: [usize; 2],
    ) -> Vec<Vec<[u8; 3]>> {
        let voxel = |row: usize, column: usize| {
            let (y, x) = (row * size[0], left + column * size[1]);
            let colour = self.at(y, x);
            for (down, right) in
                (0..size[0]).flat_map(|down| (0..size[1]).map(move |right| (down, right)))
            {
                assert_eq!(
                    self.at(y + down, x + right),
                    colour,
                    "voxel {row}, {column}"
                );
            }
            colour
        };
        let of_row = |row| (0..columns).map(|column| voxel(row, column)).collect();
        (0..rows).map(of_row).collect()
    }
}
