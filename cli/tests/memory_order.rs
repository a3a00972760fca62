//! The order of an array in memory changes neither scores, gradients nor messages. NIfTI files have the reverse order of most `.npy` files.

mod program;

use std::fs;
use std::path::Path;

use ndarray::{ArrayD, Dimension, IxDyn, ShapeBuilder};
use ndarray_npy::ReadNpyExt;
use program::{json, npy, refused, run, stdout, text};
use tempfile::TempDir;

const SHAPE: [usize; 4] = [2, 4, 5, 6];

/// Writes probabilities and labels in both orders, as `c-p.npy`, `f-p.npy`, `c-y.npy` and `f-y.npy`.
fn files(folder: &Path, foreground: impl Fn(&[usize]) -> f32) {
    for (order, fortran) in [("c", false), ("f", true)] {
        let p = |at: IxDyn| {
            let inside = foreground(&at.slice()[1..]);
            if at[0] == 1 { inside } else { 1.0 - inside }
        };
        let p = ArrayD::from_shape_fn(IxDyn(&SHAPE).set_f(fortran), p);
        npy(folder, &format!("{order}-p.npy"), &p);
        let label = |at: IxDyn| u8::from((at[0] + at[1] * at[2]).is_multiple_of(3));
        let labels = ArrayD::from_shape_fn(IxDyn(&SHAPE[1..]).set_f(fortran), label);
        npy(folder, &format!("{order}-y.npy"), &labels);
    }
}

fn drawn(at: &[usize]) -> f32 {
    ((at[0] * 31 + at[1] * 17 + at[2] * 7) % 23) as f32 / 32.0 + 0.125
}

#[test]
fn scores_and_gradients_do_not_depend_on_it() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    files(folder, drawn);
    let mut first: Option<(f64, ArrayD<f32>)> = None;
    for pair in [["c", "c"], ["f", "f"], ["c", "f"], ["f", "c"]] {
        let [p, y] = pair;
        let (p, y) = (format!("{p}-p.npy"), format!("{y}-y.npy"));
        let eval = ["eval", &p, &y, "--axes", "czyx"];
        let score = json(folder, &eval)["mean"].as_f64().expect("a loss");
        stdout(folder, &[&eval[..], &["--gradient", "g.npy"]].concat());
        let bytes = fs::read(folder.join("g.npy")).expect("a gradient");
        let head = String::from_utf8_lossy(&bytes[..100]).into_owned();
        assert!(head.contains("'fortran_order': False"), "{head}");
        let gradient = ArrayD::<f32>::read_npy(&bytes[..]).expect("a .npy file");
        assert_eq!(gradient.shape(), SHAPE);
        let (expected, slopes) = first.get_or_insert_with(|| (score, gradient.clone()));
        // Sums of f32 terms depend on their order in the last digits.
        assert!(
            (score - *expected).abs() < 1e-7,
            "{pair:?}: {score}, expected {expected}"
        );
        for (found, expected) in gradient.iter().zip(slopes.iter()) {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-6 * expected.abs(),
                "{pair:?}: {found}, expected {expected}"
            );
        }
    }
}

#[test]
fn messages_name_the_same_voxel() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    files(folder, |at| if at == [1, 2, 3] { 1.75 } else { drawn(at) });
    let messages = ["c", "f"].map(|order| {
        let (p, y) = (format!("{order}-p.npy"), format!("{order}-y.npy"));
        let eval = ["eval", &p, &y, "--axes", "czyx"];
        refused(folder, &eval, &["--input logits reads logits"]);
        text(&run(folder, &eval).stderr)[10..].replace(&format!("{order}-y"), "y")
    });
    assert_eq!(messages[0], messages[1].replace("f-", "c-"));
    assert!(messages[0].contains("voxel 45"), "{}", messages[0]);
}
