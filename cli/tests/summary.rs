//! `summary` and `diff`: statistics compared with numpy's and scipy's, nnU-Net's summary, subgroups.

mod program;

use std::fs;
use std::path::Path;

use program::{json, refused, run, stdout, text};
use serde_json::Value;
use tempfile::TempDir;

/// `make.py` and `make_statistics.py` in this folder wrote its files.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/metrics");

fn fixture(name: &str) -> Value {
    let text = fs::read(Path::new(FIXTURES).join(name)).expect("a fixture");
    serde_json::from_slice(&text).expect("JSON")
}

#[track_caller]
fn near(found: &Value, expected: &Value, what: &str) {
    let (found, expected) = (found.as_f64().expect(what), expected.as_f64().expect(what));
    let close = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
    assert!(close, "{what}: {found} is not {expected}");
}

/// A file of results with these losses.
fn results(folder: &Path, name: &str, losses: &[f64]) {
    let line = |(case, loss): (usize, &f64)| {
        format!(
            "{{\"case\":\"{case}\",\"prediction\":\"p/{case}\",\"target\":\"y/{case}\",\"value\":{loss:?},\"per_class\":[],\
             \"reading\":\"\",\"error\":null,\"empty\":\"skip\",\"run\":\"{name}\"}}\n"
        )
    };
    let lines: String = losses.iter().enumerate().map(line).collect();
    fs::write(folder.join(name), lines).expect("a file");
}

fn numbers(values: &Value) -> Vec<f64> {
    let values = values.as_array().expect("numbers").iter();
    values
        .map(|value| value.as_f64().expect("a number"))
        .collect()
}

/// Copies the label maps of the fixtures.
fn label_maps(folder: &Path) {
    for side in ["predictions", "targets"] {
        fs::create_dir(folder.join(side)).expect("a folder");
        for name in ["a.npy", "b.npy", "c.npy"] {
            let file = Path::new(side).join(name);
            fs::copy(Path::new(FIXTURES).join(&file), folder.join(&file)).expect("a copy");
        }
    }
}

const EVAL: [&str; 7] = [
    "eval",
    "predictions",
    "targets",
    "--input",
    "labels",
    "--loss",
    "dice",
];

#[test]
fn statistics_equal_those_of_numpy_and_scipy() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let expected = fixture("statistics.json");
    for kind in ["exact", "ties", "many"] {
        let expected = &expected[kind];
        let (first, second) = (numbers(&expected["first"]), numbers(&expected["second"]));
        results(folder, "first.jsonl", &first);
        results(folder, "second.jsonl", &second);
        let summary = json(folder, &["summary", "first.jsonl"]);
        let row = &summary["scores"][0];
        assert_eq!(row["cases"], first.len());
        for name in ["mean", "median", "sd"] {
            near(&row[name], &expected[name], name);
        }
        let largest = first.iter().copied().fold(0.0, f64::max);
        assert_eq!(row["worst"], largest);
        let place = first
            .iter()
            .position(|loss| *loss == largest)
            .expect("a place");
        assert_eq!(row["worst_case"], place.to_string());

        let difference = json(folder, &["diff", "first.jsonl", "second.jsonl"]);
        let row = &difference["scores"][0];
        near(&row["first"], &expected["mean"], "mean");
        near(&row["difference"], &expected["difference"], "difference");
        near(
            &row["wilcoxon"]["statistic"],
            &expected["statistic"],
            "statistic",
        );
        near(&row["wilcoxon"]["p"], &expected["p"], "p");
    }
}

/// The interval of a mean is near that of the normal distribution, the same for the same seed, and of pairs for two runs.
#[test]
fn bootstrap_intervals_cover_the_mean() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let losses: Vec<f64> = (0..400)
        .map(|case| f64::from(case * 37 % 400) / 400.0)
        .collect();
    let shifted: Vec<f64> = losses.iter().map(|loss| loss + 0.25).collect();
    results(folder, "first.jsonl", &losses);
    results(folder, "second.jsonl", &shifted);
    let of = |more: &[&str]| {
        let arguments = [&["summary", "first.jsonl"], more].concat();
        numbers(&json(folder, &arguments)["scores"][0]["interval"])
    };
    let interval = of(&[]);
    // The standard deviation of a uniform distribution is 1/√12.
    let expected = 1.96 / 12.0_f64.sqrt() / 20.0;
    let [low, high] = interval[..] else {
        panic!("{interval:?}")
    };
    let mean = 0.49875;
    assert!(((mean - low) / expected - 1.0).abs() < 0.1, "{low}");
    assert!(((high - mean) / expected - 1.0).abs() < 0.1, "{high}");
    assert_eq!(of(&["--seed", "0"]), interval);
    assert_ne!(of(&["--seed", "1"]), interval);
    let narrow = of(&["--confidence", "0.5"]);
    assert!(low < narrow[0] && narrow[1] < high);
    let without = json(folder, &["summary", "first.jsonl", "--resamples", "0"]);
    assert_eq!(without["scores"][0]["interval"], Value::Null);
    refused(
        folder,
        &["summary", "first.jsonl", "--confidence", "1"],
        &["--confidence is 1"],
    );

    // The losses of the two runs differ by the same number in each pair.
    let difference = json(folder, &["diff", "first.jsonl", "second.jsonl"]);
    for end in numbers(&difference["scores"][0]["interval"]) {
        assert!((end - 0.25).abs() < 1e-12, "{end}");
    }
}

#[test]
fn the_summary_of_nn_u_net() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    label_maps(folder);
    stdout(folder, &[&EVAL[..], &["--output", "r.csv"]].concat());
    let report = stdout(folder, &["summary", "r.csv", "--format", "nnunet"]);
    // Python reads NaN, and so does this test, as null.
    assert_eq!(report.matches(": NaN").count(), 2, "{report}");
    let report: Value = serde_json::from_str(&report.replace("NaN", "null")).expect("JSON");
    let text = fs::read_to_string(Path::new(FIXTURES).join("nnunet.json")).expect("a fixture");
    let expected: Value = serde_json::from_str(&text.replace("NaN", "null")).expect("JSON");
    let mut held = 0;
    let mut compare = |found: &Value, expected: &Value, what: &str| {
        let numbers = expected.as_object().expect("numbers");
        for (name, number) in numbers {
            if number.is_null() {
                assert!(found[name].is_null(), "{what} {name}");
            } else {
                near(&found[name], number, &format!("{what} {name}"));
            }
            held += 1;
        }
    };
    compare(
        &report["foreground_mean"],
        &expected["foreground_mean"],
        "foreground",
    );
    for class in ["1", "2", "3", "4"] {
        compare(&report["mean"][class], &expected["mean"][class], class);
        for case in 0..3 {
            let found = &report["metric_per_case"][case]["metrics"][class];
            compare(found, &expected["metric_per_case"][case][class], class);
        }
    }
    assert_eq!(held, 8 * 17);
    let first = &report["metric_per_case"][0];
    assert_eq!(first["prediction_file"], "predictions/a.npy");
    assert_eq!(first["reference_file"], "targets/a.npy");
}

/// The scores of a summary are those of `eval`, for all cases and for the groups of a column of the manifest.
#[test]
fn groups_are_those_of_a_column() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    label_maps(folder);
    let manifest = "case,prediction,target,centre\n\
        anna,predictions/a.npy,targets/a.npy,north\n\
        bela,predictions/b.npy,targets/b.npy,south\n\
        cleo,predictions/c.npy,targets/c.npy,north\n";
    fs::write(folder.join("cases.csv"), manifest).expect("a file");
    let eval = [
        "eval",
        "--manifest",
        "cases.csv",
        "--input",
        "labels",
        "--loss",
        "dice",
    ];
    stdout(folder, &[&eval[..], &["--output", "r.jsonl"]].concat());
    let summary = [
        "summary",
        "r.jsonl",
        "--by",
        "centre",
        "--manifest",
        "cases.csv",
    ];
    let options = ["--scores", "loss,dice,volume-difference"];
    let report = json(folder, &[&summary[..], &options].concat());
    let whole = json(folder, &eval);
    let row = |group: Option<&str>, class: Option<i64>, score: &str| {
        let rows = report["scores"].as_array().expect("rows").iter();
        let mut rows = rows.filter(|row| {
            row["group"].as_str() == group
                && row["class"].as_i64() == class
                && row["score"] == score
        });
        rows.next().expect("a row").clone()
    };
    near(&row(None, None, "loss")["mean"], &whole["mean"], "mean");
    for class in 0..5 {
        let expected = &whole["mean_per_class"][class];
        let class = Some(class as i64);
        let dice = row(None, class, "dice");
        near(&dice["mean"], &expected["metrics"]["dice"], "Dice");
        near(&dice["pooled"], &expected["pooled"]["dice"], "pooled Dice");
    }
    let value = |case: usize| whole["cases"][case]["value"].as_f64().expect("a loss");
    let north = row(Some("north"), None, "loss");
    assert_eq!(north["cases"], 2);
    near(
        &north["mean"],
        &Value::from((value(0) + value(2)) / 2.0),
        "north",
    );
    let south = row(Some("south"), None, "loss");
    near(&south["mean"], &Value::from(value(1)), "south");
    assert_eq!(south["sd"], Value::Null);
    // The worst difference of volumes is the one that is farthest from 0.
    let worst = row(None, Some(0), "volume_difference");
    assert_eq!(
        (&worst["worst"], &worst["worst_case"]),
        (&Value::from(-24.0), &Value::from("bela"))
    );

    let table = stdout(folder, &summary);
    assert!(
        table.contains("centre") && table.contains("all cases"),
        "{table}"
    );
    let csv = stdout(folder, &[&summary[..], &["--format", "csv"]].concat());
    // A row for the loss of cases, and two for each class, for all cases and each group.
    assert_eq!(csv.lines().count(), 1 + 3 * (1 + 2 * 5));
    let wrong = [
        "summary",
        "r.jsonl",
        "--by",
        "site",
        "--manifest",
        "cases.csv",
    ];
    refused(folder, &wrong, &["no column site", "centre"]);
    fs::write(
        folder.join("fewer.csv"),
        "case,prediction,target,centre\nanna,1,2,x\n",
    )
    .expect("a file");
    let fewer = [
        "summary",
        "r.jsonl",
        "--by",
        "centre",
        "--manifest",
        "fewer.csv",
    ];
    refused(folder, &fewer, &["fewer.csv", "bela"]);
}

/// `--empty` of a summary replaces that of the run.
#[test]
fn a_summary_states_how_empty_masks_count() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    label_maps(folder);
    let eval = [
        &EVAL[..],
        &["--labels", "0,1,2,3,4", "--empty", "0", "--output", "r.csv"],
    ]
    .concat();
    stdout(folder, &eval);
    let dice = |more: &[&str]| {
        let arguments = [&["summary", "r.csv", "--scores", "dice"], more].concat();
        let report = json(folder, &arguments);
        (report["empty"].clone(), report["scores"][3]["mean"].clone())
    };
    let expected = fixture("expected.json");
    for (more, empty) in [
        (&[][..], "0"),
        (&["--empty", "1"], "1"),
        (&["--empty", "nan"], "nan"),
    ] {
        let (found, mean) = dice(more);
        assert_eq!(found, empty);
        let expected = &expected["mean"][empty]["dice"][3];
        assert_eq!(mean.is_null(), expected.is_null(), "{empty}");
        if !mean.is_null() {
            near(&mean, expected, empty);
        }
    }
}

#[test]
fn runs_are_paired_by_the_names_of_cases() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    results(folder, "first.jsonl", &[0.1, 0.2, 0.3]);
    results(folder, "second.jsonl", &[0.1, 0.3, 0.5, 0.9]);
    let output = run(
        folder,
        &["diff", "first.jsonl", "second.jsonl", "--format", "json"],
    );
    assert!(text(&output.stderr).contains("second.jsonl: 1 of 4 cases are left out"));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&report["cases"], &report["scores"][0]["cases"]),
        (&Value::from(3), &Value::from(3))
    );
    near(
        &report["scores"][0]["difference"],
        &Value::from(0.1),
        "difference",
    );
    let table = stdout(folder, &["diff", "first.jsonl", "first.jsonl"]);
    assert!(table.contains("3 cases in both"), "{table}");
    let csv = stdout(
        folder,
        &["diff", "first.jsonl", "first.jsonl", "--format", "csv"],
    );
    assert_eq!(csv.lines().count(), 2, "{csv}");

    fs::write(folder.join("empty.jsonl"), "").expect("a file");
    refused(
        folder,
        &["diff", "first.jsonl", "empty.jsonl"],
        &["empty.jsonl", "has no case of first.jsonl"],
    );
    refused(
        folder,
        &["summary", "empty.jsonl"],
        &["empty.jsonl", "no results"],
    );
    refused(
        folder,
        &["summary", "first.jsonl", "second.jsonl"],
        &["second.jsonl", "different runs"],
    );
    refused(
        folder,
        &["summary", "first.jsonl", "first.jsonl"],
        &["first.jsonl", "the case 0 again"],
    );
    fs::write(folder.join("odd.jsonl"), "{\"case\":1}\n").expect("a file");
    refused(folder, &["summary", "odd.jsonl"], &["odd.jsonl", "line 1"]);
    fs::write(folder.join("odd.csv"), "a,b\n1,2\n").expect("a file");
    refused(
        folder,
        &["summary", "odd.csv"],
        &["odd.csv", "line 1", "a,b", "case,prediction"],
    );
    refused(
        folder,
        &["summary", "first.txt"],
        &["first.txt", ".csv or .jsonl"],
    );
}
