//! `demo`: the example as files.

mod program;

use std::fs;
use std::path::Path;

use program::{refused, run, stdout, text};
use tempfile::TempDir;

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).expect("a file")
}

/// The folder has what the named commands give there, to the byte.
#[test]
fn the_files_are_those_of_the_commands() {
    let folder = TempDir::new().expect("a folder");
    let output = run(folder.path(), &["demo", "--output", "example"]);
    assert_eq!(output.status.code(), Some(0));
    let note = text(&output.stderr);
    let table = text(&output.stdout);
    assert_eq!(table, stdout(folder.path(), &["demo"]));
    let example = folder.path().join("example");
    let mut written: Vec<String> = example
        .read_dir()
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    written.sort();
    let expected = [
        "image.npy",
        "labels.npy",
        "overlay.png",
        "prediction.npy",
        "report.html",
        "results.csv",
    ];
    assert_eq!(written, expected);
    for name in expected {
        assert!(note.contains(name), "{note} does not say {name}");
    }
    let before = ["results.csv", "overlay.png", "report.html"].map(|name| read(&example, name));
    fs::remove_file(example.join("results.csv")).expect("a file");
    let commands = note
        .lines()
        .filter_map(|line| line.trim().strip_prefix("unifocal "));
    let commands: Vec<&str> = commands.collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').collect();
        stdout(&example, &arguments);
    }
    let after = ["results.csv", "overlay.png", "report.html"].map(|name| read(&example, name));
    assert_eq!(before[..2], after[..2]);
    // The page names the file of results as its command does.
    let [before, after] = [&before[2], &after[2]].map(|page| text(page));
    assert_eq!(before.replace("example/results.csv", "results.csv"), after);
    assert_eq!(before.matches("data:image/png;base64,").count(), 1);
}

#[test]
fn a_folder_that_exists_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("mine")).expect("a folder");
    refused(
        folder,
        &["demo", "--output", "mine"],
        &["mine", "exists already"],
    );
    refused(
        folder,
        &["demo", "--output", "no/new"],
        &["no/new", "cannot be created"],
    );
    assert_eq!(folder.join("mine").read_dir().expect("a folder").count(), 0);
    assert!(!folder.join("no").exists());
}
