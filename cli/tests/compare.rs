//! `compare`: metrics beside the losses, and a file of results for each loss.

mod program;

use std::fs;
use std::path::Path;

use program::{cases, json, refused, run, stdout, text};
use serde_json::Value;
use tempfile::TempDir;

const CASES: [&str; 4] = ["p", "y", "--input", "labels"];

fn options<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command], &CASES[..], more].concat()
}

/// The metrics of a class do not depend on the loss, so they are those of `eval`.
#[test]
fn metrics_are_those_of_eval() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 3, &[5, 6]);
    let more = ["--empty", "0"];
    let compared = json(folder, &options("compare", &more));
    let dice = [&more[..], &["--loss", "dice"]].concat();
    let alone = json(folder, &options("eval", &dice));
    assert_eq!(compared["empty"], "0");
    for case in 0..3 {
        let classes = compared["cases"][case]["per_class"]
            .as_array()
            .expect("classes");
        assert_eq!(classes.len(), 3);
        for (class, found) in classes.iter().enumerate() {
            let mut expected = alone["cases"][case]["per_class"][class].clone();
            expected.as_object_mut().expect("an object").remove("value");
            assert_eq!(*found, expected);
        }
    }
    for (class, found) in compared["mean_metrics"]
        .as_array()
        .expect("classes")
        .iter()
        .enumerate()
    {
        for field in ["class", "metrics", "pooled"] {
            assert_eq!(found[field], alone["mean_per_class"][class][field]);
        }
    }

    let tables = |text: String| {
        let tables: Vec<String> = text.split("\n\n").map(str::to_owned).collect();
        let metrics = tables.into_iter().filter(|table| table.contains("recall"));
        metrics.collect::<Vec<_>>()
    };
    let compared = tables(stdout(folder, &options("compare", &["--metrics"])));
    let alone = tables(stdout(
        folder,
        &options("eval", &["--metrics", "--loss", "dice"]),
    ));
    assert_eq!((compared.len(), &compared), (2, &alone));

    let rows = |arguments: &[&str]| -> Vec<String> {
        let arguments = [arguments, &["--metrics", "--format", "csv"]].concat();
        let text = stdout(folder, &arguments);
        text.lines().map(str::to_owned).collect()
    };
    let compared = rows(&options("compare", &[]));
    let alone = rows(&options("eval", &["--loss", "dice"]));
    assert_eq!(compared[0], alone[0]);
    let of_dice: Vec<&String> = compared[1..]
        .iter()
        .filter(|row| row.contains(",dice,"))
        .collect();
    assert_eq!(of_dice, alone[1..].iter().collect::<Vec<_>>());
    refused(
        folder,
        &options("compare", &more),
        &["--empty", "--metrics", "--output"],
    );
}

/// Each file is the one that `eval` writes, also of a run that was interrupted between two files of a case.
#[test]
fn each_loss_has_the_file_of_eval() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 4, &[5, 6]);
    let compared = json(folder, &options("compare", &[]));
    let losses: Vec<String> = compared["mean"]
        .as_object()
        .expect("losses")
        .keys()
        .cloned()
        .collect();
    for loss in &losses {
        let file = format!("alone-{loss}.csv");
        stdout(
            folder,
            &options("eval", &["--loss", loss, "--output", &file]),
        );
    }
    let check = || {
        for loss in &losses {
            let [found, expected] = ["r", "alone"].map(|name| {
                let file = folder.join(format!("{name}-{loss}.csv"));
                fs::read_to_string(file).expect("results")
            });
            assert_eq!(found, expected, "{loss}");
        }
    };
    let output = ["--output", "r-{loss}.csv"];
    let report = stdout(folder, &options("compare", &output));
    check();
    assert!(
        report.starts_with("unifocal ")
            && report.contains(": --empty skip --input labels\n4 cases\n")
    );
    for loss in &losses {
        let mean = &compared["mean"][loss].as_f64().expect("a mean");
        let row = report
            .lines()
            .find(|row| row.starts_with(&format!(" {loss} ")));
        assert!(
            row.expect("a row").contains(&format!("{mean:.6}")),
            "{report}"
        );
    }
    refused(
        folder,
        &options("compare", &output),
        &["r-", "exists already"],
    );

    // As if the run was killed after the second case in one file, and within the third in another.
    let cut = |loss: &str, cases: usize, more: usize| {
        let file = folder.join(format!("r-{loss}.csv"));
        let text = fs::read_to_string(&file).expect("results");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let end: usize = lines[..1 + 4 * cases].iter().map(|line| line.len()).sum();
        fs::write(file, &text[..end + more]).expect("results");
    };
    for (place, loss) in losses.iter().enumerate() {
        cut(
            loss,
            if place < 3 { 3 } else { 2 },
            if place == 3 { 50 } else { 0 },
        );
    }
    let again = run(
        folder,
        &options("compare", &[&output[..], &["--resume"]].concat()),
    );
    let message = text(&again.stderr);
    assert!(
        message.contains("2 of 4 cases were in r-{loss}.csv already"),
        "{message}"
    );
    check();
}

#[test]
fn files_of_compare_need_the_name_of_the_loss() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    cases(folder, 2, &[3, 4]);
    let left = |folder: &Path| fs::read_dir(folder).expect("a folder").count();
    refused(
        folder,
        &options("compare", &["--output", "r.csv"]),
        &["r.csv", "{loss}"],
    );
    refused(
        folder,
        &options("compare", &["--output", "r-{loss}.txt"]),
        &["r-", ".csv or .jsonl"],
    );
    fs::write(folder.join("r-focal.csv"), "mine").expect("a file");
    refused(
        folder,
        &options("compare", &["--output", "r-{loss}.csv"]),
        &["r-focal.csv", "exists already"],
    );
    assert_eq!(left(folder), 3);
    let shard = ["--output", "s-{loss}.jsonl", "--shard", "2/2"];
    stdout(folder, &options("compare", &shard));
    let shard = fs::read_to_string(folder.join("s-dice.jsonl")).expect("results");
    let record: Value = serde_json::from_str(&shard).expect("one line");
    assert_eq!(record["case"], "001");
}
