//! What the numbers of a file are.

use ndarray::Axis;

use crate::files::{Files, PLAIN, labels, last, probabilities};

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
