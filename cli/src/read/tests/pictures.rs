//! Pictures of labels in all variants that tools write.

use super::build::{bmp, gif, grey, png, tiff, zlib};
use super::{Values, as_f64, bytes_of, fault, load, read_bytes};
use crate::read::{AxisOrder, Fault, Format, Stored, Volume};

const WIDTH: usize = 3;
const LABELS: [u8; 6] = [0, 1, 2, 3, 2, 1];

fn labels() -> Values {
    let labels = ndarray::Array::from_vec(LABELS.to_vec());
    let labels = labels.into_shape_with_order((2, WIDTH)).unwrap();
    Values::U8(labels.into_dyn().into())
}

/// PNG rows, each after its filter byte: every label in all colour channels, then transparency.
fn png_rows(channels: usize, colours: usize, bytes: usize) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in LABELS.chunks(WIDTH) {
        rows.push(0);
        for (x, &label) in row.iter().enumerate() {
            for channel in 0..channels {
                let number = if channel < colours {
                    label
                } else {
                    x as u8 * 90
                };
                rows.extend(&[0, number][2 - bytes..]);
            }
        }
    }
    rows
}

fn assert_picture(volume: Volume, format: Format, max: u64) {
    assert_eq!(volume.values, labels(), "{format:?}");
    assert_eq!(
        (volume.format, format.axes(), volume.stored),
        (format, AxisOrder::Picture, Stored::Integer { max })
    );
}

#[test]
fn grey_can_be_stored_as_colours_and_with_transparency() {
    for (kind, channels, colours) in [(0, 1, 1), (4, 2, 1), (2, 3, 3), (6, 4, 3)] {
        let rows = png_rows(channels, colours, 1);
        let bytes = png(3, 2, [8, kind, 0], &zlib(&rows));
        assert_picture(read_bytes("a.png", &bytes, "").unwrap(), Format::Png, 255);
        let rows = png_rows(channels, colours, 2);
        let bytes = png(3, 2, [16, kind, 0], &zlib(&rows));
        let volume = read_bytes("a.png", &bytes, "").unwrap();
        assert_eq!(as_f64(&volume.values), as_f64(&labels()));
        assert_eq!(volume.stored, Stored::Integer { max: 65535 });
    }
    let mut rows = png_rows(3, 3, 1);
    // The blue channel of the last pixel.
    *rows.last_mut().unwrap() = 128;
    let coloured = fault("a.png", &png(3, 2, [8, 2, 0], &zlib(&rows)));
    assert!(
        matches!(&coloured, Fault::Coloured { index } if index == &[1, 2]),
        "{coloured}"
    );
}

#[test]
fn tiff_pages_of_labels_and_numbers() {
    let page = grey(3, 2, 8, 1, 1);
    let one = tiff(&[(&page, &LABELS)]);
    assert_picture(read_bytes("a.TIFF", &one, "").unwrap(), Format::Tiff, 255);
    // Several pages form a z axis.
    let other: Vec<u8> = LABELS.iter().map(|x| x * 10).collect();
    let stack = tiff(&[(&page, &LABELS), (&page, &other), (&page, &LABELS)]);
    let volume = read_bytes("a.tif", &stack, "").unwrap();
    assert_eq!(volume.values.shape(), [3, 2, 3]);
    let expected = [&LABELS[..], &other, &LABELS].concat();
    assert!(
        as_f64(&volume.values)
            .iter()
            .zip(&expected)
            .all(|(&x, &y)| x == f64::from(y))
    );
    // A palette.
    let mut palette = page.clone();
    palette[4].1 = 3;
    let bytes = tiff(&[(&palette, &LABELS)]);
    assert_picture(read_bytes("a.tif", &bytes, "").unwrap(), Format::Tiff, 255);
    // A reduced copy of the picture is not a slice.
    let mut thumbnail = grey(1, 1, 8, 1, 1);
    thumbnail.push((254, 1));
    let bytes = tiff(&[(&page, &LABELS), (&thumbnail, &[7])]);
    assert_picture(read_bytes("a.tif", &bytes, "").unwrap(), Format::Tiff, 255);
    let unlike = tiff(&[(&page, &LABELS), (&grey(2, 2, 8, 1, 1), &[0; 4])]);
    assert!(matches!(fault("a.tif", &unlike), Fault::Unsupported { .. }));
    let mut inverted = page;
    inverted[4].1 = 0;
    let inverted = fault("a.tif", &tiff(&[(&inverted, &LABELS)]));
    assert!(matches!(inverted, Fault::Unsupported { .. }), "{inverted}");
}

#[test]
fn tiff_numbers_of_every_width() {
    let numbers = [0.0, 1.0, 2.0, 3.0, 2.0, 1.0];
    macro_rules! bytes {
        ($kind:ty) => {
            numbers.map(|x| (x as $kind).to_le_bytes()).concat()
        };
    }
    let half = numbers
        .map(|x| half::f16::from_f64(x).to_le_bytes())
        .concat();
    for (bits, format, bytes) in [
        (16, 1, bytes!(u16)),
        (16, 2, bytes!(i16)),
        (32, 1, bytes!(u32)),
        (32, 2, bytes!(i32)),
        (64, 1, bytes!(u64)),
        (8, 2, bytes!(i8)),
        (16, 3, half),
        (32, 3, bytes!(f32)),
        (64, 3, bytes!(f64)),
    ] {
        let file = tiff(&[(&grey(3, 2, bits, 1, format), &bytes)]);
        let values = read_bytes("a.tif", &file, "").unwrap().values;
        assert_eq!(
            as_f64(&values),
            as_f64(&labels()),
            "{bits} bits, format {format}"
        );
    }
    let file = tiff(&[(&grey(3, 2, 2, 1, 1), &[0b00_01_10_00, 0b11_10_01_00])]);
    assert_picture(read_bytes("a.tif", &file, "").unwrap(), Format::Tiff, 3);
}

#[test]
fn tiff_compressions_and_predictors() {
    let mut lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    for (compression, packed) in [
        (5, lzw.encode(&LABELS).unwrap()),
        (8, zlib(&LABELS)),
        (32946, zlib(&LABELS)),
        (32773, [&[2, 0, 1, 2, 128, 0, 3][..], &[1, 2, 1]].concat()),
    ] {
        let file = tiff(&[(&grey(3, 2, 8, compression, 1), &packed)]);
        assert_picture(read_bytes("a.tif", &file, "").unwrap(), Format::Tiff, 255);
    }
    // Runs.
    let file = tiff(&[(&grey(3, 2, 8, 32773, 1), &[0_i8 as u8, 9, -4_i8 as u8, 7])]);
    let values = as_f64(&read_bytes("a.tif", &file, "").unwrap().values);
    assert_eq!(
        values.into_raw_vec_and_offset().0,
        [9.0, 7.0, 7.0, 7.0, 7.0, 7.0]
    );
    let mut differences = grey(3, 2, 16, 1, 1);
    differences.push((317, 2));
    let rows = [1000_u16, 24, 65535, 5, 0, 1]
        .map(u16::to_le_bytes)
        .concat();
    let values = as_f64(
        &read_bytes("a.tif", &tiff(&[(&differences, &rows)]), "")
            .unwrap()
            .values,
    );
    let expected = [1000.0, 1024.0, 1023.0, 5.0, 5.0, 6.0];
    assert_eq!(values.into_raw_vec_and_offset().0, expected);
    // The float predictor: differences of a row's bytes, which are ordered by significance, the highest first.
    let mut floats = grey(3, 1, 32, 1, 3);
    floats.push((317, 3));
    let row = [0.25_f32, 0.5, -3.0];
    let planes: Vec<u8> = (0..4)
        .flat_map(|b| row.map(|x| x.to_be_bytes()[b]))
        .collect();
    let differences: Vec<u8> = (0..12)
        .map(|i| planes[i].wrapping_sub(if i > 0 { planes[i - 1] } else { 0 }))
        .collect();
    let values = as_f64(
        &read_bytes("a.tif", &tiff(&[(&floats, &differences)]), "")
            .unwrap()
            .values,
    );
    assert_eq!(values.into_raw_vec_and_offset().0, [0.25, 0.5, -3.0]);
    let jpeg = fault("a.tif", &tiff(&[(&grey(3, 2, 8, 7, 1), &LABELS)]));
    assert!(jpeg.to_string().contains("JPEG"), "{jpeg}");
}

#[test]
fn tiff_colours_and_tiles() {
    let rgb = |blue: u8| -> Vec<u8> {
        let mut pixels: Vec<u8> = LABELS.iter().flat_map(|&x| [x; 3]).collect();
        pixels[17] = blue;
        pixels
    };
    let mut page = grey(3, 2, 8, 1, 1);
    (page[4].1, page[5].1) = (2, 3);
    let bytes = tiff(&[(&page, &rgb(1))]);
    assert_picture(read_bytes("a.tif", &bytes, "").unwrap(), Format::Tiff, 255);
    let coloured = fault("a.tif", &tiff(&[(&page, &rgb(2))]));
    assert!(matches!(coloured, Fault::Coloured { .. }), "{coloured}");
    // A tile that is larger than the picture has padding.
    let mut tiled = grey(3, 2, 8, 1, 1);
    tiled.retain(|(tag, _)| *tag != 278);
    tiled.extend([(322, 4), (323, 3)]);
    let mut bytes = tiff(&[(&tiled, &[0, 1, 2, 99, 3, 2, 1, 99, 99, 99, 99, 99])]);
    // Replace the tags of a strip by those of a tile.
    for (strip, tile) in [(273_u16, 324_u16), (279, 325)] {
        let at = bytes[10..]
            .chunks(12)
            .position(|e| e[..2] == strip.to_le_bytes())
            .unwrap();
        bytes[10 + 12 * at..][..2].copy_from_slice(&tile.to_le_bytes());
    }
    assert_picture(read_bytes("a.tif", &bytes, "").unwrap(), Format::Tiff, 255);
}

#[test]
fn bitmaps_of_indices_and_of_grey() {
    let indices = [3, 2, 1, 0, 0, 1, 2, 0];
    let file = bmp(3, 2, 8, &indices);
    assert_picture(read_bytes("a.BMP", &file, "").unwrap(), Format::Bmp, 255);
    let from_top = bmp(3, -2, 8, &[0, 1, 2, 0, 3, 2, 1, 0]);
    assert_picture(
        read_bytes("a.bmp", &from_top, "").unwrap(),
        Format::Bmp,
        255,
    );
    let four_bits = bmp(3, 2, 4, &[0x32, 0x10, 0, 0, 0x01, 0x20, 0, 0]);
    assert_picture(
        read_bytes("a.bmp", &four_bits, "").unwrap(),
        Format::Bmp,
        15,
    );
    let pixels = |alpha: &[u8]| -> Vec<u8> {
        let rows = [[3, 2, 1], [0, 1, 2]];
        let row = |row: [u8; 3]| {
            let mut row: Vec<u8> = row
                .iter()
                .flat_map(|&x| [&[x; 3], alpha].concat())
                .collect();
            row.resize(12, 0);
            row
        };
        rows.map(row).concat()
    };
    let file = bmp(3, 2, 24, &pixels(&[]));
    assert_picture(read_bytes("a.bmp", &file, "").unwrap(), Format::Bmp, 255);
    let file = bmp(3, 2, 32, &pixels(&[77]));
    assert_picture(read_bytes("a.bmp", &file, "").unwrap(), Format::Bmp, 255);
    let mut packed = bmp(3, 2, 8, &indices);
    packed[30] = 1;
    assert!(matches!(fault("a.bmp", &packed), Fault::Unsupported { .. }));
}

#[test]
fn gif_is_read_as_indices() {
    let file = gif(3, 2, &LABELS);
    assert_picture(read_bytes("a.gif", &file, "").unwrap(), Format::Gif, 255);
    let picture = file[25..file.len() - 1].to_vec();
    let animation = [&file[..file.len() - 1], &picture, b";"].concat();
    let animation = fault("a.gif", &animation);
    assert!(
        matches!(animation, Fault::Unsupported { .. }),
        "{animation}"
    );
}

#[test]
fn content_prevails_over_a_misleading_name() {
    let file = tiff(&[(&grey(3, 2, 8, 1, 1), &LABELS)]);
    for name in ["a.png", "a.npy", "a.nii.gz", "a.jpg", "a"] {
        assert_picture(read_bytes(name, &file, "").unwrap(), Format::Tiff, 255);
    }
    let picture = bytes_of("labels2d_8bit.png");
    assert_eq!(
        read_bytes("a.bmp", &picture, "").unwrap().values,
        load("labels2d_8bit.png")
    );
    for (name, content, part) in [
        ("a.png", &b"\xff\xd8\xff\xe0..JFIF"[..], "JPEG"),
        ("a.JPG", b"", "JPEG"),
        ("a.png", b"RIFF....WEBPVP8 ", "WebP"),
        ("a.h5", b"\x89HDF\r\n", "HDF5"),
        ("a.dcm", b"", "DICOM"),
    ] {
        let found = fault(name, content);
        assert!(matches!(found, Fault::Unsupported { .. }), "{found}");
        assert!(found.to_string().contains(part), "{found}");
    }
    let unknown = fault("a.xyz", b"1 2 3").to_string();
    for extension in [".npy", ".nrrd", ".mha", ".tif", ".bmp", ".gif", ".hdr"] {
        assert!(unknown.contains(extension), "{unknown}");
    }
}
