//! `eval --output`: results that are written as they come, runs that are interrupted, continued, split and merged.

mod program;

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use ndarray::{ArrayD, IxDyn};
use program::{cases, command, npy, refused, run, stdout, text};
use serde_json::Value;
use tempfile::TempDir;

const EVAL: [&str; 7] = ["eval", "p", "y", "--input", "labels", "--loss", "dice"];

fn eval<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&EVAL[..], more].concat()
}

fn lines(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(name)).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

/// The names of the cases that are complete in a file: those whose last line is there as a whole.
fn complete(text: &str, format: &str) -> Vec<String> {
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    let text = &text[..end];
    if format == "jsonl" {
        let case = |line: &str| {
            let record: Value = serde_json::from_str(line).expect("a whole line");
            record["case"].as_str().expect("a name").to_owned()
        };
        return text.lines().map(case).collect();
    }
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let rows = rows.records().map(|row| row.expect("a whole line"));
    rows.filter(|row| row[3].is_empty())
        .map(|row| row[0].to_owned())
        .collect()
}

#[test]
fn a_file_has_what_a_report_has() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 4, &[5, 6, 7]);
    let report: Value =
        serde_json::from_str(&stdout(folder, &eval(&["--format", "json"]))).expect("JSON");
    let summary = stdout(folder, &eval(&["--output", "r.jsonl"]));
    assert_eq!(summary, stdout(folder, &["summary", "r.jsonl"]));
    assert_eq!(summary, stdout(folder, &eval(&["--output", "r.csv"])));
    let records = lines(folder, "r.jsonl");
    assert_eq!(records.len(), 4);
    for (case, record) in records.iter().enumerate() {
        let record: Value = serde_json::from_str(record).expect("JSON");
        let expected = &report["cases"][case];
        for field in ["prediction", "target", "value", "per_class"] {
            assert_eq!(record[field], expected[field], "{field}");
        }
        assert_eq!(record["case"], format!("{case:03}"));
        assert_eq!(record["empty"], "skip");
        let run = record["run"].as_str().expect("the options");
        assert!(
            run.contains("--loss dice(delta=0.5") && run.ends_with("--input labels"),
            "{run}"
        );
    }
    // The same numbers as CSV: a row per class and one for the case.
    let rows = lines(folder, "r.csv");
    assert_eq!(rows.len(), 1 + 4 * (3 + 1));
    let dice = report["cases"][0]["per_class"][1]["metrics"]["dice"].to_string();
    assert!(rows[2].contains(&dice), "{dice}: {}", rows[2]);
}

/// The file is the same for any number of threads, since its cases are in the order of the input.
#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 30, &[4, 9, 11]);
    for (name, threads, memory) in [
        ("1.csv", "1", "4GiB"),
        ("2.csv", "7", "4GiB"),
        ("3.csv", "7", "2kB"),
    ] {
        let more = ["--output", name, "--threads", threads, "--memory", memory];
        let output = run(folder, &eval(&more));
        assert!(output.status.success());
        // A progress bar is for terminals.
        assert_eq!(text(&output.stderr), "");
        assert_eq!(lines(folder, name), lines(folder, "1.csv"), "{name}");
    }
}

/// A run that is killed at any moment and continued gives the file of a run that is not.
#[test]
fn a_killed_run_is_continued() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let count = 48;
    cases(folder, count, &[30, 30, 30]);
    for format in ["csv", "jsonl"] {
        let (expected, output) = (format!("expected.{format}"), format!("r.{format}"));
        stdout(folder, &eval(&["--output", &expected]));
        let expected = fs::read(folder.join(expected)).expect("results");
        let file = folder.join(&output);
        let mut before: Vec<String> = Vec::new();
        for moment in 0..20_u64 {
            let more = ["--output", &output, "--resume", "--threads", "2"];
            let mut child = command(folder, &eval(&more))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("the program starts");
            // Kill it after some more bytes, or before it wrote any.
            let size = || file.metadata().map_or(0, |metadata| metadata.len());
            let enough = size() + moment % 5 * 700;
            while size() < enough && child.try_wait().expect("a process").is_none() {
                std::thread::yield_now();
            }
            child.kill().expect("SIGKILL");
            child.wait().expect("a process");
            let found = fs::read_to_string(&file).unwrap_or_default();
            let now = complete(&found, format);
            assert!(now.starts_with(&before), "a case that was complete is lost");
            assert_eq!(
                now.iter().collect::<HashSet<_>>().len(),
                now.len(),
                "a case is there twice"
            );
            before = now;
        }
        let more = ["--output", &output, "--resume"];
        stdout(folder, &eval(&more));
        assert_eq!(fs::read(&file).expect("results"), expected, "{format}");
        // Nothing is left to do.
        let again = run(folder, &eval(&more));
        assert!(text(&again.stderr).contains(&format!(
            "{count} of {count} cases were in {output} already"
        )));
        assert_eq!(fs::read(&file).expect("results"), expected);
    }
}

/// Whatever byte a file ends with, the run is continued from the last case that is complete.
#[test]
fn a_torn_file_is_continued() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 2, &[3, 4]);
    for format in ["csv", "jsonl"] {
        let output = format!("r.{format}");
        stdout(folder, &eval(&["--output", &output]));
        let whole = fs::read(folder.join(&output)).expect("results");
        for length in (0..whole.len()).step_by(23) {
            fs::write(folder.join(&output), &whole[..length]).expect("a torn file");
            stdout(folder, &eval(&["--output", &output, "--resume"]));
            assert!(
                fs::read(folder.join(&output)).expect("results") == whole,
                "{format}, {length} bytes"
            );
        }
        // A summary of a torn file is one of its complete cases.
        fs::write(folder.join(&output), &whole[..whole.len() - 1]).expect("a torn file");
        assert!(stdout(folder, &["summary", &output]).contains("\n1 case\n"));
    }
}

/// Cases that failed are in the file with the reason, and tried again.
#[test]
fn failed_cases_are_tried_again() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 5, &[3, 4]);
    for format in ["csv", "jsonl"] {
        let output = format!("r.{format}");
        let good = fs::read(folder.join("y/001.npy")).expect("a file");
        fs::write(folder.join("y/001.npy"), "no array").expect("a file");
        fs::rename(folder.join("p/003.npy"), folder.join("kept")).expect("a file");
        let failed = run(folder, &eval(&["--output", &output]));
        assert_eq!(failed.status.code(), Some(1));
        let message = text(&failed.stderr);
        assert!(message.contains("2 of 5 cases have no score"), "{message}");
        let report = text(&failed.stdout);
        assert!(
            report.contains("3 cases, and 2 without a score"),
            "{report}"
        );
        let found = fs::read_to_string(folder.join(&output)).expect("results");
        assert!(
            found.contains("found no prediction for the case 003"),
            "{found}"
        );
        assert_eq!(complete(&found, format).len(), 5);

        fs::write(folder.join("y/001.npy"), good).expect("a file");
        fs::rename(folder.join("kept"), folder.join("p/003.npy")).expect("a file");
        let report = stdout(folder, &eval(&["--output", &output, "--resume"]));
        assert!(report.contains("\n5 cases\n"), "{report}");
        let found = fs::read_to_string(folder.join(&output)).expect("results");
        assert_eq!(
            complete(&found, format),
            ["000", "002", "004", "001", "003"]
        );
        assert!(!found.contains("found no prediction"));
    }
}

#[test]
fn what_does_not_fit_a_file_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 3, &[3, 4]);
    refused(
        folder,
        &eval(&["--output", "r.xlsx"]),
        &["r.xlsx", ".csv or .jsonl"],
    );
    stdout(folder, &eval(&["--output", "r.csv"]));
    let before = lines(folder, "r.csv");
    refused(
        folder,
        &eval(&["--output", "r.csv"]),
        &["r.csv", "exists already", "--resume"],
    );
    let other = ["eval", "p", "y", "--input", "labels", "--loss", "jaccard"];
    let other = [&other[..], &["--output", "r.csv", "--resume"]].concat();
    refused(folder, &other, &["other options", "dice", "jaccard"]);
    let labels = eval(&["--labels", "0,1,2", "--output", "r.csv", "--resume"]);
    refused(folder, &labels, &["other options", "--labels 0,1,2"]);
    fs::remove_file(folder.join("p/001.npy")).expect("a file");
    fs::remove_file(folder.join("y/001.npy")).expect("a file");
    let fewer = eval(&["--output", "r.csv", "--resume"]);
    refused(
        folder,
        &fewer,
        &["has the case 001", "which this run does not have"],
    );
    assert_eq!(lines(folder, "r.csv"), before);
    for option in ["--metrics", "--per-class"] {
        refused(
            folder,
            &eval(&["--output", "new.csv", option]),
            &[option, "--output"],
        );
    }
    for usage in [
        &["--resume"][..],
        &["--shard", "1/2"],
        &["--output", "s.csv", "--shard", "3/2"],
    ] {
        assert_eq!(
            run(folder, &eval(usage)).status.code(),
            Some(2),
            "{usage:?}"
        );
    }
    let twice = "prediction,target\np/000.npy,y/000.npy\np/000.npy,y/000.npy\n";
    fs::write(folder.join("twice.csv"), twice).expect("a file");
    let twice = [
        "eval",
        "--manifest",
        "twice.csv",
        "--input",
        "labels",
        "--output",
        "t.csv",
    ];
    refused(folder, &twice, &["p/000", "twice"]);
    assert!(!folder.join("t.csv").exists() && !folder.join("new.csv").exists());
}

/// A gradient is complete before its case is in the file.
#[test]
fn gradients_come_with_the_cases() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    for case in 0..3 {
        let p = ArrayD::from_elem(IxDyn(&[2, 3, 4]), 0.5_f32);
        npy(folder, &format!("p/{case}.npy"), &p);
        let y = ArrayD::from_elem(IxDyn(&[3, 4]), 1_u8);
        npy(folder, &format!("y/{case}.npy"), &y);
    }
    fs::create_dir(folder.join("g")).expect("a folder");
    let eval = [
        "eval",
        "p",
        "y",
        "--labels",
        "0,1",
        "--gradient",
        "g",
        "--output",
        "r.jsonl",
    ];
    stdout(folder, &eval);
    for case in 0..3 {
        assert!(folder.join(format!("g/{case}.npy")).is_file());
    }
    assert_eq!(lines(folder, "r.jsonl").len(), 3);
}

/// The shards of a run, each in a job of its own, merge into the file of the whole run.
#[test]
fn shards_merge_into_the_run() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 11, &[3, 4]);
    stdout(folder, &eval(&["--output", "whole.csv"]));
    stdout(folder, &eval(&["--output", "whole.jsonl"]));
    let whole = stdout(folder, &["summary", "whole.csv"]);
    for format in ["csv", "jsonl"] {
        let names: Vec<String> = (1..=3).map(|shard| format!("{shard}.{format}")).collect();
        for (shard, name) in ["1/3", "2/3", "3/3"].into_iter().zip(&names) {
            stdout(folder, &eval(&["--output", name, "--shard", shard]));
            stdout(
                folder,
                &eval(&["--output", name, "--shard", shard, "--resume"]),
            );
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let merged = format!("merged-{format}.csv");
        let merge = [&["merge"], &names[..], &["--output", &merged]].concat();
        let output = run(folder, &merge);
        assert!(text(&output.stderr).contains("merged 11 cases of 3 files"));
        assert_eq!(lines(folder, &merged), lines(folder, "whole.csv"));
        let merged = format!("merged-{format}.jsonl");
        let merge = [&["merge"], &names[..], &["--output", &merged]].concat();
        stdout(folder, &merge);
        assert_eq!(lines(folder, &merged), lines(folder, "whole.jsonl"));
        refused(folder, &merge, &[&merged, "exists already"]);
        // A summary needs no merging.
        assert_eq!(
            stdout(folder, &[&["summary"], &names[..]].concat())
                .lines()
                .count(),
            whole.lines().count()
        );
        let again = ["merge", names[0], names[0], "--output", "twice.csv"];
        refused(folder, &again, &["the case 000", "another file"]);
    }
    let other = [
        "eval",
        "p",
        "y",
        "--input",
        "labels",
        "--loss",
        "jaccard",
        "--output",
        "other.csv",
    ];
    stdout(folder, &other);
    let mixed = ["merge", "1.csv", "other.csv", "--output", "mixed.csv"];
    refused(folder, &mixed, &["other.csv", "another run than 1.csv"]);
    refused(
        folder,
        &eval(&["--output", "x.csv", "--shard", "12/12"]),
        &["12/12", "11 cases"],
    );
    for name in ["twice.csv", "mixed.csv", "x.csv"] {
        assert!(!folder.join(name).exists(), "{name}");
    }
}

/// Two processes do not write to one file.
#[cfg(unix)]
#[test]
fn a_file_has_one_writer() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 1, &[3, 4]);
    let file = fs::File::create(folder.join("r.csv")).expect("a file");
    file.lock().expect("a lock");
    refused(
        folder,
        &eval(&["--output", "r.csv", "--resume"]),
        &["r.csv", "another process"],
    );
    drop(file);
    stdout(folder, &eval(&["--output", "r.csv", "--resume"]));
}
