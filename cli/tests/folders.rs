//! Folders: which files are cases, how they are paired, and what happens to the others when one fails.

#[path = "build/mod.rs"]
mod build;
#[path = "formula/mod.rs"]
mod formula;

use std::fs;
use std::io::{Cursor, Write};
use std::process::{Command, Output};

use build::{Nifti1, gzip, nifti1};
use ndarray::{Array1, ArrayD, IxDyn};
use ndarray_npy::{WritableElement, WriteNpyExt};
use serde_json::Value;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Three ground truths and a prediction of each.
const LABELS: [[u8; 8]; 3] = [
    [0, 0, 1, 1, 0, 1, 1, 0],
    [0, 1, 1, 1, 0, 0, 0, 0],
    [1, 0, 0, 1, 1, 1, 1, 0],
];
const GUESSES: [[u8; 8]; 3] = [
    [0, 1, 1, 1, 0, 1, 0, 0],
    [0, 1, 1, 0, 0, 0, 0, 1],
    [1, 0, 1, 1, 0, 1, 1, 0],
];

/// A temporary folder with the files of a test.
struct Data(TempDir);

impl Data {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    /// Writes a label map in the format of the extension.
    fn labels(&self, path: &str, labels: [u8; 8]) {
        let file = if path.ends_with(".nii.gz") {
            gzip(&nifti1(&Nifti1 {
                shape: &[4, 2],
                datatype: 2,
                affine: [
                    [1.0, 0.0, 0.0, 0.0],
                    [0.0, 1.0, 0.0, 0.0],
                    [0.0, 0.0, 1.0, 0.0],
                ],
                scaling: [0.0, 0.0],
                voxels: &labels,
            }))
        } else {
            npy(&[2, 4], labels.to_vec())
        };
        self.bytes(path, &file);
    }

    fn npz(&self, path: &str, arrays: &[(&str, Vec<u8>)]) {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (key, array) in arrays {
            archive
                .start_file(format!("{key}.npy"), SimpleFileOptions::default())
                .expect("an entry");
            archive.write_all(array).expect("an array");
        }
        let bytes = archive.finish().expect("an archive").into_inner();
        self.bytes(path, &bytes);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_unifocal"))
            .args(arguments)
            .current_dir(self.0.path())
            .output()
            .expect("the program starts")
    }

    /// The report on label maps, the exit status and stderr.
    fn eval(&self, arguments: &[&str]) -> (Value, Option<i32>, String) {
        let labels = ["--input", "labels", "--loss", "dice", "--format", "json"];
        let output = self.run(&[&["eval"], arguments, &labels].concat());
        let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        (report, output.status.code(), stderr)
    }

    /// The score of one pair.
    fn score(&self, prediction: &str, target: &str) -> f64 {
        let (report, code, stderr) = self.eval(&[prediction, target]);
        assert_eq!(code, Some(0), "{stderr}");
        report["mean"].as_f64().expect("a mean")
    }

    /// Checks that these pairs are the cases, and that the mean is the mean of their scores.
    #[track_caller]
    fn pairs(&self, arguments: &[&str], pairs: &[(&str, &str)]) -> (Value, String) {
        let (report, code, stderr) = self.eval(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
        let found: Vec<(&str, &str)> = (report["cases"].as_array().expect("cases").iter())
            .map(|case| {
                let path = |side: &str| case[side].as_str().expect("a path");
                (path("prediction"), path("target"))
            })
            .collect();
        assert_eq!(found, pairs);
        let scores: Vec<f64> = (pairs.iter())
            .map(|(prediction, target)| self.score(prediction, target))
            .collect();
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let ours = report["mean"].as_f64().expect("a mean");
        assert!((ours - mean).abs() < 1e-12, "{ours} is not {mean}");
        (report, stderr)
    }

    /// Checks that a run prints no report and an error with these words.
    #[track_caller]
    fn refused(&self, arguments: &[&str], words: &[&str]) {
        let (report, code, stderr) = self.eval(arguments);
        assert_eq!((report, code), (Value::Null, Some(1)), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "{stderr:?} does not say {word:?}");
        }
    }
}

fn npy<T: WritableElement>(shape: &[usize], values: Vec<T>) -> Vec<u8> {
    let array =
        ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape has");
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).expect("a .npy file");
    bytes
}

/// Two cases in the folders `p` and `y`, with file names made from the number of the case.
fn two(prediction: impl Fn(usize) -> String, target: impl Fn(usize) -> String) -> Data {
    let data = Data::new();
    for case in [0, 1] {
        data.labels(&prediction(case), GUESSES[case]);
        data.labels(&target(case), LABELS[case]);
    }
    data
}

#[test]
fn a_pair_scores_the_dice_of_its_labels() {
    let data = two(
        |case| format!("p/{case}.nii.gz"),
        |case| format!("y/{case}.nii.gz"),
    );
    for case in [0, 1] {
        let [p, y] = [GUESSES, LABELS]
            .map(|labels| formula::foreground(&Array1::from(labels[case].to_vec()).into_dyn()));
        let (found, expected) = (
            data.score(&format!("p/{case}.nii.gz"), &format!("y/{case}.nii.gz")),
            formula::dice(&p, &y),
        );
        assert!(
            (found - expected).abs() < 1e-12,
            "{found} is not {expected}"
        );
    }
}

#[test]
fn other_files_and_hidden_files_are_skipped() {
    let data = two(
        |case| format!("p/{case}.NPY"),
        |case| format!("y/{case}.npy"),
    );
    for file in [
        "p/._0.npy",
        "y/.hidden.npy",
        "p/dataset.json",
        "p/0.pkl",
        "y/.git/1.npy",
    ] {
        data.bytes(file, b"not an array");
    }
    data.pairs(
        &["p", "y"],
        &[("p/0.NPY", "y/0.npy"), ("p/1.NPY", "y/1.npy")],
    );
}

#[test]
fn the_input_option_chooses_between_the_files_of_nnunet() {
    let data = Data::new();
    for case in ["a", "b"] {
        data.bytes(&format!("p/{case}.nii.gz"), b"not looked into");
        data.bytes(&format!("p/{case}.pkl"), b"not looked into");
        let foreground = [0.1_f32, 0.8, 0.3, 0.9];
        let both = foreground.map(|p| 1.0 - p).into_iter().chain(foreground);
        data.npz(
            &format!("p/{case}.npz"),
            &[("probabilities", npy(&[2, 2, 2], both.collect()))],
        );
        data.bytes(&format!("y/{case}.npy"), &npy(&[2, 2], vec![0_u8, 1, 0, 1]));
    }
    let output = data.run(&[
        "eval",
        "p",
        "y",
        "--input",
        "probabilities",
        "--format",
        "csv",
    ]);
    let report = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        report.contains("p/a.npz") && report.contains("p/b.npz"),
        "{report}"
    );
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        stderr.starts_with("note: ") && stderr.contains(".npz is read"),
        "{stderr}"
    );
    // Labels are in the image, which is not a valid file here.
    data.refused(&["p", "y"], &["a.nii.gz", "b.nii.gz", "2 of 2"]);
    let output = data.run(&["eval", "p", "y", "--input", "logits"]);
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        stderr.contains("--prediction-pattern '{case}.nii.gz'"),
        "{stderr}"
    );
    let npz = [
        "eval",
        "p",
        "y",
        "--input",
        "logits",
        "--prediction-pattern",
        "{case}.npz",
    ];
    // The pattern chooses the archive, whose numbers are not logits.
    let stderr = String::from_utf8(data.run(&npz).stderr).expect("UTF-8");
    assert!(
        stderr.contains("a.npz") && stderr.contains("--input probabilities"),
        "{stderr}"
    );
}

#[test]
fn a_common_suffix_is_recognised_with_a_note() {
    let data = two(
        |case| format!("p/case_{case}_0000.nii.gz"),
        |case| format!("y/case_{case}.nii.gz"),
    );
    let pairs = [
        ("p/case_0_0000.nii.gz", "y/case_0.nii.gz"),
        ("p/case_1_0000.nii.gz", "y/case_1.nii.gz"),
    ];
    let (report, stderr) = data.pairs(&["p", "y"], &pairs);
    assert!(
        stderr.starts_with("note: ") && stderr.contains("'{case}_0000'"),
        "{stderr}"
    );
    let note = report["notes"][0].as_str().expect("a note");
    assert!(stderr.contains(note), "{note}");
    // A case without a prediction fails; the others do not.
    data.labels("y/case_2.nii.gz", LABELS[2]);
    let (report, code, stderr) = data.eval(&["p", "y"]);
    assert_eq!(code, Some(1));
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(2));
    assert!(
        stderr.contains("no prediction for the case case_2"),
        "{stderr}"
    );
}

#[test]
fn patterns_mark_the_name_of_the_case() {
    let data = two(
        |case| format!("d/{case}_pred.npy"),
        |case| format!("d/{case}_true.npy"),
    );
    data.refused(
        &["d", "d", "--prediction-pattern", "{case}_predicted"],
        &["--prediction-pattern"],
    );
    let patterns = [
        "d",
        "d",
        "--prediction-pattern",
        "{case}_pred",
        "--target-pattern",
        "{case}_true.npy",
    ];
    let pairs = [
        ("d/0_pred.npy", "d/0_true.npy"),
        ("d/1_pred.npy", "d/1_true.npy"),
    ];
    data.pairs(&patterns, &pairs);
    // Without patterns each file is its own target, with a note.
    let (report, code, stderr) = data.eval(&["d", "d"]);
    assert_eq!((report["mean"].as_f64(), code), (Some(0.0), Some(0)));
    assert!(stderr.contains("against itself"), "{stderr}");
    // With two folders, the error proposes patterns that pair the files.
    let data = two(
        |case| format!("p/{case}_pred.npy"),
        |case| format!("y/{case}_true.npy"),
    );
    let proposed = "--prediction-pattern '{case}_pred' --target-pattern '{case}_true'";
    data.refused(&["p", "y"], &[proposed, "0_pred", "1_true"]);
    assert_eq!(
        data.run(&["eval", "p", "y", "--target-pattern", "true"])
            .status
            .code(),
        Some(2)
    );
    data.refused(
        &["p/0_pred.npy", "y/0_true.npy", "--recursive"],
        &["--recursive", "not a folder"],
    );
}

#[test]
fn cases_can_have_a_folder_each() {
    let data = two(
        |case| format!("p/{case}/seg.nii.gz"),
        |case| format!("y/{case}/seg.nii.gz"),
    );
    let pairs = [
        ("p/0/seg.nii.gz", "y/0/seg.nii.gz"),
        ("p/1/seg.nii.gz", "y/1/seg.nii.gz"),
    ];
    data.pairs(&["p", "y"], &pairs);
    let data = two(
        |case| format!("p/{case}.npy"),
        |case| format!("y/{case}/{case}-seg.npy"),
    );
    let pairs = [("p/0.npy", "y/0/0-seg.npy"), ("p/1.npy", "y/1/1-seg.npy")];
    data.pairs(&["p", "y"], &pairs);
    // Several files in each folder, as in BraTS.
    for case in [0, 1] {
        data.labels(&format!("y/{case}/{case}-t1.npy"), LABELS[2]);
    }
    data.refused(&["p", "y"], &["--target-pattern"]);
    data.pairs(&["p", "y", "--target-pattern", "{case}/{case}-seg"], &pairs);
}

#[test]
fn subfolders_are_part_of_the_name() {
    let data = two(
        |case| format!("p/{case}/x.npy"),
        |case| format!("y/{case}/x.npy"),
    );
    data.labels("p/x.npy", GUESSES[2]);
    data.labels("y/x.npy", LABELS[2]);
    data.pairs(&["p", "y"], &[("p/x.npy", "y/x.npy")]);
    let pairs = [
        ("p/0/x.npy", "y/0/x.npy"),
        ("p/1/x.npy", "y/1/x.npy"),
        ("p/x.npy", "y/x.npy"),
    ];
    data.pairs(&["p", "y", "--recursive"], &pairs);
}

#[test]
fn a_key_selects_an_array_in_every_archive_of_a_folder() {
    let data = Data::new();
    for case in [0, 1] {
        let arrays = [
            ("image", npy(&[2, 4], vec![0.5_f32; 8])),
            ("guess", npy(&[2, 4], GUESSES[case].to_vec())),
            ("label", npy(&[2, 4], LABELS[case].to_vec())),
        ];
        data.npz(&format!("d/{case}.npz"), &arrays);
        data.bytes(&format!("d/{case}.png"), b"not looked into");
    }
    let pairs = [
        ("d/0.npz:guess", "d/0.npz:label"),
        ("d/1.npz:guess", "d/1.npz:label"),
    ];
    data.pairs(&["d:guess", "d:label"], &pairs);
    data.refused(
        &["d:guess", "d:labels"],
        &["labels", "guess, image, label", "2 of 2"],
    );
    data.labels("y/0.npy", LABELS[0]);
    data.refused(
        &["d:guess", "y:label"],
        &["y: ", ".npz or .safetensors", "label"],
    );
}

#[test]
fn a_manifest_lists_the_cases() {
    let data = two(
        |case| format!("m/p/{case}.npy"),
        |case| format!("m/y{case}.npy"),
    );
    data.bytes(
        "m/cases.csv",
        b"case,prediction,target\nzoe,p/0.npy,y0.npy\nanna,p/1.npy,y1.npy\n",
    );
    let pairs = [("m/p/0.npy", "m/y0.npy"), ("m/p/1.npy", "m/y1.npy")];
    data.pairs(&["--manifest", "m/cases.csv"], &pairs);
    data.bytes(
        "m/cases.csv",
        b"prediction,target\np/0.npy,y0.npy\np/1.npy,nowhere.npy\np/0.npy,\n",
    );
    let (report, code, stderr) = data.eval(&["--manifest", "m/cases.csv"]);
    assert_eq!(code, Some(1));
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["failed"][0]["target"], "m/nowhere.npy");
    assert_eq!(report["failed"][1]["target"], Value::Null);
    assert!(
        stderr.contains("line 4") && stderr.contains("2 of 3"),
        "{stderr}"
    );
    data.refused(&["--manifest", "nowhere.csv"], &["nowhere.csv"]);
    for arguments in [&["p", "y", "--manifest", "m/cases.csv"][..], &["p"]] {
        assert_eq!(data.eval(arguments).1, Some(2));
    }
}

#[test]
fn one_bad_case_does_not_affect_the_others() {
    let data = two(
        |case| format!("p/{case}.nii.gz"),
        |case| format!("y/{case}.nii.gz"),
    );
    data.bytes("p/0a.nii.gz", b"");
    data.labels("y/0a.nii.gz", LABELS[2]);
    data.labels("p/2.nii.gz", GUESSES[2]);
    data.labels("y/3.nii.gz", LABELS[2]);
    let (report, code, stderr) = data.eval(&["p", "y"]);
    assert_eq!(code, Some(1));
    let mean =
        0.5 * (data.score("p/0.nii.gz", "y/0.nii.gz") + data.score("p/1.nii.gz", "y/1.nii.gz"));
    assert!((report["mean"].as_f64().expect("a mean") - mean).abs() < 1e-12);
    let failed = report["failed"].as_array().expect("the failed");
    let files = |side: &str| -> Vec<Value> { failed.iter().map(|f| f[side].clone()).collect() };
    assert_eq!(
        files("prediction"),
        ["p/0a.nii.gz".into(), "p/2.nii.gz".into(), Value::Null]
    );
    assert_eq!(
        files("target"),
        ["y/0a.nii.gz".into(), Value::Null, "y/3.nii.gz".into()]
    );
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{stderr}");
    for (line, failed) in lines.iter().zip(failed) {
        let message = failed["message"].as_str().expect("a message");
        assert_eq!(*line, format!("error: {message}"));
    }
    assert_eq!(lines[3], "error: 3 of 5 cases have no score");
    // The other command and the other report formats do the same.
    let compared = data.run(&["compare", "p", "y", "--input", "labels", "--format", "csv"]);
    assert_eq!(compared.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&compared.stdout).lines().count(),
        1 + 2 * 25
    );
}

#[test]
fn fail_fast_stops_at_the_first_failure() {
    let data = two(
        |case| format!("p/{case}.npy"),
        |case| format!("y/{case}.npy"),
    );
    data.labels("p/2.npy", GUESSES[2]);
    data.bytes("y/2.npy", b"");
    data.refused(&["p", "y", "--fail-fast"], &["y/2.npy"]);
    data.bytes("y/1.npy", b"");
    let (_, _, stderr) = data.eval(&["p", "y", "--fail-fast"]);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("y/1.npy"), "{stderr}");
    fs::remove_file(data.0.path().join("y/2.npy")).expect("a file");
    data.refused(&["p", "y", "--fail-fast"], &["p/2.npy", "no target"]);
}

/// Gradients of predictions of 2 × 2 pixels, each case in its own folder.
#[test]
fn gradients_have_the_folders_of_their_cases() {
    let data = Data::new();
    let probabilities = vec![0.9_f32, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
    for case in ["a", "b"] {
        let p = npy(&[2, 2, 2], probabilities.clone());
        data.bytes(&format!("p/{case}/seg.npy"), &p);
        data.bytes(
            &format!("y/{case}/seg.npy"),
            &npy(&[2, 2], vec![0_u8, 0, 0, 1]),
        );
    }
    data.bytes("p/c/seg.npy", b"");
    data.bytes("y/c/seg.npy", b"");
    let there = |path: &str| data.0.path().join(path).exists();
    fs::create_dir(data.0.path().join("g")).expect("a folder");
    let eval = ["eval", "p", "y", "--gradient", "g"];
    let stopped = data.run(&[&eval[..], &["--fail-fast"]].concat());
    assert!(stopped.stdout.is_empty() && !there("g/a"));
    let output = data.run(&eval);
    assert_eq!(output.status.code(), Some(1));
    assert!(there("g/a/seg.npy") && there("g/b/seg.npy") && !there("g/c"));
    let left = fs::read_dir(data.0.path().join("g")).expect("a folder");
    assert_eq!(left.count(), 2);

    // A gradient never overwrites an input or another gradient, nor leaves the folder.
    let prediction = || fs::read(data.0.path().join("p/a/seg.npy")).expect("the prediction");
    let before = prediction();
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = data.run(&[&["eval"], arguments].concat());
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(output.stdout.is_empty());
        for word in words {
            assert!(stderr.contains(word), "{stderr:?} does not say {word:?}");
        }
    };
    refused(
        &["p", "y", "--gradient", "p"],
        &["p/a/seg.npy", "is an input"],
    );
    assert_eq!(prediction(), before);
    for (names, word) in [(["x", "x"], "unique names"), (["x", "../x"], "leads out")] {
        let rows = format!(
            "case,prediction,target\n{},p/a/seg.npy,y/a/seg.npy\n{},p/b/seg.npy,y/b/seg.npy\n",
            names[0], names[1]
        );
        data.bytes("cases.csv", rows.as_bytes());
        refused(&["--manifest", "cases.csv", "--gradient", "g"], &[word]);
    }
    assert!(!there("x.npy"));
}

/// The mean of a class is over the cases that have the class.
#[test]
fn class_means_are_over_the_cases_with_the_class() {
    let data = two(
        |case| format!("p/{case}.npy"),
        |case| format!("y/{case}.npy"),
    );
    data.labels("p/2.npy", GUESSES[2].map(|label| 3 * label));
    data.labels("y/2.npy", LABELS[2].map(|label| 3 * label));
    let (report, code, stderr) = data.eval(&["p", "y"]);
    assert_eq!(code, Some(0), "{stderr}");
    let found = report["mean_per_class"].as_array().expect("means");
    let cases = report["cases"].as_array().expect("cases");
    for (class, over) in [(0, vec![0, 1, 2]), (1, vec![0, 1]), (3, vec![2])] {
        let mean = found.iter().find(|mean| mean["class"] == class);
        let mean = mean.expect("the mean of a class");
        assert_eq!(mean["cases"], over.len());
        let value = |case: &usize| {
            let per_class = cases[*case]["per_class"].as_array().expect("classes");
            let of_class = per_class.iter().find(|of_class| of_class["class"] == class);
            of_class.expect("the class")["value"]
                .as_f64()
                .expect("a value")
        };
        let expected = over.iter().map(value).sum::<f64>() / over.len() as f64;
        let mean = mean["value"].as_f64().expect("a value");
        assert!((mean - expected).abs() < 1e-12, "{mean} is not {expected}");
    }
    // The table shows the means and the number of cases.
    let table = data.run(&["eval", "p", "y", "--input", "labels"]);
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    assert!(table.contains("mean class loss"), "{table}");
    let compared = data.run(&["compare", "p", "y", "--input", "labels"]);
    let table = String::from_utf8(compared.stdout).expect("UTF-8");
    assert!(table.contains("class 3: mean over 1 of 3 cases"), "{table}");
}
