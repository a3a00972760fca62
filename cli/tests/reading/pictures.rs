//! Pictures of label maps as tools write them.

use ndarray::ArrayD;

use crate::build::{png_with, zlib};
use crate::files::{Files, labels, probabilities};
use crate::formula::{dice, one_hot};

const COLOURS: [[u8; 3]; 3] = [[0, 0, 0], [128, 0, 0], [0, 128, 0]];

/// The rows of a PNG file, with a pixel for each label.
fn rows(labels: &ArrayD<u8>, pixel: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in labels.outer_iter() {
        rows.push(0);
        rows.extend(row.iter().flat_map(|label| pixel(*label)));
    }
    zlib(&rows)
}

/// The rows of a PNG file with labels of two bits.
fn packed(labels: &ArrayD<u8>) -> Vec<u8> {
    let mut rows = Vec::new();
    for row in labels.outer_iter() {
        rows.push(0);
        let row: Vec<u8> = row.iter().copied().collect();
        rows.extend(row.chunks(4).map(|four| {
            let bits = four.iter().zip([6, 4, 2, 0]);
            bits.map(|(label, shift)| label << shift).sum::<u8>()
        }));
    }
    zlib(&rows)
}

#[test]
fn pictures_are_labels_whatever_their_colours_and_transparency() {
    let files = Files::new();
    let target = labels(&[9, 13], 3, 1);
    let p = probabilities(&target, 3, 2);
    files.npy("p.npy", &p);
    let palette: (&[u8], &[u8]) = (b"PLTE", &COLOURS.concat());
    let transparent: (&[u8], &[u8]) = (b"tRNS", &[0]);
    let grey = 0;
    let (colours, indices, grey_alpha, colours_alpha) = (2, 3, 4, 6);
    let index = rows(&target, |label| vec![label]);
    for (name, kind, chunks, pixels) in [
        ("grey", [8, grey, 0], vec![], index.clone()),
        ("palette", [8, indices, 0], vec![palette], index.clone()),
        (
            "transparent",
            [8, indices, 0],
            vec![palette, transparent],
            index,
        ),
        ("two_bits", [2, indices, 0], vec![palette], packed(&target)),
        (
            "rgb",
            [8, colours, 0],
            vec![],
            rows(&target, |label| vec![label; 3]),
        ),
        (
            "rgba",
            [8, colours_alpha, 0],
            vec![],
            rows(&target, |label| vec![label, label, label, 255]),
        ),
        (
            "grey_alpha",
            [8, grey_alpha, 0],
            vec![],
            rows(&target, |label| vec![label, 255]),
        ),
    ] {
        let file = format!("{name}.png");
        files.bytes(&file, &png_with(13, 9, kind, &chunks, &pixels));
        let expected = dice(&p, &one_hot(&target, &[0, 1, 2]));
        files.scores(&format!("p.npy {file}"), expected);
    }
    // Colours do not identify classes.
    let coloured = rows(&target, |label| COLOURS[usize::from(label)].to_vec());
    let coloured = png_with(13, 9, [8, colours, 0], &[], &coloured);
    files.bytes("colours.png", &coloured);
    files.refused("p.npy colours.png", &["colours.png", "found a colour"]);
}
