//! Which axis of a file is which.

use ndarray::{Axis, IxDyn};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::files::{Files, PLAIN, labels, last, one_hot, probabilities};

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
