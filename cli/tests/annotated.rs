//! Classes that are annotated in some cases only. Each test compares a score with that of files in which these classes are merged into
//! the background, or left out.

#[path = "program/mod.rs"]
mod program;

use std::fs;
use std::path::Path;

use ndarray::{Array3, ArrayD, Axis, concatenate};
use ndarray_npy::ReadNpyExt;
use program::{npy, refused, run, stdout, text};
use serde_json::Value;
use tempfile::TempDir;

const SHAPE: (usize, usize, usize) = (3, 8, 8);

/// Probabilities of three classes and labels; the same with class 2 merged into class 0; the foregrounds alone.
fn files() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path();
    let mut probabilities = Array3::from_shape_fn(SHAPE, |(class, y, x)| {
        0.1 + ((3 * class + 5 * y + 7 * x) % 11) as f32
    });
    for mut voxel in probabilities.lanes_mut(Axis(0)) {
        let sum = voxel.sum();
        voxel.mapv_inplace(|p| p / sum);
    }
    let labels = ArrayD::from_shape_fn(vec![8, 8], |index| {
        ((index[0] / 2 + index[1] / 3) % 3) as u8
    });
    let guessed = ArrayD::from_shape_fn(vec![8, 8], |index| ((index[0] + index[1] / 2) % 3) as u8);
    let logits = probabilities.mapv(f32::ln);
    let background = (&probabilities.index_axis(Axis(0), 0)
        + &probabilities.index_axis(Axis(0), 2))
        .insert_axis(Axis(0));
    let organ = probabilities.slice_axis(Axis(0), (1..2).into());
    let merged = concatenate(Axis(0), &[background.view(), organ]).expect("two channels");
    let foregrounds = probabilities.slice_axis(Axis(0), (1..3).into()).to_owned();
    let without = |labels: &ArrayD<u8>| labels.mapv(|label| if label == 2 { 0 } else { label });
    npy(path, "p.npy", &probabilities.into_dyn());
    npy(path, "z.npy", &logits.into_dyn());
    npy(path, "merged.npy", &merged.into_dyn());
    npy(
        path,
        "organ.npy",
        &foregrounds
            .slice_axis(Axis(0), (0..1).into())
            .to_owned()
            .into_dyn(),
    );
    npy(path, "organs.npy", &foregrounds.into_dyn());
    npy(path, "without.npy", &without(&labels));
    npy(path, "guessed_without.npy", &without(&guessed));
    npy(path, "y.npy", &labels);
    npy(path, "guessed.npy", &guessed);
    folder
}

/// The only case of a report.
#[track_caller]
fn case(folder: &Path, arguments: &[&str]) -> Value {
    program::json(folder, arguments)["cases"][0].take()
}

fn value(case: &Value) -> f64 {
    case["value"].as_f64().expect("a value")
}

#[track_caller]
fn assert_close(a: f64, b: f64) {
    assert!(
        (a - b).abs() <= 1e-6 * b.abs().max(1.0),
        "{a}, expected {b}"
    );
}

fn gradient(folder: &Path, name: &str) -> ArrayD<f32> {
    let file = fs::File::open(folder.join(name)).expect("a file");
    ArrayD::read_npy(file).expect("a gradient")
}

#[test]
fn classes_without_annotations_are_part_of_the_background() {
    let folder = files();
    let folder = folder.path();
    for loss in ["dice", "cross-entropy", "asymmetric-unified-focal"] {
        let options = ["--loss", loss, "--gradient"];
        let run = |files: &[&str], name: &str| {
            value(&case(
                folder,
                &[&["eval"], files, options.as_slice(), &[name]].concat(),
            ))
        };
        let merged = run(&["merged.npy", "without.npy"], "merged_g.npy");
        let annotated = run(&["p.npy", "y.npy", "--annotated", "1"], "g.npy");
        assert_close(annotated, merged);
        let logits = ["z.npy", "y.npy", "--annotated", "0,1", "--input", "softmax"];
        assert_close(run(&logits, "z_g.npy"), merged);
        // Both members of the background have its derivative.
        let (ours, theirs) = (gradient(folder, "g.npy"), gradient(folder, "merged_g.npy"));
        for (channel, of) in [(0, 0), (1, 1), (2, 0)] {
            let (ours, theirs) = (
                ours.index_axis(Axis(0), channel),
                theirs.index_axis(Axis(0), of),
            );
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_close((*ours).into(), (*theirs).into());
            }
        }
    }
    let report = case(
        folder,
        &[
            "eval",
            "p.npy",
            "y.npy",
            "--annotated",
            "1",
            "--loss",
            "dice",
            "--per-class",
            "--metrics",
        ],
    );
    let classes = report["per_class"].as_array().expect("classes");
    assert!(classes[1]["value"].is_f64() && classes[1]["tp"].is_f64());
    assert!(classes[2]["value"].is_null() && classes[2]["tp"].is_null());
    let notes = report["reading"]["notes"].to_string();
    assert!(
        notes.contains("without annotations, so part of class 0: 2"),
        "{notes}"
    );
}

#[test]
fn label_maps_are_merged_too() {
    let folder = files();
    let folder = folder.path();
    let options = ["--input", "labels", "--loss", "dice", "--per-class"];
    let of = |files: &[&str]| case(folder, &[&["eval"], files, options.as_slice()].concat());
    let merged = of(&["guessed_without.npy", "without.npy"]);
    let annotated = of(&["guessed.npy", "y.npy", "--annotated", "1"]);
    assert_eq!(value(&annotated), value(&merged));
    for class in 0..2 {
        assert_eq!(annotated["per_class"][class], merged["per_class"][class]);
    }
    assert!(annotated["per_class"][2]["tp"].is_null());
    // The same picture.
    let draw = |files: &[&str], name: &str| {
        stdout(
            folder,
            &[
                &["overlay"],
                files,
                &["--input", "labels", "--output", name],
            ]
            .concat(),
        );
        fs::read(folder.join(name)).expect("a picture")
    };
    let merged = draw(&["guessed_without.npy", "without.npy"], "merged.png");
    assert_eq!(
        draw(&["guessed.npy", "y.npy", "--annotated", "1"], "a.png"),
        merged
    );
    assert_ne!(draw(&["guessed.npy", "y.npy"], "b.png"), merged);
}

#[test]
fn regions_without_annotations_are_not_scored() {
    let folder = files();
    let folder = folder.path();
    for loss in ["dice", "cross-entropy"] {
        let of = |arguments: &[&str]| {
            value(&case(
                folder,
                &[&["eval", "--loss", loss], arguments].concat(),
            ))
        };
        let alone = of(&["organ.npy", "y.npy", "--regions", "a=1"]);
        assert_close(
            of(&[
                "organs.npy",
                "y.npy",
                "--annotated",
                "a",
                "--regions",
                "a=1",
                "b=2",
            ]),
            alone,
        );
        let maps = ["guessed.npy", "y.npy", "--input", "labels"];
        let alone = of(&[maps.as_slice(), &["--regions", "a=1"]].concat());
        let annotated = of(&[
            maps.as_slice(),
            &["--annotated", "a", "--regions", "a=1", "b=2"],
        ]
        .concat());
        assert_eq!(annotated, alone);
    }
    // α of the outside and the inside of each region.
    let of = |arguments: &[&str]| {
        let files = ["eval", "organs.npy", "y.npy", "--loss", "focal"];
        value(&case(folder, &[files.as_slice(), arguments].concat()))
    };
    let regions = ["--regions", "a=1", "b=2"];
    let both = of(&[&["--alpha", "1,3,0.5,2"], regions.as_slice()].concat());
    let one =
        |alpha, name| of(&[&["--alpha", alpha, "--annotated", name], regions.as_slice()].concat());
    assert_close(both, (one("1,3", "a") + one("0.5,2", "b")) / 2.0);
}

#[test]
fn a_manifest_has_the_classes_of_each_case() {
    let folder = files();
    let folder = folder.path();
    let manifest = "case,prediction,target,annotated\nwhole,p.npy,y.npy,\npartial,p.npy,y.npy,1\nother,p.npy,y.npy,1 2\n";
    fs::write(folder.join("cases.csv"), manifest).expect("a file");
    let eval = ["eval", "--manifest", "cases.csv", "--loss", "dice"];
    stdout(
        folder,
        &[eval.as_slice(), &["--output", "results.jsonl"]].concat(),
    );
    let results = fs::read_to_string(folder.join("results.jsonl")).expect("results");
    let records: Vec<Value> = results
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |case: &str| {
        records
            .iter()
            .find(|record| record["case"] == case)
            .expect("a record")
    };
    let alone = |arguments: &[&str]| {
        value(&case(
            folder,
            &[&["eval", "p.npy", "y.npy", "--loss", "dice"], arguments].concat(),
        ))
    };
    assert_eq!(value(of("whole")), alone(&[]));
    assert_eq!(value(of("other")), alone(&[]));
    assert_eq!(value(of("partial")), alone(&["--annotated", "1"]));
    let classes = |case: &str| of(case)["per_class"].as_array().map(Vec::len);
    assert_eq!((classes("whole"), classes("partial")), (Some(3), Some(2)));

    // The page draws each case with its classes.
    stdout(
        folder,
        &["report", "results.jsonl", "--output", "page.html"],
    );
    let page = fs::read_to_string(folder.join("page.html")).expect("a page");
    assert!(
        page.contains("data:image/png;base64,") && !page.contains("they are not those of the run")
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = files();
    let folder = folder.path();
    let eval = |arguments: &[&str], words: &[&str]| {
        refused(
            folder,
            &[&["eval", "--loss", "dice"], arguments].concat(),
            words,
        );
    };
    eval(
        &["p.npy", "y.npy", "--annotated", "3"],
        &["--annotated", "class 3", "0, 1, 2"],
    );
    eval(
        &[
            "organs.npy",
            "y.npy",
            "--annotated",
            "c",
            "--regions",
            "a=1",
            "b=2",
        ],
        &["--annotated", "class c", "a, b"],
    );
    eval(
        &["z.npy", "y.npy", "--annotated", "1", "--input", "sigmoid"],
        &["sigmoid", "softmax"],
    );
    let overlay = [
        "overlay",
        "p.npy",
        "y.npy",
        "--annotated",
        "1",
        "--output",
        "o.png",
        "--class",
        "2",
    ];
    refused(folder, &overlay, &["--class", "2", "not annotated"]);
    // Without label 0, there is no background.
    for name in ["guessed.npy", "y.npy"] {
        let labels: ArrayD<u8> =
            ArrayD::read_npy(fs::File::open(folder.join(name)).expect("a file")).expect("labels");
        npy(folder, &format!("shifted_{name}"), &(labels + 4));
    }
    eval(
        &[
            "shifted_guessed.npy",
            "shifted_y.npy",
            "--annotated",
            "5",
            "--input",
            "labels",
        ],
        &["4, 5, 6", "label 0", "--labels"],
    );
    let listed = run(
        folder,
        &[
            "eval",
            "shifted_guessed.npy",
            "shifted_y.npy",
            "--annotated",
            "5",
            "--input",
            "labels",
            "--labels",
            "4,5,6",
            "--loss",
            "dice",
        ],
    );
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed.stderr));
}
