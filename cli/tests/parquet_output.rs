//! Results as Parquet: they are those of a CSV file, come at once, and are continued.

#![cfg(feature = "parquet")]

mod program;

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use ndarray::{ArrayD, IxDyn};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use program::{cases, command, npy, refused, run, stdout, text};
use tempfile::TempDir;

const EVAL: [&str; 7] = ["eval", "p", "y", "--input", "labels", "--loss", "dice"];

/// The file that grows until the run ends.
const PARTIAL: &str = "r.parquet.partial.jsonl";

fn eval<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&EVAL[..], more].concat()
}

fn opened(folder: &Path, name: &str) -> SerializedFileReader<File> {
    let file = File::open(folder.join(name)).expect("a file");
    SerializedFileReader::new(file).expect("Parquet")
}

/// The CSV file that has the same records.
fn as_csv(folder: &Path, name: &str) -> String {
    let csv = folder.join("back.csv");
    let _ = fs::remove_file(&csv);
    stdout(folder, &["merge", name, "--output", "back.csv"]);
    fs::read_to_string(csv).expect("UTF-8")
}

#[test]
fn a_parquet_file_has_the_cells_of_a_csv_file() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 5, &[5, 6]);
    fs::write(folder.join("p/001.npy"), "no array").expect("a file");
    let table = run(folder, &eval(&["--output", "r.csv"]));
    let parquet = run(folder, &eval(&["--output", "r.parquet"]));
    assert_eq!(text(&parquet.stdout), text(&table.stdout));
    assert_eq!(parquet.status.code(), Some(1));
    assert!(!folder.join(PARTIAL).exists());
    let text = fs::read_to_string(folder.join("r.csv")).expect("UTF-8");
    assert_eq!(as_csv(folder, "r.parquet"), text);

    // As another program reads it.
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let columns: Vec<String> = rows
        .headers()
        .expect("a head")
        .iter()
        .map(str::to_owned)
        .collect();
    let expected: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    let found: Vec<_> = opened(folder, "r.parquet").into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        let cells = found.expect("a row").into_columns();
        let names: Vec<&String> = cells.iter().map(|(name, _)| name).collect();
        assert_eq!(names, columns.iter().collect::<Vec<_>>());
        for ((name, cell), expected) in cells.iter().zip(&expected) {
            match cell {
                Field::Null => assert_eq!(expected, "", "{name}"),
                Field::Str(text) => assert_eq!(text, expected, "{name}"),
                Field::Double(number) => {
                    let expected: f64 = expected.parse().expect("a number");
                    assert_eq!(*number, expected, "{name}");
                }
                other => panic!("{name} is {other}"),
            }
        }
    }
}

/// Rows are written in groups, so that memory does not grow with the number of cases.
#[test]
fn many_rows_are_in_several_groups() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    for case in 0..260 {
        let labels = ArrayD::from_shape_fn(IxDyn(&[256]), |at| (at[0] + case) as u8);
        npy(folder, &format!("p/{case:03}.npy"), &labels);
        npy(folder, &format!("y/{case:03}.npy"), &labels);
    }
    stdout(folder, &eval(&["--output", "r.csv"]));
    stdout(folder, &eval(&["--output", "r.parquet"]));
    let file = opened(folder, "r.parquet");
    assert_eq!(file.metadata().num_row_groups(), 2);
    assert_eq!(file.metadata().file_metadata().num_rows(), 260 * 257);
    let csv = fs::read_to_string(folder.join("r.csv")).expect("UTF-8");
    assert!(as_csv(folder, "r.parquet") == csv);
}

/// Until a run ends there is no Parquet file, but one of lines beside it, from which it is continued.
#[test]
fn a_killed_run_is_continued() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 48, &[30, 30, 30]);
    stdout(folder, &eval(&["--output", "expected.parquet"]));
    let expected = fs::read(folder.join("expected.parquet")).expect("results");
    let partial = folder.join(PARTIAL);
    let size = || partial.metadata().map_or(0, |metadata| metadata.len());
    for moment in 1..4 {
        let more = ["--output", "r.parquet", "--resume", "--threads", "2"];
        let mut child = command(folder, &eval(&more))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        while size() < moment * 3000 && child.try_wait().expect("a process").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("SIGKILL");
        child.wait().expect("a process");
        assert!(size() > 0 && !folder.join("r.parquet").exists());
    }
    refused(
        folder,
        &eval(&["--output", "r.parquet"]),
        &[PARTIAL, "exists already", "--resume"],
    );
    stdout(folder, &eval(&["--output", "r.parquet", "--resume"]));
    assert!(fs::read(folder.join("r.parquet")).expect("results") == expected);
    assert!(!partial.exists());
}

#[test]
fn a_finished_run_is_continued() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 3, &[3, 4]);
    let good = fs::read(folder.join("y/001.npy")).expect("a file");
    fs::write(folder.join("y/001.npy"), "no array").expect("a file");
    assert_eq!(
        run(folder, &eval(&["--output", "r.parquet"])).status.code(),
        Some(1)
    );
    let before = fs::read(folder.join("r.parquet")).expect("results");
    fs::write(folder.join("y/001.npy"), good).expect("a file");

    refused(
        folder,
        &eval(&["--output", "r.parquet"]),
        &["r.parquet", "exists already", "--resume"],
    );
    let other = ["--labels", "0,1,2", "--output", "r.parquet", "--resume"];
    refused(folder, &eval(&other), &["other options", "--labels 0,1,2"]);
    assert_eq!(fs::read(folder.join("r.parquet")).expect("results"), before);
    assert!(!folder.join(PARTIAL).exists());

    let again = run(folder, &eval(&["--output", "r.parquet", "--resume"]));
    let message = text(&again.stderr);
    assert!(
        message.contains("2 of 3 cases were in r.parquet already"),
        "{message}"
    );
    let cases: Vec<String> = as_csv(folder, "r.parquet")
        .lines()
        .filter(|row| row.contains("PRED"))
        .map(|row| row[..3].to_owned())
        .collect();
    assert_eq!(cases, ["000", "002", "001"]);
}

#[test]
fn shards_merge_into_a_parquet_file() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 5, &[3, 4]);
    stdout(folder, &eval(&["--output", "whole.parquet"]));
    for shard in ["1/2", "2/2"] {
        let file = format!("{}.parquet", &shard[..1]);
        stdout(folder, &eval(&["--output", &file, "--shard", shard]));
    }
    let merge = ["merge", "1.parquet", "2.parquet", "--output", "m.parquet"];
    stdout(folder, &merge);
    let read = |name: &str| fs::read(folder.join(name)).expect("results");
    assert_eq!(read("m.parquet"), read("whole.parquet"));
}

#[test]
fn what_is_no_file_of_results_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 2, &[3, 4]);
    stdout(folder, &eval(&["--output", "r.parquet"]));
    let whole = fs::read(folder.join("r.parquet")).expect("results");
    for length in [0, 3, whole.len() / 2, whole.len() - 1] {
        fs::write(folder.join("torn.parquet"), &whole[..length]).expect("a file");
        refused(
            folder,
            &["summary", "torn.parquet"],
            &["torn.parquet", "cannot be read"],
        );
    }
}
