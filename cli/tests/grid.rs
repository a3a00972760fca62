//! `sweep` and `curve`: grids of parameters, as tables and pictures.

mod program;

use std::fs;
use std::path::Path;

use program::{json, refused, run, stdout};
use serde_json::Value;
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

const FILES: [&str; 4] = ["pred_cf.npy", "labels_u8.npy", "--batch", "no"];

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// Each point of a grid has the value that `eval` gives.
#[test]
fn a_sweep_gives_the_values_of_each_loss() {
    let folder = Path::new(FIXTURES);
    for (loss, axes) in [
        (
            "focal-tversky",
            [("--delta", "0.3:0.7:0.2"), ("--gamma", "0.5,1:2:0.5")],
        ),
        ("focal", [("--gamma", "0:2:0.5"), ("--clip", "1e-7,none")]),
        (
            "asymmetric-unified-focal",
            [("--lambda", "0.2,none"), ("--gamma", "0.1,0.5")],
        ),
    ] {
        let [(first, one), (second, other)] = axes;
        let sweep = [
            &["sweep"],
            &FILES[..],
            &["--loss", loss, first, one, second, other],
        ]
        .concat();
        let report = json(folder, &sweep);
        let points = report["points"].as_array().expect("points");
        assert!(points.len() >= 4);
        for point in points {
            let value = |option: &str| match &point["parameters"][&option[2..]] {
                Value::Null => "none".to_owned(),
                value => value.to_string(),
            };
            let (one, other) = (value(first), value(second));
            let eval = [
                &["eval"],
                &FILES[..],
                &["--loss", loss, first, &one, second, &other],
            ]
            .concat();
            let alone = json(folder, &eval);
            assert_eq!(point["mean"], alone["mean"], "{loss} {one} {other}");
            let class = &alone["mean_per_class"][1]["value"];
            assert_eq!(&point["mean_per_class"]["1"], class);
        }
        let csv = stdout(folder, &[&sweep[..], &["--format", "csv"]].concat());
        assert_eq!(csv.lines().count(), points.len() + 1);
    }
    let table = stdout(
        folder,
        &[
            &["sweep"],
            &FILES[..],
            &["--loss", "focal", "--gamma", "0:1:0.1"],
        ]
        .concat(),
    );
    assert!(
        table.contains("0.3 ") && !table.contains("0.30000000000000004"),
        "{table}"
    );
}

/// The gradient of a curve is the slope of its values, and the values are the formulas.
#[test]
fn curves_follow_the_formulas() {
    let folder = Path::new(FIXTURES);
    let curves = json(
        folder,
        &[
            "curve", "--loss", "focal", "--gamma", "0,2", "--clip", "none",
        ],
    );
    let mut held = 0;
    for (curve, gamma) in curves.as_array().expect("curves").iter().zip([0, 2]) {
        assert_eq!(
            (&curve["against"], &curve["classes"]),
            (&Value::from("probability"), &Value::from("all"))
        );
        for place in 0..99 {
            let p = number(&curve["x"][place]);
            let expected = -(1.0 - p).powi(gamma) * p.ln();
            assert!((number(&curve["value"][place]) - expected).abs() < 1e-12);
            let gamma_f = f64::from(gamma);
            let slope =
                gamma_f * (1.0 - p).powf(gamma_f - 1.0) * p.ln() - (1.0 - p).powi(gamma) / p;
            assert!(
                (number(&curve["gradient"][place]) - slope).abs() < 1e-9 * slope.abs().max(1.0)
            );
            held += 1;
        }
    }
    assert_eq!(held, 2 * 99);

    // Against overlap, the Dice loss is 1 − x and the Jaccard loss (2 − 2x) / (2 − x).
    for (loss, expected) in [
        ("dice", (|x| 1.0 - x) as fn(f64) -> f64),
        ("jaccard", |x| (2.0 - 2.0 * x) / (2.0 - x)),
    ] {
        let curve = &json(folder, &["curve", "--loss", loss, "--points", "9"])[0];
        assert_eq!(curve["against"], "overlap");
        for place in 0..9 {
            let x = number(&curve["x"][place]);
            assert!(
                (number(&curve["value"][place]) - expected(x)).abs() < 1e-6,
                "{loss} {x}"
            );
        }
    }
    // A compound loss has both curves; an asymmetric one has them for common and rare classes.
    let of = |loss: &str| {
        json(folder, &["curve", "--loss", loss])
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(of("dice-cross-entropy"), Some(2));
    assert_eq!(of("asymmetric-unified-focal"), Some(4));
}

/// The values of a picture are there, as many as the grid has, and its text.
#[test]
fn pictures_show_the_grid() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    for name in ["pred_cf.npy", "labels_u8.npy"] {
        fs::copy(Path::new(FIXTURES).join(name), folder.join(name)).expect("a copy");
    }
    let sweep = [&["sweep"], &FILES[..], &["--loss", "focal-tversky"]].concat();
    let grid = ["--delta", "0.3:0.7:0.2", "--gamma", "0.5:2:0.5"];
    stdout(
        folder,
        &[&sweep[..], &grid, &["--plot", "heat.svg"]].concat(),
    );
    let svg = fs::read_to_string(folder.join("heat.svg")).expect("a picture");
    assert!(svg.starts_with("<svg"), "{svg}");
    // The background, and a rectangle for each point.
    assert_eq!(svg.matches("<rect").count(), 1 + 3 * 4);
    let report = json(folder, &[&sweep[..], &grid].concat());
    for point in report["points"].as_array().expect("points") {
        let text = format!("\n{:.3}\n", number(&point["mean"]));
        assert!(svg.contains(&text), "{text}");
    }
    for text in [
        "\ndelta\n",
        "\ngamma\n",
        "\n0.3\n",
        "\n1.5\n",
        "focal-tversky",
    ] {
        assert!(svg.contains(text), "{text}");
    }
    stdout(
        folder,
        &[&sweep[..], &["--gamma", "0.5:2:0.5", "--plot", "line.svg"]].concat(),
    );
    let curve = [
        "curve",
        "--loss",
        "focal",
        "--gamma",
        "0,1,2",
        "--plot",
        "curve.svg",
    ];
    stdout(folder, &curve);
    let svg = fs::read_to_string(folder.join("curve.svg")).expect("a picture");
    // Three curves of the loss, and three of the gradient.
    for gamma in ["gamma 0", "gamma 1", "gamma 2"] {
        assert_eq!(svg.matches(gamma).count(), 2, "{gamma}");
    }
}

#[test]
fn what_is_no_grid_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    for name in ["pred_cf.npy", "labels_u8.npy"] {
        fs::copy(Path::new(FIXTURES).join(name), folder.join(name)).expect("a copy");
    }
    let sweep = |more: &[&'static str]| [&["sweep"], &FILES[..], more].concat();
    refused(
        folder,
        &sweep(&["--loss", "dice", "--gamma", "0:1:0.5"]),
        &["dice has no parameter --gamma"],
    );
    refused(
        folder,
        &sweep(&["--loss", "focal", "--gamma=-1:1:0.5"]),
        &["gamma is -1"],
    );
    let many = ["--gamma", "0:1:0.001", "--delta", "0:1:0.001"];
    refused(folder, &sweep(&many), &["1002001 points", "100000"]);
    let plot = sweep(&[
        "--gamma", "0.1,0.2", "--delta", "0.1,0.2", "--lambda", "0.1,0.2", "--plot", "x.svg",
    ]);
    refused(folder, &plot, &["--plot", "found 3"]);
    let none = sweep(&["--loss", "dice", "--plot", "x.svg"]);
    refused(folder, &none, &["--plot", "found 0"]);
    refused(
        folder,
        &["curve", "--plot", "missing/x.svg"],
        &["missing/x.svg", "cannot be written"],
    );
    refused(folder, &["curve", "--points", "0"], &["--points is 0"]);
    assert!(!folder.join("x.svg").exists());
    assert_eq!(
        run(folder, &["curve", "--gamma", "1:0:0.1"]).status.code(),
        Some(2)
    );
}
