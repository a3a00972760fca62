//! The files of a test, and runs of the program on them.

use std::fs;
use std::io::Write;
use std::process::{Command, Output};

use ndarray::{ArrayD, Axis, Ix2, IxDyn};
use ndarray_npy::{WritableElement, WriteNpyExt};
use serde_json::Value;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::build::{Nifti1, nifti1, png, zlib};

pub(super) struct Files(pub(super) TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub(super) fn npy<T: WritableElement>(&self, name: &str, array: &ArrayD<T>) {
        let file = fs::File::create(self.0.path().join(name)).expect("a file");
        array.write_npy(file).expect("a .npy file");
    }

    /// Writes an archive with one array.
    pub(super) fn npz<T: WritableElement>(&self, name: &str, key: &str, array: &ArrayD<T>) {
        let file = fs::File::create(self.0.path().join(name)).expect("a file");
        let mut archive = ZipWriter::new(file);
        archive
            .start_file(format!("{key}.npy"), SimpleFileOptions::default())
            .expect("an entry");
        let mut bytes = Vec::new();
        array.write_npy(&mut bytes).expect("an array");
        archive.write_all(&bytes).expect("an array");
        archive.finish().expect("an archive");
    }

    /// Writes a grey picture of 8 bits.
    pub(super) fn png(&self, name: &str, pixels: &ArrayD<u8>) {
        let pixels = pixels.view().into_dimensionality::<Ix2>();
        let pixels = pixels.expect("a picture has two axes");
        let (height, width) = pixels.dim();
        let mut rows = Vec::new();
        for row in pixels.rows() {
            rows.push(0);
            rows.extend(row);
        }
        self.bytes(
            name,
            &png(width as u32, height as u32, [8, 0, 0], &zlib(&rows)),
        );
    }

    pub(super) fn bytes(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.path().join(name), bytes).expect("a file");
    }

    /// Writes a NIfTI file with voxels of 1 × 1.5 × 2 mm.
    pub(super) fn nii(&self, name: &str, array: &ArrayD<f32>) {
        self.nii_with(name, array, PLAIN, None);
    }

    /// Writes a NIfTI file with this affine; with scaling, the stored numbers are integers of 16 bits.
    pub(super) fn nii_with(
        &self,
        name: &str,
        array: &ArrayD<f32>,
        affine: [[f32; 4]; 3],
        scaling: Option<[f32; 2]>,
    ) {
        let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
        let [slope, intercept] = scaling.unwrap_or([0.0, 0.0]);
        let mut voxels = Vec::new();
        // The first axis varies fastest.
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
        self.bytes(name, &file);
    }

    pub(super) fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_unifocal"))
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .output()
            .expect("the program starts")
    }

    /// The report, and stderr.
    #[track_caller]
    pub(super) fn report(&self, arguments: &str) -> (Value, String) {
        let output = self.run(&format!("eval {arguments} --format json"));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {stderr}");
        (
            serde_json::from_slice(&output.stdout).expect("JSON"),
            stderr,
        )
    }

    /// Checks the Dice loss of a run.
    #[track_caller]
    pub(super) fn scores(&self, arguments: &str, expected: f64) {
        // Masks that match everywhere or nowhere would prove little.
        assert!((0.05..0.95).contains(&expected), "{arguments}: {expected}");
        let (report, _) = self.report(&format!("{arguments} --loss dice"));
        let found = report["mean"].as_f64().expect("a mean");
        assert!(
            (found - expected).abs() < 1e-6,
            "{arguments}: {found} is not {expected}"
        );
    }

    /// Checks that a run fails with an error that contains these words.
    #[track_caller]
    pub(super) fn refused(&self, arguments: &str, words: &[&str]) {
        let output = self.run(&format!("eval {arguments} --loss dice"));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments}: {stderr}");
        for word in words {
            assert!(
                stderr.contains(word),
                "{arguments}: {stderr:?} does not say {word:?}"
            );
        }
    }
}

pub(super) const PLAIN: [[f32; 4]; 3] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.5, 0.0, 0.0],
    [0.0, 0.0, 2.0, 0.0],
];

/// A pseudorandom number below 1009 for each position, independent for each seed.
fn hash(seed: usize, at: usize) -> usize {
    let mixed = ((seed * 1_000_003 + at) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 33) as usize % 1009
}

/// Labels of `classes` classes without a symmetry along any axis.
pub(super) fn labels(shape: &[usize], classes: usize, seed: usize) -> ArrayD<u8> {
    let mut at = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        at += 1;
        (hash(seed, at) % classes) as u8
    })
}

/// Probabilities [class, …] that sum to 1 and mostly agree with the labels.
pub(super) fn probabilities(labels: &ArrayD<u8>, classes: usize, seed: usize) -> ArrayD<f32> {
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

/// Moves the first axis to the end.
pub(super) fn last<T: Clone>(array: &ArrayD<T>) -> ArrayD<T> {
    let mut axes: Vec<usize> = (1..array.ndim()).collect();
    axes.push(0);
    array
        .view()
        .permuted_axes(IxDyn(&axes))
        .as_standard_layout()
        .into_owned()
}
