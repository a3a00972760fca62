//! Errors of classes and regions.

use std::fs;

use ndarray::{Array2, array};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pixels::{BLACK, GREEN, MAGENTA, ORANGE, PALE_BLUE, Pixels};
use crate::program::{npy, run, stdout};

/// Two label maps: each kind of voxel, and one with an ignored label.
fn maps() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let prediction: Array2<u8> = array![[0, 1, 0, 2], [1, 2, 0, 1]];
    let target: Array2<u8> = array![[0, 0, 1, 1], [1, 2, 2, 9]];
    npy(folder.path(), "p.npy", &prediction.into_dyn());
    npy(folder.path(), "y.npy", &target.into_dyn());
    folder
}

fn drawn(folder: &TempDir, arguments: &[&str], size: usize) -> Vec<Vec<[u8; 3]>> {
    let zoom = size.to_string();
    let output = ["--zoom", &zoom, "--output", "errors.png"];
    let all = [&["overlay"], arguments, &output].concat();
    stdout(folder.path(), &all);
    let pixels = Pixels::read(&folder.path().join("errors.png"));
    assert_eq!((pixels.width, pixels.height), (4 * size, 2 * size));
    pixels.voxels(0, [2, 4], [size; 2])
}

const MAPS: [&str; 6] = ["p.npy", "y.npy", "--input", "labels", "--ignore-label", "9"];

#[test]
fn each_kind_of_error_has_its_colour() {
    let folder = maps();
    assert_eq!(
        drawn(&folder, &MAPS, 5),
        [
            [BLACK, MAGENTA, GREEN, ORANGE],
            [PALE_BLUE, PALE_BLUE, GREEN, BLACK],
        ]
    );
    // Of one class, another class is none.
    assert_eq!(
        drawn(&folder, &[&MAPS[..], &["--class", "1"]].concat(), 1),
        [
            [BLACK, MAGENTA, GREEN, GREEN],
            [PALE_BLUE, BLACK, BLACK, BLACK],
        ]
    );
    // The background is a class if it is named.
    assert_eq!(
        drawn(&folder, &[&MAPS[..], &["--class", "0"]].concat(), 1),
        [
            [PALE_BLUE, GREEN, MAGENTA, BLACK],
            [BLACK, BLACK, MAGENTA, BLACK],
        ]
    );
    let text = stdout(
        folder.path(),
        &[&["overlay"], &MAPS[..], &["--output", "errors.png"]].concat(),
    );
    for words in [
        "errors.png: 256 × 128 pixels, p.npy against y.npy",
        "the whole picture",
        "false positives 1, false negatives 2, another class 1, of 7 scored voxels",
        "magenta: false positive; green: false negative",
        "TARGET  npy [2, 4] as yx: labels",
        "voxels with label 9 in TARGET are ignored",
    ] {
        assert!(text.contains(words), "{text} does not say {words:?}");
    }
}

/// Probabilities, logits, a foreground and a one-hot target have the errors of the label map of their most probable classes.
#[test]
fn the_most_probable_class_counts() {
    let folder = maps();
    let labels: Array2<u8> = array![[0, 1, 0, 2], [1, 2, 0, 1]];
    let channels = |inside: f32, outside: f32| {
        ndarray::Array3::from_shape_fn((3, 2, 4), |(class, row, column)| {
            let is_it = labels[[row, column]] == class as u8;
            if is_it { inside } else { outside }
        })
    };
    npy(
        folder.path(),
        "probabilities.npy",
        &channels(0.5, 0.25).into_dyn(),
    );
    npy(
        folder.path(),
        "logits.npy",
        &channels(-1.0, -3.0).into_dyn(),
    );
    let target: Array2<u8> = array![[0, 0, 1, 1], [1, 2, 2, 0]];
    let one_hot = ndarray::Array3::from_shape_fn((3, 2, 4), |(class, row, column)| {
        f32::from(u8::from(target[[row, column]] == class as u8))
    });
    npy(folder.path(), "one_hot.npy", &one_hot.into_dyn());
    let with_void = [
        [BLACK, MAGENTA, GREEN, ORANGE],
        [PALE_BLUE, PALE_BLUE, GREEN, BLACK],
    ];
    let void = ["y.npy", "--ignore-label", "9"];
    let probabilities = drawn(&folder, &[&["probabilities.npy"], &void[..]].concat(), 2);
    assert_eq!(probabilities, with_void);
    let logits = [
        "logits.npy",
        "y.npy",
        "--ignore-label",
        "9",
        "--input",
        "softmax",
    ];
    assert_eq!(drawn(&folder, &logits, 2), with_void);
    // Here the last voxel counts.
    let one_hot = drawn(&folder, &["probabilities.npy", "one_hot.npy"], 2);
    assert_eq!(one_hot[1][3], MAGENTA);
    assert_eq!(one_hot[0], with_void[0]);

    let foreground: Array2<f32> = array![[0.1, 0.9, 0.5, 0.6], [0.7, 0.2, 0.1, 0.0]];
    let inside: Array2<u8> = array![[0, 0, 1, 1], [1, 1, 0, 0]];
    npy(folder.path(), "foreground.npy", &foreground.into_dyn());
    npy(folder.path(), "inside.npy", &inside.into_dyn());
    assert_eq!(
        drawn(&folder, &["foreground.npy", "inside.npy"], 1),
        [
            [BLACK, MAGENTA, GREEN, PALE_BLUE],
            [PALE_BLUE, GREEN, BLACK, BLACK],
        ]
    );
}

/// A region is looked at by itself, and all of them together: a voxel may have one and lack another.
#[test]
fn regions_may_overlap() {
    let folder = maps();
    let regions = ["--regions", "whole=1,2", "core=2", "--class"];
    let of = |class| drawn(&folder, &[&MAPS[..], &regions, &[class]].concat(), 1);
    assert_eq!(of("core")[0], [BLACK, BLACK, BLACK, MAGENTA]);
    assert_eq!(of("whole")[0], [BLACK, MAGENTA, GREEN, PALE_BLUE]);
    let all = drawn(&folder, &[&MAPS[..], &regions[..3]].concat(), 1);
    assert_eq!(all[0], [BLACK, MAGENTA, GREEN, MAGENTA]);
    assert_eq!(all[1], [PALE_BLUE, PALE_BLUE, GREEN, BLACK]);
}

/// The image is grey between its 1st and 99th percentile, and is seen below what is right.
#[test]
fn the_image_is_the_background() {
    let folder = maps();
    let image: Array2<f32> = array![[-100.0, 0.0, 0.0, 0.0], [100.0, 25.0, 0.0, 300.0]];
    npy(folder.path(), "image.npy", &image.into_dyn());
    let voxels = drawn(&folder, &[&MAPS[..], &["--image", "image.npy"]].concat(), 3);
    let [first, second] = &voxels[..] else {
        panic!("two rows")
    };
    assert_eq!(first[..], [BLACK, MAGENTA, GREEN, ORANGE]);
    // From −100 to 300: 100 is half of white, 25 is 31 %, each with 35 % of the tint.
    let tinted = |grey: f64| {
        [80.0, 160.0, 240.0].map(|tint: f64| (grey + 0.35 * (tint - grey)).round() as u8)
    };
    assert_eq!(second[..], [tinted(128.0), tinted(80.0), GREEN, [255; 3]]);
}

/// Several cases go to a folder, each under its name; a case that fails does not affect the others.
#[test]
fn each_case_of_a_folder_has_a_picture() {
    let folder = TempDir::new().expect("a folder");
    let one: Array2<u8> = array![[0, 1], [1, 0]];
    for file in ["p/1.npy", "p/2.npy", "y/1.npy", "y/2.npy", "y/3.npy"] {
        npy(folder.path(), file, &one.clone().into_dyn());
    }
    std::fs::create_dir(folder.path().join("pictures")).expect("a folder");
    let arguments = ["overlay", "p", "y", "--input", "labels", "--zoom", "1"];
    let arguments = [&arguments[..], &["--output", "pictures"]].concat();
    let output = crate::program::run(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let message = crate::program::text(&output.stderr);
    assert!(
        message.contains("1 of 3 cases have no picture"),
        "{message}"
    );
    for case in ["1", "2"] {
        let pixels = Pixels::read(&folder.path().join(format!("pictures/{case}.png")));
        let expected = [[BLACK, PALE_BLUE], [PALE_BLUE, BLACK]];
        assert_eq!(pixels.voxels(0, [2, 2], [1, 1]), expected);
    }
    let files = folder.path().join("pictures").read_dir().expect("a folder");
    assert_eq!(files.count(), 2);
}

#[test]
fn pictures_are_listed_as_json() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let volume = |labels: [u8; 8]| ndarray::Array3::from_shape_vec((2, 2, 2), labels.to_vec());
    let wrong = volume([0, 1, 0, 2, 0, 0, 0, 0]).expect("eight voxels");
    let right = volume([0, 1, 1, 0, 0, 0, 0, 0]).expect("eight voxels");
    npy(folder, "p/a.npy", &wrong.into_dyn());
    npy(folder, "y/a.npy", &right.into_dyn());
    npy(folder, "p/b.npy", &ndarray::arr0(0.5).into_dyn());
    npy(folder, "y/b.npy", &ndarray::arr0(0.5).into_dyn());
    fs::create_dir(folder.join("out")).expect("a folder");
    let options = [
        "overlay", "p", "y", "--input", "labels", "--loss", "dice", "--output", "out", "--format",
        "json",
    ];
    let output = run(folder, &options);
    assert_eq!(output.status.code(), Some(1));
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&listed["loss"], &listed["map"]),
        (&json!("dice"), &json!(null))
    );
    assert_eq!(listed["parameters"]["delta"], 0.5);
    let [picture] = &listed["pictures"].as_array().expect("pictures")[..] else {
        panic!("{listed}")
    };
    let pixels = Pixels::read(&folder.join(picture["file"].as_str().expect("a file")));
    assert_eq!(
        (&picture["width"], &picture["height"]),
        (&json!(pixels.width), &json!(pixels.height))
    );
    assert_eq!(
        (&picture["prediction"], &picture["target"]),
        (&json!("p/a.npy"), &json!("y/a.npy"))
    );
    assert_eq!(picture["sample"], 0);
    assert_eq!(
        picture["planes"][0],
        json!({ "name": "axial", "at": { "z": 0 } })
    );
    assert_eq!(
        picture["planes"][2],
        json!({ "name": "sagittal", "at": { "x": 0 } })
    );
    let errors =
        json!({ "false_positives": 1, "false_negatives": 1, "another_class": 0, "scored": 8 });
    assert_eq!(picture["errors"], errors);
    let score = [
        "eval", "p/a.npy", "y/a.npy", "--input", "labels", "--loss", "dice",
    ];
    let score = crate::program::json(folder, &score);
    assert_eq!(picture["value"], score["mean"]);
    assert_eq!(picture["reading"], score["cases"][0]["reading"]);
    assert_eq!(listed["failed"][0]["prediction"], "p/b.npy");
}
