//! The files of a test, and the program run beside them.

use std::fs;
use std::process::{Command, Output};

use ndarray::{ArrayD, Axis, IxDyn};
use ndarray_npy::{WritableElement, WriteNpyExt};
use serde_json::Value;
use tempfile::TempDir;

use crate::build::{Nifti1, nifti1};

pub(super) struct Files(pub(super) TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub(super) fn npy<T: WritableElement>(&self, name: &str, array: &ArrayD<T>) {
        let file = fs::File::create(self.0.path().join(name)).expect("a file");
        array.write_npy(file).expect("a .npy file");
    }

    /// A NIfTI file whose first axis runs fastest, with voxels of 1 × 1.5 × 2 mm along the signed axes `along` of the body.
    pub(super) fn nii(
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

    pub(super) fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_unifocal"))
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .output()
            .expect("the program starts")
    }

    /// The report of Dice, and what was said on stderr.
    #[track_caller]
    pub(super) fn report(&self, arguments: &str) -> (Value, String) {
        let output = self.run(&format!("eval {arguments} --format json"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {said}");
        (serde_json::from_slice(&output.stdout).expect("JSON"), said)
    }

    #[track_caller]
    pub(super) fn dice(&self, arguments: &str) -> f64 {
        let (report, _) = self.report(&format!("{arguments} --loss dice"));
        report["mean"].as_f64().expect("a mean")
    }

    /// Both give the same number.
    #[track_caller]
    pub(super) fn same(&self, arguments: &str, expected: f64) {
        let found = self.dice(arguments);
        assert!(
            (found - expected).abs() < 1e-6,
            "{arguments}: {found} is not {expected}"
        );
    }

    /// An error that says these words.
    #[track_caller]
    pub(super) fn refused(&self, arguments: &str, words: &[&str]) {
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

pub(super) const PLAIN: [[f32; 4]; 3] = [
    [1.0, 0.0, 0.0, 0.0],
    [0.0, 1.5, 0.0, 0.0],
    [0.0, 0.0, 2.0, 0.0],
];

fn hash(seed: usize, at: usize) -> usize {
    (at * 7919 + seed * 104_729 + (at * at) % 31 * 17) % 1009
}

/// Labels of `classes` classes, none of whose axes is symmetric.
pub(super) fn labels(shape: &[usize], classes: usize, seed: usize) -> ArrayD<u8> {
    let mut at = 0;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        at += 1;
        (hash(seed, at) % classes) as u8
    })
}

/// Probabilities [class, …] that sum to 1, and mostly agree.
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

pub(super) fn last(array: &ArrayD<f32>) -> ArrayD<f32> {
    let mut axes: Vec<usize> = (1..array.ndim()).collect();
    axes.push(0);
    array
        .view()
        .permuted_axes(IxDyn(&axes))
        .as_standard_layout()
        .into_owned()
}

pub(super) fn one_hot(labels: &ArrayD<u8>, classes: u8) -> ArrayD<u8> {
    let channels: Vec<ArrayD<u8>> = (0..classes)
        .map(|class| labels.mapv(|label| u8::from(label == class)))
        .collect();
    let views: Vec<_> = channels.iter().map(|channel| channel.view()).collect();
    ndarray::stack(Axis(0), &views).expect("channels of one shape")
}
