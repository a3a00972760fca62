//! `check`: what it says about sound and unsound cases.

mod program;

use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use program::{json, npy, refused, run, stdout, text};
use serde_json::Value;
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

/// The sentences of a level.
fn found(report: &Value, level: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let findings = findings.filter(|finding| finding["level"] == level);
    findings
        .map(|finding| finding["text"].as_str().expect("a text").to_owned())
        .collect()
}

#[track_caller]
fn says(sentences: &[String], words: &[&str]) {
    let said = |sentence: &String| words.iter().all(|word| sentence.contains(word));
    assert!(
        sentences.iter().any(said),
        "no sentence of {sentences:?} says {words:?}"
    );
}

/// A prediction of two classes, of which class 1 has these probabilities, and its labels.
fn case(folder: &Path, p: &[f32], labels: &[u8]) {
    let channels = p.iter().map(|p| 1.0 - p).chain(p.iter().copied());
    let p = ArrayD::from_shape_vec(IxDyn(&[2, 1, p.len()]), channels.collect());
    npy(folder, "p.npy", &p.expect("two channels"));
    let labels = ArrayD::from_shape_vec(IxDyn(&[1, labels.len()]), labels.to_vec());
    npy(folder, "y.npy", &labels.expect("labels"));
}

#[test]
fn every_loss_is_sound_on_a_sound_case() {
    let folder = Path::new(FIXTURES);
    let compared = json(
        folder,
        &["compare", "pred_cf.npy", "labels_u8.npy", "--batch", "no"],
    );
    let losses = compared["mean"].as_object().expect("losses");
    for loss in losses.keys() {
        let arguments = [
            "check",
            "pred_cf.npy",
            "labels_u8.npy",
            "--batch",
            "no",
            "--loss",
            loss,
        ];
        let report = json(folder, &arguments);
        assert!(
            found(&report, "problem").is_empty() && found(&report, "note").is_empty(),
            "{loss}: {report}"
        );
        let good = found(&report, "good");
        says(&good, &["every number is valid"]);
        says(&good, &["every class is in TARGET"]);
        says(&good, &["equals central differences at 8 numbers"]);
        says(&good, &["in f64 the loss is"]);
        says(&good, &["no true class has a probability below 1e-7"]);
    }
    let table = stdout(
        folder,
        &["check", "pred_cf.npy", "labels_u8.npy", "--batch", "no"],
    );
    assert!(table.contains("good     the gradient equals"), "{table}");
    assert!(
        table.contains("read as\n  PRED    npy [2, 4, 6, 8]"),
        "{table}"
    );
}

#[test]
fn logits_are_checked_as_logits() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let logits: Vec<f32> = (0..24)
        .map(|place| (place as f32 * 0.7).sin() * 3.0)
        .collect();
    let logits = ArrayD::from_shape_vec(IxDyn(&[3, 2, 4]), logits).expect("logits");
    npy(folder, "z.npy", &logits);
    let labels = ArrayD::from_shape_vec(IxDyn(&[2, 4]), vec![0_u8, 1, 2, 0, 1, 2, 1, 0]);
    npy(folder, "y.npy", &labels.expect("labels"));
    for input in ["softmax", "sigmoid"] {
        let report = json(
            folder,
            &[
                "check",
                "z.npy",
                "y.npy",
                "--input",
                input,
                "--samples",
                "20",
            ],
        );
        assert!(found(&report, "problem").is_empty(), "{report}");
        says(
            &found(&report, "good"),
            &["central differences at 20 numbers"],
        );
    }
    // A logit far below the others: its voxel's true class has probability 0.
    let mut far = logits;
    far[[0, 0, 0]] = -60.0;
    npy(folder, "z.npy", &far);
    let report = json(folder, &["check", "z.npy", "y.npy", "--input", "softmax"]);
    says(&found(&report, "note"), &["1 of 8 voxels", "below 1e-7"]);
}

#[test]
fn what_surprises_is_noted() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let check = [
        "check",
        "p.npy",
        "y.npy",
        "--loss",
        "asymmetric-unified-focal",
    ];
    // Voxel 1 is wrong with certainty.
    case(folder, &[0.2, 0.0, 0.7, 0.9], &[0, 1, 1, 1]);
    says(
        &found(&json(folder, &check), "note"),
        &["1 of 4 voxels", "have no gradient"],
    );
    // No voxel has class 1, but it is predicted.
    case(folder, &[0.2, 0.1, 0.3, 0.4], &[0, 0, 0, 0]);
    says(
        &found(&json(folder, &check), "note"),
        &["not in TARGET, but in PRED: class 1"],
    );
    case(folder, &[0.0, 0.0, 0.0, 0.0], &[0, 0, 0, 0]);
    let report = json(folder, &check);
    says(&found(&report, "note"), &["in neither file: class 1"]);
    // A perfect prediction: 1 - TI is 0, and the published power of it has no finite derivative.
    case(folder, &[0.0, 1.0, 1.0, 0.0], &[0, 1, 1, 0]);
    let report = json(folder, &check);
    says(
        &found(&report, "note"),
        &["published formula", "class 0, 1", "NaN"],
    );
    assert!(found(&report, "problem").is_empty(), "{report}");
    let dice = json(folder, &["check", "p.npy", "y.npy", "--loss", "dice"]);
    assert!(found(&dice, "note").is_empty(), "{dice}");
}

#[test]
fn what_cannot_be_scored_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    case(folder, &[0.5, 0.5, 0.5, 0.5], &[0, 7, 1, 0]);
    refused(
        folder,
        &["check", "p.npy", "y.npy"],
        &["label 7 has no channel", "--labels"],
    );
    case(folder, &[f32::NAN, 0.5, 0.5, 0.5], &[0, 1, 1, 0]);
    refused(folder, &["check", "p.npy", "y.npy"], &["NaN", "voxel 0"]);
    case(folder, &[0.5, 1.5, 0.5, 0.5], &[0, 1, 1, 0]);
    refused(folder, &["check", "p.npy", "y.npy"], &["-0.5", "--clamp"]);
    for side in ["a", "b"] {
        for name in ["1.npy", "2.npy"] {
            npy(
                folder,
                &format!("{side}/{name}"),
                &ArrayD::from_elem(IxDyn(&[2, 2]), 1_u8),
            );
        }
    }
    refused(
        folder,
        &["check", "a", "b", "--input", "labels"],
        &["check takes one case"],
    );
    // Label maps have no gradient.
    let report = json(
        folder,
        &[
            "check", "a/1.npy", "b/1.npy", "--input", "labels", "--loss", "dice",
        ],
    );
    assert!(
        !report.to_string().contains("central differences"),
        "{report}"
    );
    let output = run(
        folder,
        &[
            "check", "a/1.npy", "b/1.npy", "--input", "labels", "--format", "csv",
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("prediction,target,loss,level,text\n"));
}
