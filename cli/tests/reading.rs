//! How files are read, tried as people have them: each situation in small, in the program as a process.
//!
//! What a file means is written twice: as people write it, and as plainly as it can be. Both must give the same number, or the
//! first an error that says what to say.

#[path = "build/mod.rs"]
mod build;

use std::fs;
use std::process::{Command, Output};

use build::{Nifti1, nifti1};
use ndarray::{ArrayD, Axis, IxDyn};
use ndarray_npy::{WritableElement, WriteNpyExt};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn npy<T: WritableElement>(&self, name: &str, array: &ArrayD<T>) {
        let file = fs::File::create(self.0.path().join(name)).expect("a file");
        array.write_npy(file).expect("a .npy file");
    }

    /// A NIfTI file whose first axis runs fastest, with voxels of 1 × 1.5 × 2 mm along the signed axes `along` of the body.
    fn nii(
        &self,
        name: &str,
        array: &ArrayD<f32>,
        affine: [[f32; 4]; 3],
        scaling: Option<[f32; 2]>,
    ) {
        let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
        let [slope, intercept] = scaling.unwrap_or([0.0, 0.0]);
        let mut voxels = Vec::new();
        for value in &array.t() {
            if scaling.is_some() {
                let stored = ((value - intercept) / slope).round() as i16;
                voxels.extend(stored.to_le_bytes());
            } else {
                voxels.extend(value.to_le_bytes());
            }
        }
        let file = nifti1(&Nifti1 {
            shape: &shape,
            datatype: if scaling.is_some() { 4 } else { 16 },
            affine,
            scaling: [slope, intercept],
            voxels: &voxels,
        });
        fs::write(self.0.path().join(name), file).expect("a NIfTI file");
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_unifocal"))
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .output()
            .expect("the program starts")
    }

    /// The report of Dice, and what was said on stderr.
    #[track_caller]
    fn report(&self, arguments: &str) -> (Value, String) {
        let output = self.run(&format!("eval {arguments} --format json"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {said}");
        (serde_json::from_slice(&output.stdout).expect("JSON"), said)
    }

    #[track_caller]
    fn dice(&self, arguments: &str) -> f64 {
        let (report, _) = self.report(&format!("{arguments} --loss dice"));
        report["mean"].as_f64().expect("a mean")
    }

    /// Both give the same number.
    #[track_caller]
    fn same(&self, arguments: &str, expected: f64) {
        let found = self.dice(arguments);
        assert!(
            (found - expected).abs() < 1e-6,
            "{arguments}: {found} is not {expected}"
        );
    }

    /// An error that says these words.
    #[track_caller]
    fn refused(&self, arguments: &str, words: &[&str]) {
        let output = self.run(&format!("eval {arguments} --loss dice"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {said}");
        for word in words {
            assert!(
                said.contains(word),
                "{arguments}: {said:?} does not say {word:?}"
            );
        }
    }
}

const PLAIN: [[f32; 4]; 3] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.5, 0.0, 0.0],
    [0.0, 0.0, 2.0, 0.0],
];

fn hash(seed: usize, at: usize) -> usize {
    (at * 7919 + seed * 104_729 + (at * at) % 31 * 17) % 1009
}

/// Labels of `classes` classes, none of whose axes is symmetric.
fn labels(shape: &[usize], classes: usize, seed: usize) -> ArrayD<u8> {
    let mut at = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        at += 1;
        (hash(seed, at) % classes) as u8
    })
}

/// Probabilities [class, …] that sum to 1, and mostly agree.
fn probabilities(labels: &ArrayD<u8>, classes: usize, seed: usize) -> ArrayD<f32> {
    let channel = |class: usize| {
        let mut at = 0;
        labels.mapv(|label| {
            at += 1;
            let weight = |other: usize| {
                (1 + hash(seed + other, at)) as f32
                    + if other == usize::from(label) {
                        900.0
                    } else {
                        0.0
                    }
            };
            weight(class) / (0..classes).map(weight).sum::<f32>()
        })
    };
    let channels: Vec<ArrayD<f32>> = (0..classes).map(channel).collect();
    let views: Vec<_> = channels.iter().map(|channel| channel.view()).collect();
    ndarray::stack(Axis(0), &views).expect("channels of one shape")
}

fn last(array: &ArrayD<f32>) -> ArrayD<f32> {
    let mut axes: Vec<usize> = (1..array.ndim()).collect();
    axes.push(0);
    array
        .view()
        .permuted_axes(IxDyn(&axes))
        .as_standard_layout()
        .into_owned()
}

fn one_hot(labels: &ArrayD<u8>, classes: u8) -> ArrayD<u8> {
    let channels: Vec<ArrayD<u8>> = (0..classes)
        .map(|class| labels.mapv(|label| u8::from(label == class)))
        .collect();
    let views: Vec<_> = channels.iter().map(|channel| channel.view()).collect();
    ndarray::stack(Axis(0), &views).expect("channels of one shape")
}

#[test]
fn classes_are_the_labels_that_occur() {
    let files = Files::new();
    let truth = labels(&[9, 8], 4, 1);
    let mask = labels(&[9, 8], 4, 2);
    let p = probabilities(&truth, 4, 3);
    files.npy("y.npy", &truth);
    files.npy("m.npy", &mask);
    files.npy("p.npy", &p);
    let hard = files.dice("m.npy y.npy --input labels");
    let soft = files.dice("p.npy y.npy");
    for (name, values) in [
        ("brats", [0_u16, 1, 2, 4]),
        ("large", [3, 2035, 41, 65_000]),
    ] {
        // In ascending order, as channels are.
        let mut sorted = values;
        sorted.sort_unstable();
        let rename = |array: &ArrayD<u8>| array.mapv(|label| sorted[usize::from(label)]);
        files.npy("y2.npy", &rename(&truth));
        files.npy("m2.npy", &rename(&mask));
        files.same("m2.npy y2.npy --input labels", hard);
        files.same("p.npy y2.npy", soft);
        let (report, _) = files.report("m2.npy y2.npy --input labels");
        let classes = &report["cases"][0]["reading"]["classes"];
        assert_eq!(classes, &serde_json::json!(sorted), "{name}");
        assert_eq!(report["cases"][0]["per_class"][3]["class"], sorted[3]);
    }
    // Masks of 0 and 255 are background and foreground, on one side or on both.
    let fore = |array: &ArrayD<u8>, value| array.mapv(|label| if label > 1 { value } else { 0_u8 });
    files.npy("y1.npy", &fore(&truth, 1));
    files.npy("m1.npy", &fore(&mask, 1));
    files.npy("y255.npy", &fore(&truth, 255));
    files.npy("m255.npy", &fore(&mask, 255));
    let masks = files.dice("m1.npy y1.npy --input labels");
    files.same("m255.npy y255.npy --input labels", masks);
    files.same("m1.npy y255.npy --input labels", masks);
    files.npy("f.npy", &p.index_axis(Axis(0), 2).to_owned());
    let foreground = files.dice("f.npy y1.npy");
    files.same("f.npy y255.npy", foreground);
    files.refused(
        "f.npy y255.npy --ignore-label 255",
        &["whole foreground", "--labels 0,1"],
    );
    files.refused("p.npy y255.npy", &["255", "--labels", "--ignore-label 255"]);
}

#[test]
fn labels_can_be_listed_left_out_and_shifted() {
    let files = Files::new();
    let truth = labels(&[9, 8], 3, 1);
    files.npy("p.npy", &probabilities(&truth, 3, 2));
    files.npy("m.npy", &labels(&[9, 8], 3, 5));
    let with = |name: &str, f: fn(usize, u8) -> u8| {
        let mut at = 0;
        let changed = truth.mapv(|label| {
            at += 1;
            f(at, label)
        });
        files.npy(name, &changed);
    };
    with(
        "void.npy",
        |at, label| if at % 5 == 0 { 255 } else { label },
    );
    with("two.npy", |at, label| match at % 10 {
        0 => 255,
        5 => 254,
        _ => label,
    });
    with(
        "shifted.npy",
        |at, label| if at % 5 == 0 { 0 } else { label + 1 },
    );
    let void = files.dice("p.npy void.npy --ignore-label 255");
    files.same("p.npy two.npy --ignore-label 255 --ignore-label 254", void);
    files.same("p.npy two.npy --ignore-label 255,254", void);
    files.same("p.npy shifted.npy --ignore-label 0", void);
    files.same("p.npy shifted.npy --ignore-label 0 --labels 1,2,3", void);
    // Void on both sides is no class on either.
    let hard = files.dice("m.npy void.npy --input labels --ignore-label 255");
    let mut at = 0;
    let voided = labels(&[9, 8], 3, 5).mapv(|label| {
        at += 1;
        if at % 5 == 0 { 255 } else { label }
    });
    files.npy("mv.npy", &voided);
    files.same("mv.npy void.npy --input labels --ignore-label 255", hard);
    let (report, _) = files.report("mv.npy void.npy --input labels --ignore-label 255");
    assert_eq!(
        report["cases"][0]["reading"]["classes"],
        serde_json::json!([0, 1, 2])
    );
    // A list is the classes of a run, and says what else is wrong.
    let (report, _) = files.report("m.npy m.npy --input labels --labels 0,1,2,4");
    assert_eq!(report["cases"][0]["per_class"][3]["class"], 4);
    files.refused(
        "m.npy m.npy --input labels --labels 0,1",
        &["label 2", "--labels"],
    );
    files.refused(
        "p.npy m.npy --labels 0,1",
        &["--labels lists 2", "3 channels"],
    );
    files.npy("low.npy", &labels(&[9, 8], 2, 4));
    files.refused(
        "p.npy low.npy --ignore-label 0",
        &["--labels 0,1,2", "--labels 1,2,3"],
    );
    // What is left out of a one-hot target is nothing.
    files.npy("hot.npy", &one_hot(&truth, 3));
    files.refused("p.npy hot.npy --ignore-label 255", &["--mask"]);
}

#[test]
fn regions_are_unions_of_labels() {
    let files = Files::new();
    let values = [0_u8, 1, 2, 4];
    let truth = labels(&[7, 9], 4, 1).mapv(|label| values[usize::from(label)]);
    let mask = labels(&[7, 9], 4, 2).mapv(|label| values[usize::from(label)]);
    files.npy("y.npy", &truth);
    files.npy("m.npy", &mask);
    let regions = |array: &ArrayD<u8>| {
        let region = |labels: &[u8]| array.mapv(|label| u8::from(labels.contains(&label)));
        let regions = [region(&[1, 2, 4]), region(&[1, 4]), region(&[4])];
        ndarray::stack(
            Axis(0),
            &[regions[0].view(), regions[1].view(), regions[2].view()],
        )
        .expect("regions of one shape")
    };
    files.npy("r.npy", &regions(&truth));
    files.npy("h.npy", &regions(&mask));
    let p = regions(&truth).mapv(|y| if y == 1 { 0.8_f32 } else { 0.3 });
    files.npy("p.npy", &p);
    files.npy("z.npy", &p.mapv(|p| (p / (1.0 - p)).ln()));
    let said = "--regions whole=1,2,4 core=1,4 enhancing=4";
    let expected = files.dice("p.npy r.npy --axes cyx");
    files.same(&format!("p.npy y.npy {said}"), expected);
    files.same(&format!("z.npy y.npy --input logits {said}"), expected);
    let hard = files.dice("h.npy r.npy --axes cyx");
    files.same(&format!("m.npy y.npy --input labels {said}"), hard);
    let (report, _) = files.report(&format!("m.npy y.npy --input labels {said}"));
    assert_eq!(report["cases"][0]["per_class"][1]["class"], "core");
    files.refused("p.npy y.npy", &["--regions", "--labels"]);
    files.refused(
        "p.npy y.npy --regions whole=1,2,4",
        &["--regions lists 1", "3 channels"],
    );
    files.refused(
        "p.npy r.npy --axes cyx --regions a=1 b=2 c=4",
        &["label map", "--regions"],
    );
    files.refused(
        &format!("z.npy y.npy --input logits --activation softmax {said}"),
        &["sigmoid"],
    );
}

#[test]
fn axes_are_told_by_formats_shapes_values_or_the_user() {
    let files = Files::new();
    let truth = labels(&[6, 6, 6], 3, 1);
    let p = probabilities(&truth, 3, 2);
    files.npy("p.npy", &p);
    files.npy("y.npy", &truth);
    files.npy("hot.npy", &one_hot(&truth, 3));
    let expected = files.dice("p.npy y.npy");
    files.same("p.npy hot.npy", expected);
    files.npy("l.npy", &last(&p));
    files.refused("l.npy y.npy", &["--axes zyxc", "--axes nyxc"]);
    files.same("l.npy y.npy --axes zyxc", expected);
    files.same("l.npy y.npy --layout channels-last --batch no", expected);
    // A NIfTI file begins with x: the same voxels, and equal sides tell nothing.
    let nifti = truth.mapv(f32::from);
    files.nii("xyz.nii", &nifti.t().to_owned(), PLAIN, None);
    files.refused("p.npy xyz.nii", &["--axes cxyz", "--axes czyx"]);
    files.same("p.npy xyz.nii --axes czyx", expected);
    // The volume of a foreground beside its mask: slices are no classes.
    files.npy("f.npy", &p.index_axis(Axis(0), 1).to_owned());
    files.npy("f1.npy", &truth.mapv(|label| u8::from(label == 1)));
    files.refused("f.npy f1.npy", &["--axes zyx", "--axes cyx"]);
    files.same(
        "f.npy f1.npy --axes zyx",
        files.dice("f.npy f1.npy --foreground"),
    );
    // Axes of length 1 are none.
    files.npy("n1.npy", &truth.clone().insert_axis(Axis(1)));
    files.npy(
        "nc.npy",
        &last(&p)
            .permuted_axes(IxDyn(&[0, 3, 1, 2]))
            .as_standard_layout()
            .into_owned(),
    );
    files.same("nc.npy n1.npy", files.dice("nc.npy y.npy --axes ncyx"));
    files.refused("p.npy y.npy --axes cyx", &["--axes cyx", "[3, 6, 6, 6]"]);
    files.refused("p.npy y.npy --batch yes --axes czyx", &["--batch yes", "n"]);
}

#[test]
fn volumes_that_lie_the_other_way_are_turned() {
    let files = Files::new();
    let truth = labels(&[5, 6, 7], 3, 1);
    let p = last(&probabilities(&truth, 3, 2));
    files.nii("p.nii", &p, PLAIN, None);
    let plain = truth.mapv(f32::from);
    files.nii("y.nii", &plain, PLAIN, None);
    let expected = files.dice("p.nii y.nii");
    // x reversed, y and z exchanged.
    let mut turned = plain.clone();
    turned.invert_axis(Axis(0));
    let turned = turned
        .permuted_axes(IxDyn(&[0, 2, 1]))
        .as_standard_layout()
        .into_owned();
    let affine = [
        [-1.0, 0.0, 0.0, 4.0],
        [0.0, 0.0, 1.5, 0.0],
        [0.0, 2.0, 0.0, 0.0],
    ];
    files.nii("turned.nii", &turned, affine, None);
    files.same("p.nii turned.nii", expected);
    let (report, _) = files.report("p.nii turned.nii");
    let notes = report["cases"][0]["reading"]["notes"].to_string();
    assert!(notes.contains("turned"), "{notes}");
    let mut shifted = PLAIN;
    shifted[2][3] = 3.0;
    files.nii("shifted.nii", &plain, shifted, None);
    files.refused("p.nii shifted.nii", &["3.000 mm", "--ignore-geometry"]);
    files.npy("y.npy", &truth);
    files.refused("p.nii y.npy --ignore-geometry", &["--ignore-geometry"]);
}

#[test]
fn numbers_are_scaled_clamped_and_rounded_when_that_is_plain() {
    let files = Files::new();
    let truth = labels(&[5, 6, 7], 3, 1);
    let p = probabilities(&truth, 3, 2);
    files.npy("y.npy", &truth);
    let stored = p.mapv(|p| (p * 255.0).round() as u8);
    files.npy("bytes.npy", &stored);
    files.npy("bytes_as_p.npy", &stored.mapv(|p| f64::from(p) / 255.0));
    files.refused("bytes.npy y.npy", &["--scale 255"]);
    files.refused(
        "bytes.npy y.npy --input logits",
        &["no logits", "--scale 255"],
    );
    files.same(
        "bytes.npy y.npy --scale 255",
        files.dice("bytes_as_p.npy y.npy"),
    );
    files.npy("ten.npy", &p.mapv(|p| (p * 10_000.0) as i16 as i32));
    files.refused("ten.npy y.npy", &["--scale 10000"]);
    // Half precision ends one step above 1; a spline further away, and only when told.
    let mut clamped = p.clone();
    clamped.index_axis_mut(Axis(0), 0).fill(1.0);
    files.npy("one.npy", &clamped);
    let expected = files.dice("one.npy y.npy");
    clamped.index_axis_mut(Axis(0), 0).fill(1.0 + 1.0 / 1024.0);
    files.npy("half.npy", &clamped);
    files.same("half.npy y.npy", expected);
    clamped.index_axis_mut(Axis(0), 0).fill(1.02);
    files.npy("spline.npy", &clamped);
    files.refused("spline.npy y.npy", &["1.01", "--clamp"]);
    files.same("spline.npy y.npy --clamp", expected);
    // Probabilities are no logits; a logit of −∞ has a number to write in its place.
    files.npy("p.npy", &p);
    files.refused(
        "p.npy y.npy --input logits",
        &["sum to 1", "--input probabilities"],
    );
    let mut logits = p.mapv(f32::ln);
    logits[[1, 0, 0, 0]] = f32::NEG_INFINITY;
    files.npy("z.npy", &logits);
    files.refused("z.npy y.npy --input logits", &["-inf", "-10000"]);
    // Label maps without a word.
    files.refused("y.npy y.npy", &["--input labels"]);
    // Labels of a scaled header, and labels between two.
    files.nii("p.nii", &last(&p), PLAIN, None);
    files.nii("y.nii", &truth.mapv(f32::from), PLAIN, None);
    files.nii(
        "scaled.nii",
        &truth.mapv(f32::from),
        PLAIN,
        Some([3.05185e-5, 1.0]),
    );
    files.same("p.nii scaled.nii", files.dice("p.nii y.nii"));
    files.nii(
        "between.nii",
        &truth.mapv(|label| f32::from(label) + 0.4),
        PLAIN,
        None,
    );
    files.refused("p.nii between.nii", &["0.4", "integer"]);
    for option in ["--scale 255", "--clamp"] {
        files.refused(
            &format!("z.npy y.npy --input logits {option}"),
            &[option.split(' ').next().unwrap_or_default()],
        );
    }
}

#[test]
fn soft_targets_of_one_channel_are_soft() {
    let files = Files::new();
    let truth = labels(&[9, 8], 2, 1);
    let p = probabilities(&truth, 2, 2);
    let soft = truth.mapv(f32::from) * 0.75 + 0.125;
    files.npy("two.npy", &p);
    let complement = soft.mapv(|y| 1.0 - y);
    files.npy(
        "soft2.npy",
        &ndarray::stack(Axis(0), &[complement.view(), soft.view()]).expect("two channels"),
    );
    let expected = files.dice("two.npy soft2.npy --axes cyx");
    files.npy("p.npy", &p.index_axis(Axis(0), 1).to_owned());
    files.npy("y.npy", &soft);
    files.same("p.npy y.npy", expected);
    files.npy(
        "p1.npy",
        &p.index_axis(Axis(0), 1).to_owned().insert_axis(Axis(0)),
    );
    files.npy("y1.npy", &soft.clone().insert_axis(Axis(0)));
    files.same("p1.npy y1.npy", expected);
    files.npy("bytes.npy", &soft.mapv(|y| (y * 1000.0).round() as i32));
    files.same("p.npy bytes.npy --target-scale 1000", expected);
}

#[test]
fn a_mask_says_where_to_score() {
    let files = Files::new();
    let truth = labels(&[9, 8], 3, 1);
    let p = probabilities(&truth, 3, 2);
    let mut at = 0;
    let inside = truth.mapv(|_| {
        at += 1;
        if at % 3 == 0 { 0 } else { 255_u8 }
    });
    let void = ndarray::Zip::from(&truth)
        .and(&inside)
        .map_collect(|y, inside| if *inside == 0 { 99 } else { *y });
    files.npy("p.npy", &p);
    files.npy("y.npy", &truth);
    files.npy("void.npy", &void);
    files.npy("roi.npy", &inside);
    files.npy("m.npy", &labels(&[9, 8], 3, 6));
    files.npy("hot.npy", &one_hot(&truth, 3));
    let expected = files.dice("p.npy void.npy --ignore-label 99");
    files.same("p.npy y.npy --mask roi.npy", expected);
    files.same("p.npy hot.npy --mask roi.npy", expected);
    let hard = files.dice("m.npy void.npy --input labels --ignore-label 99");
    files.same("m.npy y.npy --input labels --mask roi.npy", hard);
    // A label that is nowhere inside of the mask is no class.
    let outside = ndarray::Zip::from(&truth)
        .and(&inside)
        .map_collect(|y, inside| if *inside == 0 { 200 } else { *y });
    files.npy("outside.npy", &outside);
    files.same("m.npy outside.npy --input labels --mask roi.npy", hard);
    files.same("p.npy outside.npy --mask roi.npy", expected);
    files.npy("small.npy", &labels(&[3, 3], 2, 1));
    files.refused("p.npy y.npy --mask small.npy", &["mask", "[3, 3]"]);
}

#[test]
fn what_does_not_count_is_in_no_mean() {
    let files = Files::new();
    for side in ["p", "y"] {
        fs::create_dir(files.0.path().join(side)).expect("a folder");
    }
    let truth = labels(&[9, 8], 2, 1);
    files.npy("p/a.npy", &labels(&[9, 8], 2, 2));
    files.npy("p/b.npy", &labels(&[9, 8], 2, 3));
    files.npy("y/a.npy", &truth);
    files.npy("y/b.npy", &truth.mapv(|_| 255));
    let expected = files.dice("p/a.npy y/a.npy --input labels");
    let (report, said) =
        files.report("p y --input labels --loss dice --ignore-label 255 --labels 0,1");
    assert_eq!(report["mean"], expected);
    assert_eq!(report["cases"][1]["value"], Value::Null);
    assert_eq!(
        report["mean_over"],
        serde_json::json!({"cases": 1, "classes": [0, 1]})
    );
    assert!(
        said.contains("no voxel counts")
            && report["warnings"][0]
                .as_str()
                .is_some_and(|warning| said.contains(warning))
    );
    // A class that is skipped has no value.
    files.npy("q.npy", &probabilities(&truth, 3, 2));
    let (report, _) = files.report("q.npy y/a.npy --loss dice --absent-class skip");
    assert_eq!(report["cases"][0]["per_class"][2]["value"], Value::Null);
    // A label that no target has is left out in vain.
    let (report, said) =
        files.report("p y --input labels --ignore-label 255 --ignore-label 7 --labels 0,1");
    assert!(said.contains("label 7 of --ignore-label"), "{said}");
    assert!(!said.contains("label 255 of"), "{said}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("label 7 of --ignore-label"), "{warnings}");
    // Cases of different classes are told of.
    files.npy("y/b.npy", &truth.mapv(|label| label * 2));
    let (report, said) = files.report("p y --input labels --loss dice");
    assert_eq!(report["mean_over"]["classes"], Value::Null);
    assert!(said.contains("--labels"), "{said}");
}

#[test]
fn options_that_do_not_apply_are_errors() {
    let files = Files::new();
    let truth = labels(&[9, 8], 2, 1);
    files.npy("p.npy", &probabilities(&truth, 2, 2));
    files.npy("y.npy", &truth);
    files.refused(
        "y.npy y.npy --input labels --layout channels-last",
        &["--layout"],
    );
    files.refused("y.npy y.npy --input labels --foreground", &["--foreground"]);
    files.refused("y.npy y.npy --input labels --clamp", &["--clamp"]);
    files.refused("p.npy y.npy --foreground --axes cyx", &["--foreground"]);
    files.refused("p.npy y.npy --rare 1", &["--rare"]);
    let output = files.run("eval p.npy y.npy --loss focal --absent-class skip");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("--absent-class") && said.contains("focal"),
        "{said}"
    );
    let output = files.run("eval p.npy y.npy --loss combo --alpha 0.2,0.8");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("--alpha") && said.contains("combo"), "{said}");
    files.refused("p.npy y.npy --scale 0", &["--scale"]);
    let output = files.run("eval p.npy y.npy --axes cyx --layout channels-first");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn every_report_says_how_its_inputs_were_read() {
    let files = Files::new();
    let truth = labels(&[9, 8], 2, 1);
    files.npy("p.npy", &probabilities(&truth, 2, 2));
    files.npy("y.npy", &truth);
    for command in ["eval", "compare"] {
        for format in ["table", "json", "csv"] {
            let output = files.run(&format!("{command} p.npy y.npy --format {format}"));
            let report = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                report.contains("cyx") && report.contains("yx"),
                "{command} {format}: {report}"
            );
        }
    }
}

/// The same data in every order of axes gives the same number, or an error that lists the readings; and the number if the axes
/// are named.
#[test]
fn the_order_of_axes_changes_nothing() {
    let files = Files::new();
    let strategy = (
        (2_usize..5, 2_usize..5, 2_usize..5, 2_usize..4),
        Just(vec![0_usize, 1, 2, 3]).prop_shuffle(),
        Just(vec![0_usize, 1, 2]).prop_shuffle(),
    );
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    runner
        .run(&strategy, |((z, y, x, classes), ours, theirs)| {
            let truth = labels(&[z, y, x], classes, z + y);
            let p = probabilities(&truth, classes, x);
            files.npy("p.npy", &p);
            files.npy("y.npy", &truth);
            let expected = files.dice("p.npy y.npy --axes czyx --target-axes zyx");
            let letters = |order: &[usize], letters: &str| -> String {
                order
                    .iter()
                    .filter_map(|axis| letters.chars().nth(*axis))
                    .collect()
            };
            let (our_axes, their_axes) = (letters(&ours, "czyx"), letters(&theirs, "zyx"));
            files.npy(
                "p2.npy",
                &p.permuted_axes(IxDyn(&ours))
                    .as_standard_layout()
                    .into_owned(),
            );
            files.npy(
                "y2.npy",
                &truth
                    .permuted_axes(IxDyn(&theirs))
                    .as_standard_layout()
                    .into_owned(),
            );
            let found = files.dice(&format!(
                "p2.npy y2.npy --axes {our_axes} --target-axes {their_axes}"
            ));
            prop_assert!(
                (found - expected).abs() < 1e-6,
                "{our_axes} {their_axes}: {found} is not {expected}"
            );
            // Without names, both in one order of space: never another number.
            let space: String = our_axes.chars().filter(|letter| *letter != 'c').collect();
            if space == their_axes {
                let output = files.run("eval p2.npy y2.npy --loss dice --format json");
                if output.status.success() {
                    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                    let found = report["mean"].as_f64().expect("a mean");
                    prop_assert!(
                        (found - expected).abs() < 1e-6,
                        "{our_axes}: {found} is not {expected}"
                    );
                } else {
                    let said = String::from_utf8_lossy(&output.stderr).into_owned();
                    prop_assert!(said.contains("--axes"), "{said}");
                }
            }
            Ok(())
        })
        .expect("the same number");
}
