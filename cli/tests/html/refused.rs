//! Bad input gives a message and no page.

use std::fs;

use crate::program::{refused, run};
use crate::run::{files, scored};

#[test]
fn a_message_says_what_is_wrong() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    fs::write(folder.join("other.csv"), "a,b\n1,2\n").expect("a file");
    fs::write(folder.join("text.txt"), "text").expect("a file");
    let before = fs::read_to_string(folder.join("results.csv")).expect("results");
    let count = || folder.read_dir().expect("a folder").count();
    let files = count();
    for (results, output, words) in [
        (
            "missing.csv",
            "page.html",
            &["missing.csv", "cannot be read"][..],
        ),
        ("other.csv", "page.html", &["other.csv", "line 1"]),
        ("text.txt", "page.html", &["text.txt", ".csv or .jsonl"]),
        ("results.csv", "results.csv", &["is a file of results"]),
        (
            "results.csv",
            "no/page.html",
            &["no/page.html", "cannot be written"],
        ),
    ] {
        refused(folder, &["report", results, "--output", output], words);
        assert_eq!(count(), files, "{results} to {output} left a file");
    }
    let confidence = [
        "report",
        "results.csv",
        "--confidence",
        "2",
        "--output",
        "page.html",
    ];
    refused(folder, &confidence, &["--confidence is 2"]);
    let after = fs::read_to_string(folder.join("results.csv")).expect("results");
    assert_eq!(before, after);
    assert_eq!(
        run(folder, &["report", "results.csv"]).status.code(),
        Some(2)
    );
}

/// Results of another program's run: the page has its numbers, and says what it lacks.
#[test]
fn a_run_of_another_version_has_a_page() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    let results = fs::read_to_string(folder.join("results.csv")).expect("results");
    let other = results.replace("--loss dice(", "--loss later(");
    fs::write(folder.join("later.csv"), other).expect("results");
    let (page, notes) = crate::run::page(folder, &["later.csv"]);
    assert!(
        page.section("loss")
            .text
            .contains("is not one of this version")
    );
    assert!(
        notes.contains("the options of the run cannot be read"),
        "{notes}"
    );
    assert_eq!(page.section("summary").rows().len(), 7);
}
