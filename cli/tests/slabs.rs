//! `mpirun unifocal eval --slabs`: several processes share each case.

#![cfg(feature = "mpi")]

mod build;
mod mpirun;
mod program;

use std::fs;
use std::path::Path;

use build::{Nifti1, gzip, nifti1};
use mpirun::mpirun;
use ndarray::{ArrayD, Axis, IxDyn, stack};
use program::{npy, run, text};
use tempfile::TempDir;

/// Large enough to be cut several times.
const SHAPE: [usize; 3] = [13, 64, 90];

/// Random numbers from 0 to `most`.
fn random(shape: &[usize], most: u32) -> ArrayD<u8> {
    let mut seed = 7_u32;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((seed >> 8) % (most + 1)) as u8
    })
}

/// Probabilities of two classes, [c, voxels…].
fn probabilities(shape: &[usize]) -> ArrayD<f32> {
    let inside = random(shape, 200).mapv(|number| f32::from(number) / 200.0);
    let outside = inside.mapv(|p| 1.0 - p);
    stack(Axis(0), &[outside.view(), inside.view()]).expect("equal shapes")
}

/// A NIfTI file of an array whose last axis is the first of the file, with this affine; gzipped if its name says so.
fn nii(folder: &Path, name: &str, shape: &[usize], datatype: i16, voxels: &[u8], z: f32) {
    let shape: Vec<i64> = shape.iter().rev().map(|length| *length as i64).collect();
    // Downwards, a volume begins at the top.
    let top = if z < 0.0 { (SHAPE[0] - 1) as f32 } else { 0.0 };
    let affine = [
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, z, top],
    ];
    let scaling = [0.0, 0.0];
    let file = nifti1(&Nifti1 {
        shape: &shape,
        datatype,
        affine,
        scaling,
        voxels,
    });
    let file = if name.ends_with(".gz") {
        gzip(&file)
    } else {
        file
    };
    fs::write(folder.join(name), file).expect("a NIfTI file");
}

/// Checks that any number of processes prints and writes what one does.
#[track_caller]
fn check(folder: &Path, arguments: &[&str], status: i32) {
    let file = |name: &str| fs::read_to_string(folder.join(name)).expect("results");
    let own = |output: &[u8]| -> Vec<String> {
        let lines = text(output);
        let ours = ["error:", "warning:", "note:"];
        let mut lines: Vec<&str> = lines.lines().collect();
        lines.retain(|line| ours.iter().any(|start| line.starts_with(start)));
        lines.into_iter().map(str::to_owned).collect()
    };
    let alone = run(folder, &[arguments, &["--output", "alone.jsonl"]].concat());
    assert_eq!(alone.status.code(), Some(status), "{}", text(&alone.stderr));
    for ranks in 1..=3 {
        let name = format!("{ranks}.jsonl");
        let shared = [arguments, &["--slabs", "--output", &name]].concat();
        let output = mpirun(folder, ranks, &shared).output().expect("mpirun");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{message}");
        assert_eq!(text(&output.stdout), text(&alone.stdout), "{ranks} ranks");
        assert_eq!(file(&name), file("alone.jsonl"), "{ranks} ranks");
        let mut lines = own(&output.stderr);
        let note = lines
            .iter()
            .position(|line| line.contains("processes shared each case"));
        lines.remove(note.expect("a note on the slabs"));
        assert_eq!(lines, own(&alone.stderr), "{ranks} ranks");
        fs::remove_file(folder.join(name)).expect("results");
    }
    fs::remove_file(folder.join("alone.jsonl")).expect("results");
}

#[test]
fn logits_have_the_results_of_one_process() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let case = |name: &str, shape: &[usize], change: &dyn Fn(&mut ArrayD<f32>)| {
        let classes = [&[3], shape].concat();
        let mut logits = random(&classes, 250).mapv(|number| f32::from(number) / 25.0 - 5.0);
        change(&mut logits);
        npy(folder, &format!("p/{name}.npy"), &logits);
        npy(folder, &format!("y/{name}.npy"), &random(shape, 2));
    };
    case("large", &SHAPE, &|_| {});
    case("two slices", &[2, 150, 200], &|_| {});
    case("small", &[4, 5, 6], &|_| {});
    // In the last slab, and in two slabs of which the first counts.
    case("bad", &SHAPE, &|logits| logits[[1, 12, 60, 5]] = f32::NAN);
    case("twice bad", &SHAPE, &|logits| {
        logits[[2, 11, 60, 5]] = f32::INFINITY;
        logits[[0, 3, 7, 5]] = f32::NAN;
    });
    case("unknown", &[9, 5, 6], &|_| {});
    let mut labels = random(&[9, 5, 6], 2);
    labels[[8, 3, 4]] = 9;
    labels[[6, 3, 4]] = 9;
    npy(folder, "y/unknown.npy", &labels);
    case("fortran", &SHAPE, &|logits| {
        let reversed = logits.t().as_standard_layout().into_owned();
        *logits = reversed.reversed_axes();
    });
    case("gone", &[4, 5, 6], &|_| {});
    fs::write(folder.join("p/gone.npy"), "no array").expect("a file");
    let axes = ["--axes", "czyx", "--target-axes", "zyx"];
    let eval = ["eval", "p", "y", "--input", "softmax", "--loss", "dice"];
    check(folder, &[&eval[..], &axes].concat(), 1);
    let bad = ["eval", "p/bad.npy", "y/bad.npy", "--input", "softmax"];
    let found = text(&run(folder, &[&bad[..], &axes].concat()).stderr);
    let voxel = (12 * 64 + 60) * 90 + 5;
    assert!(
        found.contains(&format!("channel 1, voxel {voxel}")),
        "{found}"
    );
}

#[test]
fn volumes_in_nifti_files_have_the_results_of_one_process() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let p = probabilities(&SHAPE);
    let mut low = p.clone();
    low[[1, 9, 60, 70]] = -2.0;
    let bytes = |p: &ArrayD<f32>| -> Vec<u8> { p.iter().flat_map(|p| p.to_le_bytes()).collect() };
    let (y, mut flipped) = (random(&SHAPE, 1), random(&SHAPE, 1));
    flipped.invert_axis(Axis(0));
    let flipped: Vec<u8> = flipped.iter().copied().collect();
    let mask: Vec<u8> = random(&SHAPE, 3).iter().map(|number| number / 2).collect();
    let labels: Vec<u8> = y.iter().copied().collect();
    for sub in ["p", "y", "m"] {
        fs::create_dir(folder.join(sub)).expect("a folder");
    }
    for (name, p, y, z) in [
        ("plain.nii", &p, &labels, 1.0),
        ("flipped.nii.gz", &p, &flipped, -1.0),
        ("low.nii", &low, &labels, 1.0),
    ] {
        nii(folder, &format!("p/{name}"), p.shape(), 16, &bytes(p), 1.0);
        nii(folder, &format!("y/{name}"), &SHAPE, 2, y, z);
        nii(folder, &format!("m/{name}"), &SHAPE, 2, &mask, 1.0);
    }
    let cut = bytes(&p);
    nii(
        folder,
        "p/cut.nii.gz",
        p.shape(),
        16,
        &cut[..cut.len() / 3],
        1.0,
    );
    nii(folder, "y/cut.nii.gz", &SHAPE, 2, &labels, 1.0);
    nii(folder, "m/cut.nii.gz", &SHAPE, 2, &mask, 1.0);
    check(
        folder,
        &["eval", "p", "y", "--mask", "m", "--loss", "tversky"],
        1,
    );
    check(
        folder,
        &[
            "eval", "y", "y", "--input", "labels", "--mask", "m", "--loss", "dice",
        ],
        0,
    );
}

/// Samples, soft targets, regions, and every loss.
#[test]
fn batches_and_soft_targets_have_the_results_of_one_process() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let p = probabilities(&[3, 9, 50, 50]);
    let mut batch = p.view();
    batch.swap_axes(0, 1);
    npy(folder, "p/a.npy", &batch.as_standard_layout().into_owned());
    npy(folder, "y/a.npy", &random(&[3, 9, 50, 50], 1));
    let eval = ["eval", "p", "y", "--axes", "nczyx", "--target-axes", "nzyx"];
    check(folder, &eval, 0);
    check(
        folder,
        &[&eval[..], &["--regions", "all=0,1", "one=1"]].concat(),
        0,
    );
    let soft = random(&SHAPE, 1).mapv(f32::from);
    // All integers but in one slab.
    let mut soft = soft;
    soft[[12, 0, 0]] = 0.25;
    npy(
        folder,
        "q/a.npy",
        &probabilities(&SHAPE).index_axis_move(Axis(0), 1),
    );
    npy(folder, "z/a.npy", &soft);
    check(folder, &["eval", "q", "z", "--foreground"], 0);
    let compare = ["compare", "q", "z", "--foreground", "--format", "json"];
    let alone = run(folder, &compare);
    let shared = mpirun(folder, 3, &[&compare[..], &["--slabs"]].concat())
        .output()
        .expect("mpirun");
    assert!(shared.status.success() && shared.stdout == alone.stdout);
    let note =
        "3 processes shared each case by slabs; those of a have 4, 4, 5 of the 13 slices along z";
    assert!(
        text(&shared.stderr).contains(note),
        "{}",
        text(&shared.stderr)
    );
}

#[test]
fn what_slabs_cannot_do_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    npy(folder, "p.npy", &probabilities(&[4, 5, 6]));
    npy(folder, "y.npy", &random(&[4, 5, 6], 1));
    npy(folder, "q.npy", &probabilities(&[4, 5, 6]));
    program::refused(
        folder,
        &["eval", "p.npy", "y.npy", "--slabs"],
        &["mpirun -n N"],
    );
    let gradient = ["eval", "p.npy", "y.npy", "--slabs", "--gradient", "g.npy"];
    program::refused(folder, &gradient, &["--gradient", "--slabs"]);
    for (arguments, words) in [
        (["eval", "p.npy", "q.npy"], "--axes czyx"),
        (["eval", "p.npz", "y.npy"], "p.npz: cannot be read"),
        (
            ["eval", "p.png", "p.png"],
            "a file of the format png, expected a .npy or NIfTI file",
        ),
    ] {
        fs::write(
            folder.join("p.png"),
            build::png(1, 1, [8, 0, 0], &build::zlib(&[0, 0])),
        )
        .expect("a file");
        let output = mpirun(folder, 2, &[&arguments[..], &["--slabs"]].concat()).output();
        let output = output.expect("mpirun");
        let message = text(&output.stderr);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{message}"
        );
        assert_eq!(message.matches(words).count(), 1, "{message}");
    }
}
