//! The checks, one idea per file.

mod against_core;
mod annotated;
mod central_differences;
mod deep_supervision;
mod edge_cases;
mod errors;
mod golden_values;
mod identities;
mod other_libraries;
mod overlapping;
mod published_scores;
mod seam;
mod symmetries;
mod voxel_losses;

pub use against_core::agreement;
pub use annotated::annotated;
pub use central_differences::gradients;
pub use deep_supervision::{DeeplySupervised, LevelsOutcome, deep_supervision};
pub use edge_cases::edges;
pub use errors::bad_input;
pub use golden_values::goldens;
pub use identities::hierarchy;
pub use other_libraries::peers;
pub use overlapping::overlapping;
pub use published_scores::scores;
pub use seam::{seam, seam_cases, seam_with_gradient};
pub use symmetries::invariances;
pub use voxel_losses::{VoxelOutcome, Voxelwise, voxel_losses};

use ndarray::ArrayD;

use crate::{Backend, Case, Outcome, Precision};
use unifocal_core::{AnyLoss, catalogue::Name};

/// Every named loss with its default parameters, and losses with other forms of the formula.
fn losses() -> impl DoubleEndedIterator<Item = AnyLoss> {
    let forms = [
        "dice(order=1)",
        "dice(order=2, smooth-numerator=0)",
        "asymmetric-unified-focal(order=2)",
        "cross-entropy(label-smoothing=0.1)",
        "poly-1(gamma=1, label-smoothing=0.1)",
        "dice-focal(label-smoothing=0.2)",
    ];
    let forms = forms.map(|text| text.parse().expect("a loss"));
    Name::ALL.into_iter().map(Name::loss).chain(forms)
}

/// The outcome of a valid case.
fn outcome(backend: &impl Backend, loss: &AnyLoss, case: &Case) -> Outcome {
    backend
        .evaluate(loss, case)
        .unwrap_or_else(|error| panic!("{loss:?}: {error}"))
}

/// Picks the tolerance for the backend's precision.
fn by_precision(backend: &impl Backend, f64: f64, f32: f64) -> f64 {
    match backend.precision() {
        Precision::F64 => f64,
        Precision::F32 => f32,
    }
}

/// Compares two values, relative to the larger one, or to 10⁻³ if both are smaller.
#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let scale = found.abs().max(expected.abs()).max(1e-3);
    assert!(
        (found - expected).abs() <= tolerance * scale,
        "{what}: {found} is not {expected} within {tolerance:e}"
    );
}

/// Compares two gradients entry by entry, relative to the largest entry.
#[track_caller]
fn assert_close_gradient(found: &ArrayD<f64>, expected: &ArrayD<f64>, tolerance: f64, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let scale = largest(expected).max(f64::MIN_POSITIVE);
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance * scale,
            "{what}: gradient {found} is not {expected} at {index:?} within {tolerance:e} of {scale:e}"
        );
    }
}

fn largest(array: &ArrayD<f64>) -> f64 {
    array
        .iter()
        .fold(0.0, |largest: f64, x| largest.max(x.abs()))
}
