//! Runs the program as a process.

#![allow(dead_code, reason = "each test crate uses a part of this module")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::{WritableElement, WriteNpyExt};
use serde_json::Value;

pub(super) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unifocal"));
    command.current_dir(folder).args(arguments);
    command
}

pub(super) fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments)
        .output()
        .expect("the program starts")
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The output of a successful run.
#[track_caller]
pub(super) fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {message}");
    text(&output.stdout)
}

/// The JSON report of a successful run.
#[track_caller]
pub(super) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--format", "json"]].concat();
    serde_json::from_str(&stdout(folder, &arguments)).expect("JSON")
}

/// Checks that a run fails with exit status 1, an empty stdout and a message that contains these words.
#[track_caller]
pub(super) fn refused(folder: &Path, arguments: &[&str], words: &[&str]) {
    let output = run(folder, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?} printed something");
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

pub(super) fn npy<T: WritableElement>(folder: &Path, name: &str, array: &ArrayD<T>) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    let file = fs::File::create(file).expect("a file");
    array.write_npy(file).expect("a .npy file");
}

/// Label maps of this many cases.
pub(super) fn cases(folder: &Path, count: usize, shape: &[usize]) {
    for case in 0..count {
        let labels = |shift: usize| {
            let mut place = 0;
            ArrayD::from_shape_simple_fn(IxDyn(shape), || {
                place += 1;
                ((place + case) / (7 + shift) % 3) as u8
            })
        };
        npy(folder, &format!("p/{case:03}.npy"), &labels(0));
        npy(folder, &format!("y/{case:03}.npy"), &labels(1));
    }
}
