//! Maps of the loss and of the gradient.

use std::path::Path;

use ndarray::{Array2, Array3, ArrayD, array};
use ndarray_npy::ReadNpyExt;
use tempfile::TempDir;

use crate::pixels::Pixels;
use crate::program::{json, npy, stdout};

const WITHOUT: [u8; 3] = [96; 3];

/// Three classes on 2 × 2 pixels, of which the last is ignored.
fn files() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let p: Array3<f64> = array![
        [[0.7, 0.2], [0.05, 0.4]],
        [[0.2, 0.5], [0.15, 0.3]],
        [[0.1, 0.3], [0.8, 0.3]]
    ];
    let y: Array2<u8> = array![[0, 0], [1, 9]];
    npy(folder.path(), "p.npy", &p.into_dyn());
    npy(folder.path(), "y.npy", &y.into_dyn());
    folder
}

const FILES: [&str; 6] = ["p.npy", "y.npy", "--ignore-label", "9", "--batch", "no"];

fn drawn(folder: &Path, arguments: &[&str]) -> (Vec<Vec<[u8; 3]>>, String) {
    let output = ["--zoom", "1", "--output", "map.png"];
    let text = stdout(
        folder,
        &[&["overlay"], &FILES[..], arguments, &output].concat(),
    );
    let pixels = Pixels::read(&folder.join("map.png"));
    (pixels.voxels(0, [2, 2], [1, 1]), text)
}

/// From black over red and yellow to white.
fn shade(share: f64) -> [u8; 3] {
    [0.0, 1.0, 2.0].map(|from| (255.0 * (3.0 * share - from).clamp(0.0, 1.0)).round() as u8)
}

/// Each pixel has the loss that `eval` gives for this pixel alone.
#[test]
fn the_loss_of_each_voxel_is_that_of_the_voxel_alone() {
    let folder = files();
    let folder = folder.path();
    for (loss, alone) in [
        (
            &["--loss", "cross-entropy"][..],
            &["--loss", "cross-entropy"][..],
        ),
        (
            &["--loss", "focal", "--gamma", "3"],
            &["--loss", "focal", "--gamma", "3"],
        ),
        (
            &["--loss", "focal", "--alpha", "1,2,3"],
            &["--loss", "focal", "--alpha", "1,2,3"],
        ),
        (
            &["--loss", "cross-entropy", "--class-weights", "1,4,0"],
            &["--loss", "cross-entropy", "--class-weights", "1,4,0"],
        ),
        // Of a compound loss, its distribution-based side.
        (
            &["--loss", "dice-cross-entropy"],
            &["--loss", "cross-entropy"],
        ),
    ] {
        let value = |row: usize, column: usize| {
            let file = std::fs::File::open(folder.join("p.npy")).expect("a file");
            let p = ArrayD::<f64>::read_npy(file).expect("an array");
            let one = p
                .slice(ndarray::s![.., row..=row, column..=column])
                .to_owned();
            npy(folder, "one_p.npy", &one.into_dyn());
            let label: Array2<u8> = array![[[[0, 0], [1, 9]][row][column]]];
            npy(folder, "one_y.npy", &label.into_dyn());
            let files = [
                "eval",
                "one_p.npy",
                "one_y.npy",
                "--axes",
                "cyx",
                "--target-axes",
                "yx",
            ];
            let report = json(folder, &[&files[..], alone].concat());
            report["cases"][0]["value"].as_f64().expect("a loss")
        };
        let losses = [[value(0, 0), value(0, 1)], [value(1, 0), f64::NAN]];
        let largest = losses
            .as_flattened()
            .iter()
            .fold(0.0, |most: f64, loss| most.max(*loss));
        let (voxels, text) = drawn(folder, &[loss, &["--map", "loss"]].concat());
        for (row, column) in [(0, 0), (0, 1), (1, 0)] {
            let expected = shade(losses[row][column] / largest);
            assert_eq!(voxels[row][column], expected, "{loss:?} at {row}, {column}");
        }
        assert_eq!(voxels[1][1], WITHOUT);
        assert!(text.contains(&format!("to {largest:.6} (white)")), "{text}");
        // The mean of the map is the loss of the case.
        let mean = (losses[0][0] + losses[0][1] + losses[1][0]) / 3.0;
        let report = json(folder, &[&["eval"], &FILES[..], alone].concat());
        let value = report["cases"][0]["value"].as_f64().expect("a loss");
        assert!((value - mean).abs() < 1e-12, "{loss:?}: {value} and {mean}");
    }
}

/// The voxels that are not hard have the loss 0, and the mean over the others is the loss of the case.
#[test]
fn only_hard_voxels_have_a_loss() {
    let folder = files();
    let folder = folder.path();
    let loss = ["--loss", "hard-voxels", "--threshold", "0.6"];
    let (voxels, text) = drawn(folder, &[&loss[..], &["--map", "loss"]].concat());
    let [hard, hardest] = [0.2, 0.15].map(|p: f64| -p.ln());
    assert_eq!(voxels[0], [shade(0.0), shade(hard / hardest)]);
    assert_eq!(voxels[1], [shade(1.0), WITHOUT]);
    assert!(text.contains(&format!("to {hardest:.6} (white)")), "{text}");
    let report = json(folder, &[&["eval"], &FILES[..], &loss].concat());
    let value = report["cases"][0]["value"].as_f64().expect("a loss");
    assert!((value - (hard + hardest) / 2.0).abs() < 1e-12, "{value}");
}

/// The gradient of `eval --gradient`, of a channel or of all.
#[test]
fn the_gradient_is_that_of_eval() {
    let folder = files();
    let folder = folder.path();
    let loss = ["--loss", "dice"];
    let eval = [&["eval"], &FILES[..], &loss, &["--gradient", "g.npy"]].concat();
    stdout(folder, &eval);
    let file = std::fs::File::open(folder.join("g.npy")).expect("a gradient");
    let gradient = ArrayD::<f64>::read_npy(file).expect("an array");
    let at = |class: usize, row: usize, column: usize| gradient[[class, row, column]];
    let places = [(0, 0), (0, 1), (1, 0)];

    let (voxels, text) = drawn(
        folder,
        &[&loss[..], &["--map", "gradient", "--class", "1"]].concat(),
    );
    let largest = places.iter().fold(0.0, |most: f64, (row, column)| {
        most.max(at(1, *row, *column).abs())
    });
    let mut signs = [0, 0];
    for (row, column) in places {
        let slope = at(1, row, column);
        signs[usize::from(slope > 0.0)] += 1;
        let faded = (255.0 * (1.0 - slope.abs() / largest)).round() as u8;
        let expected = if slope < 0.0 {
            [faded, faded, 255]
        } else {
            [255, faded, faded]
        };
        assert_eq!(voxels[row][column], expected, "{row}, {column}");
    }
    assert_eq!(signs, [1, 2], "both signs occur");
    assert_eq!(voxels[1][1], WITHOUT);
    assert!(
        text.contains("derivative by the channel of class 1"),
        "{text}"
    );

    let (voxels, text) = drawn(folder, &[&loss[..], &["--map", "gradient"]].concat());
    let length = |(row, column): (usize, usize)| {
        let squares = (0..3).map(|class| at(class, row, column).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let largest = places
        .iter()
        .fold(0.0, |most: f64, place| most.max(length(*place)));
    for (row, column) in places {
        let expected = shade(length((row, column)) / largest);
        assert_eq!(voxels[row][column], expected, "{row}, {column}");
    }
    assert!(
        text.contains("length of the gradient over the 3 channels"),
        "{text}"
    );
}

/// A region's loss is the binary one, and the mean is over the regions.
#[test]
fn regions_have_a_loss_of_each_voxel() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let p: Array3<f64> = array![[[0.9, 0.4]], [[0.3, 0.8]]];
    let y: Array2<u8> = array![[1, 2]];
    npy(folder, "p.npy", &p.into_dyn());
    npy(folder, "y.npy", &y.into_dyn());
    let files = [
        "overlay",
        "p.npy",
        "y.npy",
        "--axes",
        "cyx",
        "--regions",
        "whole=1,2",
        "core=2",
    ];
    let map = [
        "--loss",
        "cross-entropy",
        "--map",
        "loss",
        "--zoom",
        "1",
        "--output",
        "o.png",
    ];
    let text = stdout(folder, &[&files[..], &map].concat());
    let one = (-(0.9_f64.ln()) - 0.7_f64.ln()) / 2.0;
    let other = (-(0.4_f64.ln()) - 0.8_f64.ln()) / 2.0;
    assert!(text.contains(&format!("to {other:.6} (white)")), "{text}");
    let pixels = Pixels::read(&folder.join("o.png"));
    assert_eq!(pixels.at(0, 0), shade(one / other));
    assert_eq!(pixels.at(0, 1), [255; 3]);
}
