//! A small run: predictions and targets of three cases, and its results.

use std::path::Path;

use ndarray::{Array2, array};
use tempfile::TempDir;

use crate::document::Document;
use crate::program::{npy, run, stdout, text};

/// The files of three cases; class 2 is nowhere in the first.
pub(super) fn files() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let cases: [[Array2<u8>; 2]; 3] = [
        [
            array![[0, 1, 0, 0], [0, 1, 1, 0]],
            array![[0, 1, 1, 0], [0, 1, 1, 0]],
        ],
        [
            array![[0, 2, 2, 0], [0, 1, 0, 1]],
            array![[0, 2, 0, 0], [0, 1, 1, 2]],
        ],
        [
            array![[2, 2, 0, 0], [1, 1, 0, 1]],
            array![[2, 2, 0, 0], [1, 1, 0, 1]],
        ],
    ];
    for (name, [prediction, target]) in ["a", "b", "c"].into_iter().zip(cases) {
        npy(
            folder.path(),
            &format!("p/{name}.npy"),
            &prediction.into_dyn(),
        );
        npy(folder.path(), &format!("y/{name}.npy"), &target.into_dyn());
    }
    folder
}

pub(super) const EVAL: [&str; 9] = [
    "eval", "p", "y", "--input", "labels", "--labels", "0,1,2", "--loss", "dice",
];

/// Scores the cases into a file.
pub(super) fn scored(folder: &Path, results: &str) {
    stdout(folder, &[&EVAL[..], &["--output", results]].concat());
}

/// The page of a run, and the notes.
pub(super) fn page(folder: &Path, arguments: &[&str]) -> (Document, String) {
    let output = ["--output", "page.html"];
    let output = run(folder, &[&["report"], arguments, &output].concat());
    let notes = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {notes}");
    (Document::read(&folder.join("page.html")), notes)
}
