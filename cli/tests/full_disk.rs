//! `eval --output` on a disk that gets full.

#![cfg(unix)]

mod program;

use std::fs;
use std::process::{Command, Output};

use program::{cases, stdout, text};
use tempfile::TempDir;

const EVAL: [&str; 7] = ["eval", "p", "y", "--input", "labels", "--loss", "dice"];

/// If the file cannot grow, what was complete stays, and the run can be continued.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 30, &[3, 4]);
    stdout(folder, &[&EVAL[..], &["--output", "expected.csv"]].concat());
    let expected = fs::read(folder.join("expected.csv")).expect("results");
    let shell = |script: &str| {
        Command::new("sh")
            .current_dir(folder)
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_unifocal")])
            .args(EVAL)
            .output()
            .expect("a shell")
    };
    let check = |output: &Output, file: &str| {
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        let words = format!("{file}: cannot be written");
        assert!(message.contains(&words), "{message}");
        let found = fs::read(folder.join("r.csv")).expect("results");
        assert!(found.len() < expected.len() && found.ends_with(b"\n"));
        assert!(expected.starts_with(&found));
        // At least one case: the head, a row for each of three classes and the last row.
        assert!(text(&found).lines().count() >= 5);
        fs::remove_file(folder.join("r.csv")).expect("results");
        let continued = fs::read(folder.join("continued.csv")).expect("results");
        assert_eq!(continued, expected);
    };
    // With SIGXFSZ ignored, writing beyond the limit is an error, as on a full disk.
    let limited = shell(
        "(trap '' XFSZ; ulimit -f 4; exec \"$@\" --output r.csv); status=$?
        cp r.csv continued.csv; \"$@\" --output continued.csv --resume >/dev/null || exit; exit $status",
    );
    check(&limited, "r.csv");
    // A disk of two pages, which root may mount in a name space of its own. It gets more room for the run that continues.
    fs::create_dir(folder.join("disk")).expect("a folder");
    let full = shell(
        "exec unshare --mount sh -c '
            mount -t tmpfs -o size=8k none disk || exit 77
            \"$@\" --output disk/r.csv; status=$?; cp disk/r.csv .
            mount -o remount,size=1m none disk
            \"$@\" --output disk/r.csv --resume >/dev/null || exit; cp disk/r.csv continued.csv; exit $status' sh \"$@\"",
    );
    // Without the right to mount, the limit above has to do.
    let message = text(&full.stderr);
    if full.status.code() == Some(77) || message.contains("unshare") {
        println!("no disk could be mounted: {message}");
    } else {
        check(&full, "disk/r.csv");
    }
}
