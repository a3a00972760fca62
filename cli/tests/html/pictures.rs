//! The pictures of the worst cases.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::array;

use crate::document::Document;
use crate::program::{npy, stdout};
use crate::run::{files, page, scored};

/// The PNG files within a page.
fn pictures(page: &Document) -> Vec<Vec<u8>> {
    let all = page.section("worst").named("img").into_iter();
    all.map(|picture| {
        let source = picture.get("src").expect("a source");
        let data = source
            .strip_prefix("data:image/png;base64,")
            .expect("a data URI");
        STANDARD.decode(data).expect("base64")
    })
    .collect()
}

/// The picture that `overlay` draws of a case.
fn overlay(folder: &Path, case: &str) -> Vec<u8> {
    let files = [format!("p/{case}.npy"), format!("y/{case}.npy")];
    let overlay = [
        "overlay", &files[0], &files[1], "--input", "labels", "--labels", "0,1,2",
    ];
    stdout(
        folder,
        &[&overlay[..], &["--loss", "dice", "--output", "o.png"]].concat(),
    );
    fs::read(folder.join("o.png")).expect("a picture")
}

#[test]
fn pictures_are_those_of_overlay() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    let (found, notes) = page(folder, &["results.csv", "--worst", "2"]);
    assert_eq!(notes, "");
    let expected = ["b", "a"].map(|case| overlay(folder, case));
    assert_eq!(pictures(&found), expected);
    let captions = found.section("worst").named("figcaption");
    assert!(
        captions[0]
            .text
            .contains("false positives 1, false negatives 1, another class 1, of 8 scored voxels"),
        "{}",
        captions[0].text
    );
    let worst = &found.section("worst").text;
    assert!(
        worst.contains("magenta: false positive; green: false negative"),
        "{worst}"
    );
    // Or none at all.
    let (none, _) = page(folder, &["results.csv", "--no-pictures"]);
    assert!(pictures(&none).is_empty());
    assert!(!none.section("worst").text.contains("No picture"));
}

/// Paths are those of the run, so the folder that it was started in must be known.
#[test]
fn files_are_looked_for_where_the_run_was() {
    let files = files();
    scored(files.path(), "results.csv");
    let elsewhere = tempfile::TempDir::new().expect("a folder");
    let folder = elsewhere.path();
    fs::copy(files.path().join("results.csv"), folder.join("results.csv")).expect("a copy");
    let (without, notes) = page(folder, &["results.csv", "--worst", "1"]);
    assert!(pictures(&without).is_empty());
    let worst = &without.section("worst").text;
    assert!(worst.contains("No picture: p/b.npy: cannot be"), "{worst}");
    assert!(
        notes.contains("note: no picture of the case b: p/b.npy"),
        "{notes}"
    );
    let root = files.path().display().to_string();
    let (with, notes) = page(folder, &["results.csv", "--worst", "1", "--root", &root]);
    assert_eq!((pictures(&with).len(), &*notes), (1, ""));
}

/// Files that are not those of the run any more are not drawn.
#[test]
fn a_file_that_changed_is_not_drawn() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    npy(
        folder,
        "p/b.npy",
        &array![[0_u8, 2, 0, 0], [0, 1, 1, 0]].into_dyn(),
    );
    let (page, notes) = page(folder, &["results.csv", "--worst", "2"]);
    assert_eq!(pictures(&page).len(), 1);
    assert!(
        notes.contains("the case b: its files now have the loss"),
        "{notes}"
    );
}

/// The options about reading are those of the run: labels, regions, and a mask beside the files.
#[test]
fn cases_are_read_as_they_were() {
    let folder = files();
    let folder = folder.path();
    npy(
        folder,
        "mask.npy",
        &array![[1_u8, 1, 0, 1], [1, 1, 1, 1]].into_dyn(),
    );
    let eval = [
        "eval", "p", "y", "--input", "labels", "--mask", "mask.npy", "--loss", "dice",
    ];
    let regions = [
        "--regions",
        "whole=1,2",
        "core=2",
        "--output",
        "results.jsonl",
    ];
    stdout(folder, &[&eval[..], &regions].concat());
    let (page, notes) = page(folder, &["results.jsonl"]);
    assert_eq!(notes, "");
    assert_eq!(pictures(&page).len(), 3);
    let captions = page.section("worst").named("figcaption");
    for caption in captions {
        assert!(
            caption.text.contains("of 7 scored voxels"),
            "{}",
            caption.text
        );
    }
}
