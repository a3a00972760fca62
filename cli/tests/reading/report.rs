//! The contents of a report.

use std::fs;

use serde_json::Value;

use crate::files::{Files, labels, probabilities};
use crate::formula::{dice, foreground};

#[test]
fn cases_and_classes_without_a_value_are_left_out_of_means() {
    let files = Files::new();
    for side in ["p", "y"] {
        fs::create_dir(files.0.path().join(side)).expect("a folder");
    }
    let target = labels(&[9, 8], 2, 1);
    let mask = labels(&[9, 8], 2, 2);
    files.npy("p/a.npy", &mask);
    files.npy("p/b.npy", &labels(&[9, 8], 2, 3));
    files.npy("y/a.npy", &target);
    files.npy("y/b.npy", &target.mapv(|_| 255));
    let expected = dice(&foreground(&mask), &foreground(&target));
    let (report, stderr) =
        files.report("p y --input labels --loss dice --ignore-label 255 --labels 0,1");
    let found = report["mean"].as_f64().expect("a mean");
    assert!(
        (found - expected).abs() < 1e-12,
        "{found} is not {expected}"
    );
    assert_eq!(report["cases"][1]["value"], Value::Null);
    assert_eq!(
        report["mean_over"],
        serde_json::json!({"cases": 1, "classes": [0, 1]})
    );
    assert!(
        stderr.contains("no voxels are left to score")
            && report["warnings"][0]
                .as_str()
                .is_some_and(|warning| stderr.contains(warning))
    );
    // A skipped class has no value.
    files.npy("q.npy", &probabilities(&target, 3, 2));
    let (report, _) = files.report("q.npy y/a.npy --loss dice --absent-class skip");
    assert_eq!(report["cases"][0]["per_class"][2]["value"], Value::Null);
    // Ignoring a label that no target has is a warning.
    let (report, stderr) =
        files.report("p y --input labels --ignore-label 255 --ignore-label 7 --labels 0,1");
    assert!(
        stderr.contains("--ignore-label 7 has no effect"),
        "{stderr}"
    );
    assert!(!stderr.contains("--ignore-label 255"), "{stderr}");
    let warnings = report["warnings"].to_string();
    assert!(
        warnings.contains("--ignore-label 7 has no effect"),
        "{warnings}"
    );
    // Cases with different classes are a warning.
    files.npy("y/b.npy", &target.mapv(|label| label * 2));
    let (report, stderr) = files.report("p y --input labels --loss dice");
    assert_eq!(report["mean_over"]["classes"], Value::Null);
    assert!(stderr.contains("--labels"), "{stderr}");
}

#[test]
fn options_that_do_not_apply_are_errors() {
    let files = Files::new();
    let target = labels(&[9, 8], 2, 1);
    files.npy("p.npy", &probabilities(&target, 2, 2));
    files.npy("y.npy", &target);
    files.refused(
        "y.npy y.npy --input labels --layout channels-last",
        &["--layout"],
    );
    files.refused("y.npy y.npy --input labels --foreground", &["--foreground"]);
    files.refused("y.npy y.npy --input labels --clamp", &["--clamp"]);
    files.refused("p.npy y.npy --foreground --axes cyx", &["--foreground"]);
    files.refused("p.npy y.npy --rare 1", &["--rare"]);
    let output = files.run("eval p.npy y.npy --loss focal --absent-class skip");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("--absent-class") && stderr.contains("focal"),
        "{stderr}"
    );
    let output = files.run("eval p.npy y.npy --loss combo --alpha 0.2,0.8");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("--alpha") && stderr.contains("combo"),
        "{stderr}"
    );
    files.refused("p.npy y.npy --scale 0", &["--scale"]);
    let output = files.run("eval p.npy y.npy --axes cyx --layout channels-first");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn every_report_states_how_its_inputs_were_read() {
    let files = Files::new();
    let target = labels(&[9, 8], 2, 1);
    files.npy("p.npy", &probabilities(&target, 2, 2));
    files.npy("y.npy", &target);
    for command in ["eval", "compare"] {
        for format in ["table", "json", "csv"] {
            let output = files.run(&format!("{command} p.npy y.npy --format {format}"));
            let report = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                report.contains("cyx") && report.contains("yx"),
                "{command} {format}: {report}"
            );
        }
    }
}
