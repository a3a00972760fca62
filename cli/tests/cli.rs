//! Runs the program as a process: results, formats, outputs and errors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::{Array4, ArrayD, IxDyn};
use ndarray_npy::{ReadNpyExt, WritableElement, WriteNpyExt};
use serde_json::Value;
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../adapters/conformance/golden"
);

fn unifocal(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_unifocal"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The output of a successful run.
fn stdout(arguments: &[&str]) -> String {
    let output = unifocal(arguments);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn json(arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--format", "json"]].concat();
    serde_json::from_str(&stdout(&arguments)).expect("JSON")
}

/// Checks that a run fails with exit status 1, an empty stdout and one message that contains these words.
#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let output = unifocal(arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
    assert!(output.stdout.is_empty(), "{arguments:?} printed something");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

fn fixture(name: &str) -> String {
    format!("{FIXTURES}/{name}")
}

/// A .npy file in a folder.
fn npy<T: WritableElement>(
    folder: &TempDir,
    name: &str,
    shape: &[usize],
    values: Vec<T>,
) -> String {
    let array =
        ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as the shape says");
    let path = folder.path().join(name);
    array
        .write_npy(fs::File::create(&path).expect("a file"))
        .expect("a .npy file");
    path.display().to_string()
}

/// [2, 4] probabilities of one image of two classes, and its labels.
fn small(folder: &TempDir) -> (String, String) {
    let prediction = vec![0.9_f32, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
    (
        npy(folder, "p.npy", &[2, 2, 2], prediction),
        npy(folder, "y.npy", &[2, 2], vec![0_i64, 0, 0, 1]),
    )
}

#[test]
fn losses_equal_the_published_values() {
    let manifest = fs::read_to_string(format!("{GOLDEN}/manifest.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let mut held = 0;
    for entry in manifest["entries"].as_array().expect("entries") {
        let case = entry["case"].as_str().expect("a case");
        let port = entry["framework"] == "torch_port_f64";
        if !port
            || ![
                "binary2d",
                "imbalanced2d",
                "binary3d",
                "all_bg2d",
                "all_fg2d",
                "wrong2d",
            ]
            .contains(&case)
        {
            continue;
        }
        let loss = entry["loss"].as_str().expect("a loss").to_owned();
        let inputs = format!("{GOLDEN}/inputs/{case}.npz");
        let mut arguments = vec![
            "eval".to_owned(),
            format!("{inputs}:pred_cf"),
            format!("{inputs}:true_cf"),
        ];
        arguments.extend(["--loss".to_owned(), loss]);
        for (name, value) in entry["parameters"].as_object().expect("parameters") {
            let option = match name.as_str() {
                "weight" => "--lambda",
                "delta" => "--delta",
                "gamma" => "--gamma",
                "epsilon" => "--clip",
                other => panic!("unknown parameter {other}"),
            };
            let value = if value.is_null() {
                "none".to_owned()
            } else {
                value.to_string()
            };
            arguments.extend([option.to_owned(), value]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let report = json(&arguments);
        let (ours, theirs) = (
            report["mean"].as_f64().expect("a mean"),
            entry["value"].as_f64().expect("a value"),
        );
        assert!(
            (ours - theirs).abs() <= 2e-6 * theirs,
            "{arguments:?}: {ours} is not {theirs}"
        );
        held += 1;
    }
    assert_eq!(held, 162);
}

#[test]
fn every_format_gives_the_same_score() {
    let value = |prediction: &str, target: &str, more: &[&str]| {
        let (prediction, target) = (fixture(prediction), fixture(target));
        let files = [
            "eval",
            prediction.as_str(),
            target.as_str(),
            "--batch",
            "no",
        ];
        json(&[&files, more].concat())["mean"]
            .as_f64()
            .expect("a mean")
    };
    let last: &[&str] = &["--layout", "channels-last"];
    let expected = value("pred_cl.npy", "labels_u8.npy", last);
    assert_eq!(value("pred_cf.npy", "labels_u8.npy", &[]), expected);
    for prediction in [
        "pred_cl_fortran.npy",
        "pred_cl_big_endian.npy",
        "one.npz",
        "both_stored.npz:pred_cl",
        "both_deflated.npz:pred_cl",
        "pred_cl_f32.nii",
        "pred_cl_f32_big_endian.nii",
        "pred_cl_f32.safetensors",
    ] {
        // Up to f32 rounding, because the order in memory is the order of summation.
        assert!(
            (value(prediction, "labels_u8.npy", last) - expected).abs() <= 1e-7,
            "{prediction}"
        );
    }
    // Files with higher or lower precision.
    for (prediction, tolerance) in [
        ("pred_cl_f64_fortran_big_endian.npy", 1e-6),
        ("pred_cl_f64.nii.gz", 1e-6),
        ("pred_cl_f64_big_endian.nii.gz", 1e-6),
        ("pred_cl_f16.npy", 1e-3),
        ("pred_f16.safetensors:pred_cl", 1e-3),
    ] {
        let value = value(prediction, "labels_u8.npy", last);
        assert!(
            (value - expected).abs() <= tolerance,
            "{prediction}: {value} is not {expected}"
        );
    }
    for target in [
        "labels_i64.npy",
        "labels_bool.npy",
        "labels_u32_big_endian.npy",
        "labels_version2.npy",
        "labels_u8.nii",
        "labels_u8_qform.nii.gz",
        "labels_i16_big_endian.nii",
        "labels_i64.safetensors",
        "both_deflated.npz:labels",
    ] {
        let value = value("pred_cl.npy", target, last);
        assert!((value - expected).abs() <= 1e-7, "{target}");
    }
    // NIfTI has classes last and one sample by default.
    let (prediction, target) = (fixture("pred_cl_f32.nii"), fixture("labels_u8.nii"));
    let nifti = json(&["eval", &prediction, &target])["mean"]
        .as_f64()
        .expect("a mean");
    assert!((nifti - expected).abs() <= 1e-7);
}

#[test]
fn pictures_are_read_as_labels() {
    let target = fixture("labels2d.npy");
    for picture in [
        "labels2d_8bit.png",
        "labels2d_1bit.png",
        "labels2d_palette.png",
    ] {
        let picture = fixture(picture);
        let report = json(&[
            "eval", &picture, &target, "--input", "labels", "--loss", "dice",
        ]);
        assert_eq!(report["mean"], 0.0, "{picture}");
        assert_eq!(report["cases"][0]["per_class"][1]["fp"], 0.0);
    }
    let picture = fixture("labels2d_8bit.png");
    refused(
        &[
            "eval",
            &picture,
            &target,
            "--input",
            "labels",
            "--gradient",
            "g.npy",
        ],
        &["--gradient", "--input labels"],
    );
}

#[test]
fn json_contains_the_whole_report() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let report = json(&["eval", &prediction, &target, "--lambda", "none"]);
    assert_eq!(report["loss"], "asymmetric-unified-focal");
    assert_eq!(report["parameters"]["lambda"], Value::Null);
    assert_eq!(report["parameters"]["delta"], 0.6);
    assert_eq!(report["cases"][0]["prediction"], prediction.as_str());
    assert_eq!(report["cases"][0]["value"], report["mean"]);
    let lesion = &report["cases"][0]["per_class"][1];
    let near = |name: &str, expected: f64| {
        let found = lesion[name].as_f64().expect(name);
        assert!(
            (found - expected).abs() < 1e-6,
            "{name}: {found} is not {expected}"
        );
    };
    near("tp", 0.6);
    near("fp", 0.6);
    near("fn", 0.4);
    near("cross_entropy", -(0.6_f64.ln()) / 4.0);
    // Numbers have full precision, and `compare` gives the same ones.
    let compared = json(&["compare", &prediction, &target]);
    let default = json(&["eval", &prediction, &target]);
    assert_eq!(
        compared["mean"]["asymmetric-unified-focal"],
        default["mean"]
    );
    assert_eq!(
        compared["mean"].as_object().map(serde_json::Map::len),
        Some(25)
    );
}

#[test]
fn csv_has_a_row_per_class() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let report = stdout(&[
        "eval",
        &prediction,
        &target,
        "--per-class",
        "--format",
        "csv",
    ]);
    let rows: Vec<&str> = report.lines().collect();
    assert_eq!(rows.len(), 3, "{report}");
    assert_eq!(
        rows[0],
        "prediction,target,loss,value,class,class_value,tp,fp,fn,cross_entropy,reading"
    );
    let rows = stdout(&["compare", &prediction, &target, "--format", "csv"]);
    assert_eq!(rows.lines().count(), 26);
}

/// The Dice loss without the background, beside the full cross entropy.
#[test]
fn region_weights_apply_to_one_side() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let mean = |options: &[&str]| {
        let arguments = [&["eval", &prediction, &target], options].concat();
        json(&arguments)["mean"].as_f64().expect("a mean")
    };
    let dice = mean(&["--loss", "dice", "--class-weights", "0,1"]);
    let entropy = mean(&["--loss", "cross-entropy"]);
    let sum = mean(&["--loss", "dice-ce", "--region-weights", "0,1"]);
    assert!(
        (sum - (dice + entropy)).abs() < 1e-6,
        "{sum}, {dice}, {entropy}"
    );

    let eval = ["eval", &prediction, &target, "--region-weights"];
    refused(
        &[&eval[..], &["0,1", "--loss", "dice"]].concat(),
        &["--class-weights"],
    );
    let three = [&eval[..], &["0,1,1"]].concat();
    refused(&three, &["3 region weights", "expected 2"]);
}

#[test]
fn tables_have_colour_only_on_terminals() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let table = stdout(&["eval", &prediction, &target, "--per-class"]);
    assert!(
        table.contains("asymmetric-unified-focal") && table.contains("cross entropy"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "{table:?}");
    let output = Command::new(env!("CARGO_BIN_EXE_unifocal"))
        .args(["eval", &prediction, &target])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    assert!(!text(&output.stdout).contains('\u{1b}'));
}

#[test]
fn demo_needs_no_files() {
    let table = stdout(&["demo"]);
    assert!(
        table.contains("asymmetric-unified-focal") && table.contains("unifocal eval"),
        "{table}"
    );
    let report = json(&["demo"]);
    let lesion = &report["mean"]["dice"].as_f64().expect("dice");
    assert!((0.1..0.3).contains(lesion), "{lesion}");
}

#[test]
fn help_and_completions() {
    let help = stdout(&["eval", "--help"]);
    for part in [
        "Examples:",
        "\nFiles:\n",
        "\nNumbers:\n",
        "\nAxes:\n",
        "\nClasses:\n",
        "\nLoss:\n",
        "\nOutput:\n",
        "\nRun:\n",
        "asymmetric-unified-focal  --lambda 0.5 --delta 0.6 --gamma 0.5",
        "asym-unified-focal",
    ] {
        assert!(help.contains(part), "{part:?} is not in {help}");
    }
    // Compare words, whatever the line breaks.
    let words: Vec<&str> = help.split_whitespace().collect();
    let words = words.join(" ");
    for part in [
        "--loss <NAME> Set the loss; see the list below [default: asymmetric-unified-focal]",
        "--lambda <X|none> λ, the weight of the Tversky side",
        "[range: 0 ≤ λ ≤ 1, or none]",
        "--gamma <X> γ, the focus [range: 0 ≤ γ ≤ 1; a number from 0 to 1e30 for focal-tversky, weighted-tversky, log-dice, log-cosh-dice, focal, poly-1, symmetric-focal, asymmetric-focal, dice-focal; 1 ≤ γ ≤ 2 for noise-robust-dice; 0.001 ≤ γ ≤ 5 for exponential-log]",
    ] {
        assert!(words.contains(part), "{part:?} is not in {words}");
    }
    assert!(stdout(&["completions", "bash"]).contains("unifocal"));
    assert_eq!(unifocal(&["eval"]).status.code(), Some(2));
    assert_eq!(
        unifocal(&["eval", "a", "b", "--format", "xml"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn every_command_has_a_man_page() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH unifocal 1"), "{page}");
    let mut commands = 0;
    for command in [
        "eval",
        "compare",
        "sweep",
        "curve",
        "check",
        "overlay",
        "summary",
        "report",
        "diff",
        "merge",
        "demo",
        "completions",
        "man",
    ] {
        assert!(
            page.contains(&format!("unifocal\\-{command}(1)")),
            "{command} is not in {page}"
        );
        let page = stdout(&["man", command]);
        assert!(
            page.contains(&format!(".TH unifocal-{command} 1")),
            "{page}"
        );
        commands += 1;
    }
    // No command is missing above.
    assert_eq!(page.matches("(1)").count(), commands, "{page}");
    let page = stdout(&["man", "eval"]);
    let notes = page.split_once(".SH NOTES\n.nf\n").expect("notes").1;
    for part in ["asymmetric\\-unified\\-focal", "Examples:"] {
        assert!(notes.contains(part), "{part:?} is not in {notes}");
    }
    assert!(page.contains("\\fB\\-\\-gradient\\fR"), "{page}");
    assert_eq!(unifocal(&["man", "evaluate"]).status.code(), Some(2));
}

#[test]
fn the_gradient_file_has_the_shape_of_the_prediction() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let out = folder.path().join("gradient.npy");
    let out_text = out.display().to_string();
    stdout(&[
        "eval",
        &prediction,
        &target,
        "--loss",
        "dice",
        "--gradient",
        &out_text,
    ]);
    let gradient =
        ArrayD::<f32>::read_npy(fs::File::open(&out).expect("the gradient")).expect("f32");
    assert_eq!(gradient.shape(), [2, 2, 2]);
    assert!(gradient[[1, 1, 1]] < 0.0 && gradient[[1, 0, 0]] > 0.0);
    // A step along the gradient changes the loss accordingly.
    let step = 1e-2_f32;
    let moved: Vec<f32> = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6_f32]
        .iter()
        .zip(&gradient)
        .map(|(p, g)| p - step * g)
        .collect();
    let moved = npy(&folder, "moved.npy", &[2, 2, 2], moved);
    let value = |file: &str| {
        json(&["eval", file, &target, "--loss", "dice"])["mean"]
            .as_f64()
            .expect("a mean")
    };
    let slope: f64 = gradient.iter().map(|g| f64::from(g * g)).sum();
    let change = value(&prediction) - value(&moved);
    assert!((change - f64::from(step) * slope).abs() < 1e-2 * f64::from(step) * slope);
}

#[test]
fn folders_are_matched_by_name() {
    let folder = TempDir::new().expect("a folder");
    let [predictions, targets, gradients] = ["p", "y", "g"].map(|name| folder.path().join(name));
    for path in [&predictions, &targets, &gradients] {
        fs::create_dir(path).expect("a folder");
    }
    let copy = |from: &str, to: PathBuf| fs::copy(fixture(from), to).expect("a copy");
    copy("pred_cl_f32.nii", predictions.join("one.nii"));
    copy("pred_cl_f64.nii.gz", predictions.join("two.nii.gz"));
    copy("labels_u8.nii", targets.join("one.nii"));
    copy("labels_u8_qform.nii.gz", targets.join("two.nii.gz"));
    let [p, y, g] = [&predictions, &targets, &gradients].map(|path| path.display().to_string());
    let report = json(&["eval", &p, &y, "--gradient", &g]);
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(2));
    assert!(Path::new(&g).join("one.npy").is_file() && Path::new(&g).join("two.npy").is_file());
    fs::remove_file(targets.join("two.nii.gz")).expect("a file");
    let output = unifocal(&["eval", &p, &y]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(text(&output.stdout).contains("one.nii"));
    assert!(message.contains("two.nii.gz") && message.contains("no target"));
    refused(
        &["eval", &p, &fixture("labels_u8.nii")],
        &["must be a folder"],
    );
}

/// The report does not depend on the number of threads or of parallel cases.
#[test]
fn threads_and_memory_change_nothing() {
    let folder = TempDir::new().unwrap();
    for name in ["p", "y"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    for case in 0..7_u16 {
        let p = (0..4000_u16).map(|i| f32::from((i * 7 + case) % 101) / 101.0);
        let y = (0..2000_u16).map(|i| u8::from(i / 50 + case > 25 && i % 50 < 20));
        npy(&folder, &format!("p/{case}.npy"), &[2, 40, 50], p.collect());
        npy(&folder, &format!("y/{case}.npy"), &[40, 50], y.collect());
    }
    let [predictions, targets] =
        ["p", "y"].map(|name| folder.path().join(name).display().to_string());
    let [predictions, targets] = [&*predictions, &*targets];
    let run = |more: &[&str]| {
        stdout(&[&["eval", predictions, targets, "--format", "json"], more].concat())
    };
    let expected = run(&["--threads", "1"]);
    assert_eq!(run(&[]), expected);
    assert_eq!(run(&["--threads", "5", "--memory", "1B"]), expected);
    assert_eq!(run(&["--memory", "40kB"]), expected);

    // With --fail-fast, the first of several bad cases is reported.
    for case in [3, 5] {
        fs::write(format!("{targets}/{case}.npy"), "no array").unwrap();
    }
    let arguments = ["eval", predictions, targets, "--fail-fast"];
    refused(&arguments, &["3.npy"]);
    refused(&[&arguments[..], &["--memory", "1B"]].concat(), &["3.npy"]);
}

#[test]
fn geometries_must_agree() {
    let (prediction, shifted) = (fixture("pred_cl_f32.nii"), fixture("labels_u8_shifted.nii"));
    refused(
        &["eval", &prediction, &shifted],
        &["affine", "1.5", "--ignore-geometry"],
    );
    stdout(&["eval", &prediction, &shifted, "--ignore-geometry"]);
}

#[test]
fn one_channel_is_the_foreground() {
    let folder = TempDir::new().expect("a folder");
    let (two, target) = small(&folder);
    let one = npy(&folder, "one.npy", &[2, 2], vec![0.1, 0.2, 0.3, 0.6]);
    let value = |file: &str| {
        json(&["eval", file, &target])["mean"]
            .as_f64()
            .expect("a mean")
    };
    assert!((value(&one) - value(&two)).abs() < 1e-6);
    let logits: Vec<f32> = [0.1_f32, 0.2, 0.3, 0.6]
        .iter()
        .map(|p| (p / (1.0 - p)).ln())
        .collect();
    let logits = npy(&folder, "logits.npy", &[2, 2], logits);
    let report = json(&["eval", &logits, &target, "--input", "sigmoid"]);
    assert!((report["mean"].as_f64().expect("a mean") - value(&two)).abs() < 1e-6);
}

#[test]
fn ignored_labels_and_class_weights() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, _) = small(&folder);
    let target = npy(&folder, "ignored.npy", &[2, 2], vec![0_i64, 0, 255, 1]);
    refused(
        &["eval", &prediction, &target],
        &["255", "voxel 2", "--ignore-label"],
    );
    let report = json(&[
        "eval",
        &prediction,
        &target,
        "--ignore-label",
        "255",
        "--loss",
        "dice",
        "--class-weights",
        "0,1",
    ]);
    let dice = 1.0 - 2.0 * 0.6 / (0.6 + 0.3 + 1.0);
    assert!((report["mean"].as_f64().expect("a mean") - dice).abs() < 1e-6);
    refused(
        &[
            "eval",
            &prediction,
            &target,
            "--ignore-label",
            "255",
            "--class-weights",
            "1",
        ],
        &["class weights", "1", "2"],
    );
}

#[test]
fn bad_data_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let wide = npy(&folder, "wide.npy", &[2, 3], vec![0_i64; 6]);
    refused(
        &["eval", &prediction, &wide],
        &["p.npy", "wide.npy", "[1, 2, 3]", "[1, 2, 2]"],
    );
    let flat = npy(&folder, "flat.npy", &[4], vec![0.5; 4]);
    refused(&["eval", &flat, &target], &["flat.npy"]);
    let wrong = npy(&folder, "wrong.npy", &[2, 2], vec![0_i64, 0, 7, 1]);
    refused(&["eval", &prediction, &wrong], &["7", "voxel 2"]);
    for (value, word) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (1.5, "1.5"),
        (-0.5, "-0.5"),
    ] {
        let bad = npy(
            &folder,
            "bad.npy",
            &[2, 2, 2],
            vec![0.9, 0.8, 0.7, 0.4, 0.1, value, 0.3, 0.6],
        );
        refused(
            &["eval", &bad, &target],
            &[word, "channel 1", "voxel 1", "[0, 1]"],
        );
    }
    let half = npy(&folder, "half.npy", &[2, 2], vec![0.0, 0.5, 1.0, 0.0]);
    refused(
        &["eval", &prediction, &half],
        &["half.npy", "0.5", "integer"],
    );
}

#[test]
fn bad_parameters_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let eval = |more: &[&'static str], words: &[&str]| {
        refused(
            &[&["eval", prediction.as_str(), target.as_str()], more].concat(),
            words,
        );
    };
    eval(&["--delta", "1.2"], &["delta", "1.2", "0 ≤ δ ≤ 1"]);
    eval(&["--gamma", "-1"], &["gamma", "-1"]);
    eval(&["--gamma", "1.5"], &["gamma", "1.5"]);
    eval(&["--lambda", "2"], &["lambda", "2"]);
    eval(&["--clip", "0.7"], &["clip", "0.7"]);
    eval(&["--smooth", "0"], &["smooth", "0"]);
    eval(&["--loss", "dise"], &["dise", "\"dice\""]);
    eval(
        &["--loss", "unifed"],
        &["unifed", "\"asymmetric-unified-focal\"", "jaccard"],
    );
    eval(&["--delta", "none"], &["--delta is none", "0 ≤ δ ≤ 1"]);
    eval(&["--gamma", "0.2,0.3"], &["--gamma takes one number"]);
    eval(
        &["--loss", "focal", "--alpha", "none"],
        &["--alpha is none"],
    );
    eval(
        &["--loss", "dice(gamma=2)"],
        &["dice", "--gamma", "--delta"],
    );
    eval(
        &["--loss", "dice", "--gamma", "2"],
        &["dice", "--gamma", "--delta"],
    );
    eval(&["--loss", "combo", "--alpha", "1.5"], &["alpha", "1.5"]);
    eval(
        &["--loss", "focal", "--alpha", "0.2,0.3,0.5"],
        &["alpha", "3", "2"],
    );
}

#[test]
fn parameters_have_their_documented_effect() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let value = |more: &[&str]| {
        let arguments = [&["eval", prediction.as_str(), target.as_str()], more].concat();
        json(&arguments)["mean"].as_f64().expect("a mean")
    };
    let both = value(&["--loss", "focal", "--gamma", "0"]);
    let halved = value(&["--loss", "focal", "--gamma", "0", "--alpha", "0.5"]);
    let each = value(&["--loss", "focal", "--gamma", "0", "--alpha", "0.5,0.5"]);
    assert!((halved - 0.5 * both).abs() < 1e-12 && (each - halved).abs() < 1e-12);
    let named = value(&["--loss", "Focal_Loss(gamma=0)", "--alpha", "0.5"]);
    assert_eq!(named, halved);
    let plain = value(&["--loss", "combo", "--alpha", "none", "--beta", "none"]);
    assert!((plain - (both + value(&["--loss", "dice"]) - 1.0)).abs() < 1e-12);
}

#[test]
fn bad_files_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    refused(&["eval", "nowhere.npy", &target], &["nowhere.npy"]);
    refused(
        &["eval", &fixture("both_stored.npz:nothing"), &target],
        &["nothing", "pred_cl"],
    );
    let whole = fs::read(&prediction).expect("the prediction");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    };
    let cut = write("cut.npy", &whole[..whole.len() - 5]);
    refused(&["eval", &cut, &target], &["cut.npy"]);
    // A header that promises 10^15 voxels without data.
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 1000000, 1000000), }";
    let mut hostile = b"\x93NUMPY\x01\x00".to_vec();
    hostile.extend((header.len() as u16).to_le_bytes());
    hostile.extend(header.as_bytes());
    let hostile = write("hostile.npy", &hostile);
    refused(&["eval", &hostile, &target], &["hostile.npy"]);
    let text = write("text.png", b"not a picture");
    refused(
        &["eval", &text, &target, "--input", "labels"],
        &["text.png"],
    );
    let odd = write("odd.mat", b"MATLAB");
    refused(&["eval", &odd, &target], &["odd.mat", ".npy"]);
}

#[test]
fn gradients_are_written_completely_or_not_at_all() {
    let folder = TempDir::new().expect("a folder");
    let (prediction, target) = small(&folder);
    let missing = folder
        .path()
        .join("missing")
        .join("g.npy")
        .display()
        .to_string();
    refused(
        &["eval", &prediction, &target, "--gradient", &missing],
        &["g.npy"],
    );
    let out = folder.path().join("g.npy");
    let wrong = npy(&folder, "wrong.npy", &[2, 2], vec![0_i64, 0, 7, 1]);
    refused(
        &[
            "eval",
            &prediction,
            &wrong,
            "--gradient",
            &out.display().to_string(),
        ],
        &["7"],
    );
    assert!(!out.exists());
    let before = fs::read_dir(folder.path()).expect("a folder").count();
    stdout(&[
        "eval",
        &prediction,
        &target,
        "--gradient",
        &out.display().to_string(),
    ]);
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        before + 1
    );
}

#[test]
fn batch_losses_are_means_over_samples() {
    let folder = TempDir::new().expect("a folder");
    let one = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6_f32];
    let two = [0.6, 0.2, 0.9, 0.9, 0.4, 0.8, 0.1, 0.1_f32];
    let batch = npy(&folder, "batch.npy", &[2, 2, 2, 2], [one, two].concat());
    let _: Array4<f32> =
        ReadNpyExt::read_npy(fs::File::open(&batch).expect("a file")).expect("four axes");
    let target = npy(
        &folder,
        "ys.npy",
        &[2, 2, 2],
        vec![0_i64, 0, 0, 1, 0, 1, 0, 0],
    );
    let value = |p: &str, y: &str| json(&["eval", p, y])["mean"].as_f64().expect("a mean");
    let [p1, p2] = [("1.npy", one), ("2.npy", two)]
        .map(|(name, p)| npy(&folder, name, &[2, 2, 2], p.to_vec()));
    let y1 = npy(&folder, "y1.npy", &[2, 2], vec![0_i64, 0, 0, 1]);
    let y2 = npy(&folder, "y2.npy", &[2, 2], vec![0_i64, 1, 0, 0]);
    let mean = 0.5 * (value(&p1, &y1) + value(&p2, &y2));
    assert!((value(&batch, &target) - mean).abs() < 1e-12);
}
