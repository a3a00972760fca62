//! Which axes a file has.

use ndarray::{Axis, IxDyn};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::files::{Files, PLAIN, labels, last, probabilities};
use crate::formula::{dice, dice_of_samples, foreground, one_hot};

#[test]
fn axes_follow_from_formats_shapes_values_or_options() {
    let files = Files::new();
    let target = labels(&[6, 6, 6], 3, 1);
    let p = probabilities(&target, 3, 2);
    let y = one_hot(&target, &[0, 1, 2]);
    files.npy("p.npy", &p);
    files.npy("y.npy", &target);
    files.npy("hot.npy", &y);
    let expected = dice(&p, &y);
    files.scores("p.npy y.npy", expected);
    files.scores("p.npy hot.npy", expected);
    files.npy("l.npy", &last(&p));
    files.refused("l.npy y.npy", &["--axes zyxc", "--axes nyxc"]);
    files.scores("l.npy y.npy --axes zyxc", expected);
    files.scores("l.npy y.npy --layout channels-last --batch no", expected);
    // A NIfTI file has x first, and equal lengths do not show the order.
    let nifti = target.mapv(f32::from);
    files.nii("xyz.nii", &nifti.t().to_owned());
    files.refused("p.npy xyz.nii", &["--axes cxyz", "--axes czyx"]);
    files.scores("p.npy xyz.nii --axes czyx", expected);
    files.refused("p.npy y.npy --axes cyx", &["--axes cyx", "[3, 6, 6, 6]"]);
    files.refused("p.npy y.npy --batch yes --axes czyx", &["--batch yes", "n"]);
}

#[test]
fn slices_of_a_volume_are_not_classes() {
    let files = Files::new();
    let target = labels(&[5, 9, 8], 2, 1);
    let p = probabilities(&target, 2, 2);
    let channel = p.index_axis(Axis(0), 1).to_owned();
    files.npy("p.npy", &channel);
    files.npy("y.npy", &target);
    let (ours, theirs) = (foreground(&channel), foreground(&target));
    files.refused("p.npy y.npy", &["--axes zyx", "--axes cyx"]);
    files.scores("p.npy y.npy --axes zyx", dice(&ours, &theirs));
    files.scores("p.npy y.npy --foreground", dice(&ours, &theirs));
    let stack = dice_of_samples(&ours, &theirs);
    files.scores("p.npy y.npy --foreground --batch yes", stack);
    files.scores("p.npy y.npy --axes nyx", stack);
}

#[test]
fn channels_can_be_last_as_in_keras() {
    let files = Files::new();
    let target = labels(&[2, 9, 8], 3, 1);
    let p = probabilities(&target, 3, 2);
    let channel = p.index_axis(Axis(0), 1).to_owned();
    let is_fore = target.mapv(|label| u8::from(label == 1));
    files.npy("p1.npy", &channel.clone().insert_axis(Axis(3)));
    files.npy("y1.npy", &is_fore.clone().insert_axis(Axis(3)));
    let y = one_hot(&target, &[0, 1, 2]);
    files.npy("p3.npy", &last(&p));
    files.npy("y3.npy", &last(&y));
    let one = dice_of_samples(&foreground(&channel), &foreground(&is_fore));
    for (pair, expected) in [
        ("p1.npy y1.npy", one),
        ("p3.npy y3.npy", dice_of_samples(&p, &y)),
    ] {
        files.refused(pair, &["--layout channels-last"]);
        files.scores(&format!("{pair} --layout channels-last"), expected);
    }
}

#[test]
fn a_volume_and_its_one_hot_target_are_one_sample() {
    let files = Files::new();
    let target = labels(&[6, 9, 8], 3, 1);
    let p = probabilities(&target, 3, 2);
    let y = one_hot(&target, &[0, 1, 2]);
    files.npz("p.npz", "probabilities", &p);
    files.npy("y.npy", &target);
    files.npy("hot.npy", &y);
    // A NIfTI file whose class axis comes first.
    files.nii("p.nii", &p);
    files.nii("hot.nii", &y.mapv(f32::from));
    for arguments in [
        "p.npz y.npy",
        "p.npz hot.npy",
        "p.npz hot.npy --batch no",
        "p.nii hot.nii --layout channels-first",
    ] {
        files.scores(arguments, dice(&p, &y));
    }
}

#[test]
fn axes_of_length_1_are_dropped() {
    let files = Files::new();
    let target = labels(&[5, 6, 7], 3, 1);
    let p = probabilities(&target, 3, 2);
    let y = one_hot(&target, &[0, 1, 2]);
    let channel = p.index_axis(Axis(0), 1).to_owned();
    let is_fore = target.mapv(|label| u8::from(label == 1));
    let floats = target.mapv(f32::from);
    let fore_floats = is_fore.mapv(f32::from);
    files.nii("p.nii", &last(&p));
    files.nii("itk.nii", &last(&p).insert_axis(Axis(3)));
    files.nii("y.nii", &floats);
    files.nii("y1.nii", &floats.insert_axis(Axis(3)));
    files.nii("f.nii", &channel);
    files.nii("f1.nii", &channel.clone().insert_axis(Axis(3)));
    files.nii("b.nii", &fore_floats);
    files.nii("b1.nii", &fore_floats.insert_axis(Axis(3)));
    let expected = dice(&p, &y);
    files.scores("p.nii y1.nii", expected);
    files.scores("itk.nii y.nii", expected);
    files.scores("itk.nii y1.nii", expected);
    let binary = dice(&foreground(&channel), &foreground(&is_fore));
    files.scores("f.nii b1.nii", binary);
    files.scores("f1.nii b.nii", binary);
    files.scores("f1.nii b1.nii", binary);
    // Samples of one channel, [N, 1, y, x], with masks on both sides or labels.
    let mask = labels(&[5, 6, 7], 2, 3);
    for (name, array) in [("m.npy", &mask), ("b.npy", &is_fore)] {
        let array = array.mapv(|label| label == 1);
        files.npy(name, &array.insert_axis(Axis(1)));
    }
    let masks = dice_of_samples(&foreground(&mask), &foreground(&is_fore));
    files.scores("m.npy b.npy", masks);
    let samples_first = p.clone().permuted_axes(IxDyn(&[1, 0, 2, 3]));
    files.npy("n.npy", &samples_first.as_standard_layout().into_owned());
    files.npy("n1.npy", &target.insert_axis(Axis(1)));
    files.scores("n.npy n1.npy", dice_of_samples(&p, &y));
    // nnU-Net's archive of a picture has a z axis of length 1.
    let picture = labels(&[9, 8], 3, 1);
    let p = probabilities(&picture, 3, 2);
    files.png("y.png", &picture);
    files.npz("p.npz", "probabilities", &p.clone().insert_axis(Axis(1)));
    files.scores("p.npz y.png", dice(&p, &one_hot(&picture, &[0, 1, 2])));
}

#[test]
fn volumes_with_flipped_or_permuted_axes_are_reoriented() {
    let files = Files::new();
    let target = labels(&[5, 6, 7], 3, 1);
    let p = probabilities(&target, 3, 2);
    files.nii("p.nii", &last(&p));
    let plain = target.mapv(f32::from);
    files.nii("y.nii", &plain);
    let expected = dice(&p, &one_hot(&target, &[0, 1, 2]));
    files.scores("p.nii y.nii", expected);
    // LPS and RAS: x and y are reversed.
    let mut reversed = plain.clone();
    reversed.invert_axis(Axis(0));
    reversed.invert_axis(Axis(1));
    let affine = [
        [-1.0, 0.0, 0.0, 4.0],
        [0.0, -1.5, 0.0, 7.5],
        [0.0, 0.0, 2.0, 0.0],
    ];
    files.nii_with("lps.nii", &reversed, affine, None);
    // x is reversed, y and z are exchanged.
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
    files.nii_with("turned.nii", &turned, affine, None);
    for target in ["lps.nii", "turned.nii"] {
        files.scores(&format!("p.nii {target}"), expected);
        let (report, _) = files.report(&format!("p.nii {target}"));
        let notes = report["cases"][0]["reading"]["notes"].to_string();
        assert!(notes.contains("reoriented"), "{notes}");
    }
    let mut shifted = PLAIN;
    shifted[2][3] = 3.0;
    files.nii_with("shifted.nii", &plain, shifted, None);
    files.refused("p.nii shifted.nii", &["3.000 mm", "--ignore-geometry"]);
    files.npy("y.npy", &target);
    files.refused("p.nii y.npy --ignore-geometry", &["--ignore-geometry"]);
}

/// The same data in every order of axes gives the same score, or an error that lists the readings. If the axes are named, it gives
/// the score.
#[test]
fn the_order_of_axes_does_not_change_the_score() {
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
            let target = labels(&[z, y, x], classes, z + y);
            let p = probabilities(&target, classes, x);
            let channels: Vec<u8> = (0..classes as u8).collect();
            let expected = dice(&p, &one_hot(&target, &channels));
            let letters = |order: &[usize], letters: &str| -> String {
                order
                    .iter()
                    .filter_map(|axis| letters.chars().nth(*axis))
                    .collect()
            };
            let (our_axes, their_axes) = (letters(&ours, "czyx"), letters(&theirs, "zyx"));
            files.npy(
                "p.npy",
                &p.permuted_axes(IxDyn(&ours))
                    .as_standard_layout()
                    .into_owned(),
            );
            files.npy(
                "y.npy",
                &target
                    .permuted_axes(IxDyn(&theirs))
                    .as_standard_layout()
                    .into_owned(),
            );
            let named = format!("--axes {our_axes} --target-axes {their_axes}");
            let (report, _) = files.report(&format!("p.npy y.npy {named} --loss dice"));
            let found = report["mean"].as_f64().expect("a mean");
            prop_assert!(
                (found - expected).abs() < 1e-6,
                "{named}: {found} is not {expected}"
            );
            // Without names and with one spatial order, there is never another score.
            let space: String = our_axes.chars().filter(|letter| *letter != 'c').collect();
            if space == their_axes {
                let output = files.run("eval p.npy y.npy --loss dice --format json");
                if output.status.success() {
                    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
                    let found = report["mean"].as_f64().expect("a mean");
                    prop_assert!(
                        (found - expected).abs() < 1e-6,
                        "{our_axes}: {found} is not {expected}"
                    );
                } else {
                    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
                    prop_assert!(stderr.contains("--axes"), "{stderr}");
                }
            }
            Ok(())
        })
        .expect("the same score");
}
