//! The numbers of a file: labels, probabilities or logits, and their scale.

use half::f16;
use ndarray::{Array1, ArrayD, Axis};

use crate::files::{Files, PLAIN, labels, last, probabilities};
use crate::formula::{dice, foreground, one_hot};

/// Labels of three classes, their probabilities, and the labels as channels.
fn volume() -> (ArrayD<u8>, ArrayD<f32>, ArrayD<u8>) {
    let target = labels(&[5, 6, 7], 3, 1);
    let p = probabilities(&target, 3, 2);
    let y = one_hot(&target, &[0, 1, 2]);
    (target, p, y)
}

#[test]
fn integers_are_probabilities_with_a_scale() {
    let files = Files::new();
    let (target, p, y) = volume();
    files.npy("y.npy", &target);
    let stored = p.mapv(|p| (p * 255.0).round() as u8);
    files.npy("bytes.npy", &stored);
    files.refused("bytes.npy y.npy", &["--scale 255"]);
    let logits = "bytes.npy y.npy --input logits";
    files.refused(logits, &["not logits", "--scale 255"]);
    let scaled = stored.mapv(|p| f64::from(p) / 255.0);
    files.scores("bytes.npy y.npy --scale 255", dice(&scaled, &y));
    let stored = p.mapv(|p| (p * 10_000.0).round() as i16);
    files.npy("ten.npy", &stored);
    files.refused("ten.npy y.npy", &["--scale 10000"]);
    let scaled = stored.mapv(|p| f64::from(p) / 10_000.0);
    files.scores("ten.npy y.npy --scale 10000", dice(&scaled, &y));
    // A saliency map, which is the foreground as a picture.
    let target = labels(&[9, 8], 2, 1);
    let p = probabilities(&target, 2, 2).index_axis_move(Axis(0), 1);
    let stored = p.mapv(|p| (p * 255.0).round() as u8);
    files.png("p.png", &stored);
    files.png("y.png", &target);
    files.refused("p.png y.png", &["--scale 255"]);
    let logits = "p.png y.png --input logits";
    files.refused(logits, &["not logits", "--scale 255"]);
    let scaled = foreground(&stored.mapv(|p| f64::from(p) / 255.0));
    let expected = dice(&scaled, &foreground(&target));
    files.scores("p.png y.png --scale 255", expected);
}

/// A .npy file of half precision.
fn half_npy(files: &Files, name: &str, numbers: &ArrayD<f16>) {
    let shape = format!("{:?}", numbers.shape()).replace('[', "(");
    let header = format!(
        "{{'descr': '<f2', 'fortran_order': False, 'shape': {}}}",
        shape.replace(']', ")")
    );
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    files.bytes(name, &bytes);
}

#[test]
fn numbers_outside_the_range_are_clamped_if_rounding_explains_them_or_with_clamp() {
    let files = Files::new();
    let (target, p, y) = volume();
    files.npy("y.npy", &target);
    files.nii("y.nii", &target.mapv(f32::from));
    let first = |values: [f32; 3]| {
        let mut p = p.clone();
        for (class, value) in values.into_iter().enumerate() {
            p[[class, 0, 0, 0]] = value;
        }
        p
    };
    // Averages in half precision can reach the next number after 1, in whatever type they are stored.
    let half = first([1.001, 0.0, 0.0]).mapv(f16::from_f32);
    assert!(half[[0, 0, 0, 0]] > f16::ONE);
    half_npy(&files, "half.npy", &half);
    let expected = dice(&half.mapv(|p| p.min(f16::ONE)), &y);
    files.scores("half.npy y.npy", expected);
    files.npy("wide.npy", &half.mapv(f32::from));
    files.scores("wide.npy y.npy", expected);
    // Spline interpolation overshoots further, on both sides.
    let spline = first([1.02, -0.02, 0.0]);
    files.npy("spline.npy", &spline);
    files.nii("spline.nii", &last(&spline));
    let expected = dice(&first([1.0, 0.0, 0.0]), &y);
    for format in ["npy", "nii"] {
        let pair = format!("spline.{format} y.{format}");
        files.refused(&pair, &["1.01", "--clamp"]);
        files.scores(&format!("{pair} --clamp"), expected);
    }
}

#[test]
fn probabilities_are_not_logits() {
    let files = Files::new();
    let (target, p, _) = volume();
    files.npy("y.npy", &target);
    files.npy("p.npy", &p);
    files.refused(
        "p.npy y.npy --input logits",
        &["sum to 1", "--input probabilities"],
    );
    // The error for a logit of −∞ names a number to use instead.
    let mut logits = p.mapv(f32::ln);
    logits[[1, 0, 0, 0]] = f32::NEG_INFINITY;
    files.npy("z.npy", &logits);
    files.refused("z.npy y.npy --input logits", &["-inf", "-10000"]);
    for option in ["--scale 255", "--clamp"] {
        files.refused(
            &format!("z.npy y.npy --input logits {option}"),
            &[option.split(' ').next().unwrap_or_default()],
        );
    }
}

#[test]
fn label_maps_need_input_labels() {
    let files = Files::new();
    let (target, mask) = (labels(&[9, 8], 3, 1), labels(&[9, 8], 3, 2));
    for (name, array) in [
        ("mask", &mask),
        ("target", &target),
        ("binary", &target.mapv(|label| u8::from(label > 0))),
    ] {
        files.png(&format!("{name}.png"), array);
        files.npy(&format!("{name}.npy"), array);
    }
    let one_hot = |array| one_hot(array, &[0, 1, 2]);
    for format in ["png", "npy"] {
        let pair = format!("mask.{format} target.{format}");
        files.refused(&pair, &["--input labels"]);
        let binary = format!("mask.{format} binary.{format}");
        files.refused(&binary, &["--input labels"]);
        let expected = dice(&one_hot(&mask), &one_hot(&target));
        files.scores(&format!("{pair} --input labels"), expected);
    }
}

#[test]
fn labels_are_rounded_if_the_header_scales_them() {
    let files = Files::new();
    let (target, p, y) = volume();
    files.nii("p.nii", &last(&p));
    let floats = target.mapv(f32::from);
    // 0 to 2 over all integers of 16 bits, as nibabel scales, so that no label is read back exactly.
    files.nii_with("scaled.nii", &floats, PLAIN, Some([3.05185e-5, 1.0]));
    files.scores("p.nii scaled.nii", dice(&p, &y));
    let mut between = floats;
    between[[2, 3, 3]] = 0.4;
    files.nii("between.nii", &between);
    files.refused("p.nii between.nii", &["0.4", "integer"]);
}

#[test]
fn soft_targets_of_one_channel_are_soft() {
    let files = Files::new();
    // A picture, with and without a class axis before it, and a volume, with and without one after it.
    for (shape, class_axis, format) in [(&[9, 8][..], 0, "npy"), (&[5, 6, 7], 3, "nii")] {
        // The mean of three raters: 0, 1/3, 2/3 or 1.
        let raters = [1, 2, 3].map(|rater| labels(shape, 2, rater).mapv(f32::from));
        let soft = (&raters[0] + &raters[1] + &raters[2]) / 3.0;
        let p = probabilities(&labels(shape, 2, 1), 2, 2).index_axis_move(Axis(0), 1);
        let write = |name: String, array: &ArrayD<f32>| match format {
            "npy" => files.npy(&name, array),
            _ => files.nii(&name, array),
        };
        for (name, array) in [("p", &p), ("y", &soft)] {
            write(format!("{name}.{format}"), array);
            let with_axis = array.clone().insert_axis(Axis(class_axis));
            write(format!("{name}1.{format}"), &with_axis);
        }
        let expected = dice(&foreground(&p), &foreground(&soft));
        files.scores(&format!("p.{format} y.{format}"), expected);
        files.scores(&format!("p1.{format} y1.{format}"), expected);
    }
    let raters = labels(&[9, 8], 256, 1).mapv(|label| i32::from(label) * 4);
    let p = labels(&[9, 8], 256, 2).mapv(|label| f32::from(label) / 255.0);
    files.npy("p.npy", &p);
    files.npy("y.npy", &raters);
    let soft = raters.mapv(|y| f64::from(y) / 1020.0);
    let expected = dice(&foreground(&p), &foreground(&soft));
    files.scores("p.npy y.npy --target-scale 1020", expected);
}

/// The raters in docs/cli.md: a mask scores better than their frequencies. Which mask is best depends on the classes.
#[test]
fn the_frequencies_of_raters_are_not_the_minimum_of_dice() {
    let files = Files::new();
    let y = [0.9, 0.6, 0.45, 0.3, 0.1];
    let row = |numbers: [f64; 5]| {
        Array1::from(numbers.to_vec())
            .insert_axis(Axis(0))
            .into_dyn()
    };
    files.npy("y.npy", &row(y));
    let mut losses = Vec::new();
    // The Dice score of the foreground is 2 Σ p·y / (Σ p + Σ y), and Σ y = 2.35.
    for (p, score) in [
        (y, 2.0 * 1.4725 / 4.7),
        ([1.0, 1.0, 0.0, 0.0, 0.0], 2.0 * 1.5 / 4.35),
        ([1.0, 1.0, 1.0, 0.0, 0.0], 2.0 * 1.95 / 5.35),
        ([1.0, 1.0, 1.0, 1.0, 0.0], 2.0 * 2.25 / 6.35),
    ] {
        files.npy("p.npy", &row(p));
        let of_foreground = 1.0 - score;
        let of_both = dice(&foreground(&row(p)), &foreground(&row(y)));
        files.scores("p.npy y.npy --axes yx --class-weights 0,1", of_foreground);
        files.scores("p.npy y.npy --axes yx", of_both);
        losses.push([of_foreground, of_both]);
    }
    for (class, best) in [(0, 2), (1, 1)] {
        assert!(losses.iter().all(|loss| losses[best][class] <= loss[class]));
    }
}
