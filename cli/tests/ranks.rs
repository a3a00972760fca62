//! `mpirun unifocal eval`: several processes share a run.

#![cfg(feature = "mpi")]

mod mpirun;
mod program;

use std::fs;
use std::process::{Command, Stdio};

use mpirun::mpirun;
use ndarray::{ArrayD, IxDyn};
use program::{cases, npy, stdout, text};
use serde_json::Value;
use tempfile::TempDir;

const EVAL: [&str; 9] = [
    "eval",
    "p",
    "y",
    "--input",
    "labels",
    "--loss",
    "dice",
    "--threads",
    "2",
];

fn eval<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&EVAL[..], more].concat()
}

/// The results are those of one process, to the byte, and so are report and messages.
#[test]
fn ranks_write_the_file_of_one_process() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 40, &[9, 10, 11]);
    fs::write(folder.join("p/007.npy"), "no array").expect("a file");
    fs::remove_file(folder.join("y/020.npy")).expect("a file");
    for format in ["csv", "jsonl"] {
        let alone = format!("alone.{format}");
        let expected = program::run(folder, &eval(&["--output", &alone]));
        assert_eq!(expected.status.code(), Some(1));
        let results = fs::read_to_string(folder.join(&alone)).expect("results");
        for ranks in 1..=3 {
            let shared = format!("{ranks}.{format}");
            let output = mpirun(folder, ranks, &eval(&["--output", &shared]))
                .output()
                .expect("mpirun");
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{message}");
            let found = fs::read_to_string(folder.join(&shared)).expect("results");
            assert_eq!(found, results, "{ranks} ranks");
            assert_eq!(text(&output.stdout), text(&expected.stdout));
            let without = message.matches("2 of 40 cases have no score").count();
            assert_eq!(without, 1, "{message}");
        }
    }
}

#[test]
fn ranks_write_the_gradients_and_files_of_one_process() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    for case in 0..5 {
        let p = ArrayD::from_elem(IxDyn(&[2, 3, 4]), 0.5_f32);
        npy(folder, &format!("p/{case}.npy"), &p);
        let y = ArrayD::from_elem(IxDyn(&[3, 4]), 1_u8);
        npy(folder, &format!("y/{case}.npy"), &y);
    }
    for name in ["alone", "shared"] {
        fs::create_dir(folder.join(name)).expect("a folder");
    }
    let eval = ["eval", "p", "y", "--labels", "0,1"];
    let alone = ["--gradient", "alone", "--output", "alone.csv"];
    stdout(folder, &[&eval[..], &alone].concat());
    let shared = ["--gradient", "shared", "--output", "shared.csv"];
    let shared = [&eval[..], &shared].concat();
    assert!(
        mpirun(folder, 3, &shared)
            .status()
            .expect("mpirun")
            .success()
    );
    let read = |name: &str| fs::read(folder.join(name)).expect("a file");
    assert_eq!(read("alone.csv"), read("shared.csv"));
    for case in 0..5 {
        assert_eq!(
            read(&format!("alone/{case}.npy")),
            read(&format!("shared/{case}.npy"))
        );
    }
    let compare = ["compare", "p", "y", "--labels", "0,1", "--output"];
    stdout(folder, &[&compare[..], &["alone/{loss}.csv"]].concat());
    let shared = [&compare[..], &["shared/{loss}.csv"]].concat();
    assert!(
        mpirun(folder, 2, &shared)
            .status()
            .expect("mpirun")
            .success()
    );
    for loss in ["dice", "focal", "asymmetric-unified-focal"] {
        assert_eq!(
            read(&format!("alone/{loss}.csv")),
            read(&format!("shared/{loss}.csv"))
        );
    }
}

/// Ranks that see other labels by the same paths: the results tell who scored a case.
#[test]
fn ranks_share_the_cases() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 40, &[40, 40, 40]);
    let other = folder.join("other");
    for case in 0..40 {
        let nothing = ArrayD::from_elem(IxDyn(&[40, 40, 40]), 0_u8);
        npy(&other, &format!("p/{case:03}.npy"), &nothing);
        npy(&other, &format!("y/{case:03}.npy"), &nothing);
    }
    let script = "[ $OMPI_COMM_WORLD_RANK = 0 ] || cd other; exec \"$@\"";
    let status = Command::new("mpirun")
        .current_dir(folder)
        .args(["--allow-run-as-root", "--oversubscribe", "-n", "3"])
        .args(["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_unifocal")])
        .args(eval(&["--output", "r.jsonl"]))
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("mpirun").success());
    assert!(!other.join("r.jsonl").exists());
    let results = fs::read_to_string(folder.join("r.jsonl")).expect("results");
    let records: Vec<Value> = results
        .lines()
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect();
    for (case, record) in records.iter().enumerate() {
        assert_eq!(record["case"], format!("{case:03}"));
    }
    let classes = |record: &&Value| record["per_class"].as_array().map_or(0, Vec::len);
    let own = records.iter().filter(|record| classes(record) == 3).count();
    let of_helpers = records.iter().filter(|record| classes(record) == 1).count();
    assert_eq!(own + of_helpers, 40);
    assert!(own > 0 && of_helpers > 0, "{own} and {of_helpers}");
}

/// If any rank is killed, the run ends, and another one continues it.
#[cfg(target_os = "linux")]
#[test]
fn a_run_whose_rank_was_killed_is_continued() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 60, &[40, 40, 40]);
    stdout(folder, &eval(&["--output", "expected.csv"]));
    let expected = fs::read(folder.join("expected.csv")).expect("results");
    for killed in ["0", "1", "2"] {
        let output = format!("{killed}.csv");
        let file = folder.join(&output);
        let mut child = mpirun(folder, 3, &eval(&["--output", &output]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mpirun");
        let size = || file.metadata().map_or(0, |metadata| metadata.len());
        while size() < 3000 && child.try_wait().expect("a process").is_none() {
            std::thread::yield_now();
        }
        let rank = process(child.id(), killed).expect("the rank runs");
        let kill = Command::new("kill").args(["-KILL", &rank]).status();
        assert!(kill.expect("kill").success());
        assert!(!child.wait().expect("a process").success());
        let torn = fs::read(&file).expect("results");
        assert!(torn.len() < expected.len() && !torn.is_empty());
        let status = mpirun(folder, 3, &eval(&["--output", &output, "--resume"]))
            .stdout(Stdio::null())
            .status();
        assert!(status.expect("mpirun").success());
        assert_eq!(fs::read(&file).expect("results"), expected, "rank {killed}");
    }
}

/// The number of the process that is this rank of an mpirun.
#[cfg(target_os = "linux")]
fn process(parent: u32, rank: &str) -> Option<String> {
    let wanted = format!("OMPI_COMM_WORLD_RANK={rank}");
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let folder = entry.path();
        let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let is_child = after.split_whitespace().nth(1) == Some(&parent.to_string());
        let environment = read("environ");
        let mut variables = environment.split(|byte| *byte == 0);
        if is_child && variables.any(|variable| variable == wanted.as_bytes()) {
            return Some(entry.file_name().to_string_lossy().into_owned());
        }
    }
    None
}

#[test]
fn ranks_need_a_file_and_the_same_cases() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 3, &[3, 4]);
    let output = mpirun(folder, 2, &eval(&[])).output().expect("mpirun");
    assert!(!output.status.success() && output.stdout.is_empty());
    let message = text(&output.stderr);
    assert!(
        message.contains("2 processes") && message.contains("--output"),
        "{message}"
    );

    // Each rank runs in a folder of its own, with other files.
    cases(&folder.join("other"), 4, &[3, 4]);
    let script = "cd \"$([ $OMPI_COMM_WORLD_RANK = 0 ] && echo . || echo other)\" && exec \"$@\"";
    let output = Command::new("mpirun")
        .current_dir(folder)
        .args(["--allow-run-as-root", "--oversubscribe", "-n", "2"])
        .args(["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_unifocal")])
        .args(eval(&["--output", "r.csv"]))
        .output()
        .expect("mpirun");
    let message = text(&output.stderr);
    assert!(!output.status.success(), "{message}");
    assert!(
        message.contains("rank 1 found other cases than rank 0"),
        "{message}"
    );
}
