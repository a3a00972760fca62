//! Dice, IoU, precision, recall, specificity and volumes, compared with those of scikit-learn.

mod program;

use std::fs;
use std::path::Path;

use ndarray::{ArrayD, Axis, IxDyn, stack};
use ndarray_npy::ReadNpyExt;
use program::{json, npy, refused, stdout};
use serde_json::Value;
use tempfile::TempDir;

/// `make.py` in this folder wrote its files.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics");

const SHARES: [&str; 5] = ["dice", "iou", "precision", "recall", "specificity"];

const LABELS: [&str; 2] = ["--labels", "0,1,2,3,4"];

fn expected() -> Value {
    let text = fs::read(Path::new(FIXTURES).join("expected.json")).expect("the numbers");
    serde_json::from_slice(&text).expect("JSON")
}

/// Holds the five metrics of each class against the expected ones. NaN is `null` in both.
#[track_caller]
fn compare(found: &Value, expected: &Value, what: &str) -> usize {
    let mut held = 0;
    for metric in SHARES {
        for class in 0..5 {
            let (ours, theirs) = (&found[class][metric], &expected[metric][class]);
            let same = match (ours.as_f64(), theirs.as_f64()) {
                (Some(ours), Some(theirs)) => (ours - theirs).abs() < 1e-12,
                _ => ours.is_null() && theirs.is_null(),
            };
            assert!(same, "{what}, {metric} of class {class}: {ours}, {theirs}");
            held += 1;
        }
    }
    held
}

/// The metrics in an entry of each class.
fn metrics(classes: &Value, key: &str) -> Value {
    let classes = classes.as_array().expect("classes");
    classes.iter().map(|class| class[key].clone()).collect()
}

#[test]
fn metrics_equal_those_of_scikit_learn() {
    let expected = expected();
    for empty in ["skip", "nan", "0", "1"] {
        let files = ["eval", "predictions", "targets", "--input", "labels"];
        let options = [LABELS[0], LABELS[1], "--loss", "dice", "--empty", empty];
        let report = json(Path::new(FIXTURES), &[&files[..], &options].concat());
        assert_eq!(report["empty"], empty);
        let mut held = 0;
        for (case, name) in ["a", "b", "c"].into_iter().enumerate() {
            let found = metrics(&report["cases"][case]["per_class"], "metrics");
            held += compare(&found, &expected["cases"][empty][name], name);
        }
        let classes = &report["mean_per_class"];
        held += compare(
            &metrics(classes, "metrics"),
            &expected["mean"][empty],
            "mean",
        );
        held += compare(
            &metrics(classes, "pooled"),
            &expected["pooled"][empty],
            "pooled",
        );
        assert_eq!(held, 125);
    }
}

/// The counts are those of scikit-learn's confusion matrix, and so are the volumes.
#[test]
fn counts_and_volumes_are_those_of_the_confusion_matrix() {
    let expected = expected();
    let report = json(
        Path::new(FIXTURES),
        &[
            "eval",
            "predictions/c.npy",
            "targets/c.npy",
            "--input",
            "labels",
        ],
    );
    let table: Vec<Vec<f64>> =
        serde_json::from_value(expected["confusion"]["c"].clone()).expect("a table");
    let all: f64 = table.iter().flatten().sum();
    for class in 0..5 {
        let tp = table[class][class];
        let theirs: f64 = table[class].iter().sum();
        let ours: f64 = table.iter().map(|row| row[class]).sum();
        let found = &report["cases"][0]["per_class"][class];
        assert_eq!(found["tp"], tp);
        assert_eq!(found["fp"], ours - tp);
        assert_eq!(found["fn"], theirs - tp);
        assert_eq!(found["tn"], all - ours - theirs + tp);
        let metrics = &found["metrics"];
        assert_eq!(metrics["volume_prediction"], ours);
        assert_eq!(metrics["volume_target"], theirs);
        assert_eq!(metrics["volume_difference"], ours - theirs);
    }
}

/// A label map written as probabilities of 0 and 1 has the metrics of the label map. Other probabilities count in part.
#[test]
fn probabilities_count_in_part() {
    let folder = TempDir::new().expect("a folder");
    let read = |name: &str| {
        let file = fs::File::open(Path::new(FIXTURES).join(name)).expect("a fixture");
        ArrayD::<u8>::read_npy(file).expect("labels")
    };
    let channels = |labels: &ArrayD<u8>| {
        let channels = [0, 1, 2, 3, 4_u8]
            .map(|class| labels.mapv(|label| f32::from(u8::from(label == class))));
        let views: Vec<_> = channels.iter().map(|channel| channel.view()).collect();
        stack(Axis(0), &views).expect("channels of one shape")
    };
    for name in ["a", "b", "c"] {
        npy(
            folder.path(),
            &format!("p/{name}.npy"),
            &channels(&read(&format!("predictions/{name}.npy"))),
        );
        npy(
            folder.path(),
            &format!("y/{name}.npy"),
            &read(&format!("targets/{name}.npy")),
        );
    }
    let report = json(
        folder.path(),
        &["eval", "p", "y", "--labels", "0,1,2,3,4", "--empty", "1"],
    );
    let found = metrics(&report["mean_per_class"], "metrics");
    assert_eq!(compare(&found, &expected()["mean"]["1"], "mean"), 25);

    let p = ArrayD::from_shape_vec(IxDyn(&[2, 2]), vec![0.75_f32, 0.5, 0.25, 0.125]);
    let y = ArrayD::from_shape_vec(IxDyn(&[2, 2]), vec![1_u8, 0, 1, 0]);
    npy(folder.path(), "soft.npy", &p.expect("four numbers"));
    npy(folder.path(), "hard.npy", &y.expect("four numbers"));
    let report = json(folder.path(), &["eval", "soft.npy", "hard.npy"]);
    let found = &report["cases"][0]["per_class"][1];
    assert_eq!(
        [&found["tp"], &found["fp"], &found["fn"], &found["tn"]],
        [1.0, 0.625, 1.0, 1.375]
    );
    assert_eq!(found["metrics"]["dice"], 2.0 / 3.625);
    assert_eq!(found["metrics"]["specificity"], 1.375 / 2.0);
}

/// Each report with an undefined metric says how it counts.
#[test]
fn reports_say_how_empty_masks_count() {
    let folder = Path::new(FIXTURES);
    let eval = [
        "eval",
        "predictions",
        "targets",
        "--input",
        "labels",
        "--labels",
        "0,1,2,3,4",
        "--metrics",
    ];
    for (empty, words) in [
        (
            "skip",
            "has no value, and is not in the mean (--empty skip)",
        ),
        ("nan", "is NaN, and so is its mean (--empty nan)"),
        ("0", "counts as 0 (--empty 0)"),
        ("1", "counts as 1 (--empty 1)"),
    ] {
        let table = stdout(folder, &[&eval[..], &["--empty", empty]].concat());
        assert!(table.contains(words), "{table}");
        let csv = stdout(
            folder,
            &[&eval[..], &["--empty", empty, "--format", "csv"]].concat(),
        );
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let column = |name: &str| {
            let head = csv.lines().next().expect("a head");
            head.split(',')
                .position(|column| column == name)
                .expect(name)
        };
        let (dice, convention) = (column("dice"), column("empty"));
        let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 15);
        assert!(rows.iter().all(|row| &row[convention] == empty));
        // Label 3 of case b.
        let expected = match empty {
            "skip" => "",
            "nan" => "NaN",
            "0" => "0.0",
            _ => "1.0",
        };
        assert_eq!(&rows[8][dice], expected);
    }
    refused(
        folder,
        &[&eval[..7], &["--empty", "0"]].concat(),
        &["--empty", "--metrics"],
    );
    // Where every metric has a value, there is nothing to say.
    let defined = stdout(
        folder,
        &[
            "eval",
            "predictions/a.npy",
            "targets/a.npy",
            "--input",
            "labels",
            "--metrics",
        ],
    );
    assert!(!defined.contains("0/0"), "{defined}");
}

/// `compare` shares sweeps between losses, and gives the numbers of `eval`, which scores one loss.
#[test]
fn compare_gives_the_values_of_each_loss() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures"));
    for (files, more) in [
        (["pred_cf.npy", "labels_u8.npy"], ["--batch", "no"]),
        (
            ["metrics/predictions/a.npy", "metrics/targets/a.npy"],
            ["--input", "labels"],
        ),
    ] {
        let options = [&files[..], &more].concat();
        let compared = json(folder, &[&["compare"], &options[..]].concat());
        let losses = compared["mean"].as_object().expect("losses");
        assert!(losses.len() > 15);
        for (name, mean) in losses {
            let eval = [&["eval"], &options[..], &["--loss", name]].concat();
            let alone = json(folder, &eval);
            assert_eq!(&alone["mean"], mean, "{name}");
            let classes = |report: &Value| -> Vec<Value> {
                let classes = report.as_array().expect("classes").iter();
                classes.map(|class| class["value"].clone()).collect()
            };
            let ours = classes(&compared["mean_per_class"][name]);
            assert_eq!(ours, classes(&alone["mean_per_class"]), "{name}");
        }
    }
}
