//! The page has the numbers of `summary`, and says by which conventions.

use std::fs;

use serde_json::Value;

use crate::program::{json, npy, run, stdout};
use crate::run::{EVAL, files, page, scored};

const SECTIONS: [&str; 8] = [
    "run",
    "reading",
    "loss",
    "summary",
    "distributions",
    "worst",
    "failures",
    "versions",
];

/// As tables show a number: six decimals.
fn shown(value: &Value) -> String {
    let value = value.as_f64().expect("a number");
    assert!(value == 0.0 || value.abs() >= 1e-4, "{value}");
    format!("{value:.6}")
}

#[test]
fn sections_have_the_numbers_of_the_summary() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    let statistics = [
        "--scores",
        "loss,dice,recall",
        "--resamples",
        "50",
        "--seed",
        "3",
    ];
    let (page, notes) = page(folder, &[&["results.csv"], &statistics[..]].concat());
    assert_eq!(notes, "");
    let found: Vec<&str> = page
        .all()
        .into_iter()
        .filter(|element| element.name == "section")
        .filter_map(|section| section.get("id"))
        .collect();
    assert_eq!(found, SECTIONS);

    let summary = json(
        folder,
        &[&["summary", "results.csv"], &statistics[..]].concat(),
    );
    let rows = page.section("summary").rows();
    let expected = summary["scores"].as_array().expect("rows");
    assert_eq!(rows.len(), expected.len());
    let mut without = 0;
    for (row, expected) in rows.iter().zip(expected) {
        let cell = |name: &str| match &expected[name] {
            Value::Null => String::new(),
            value => shown(value),
        };
        let class = match &expected["class"] {
            Value::Null => "all".to_owned(),
            class => class.to_string(),
        };
        let interval = match &expected["interval"] {
            Value::Null => String::new(),
            interval => format!("{} to {}", shown(&interval[0]), shown(&interval[1])),
        };
        without += usize::from(expected["pooled"].is_null());
        let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let expected = [
            class,
            name(&expected["score"]),
            expected["cases"].to_string(),
            cell("mean"),
            interval,
            cell("median"),
            cell("sd"),
            cell("pooled"),
            cell("worst"),
            name(&expected["worst_case"]),
        ];
        assert_eq!(*row, expected);
    }
    assert!(without > 0, "some cell is empty");
    let text = &page.section("summary").text;
    assert!(
        text.contains("0/0 has no value, and is not in the mean (--empty skip)"),
        "{text}"
    );

    let worst = page.section("worst").rows();
    let expected = summary["worst_cases"].as_array().expect("cases");
    assert_eq!(worst.len(), expected.len());
    for (row, expected) in worst.iter().zip(expected) {
        assert_eq!(row[0], expected["case"].as_str().expect("a name"));
        assert_eq!(row[1], shown(&expected["loss"]));
    }
    // The classes of the worst case, with their counts.
    assert_eq!(worst[0][0], "b");
    let case = page.section("worst").named("article")[0].rows();
    let eval = [&EVAL[..], &["--metrics"]].concat();
    let report = json(folder, &eval);
    let classes = report["cases"][1]["per_class"].as_array().expect("classes");
    for (row, class) in case.iter().zip(classes) {
        assert_eq!(row[0], class["class"].to_string());
        assert_eq!(row[1], shown(&class["value"]));
        assert_eq!(row[2], shown(&class["metrics"]["dice"]));
        for (cell, count) in row[4..].iter().zip(["tp", "fp", "fn"]) {
            assert_eq!(
                *cell,
                format!("{:.1}", class[count].as_f64().expect("a count"))
            );
        }
    }
    assert_eq!(case.len(), classes.len());

    let reading = &page.section("reading").text;
    assert!(reading.contains("3 cases, such as a:"), "{reading}");
    assert!(
        reading.contains("PRED    npy [2, 4] as yx: labels"),
        "{reading}"
    );
    let loss = page.section("loss");
    let parameters = loss.rows();
    assert!(
        parameters.iter().any(|row| row[..2] == ["delta", "0.5"]),
        "{parameters:?}"
    );
    assert_eq!(loss.named("svg").len(), 1);
    // Three scores; the loss has a strip for the cases as well as for each class.
    let charts = page.section("distributions").named("svg");
    assert_eq!(charts.len(), 3);
    let points = |chart: usize| charts[chart].named("circle").len();
    assert_eq!([points(0), points(1), points(2)], [12, 8, 8]);
    let versions = &page.section("versions").text;
    assert!(
        versions.contains("Bootstrap of 50 samples, seed 3"),
        "{versions}"
    );
    let version = format!("Scored by unifocal {}", env!("CARGO_PKG_VERSION"));
    assert!(versions.contains(&version), "{versions}");
    assert!(
        page.section("run")
            .text
            .contains("--input labels --labels 0,1,2")
    );
}

/// A file of JSON Lines and one of CSV have the same page, but for the name of the file.
#[test]
fn both_formats_of_results_give_the_same_page() {
    let folder = files();
    let folder = folder.path();
    let read = |results: &str| {
        scored(folder, results);
        page(folder, &[results]);
        let text = fs::read_to_string(folder.join("page.html")).expect("a page");
        text.replace(results, "results")
    };
    assert_eq!(read("results.csv"), read("results.jsonl"));
}

#[test]
fn the_page_says_what_an_empty_mask_counts_as() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "results.csv");
    for (empty, words, dice) in [
        ("skip", "has no value", ""),
        ("nan", "0/0 is NaN, and so is its mean", "NaN"),
        ("0", "0/0 counts as 0", "0.000000"),
        ("1", "0/0 counts as 1", "1.000000"),
    ] {
        let (page, _) = page(folder, &["results.csv", "--empty", empty]);
        let summary = page.section("summary");
        assert!(summary.text.contains(words), "{}", summary.text);
        // Class 2 of the case a, which is the second of the worst.
        let case = page.section("worst").named("article")[1].rows();
        assert_eq!(case[2][..3], ["2", "0.000000", dice]);
        let chart = &page.section("distributions").text;
        let left_out = chart.contains("1 values are not finite numbers, and not drawn");
        assert_eq!(left_out, empty == "nan", "{chart}");
    }
}

/// Cases without a score are listed with the reason, and groups have rows of their own.
#[test]
fn failures_and_groups_are_shown() {
    let folder = files();
    let folder = folder.path();
    npy(
        folder,
        "p/broken.npy",
        &ndarray::arr2(&[[0_u8; 3]; 3]).into_dyn(),
    );
    npy(
        folder,
        "y/broken.npy",
        &ndarray::arr2(&[[0_u8; 2]; 2]).into_dyn(),
    );
    let eval = [&EVAL[..], &["--output", "results.csv"]].concat();
    assert_eq!(run(folder, &eval).status.code(), Some(1));
    fs::write(
        folder.join("cases.csv"),
        "case,prediction,target,centre\na,x,x,north\nb,x,x,south\nc,x,x,north\n",
    )
    .expect("a manifest");
    let by = ["--by", "centre", "--manifest", "cases.csv"];
    let (page, _) = page(folder, &[&["results.csv"], &by[..]].concat());
    let failures = &page.section("failures").text;
    assert!(
        failures.contains("broken: p/broken.npy against y/broken.npy"),
        "{failures}"
    );
    assert!(
        page.section("run")
            .text
            .contains("3 cases, and 1 without a score")
    );
    let rows = page.section("summary").rows();
    for group in ["all cases", "north", "south"] {
        let of_group = rows.iter().filter(|row| row[0] == group);
        assert_eq!(of_group.count(), 7, "{group}");
    }
}

/// Many cases are drawn as bars.
#[test]
fn many_cases_are_bars() {
    let folder = files();
    let folder = folder.path();
    scored(folder, "one.csv");
    let one = fs::read_to_string(folder.join("one.csv")).expect("results");
    let (head, rows) = one.split_once('\n').expect("rows");
    let mut many = format!("{head}\n");
    for copy in 0..101 {
        for row in rows.lines() {
            many += &format!("{copy}-{row}\n");
        }
    }
    fs::write(folder.join("many.csv"), many).expect("results");
    let (page, _) = page(folder, &["many.csv", "--no-pictures", "--resamples", "10"]);
    for chart in page.section("distributions").named("svg") {
        assert_eq!(chart.named("circle").len(), 0);
        // The background and two bars at least per strip.
        assert!(chart.named("rect").len() > 6);
    }
    assert_eq!(
        stdout(
            folder,
            &["report", "many.csv", "--no-pictures", "--output", "x.html"]
        ),
        "x.html: 303 cases\n"
    );
}
