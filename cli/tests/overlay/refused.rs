//! Options and files that are refused, and leave nothing behind.

use std::path::Path;

use ndarray::{Array2, Array3, array};
use tempfile::TempDir;

use crate::program::{npy, refused, run};

fn files() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let p: Array3<f32> = array![[[0.7, 0.2], [0.7, 0.2]], [[0.3, 0.8], [0.3, 0.8]]];
    let y: Array2<u8> = array![[0, 1], [0, 1]];
    npy(folder.path(), "p.npy", &p.into_dyn());
    npy(folder.path(), "y.npy", &y.into_dyn());
    folder
}

/// How many files a folder has, hidden ones too.
fn count(folder: &Path) -> usize {
    folder.read_dir().expect("a folder").count()
}

#[test]
fn a_message_says_what_is_wrong() {
    let folder = files();
    let folder = folder.path();
    let invalid: Array3<f32> = array![[[0.7, 0.2], [0.7, 0.2]], [[0.3, 1.8], [0.3, 0.8]]];
    npy(folder, "invalid.npy", &invalid.into_dyn());
    let small: Array2<f32> = array![[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]];
    npy(folder, "small.npy", &small.into_dyn());
    let before = count(folder);
    let files = [
        "overlay", "p.npy", "y.npy", "--axes", "cyx", "--output", "o.png",
    ];
    for (arguments, words) in [
        (&["--at", "0"][..], &["--at is 0,", "axes yx", "[2, 2]"][..]),
        (&["--at", "0,2"], &["--at is 0, 2,", "below [2, 2]"]),
        (&["--sample", "1"], &["--sample is 1", "below 1"]),
        (&["--zoom", "0"], &["--zoom is 0"]),
        (
            &["--zoom", "100000"],
            &["200000 × 200000 pixels", "16384", "--zoom"],
        ),
        (&["--class", "3"], &["--class: found 3", "0, 1"]),
        (
            &["--map", "loss", "--loss", "dice"],
            &["--map loss", "dice", "--map gradient"],
        ),
        (
            &["--map", "loss", "--class", "1"],
            &["--class", "--class-weights"],
        ),
        (
            &["--image", "y.npy", "--map", "gradient"],
            &["--image", "--map"],
        ),
        (&["--image", "missing.npy"], &["missing.npy"]),
        (&["--image", "small.npy"], &["image", "does not fit PRED"]),
    ] {
        refused(folder, &[&files[..], arguments].concat(), words);
        assert_eq!(count(folder), before, "{arguments:?} left a file");
    }
    let labels = [
        "overlay", "y.npy", "y.npy", "--input", "labels", "--output", "o.png",
    ];
    refused(
        folder,
        &[&labels[..], &["--map", "gradient"]].concat(),
        &["--map", "labels"],
    );
    let invalid = [
        "overlay",
        "invalid.npy",
        "y.npy",
        "--axes",
        "cyx",
        "--output",
        "o.png",
    ];
    refused(folder, &invalid, &["invalid.npy", "1.79999", "channel 1"]);
    let missing = [
        "overlay", "p.npy", "y.npy", "--axes", "cyx", "--output", "no/o.png",
    ];
    refused(folder, &missing, &["no/o.png", "cannot be written"]);
    let itself = [
        "overlay", "p.npy", "y.npy", "--axes", "cyx", "--output", "p.npy",
    ];
    refused(folder, &itself, &["p.npy", "is an input file"]);
    // Neither are the image and the folder of images.
    let image = Array2::<f32>::zeros((2, 2)).into_dyn();
    npy(folder, "images/p.npy", &image);
    npy(folder, "image.png", &image);
    let before = before + 2;
    let onto = ["overlay", "p.npy", "y.npy", "--axes", "cyx", "--image"];
    let file = ["images/p.npy", "--output", "images/p.npy"];
    refused(folder, &[&onto[..], &file].concat(), &["is an input file"]);
    let images = ["images", "--output", "images"];
    refused(
        folder,
        &[&onto[..], &images].concat(),
        &["is a folder that is read"],
    );
    assert_eq!(count(folder), before);
    // An output is required.
    assert_eq!(
        run(folder, &["overlay", "p.npy", "y.npy"]).status.code(),
        Some(2)
    );
}

#[test]
fn a_case_without_a_scored_voxel_has_no_error() {
    let folder = files();
    let folder = folder.path();
    let files = [
        "overlay",
        "p.npy",
        "y.npy",
        "--axes",
        "cyx",
        "--ignore-label",
        "0,1",
    ];
    let text = crate::program::stdout(folder, &[&files[..], &["--output", "o.png"]].concat());
    assert!(text.contains("of 0 scored voxels"), "{text}");
    // A map of it has no number.
    let map = ["--map", "loss", "--zoom", "1", "--output", "o.png"];
    crate::program::stdout(folder, &[&files[..], &map].concat());
    let pixels = crate::pixels::Pixels::read(&folder.join("o.png"));
    assert_eq!(pixels.voxels(0, [2, 2], [1, 1]), [[[96; 3]; 2]; 2]);
    npy(folder, "empty.npy", &Array2::<u8>::zeros((0, 3)).into_dyn());
    let empty = [
        "overlay",
        "empty.npy",
        "empty.npy",
        "--input",
        "labels",
        "--output",
        "e.png",
    ];
    refused(folder, &empty, &["has no voxels"]);
    assert!(!folder.join("e.png").exists());
}
