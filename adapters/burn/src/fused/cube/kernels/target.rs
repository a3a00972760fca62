//! The target and the weight of a voxel.

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use unifocal_core::limits;

use super::super::job::Job;

/// The largest valid voxel weight.
const LARGEST_WEIGHT: f32 = limits::LARGEST_WEIGHT as f32;

/// The weight of a voxel: 0 if it is ignored, NaN if its weight or label is invalid.
#[cube]
pub(super) fn weight<I: Int, W: Float>(
    labels: &Tensor<I>,
    weights: &Tensor<W>,
    at: usize,
    #[comptime] job: Job,
) -> f32 {
    let mut weight = f32::new(1.0);
    if comptime!(job.weighted) {
        weight = f32::cast_from(weights[at]);
        weight = poisoned(weight, weight < 0.0 || weight > LARGEST_WEIGHT);
    }
    if comptime!(!job.soft) {
        let stored = labels[at];
        let label = i32::cast_from(stored);
        // The cast may wrap a wide label into a class: compare after casting back.
        let held = I::cast_from(label) == stored;
        let is_class = held && label >= 0 && label < comptime!(job.classes as i32);
        let counts = weight != 0.0;
        weight = poisoned(weight, counts && !is_class);
        if comptime!(job.ignored.is_some()) {
            let ignored = held && label == comptime!(job.ignored.unwrap_or(0));
            weight = select(ignored, 0.0, weight);
        }
    }
    weight
}

/// Whether a voxel of this weight counts. A NaN weight must count, but `!=` is false for NaN in WGSL and SPIR-V.
#[cube]
#[allow(clippy::nonminimal_bool, reason = "see above")]
pub(super) fn counts(weight: f32) -> bool {
    !(weight == 0.0)
}

/// The target y of a class.
#[cube]
pub(super) fn target_of<I: Int, Y: Float>(
    labels: &Tensor<I>,
    target: &Tensor<Y>,
    at: usize,
    first: usize,
    voxels: usize,
    class: usize,
    #[comptime] job: Job,
) -> f32 {
    let mut y = f32::new(0.0);
    if comptime!(!job.soft) {
        if usize::cast_from(labels[at]) == class {
            y = 1.0;
        }
    } else if comptime!(job.channels == 1) {
        y = f32::cast_from(target[first]);
        if class == 0 {
            y = 1.0 - y;
        }
    } else {
        y = f32::cast_from(target[first + class * voxels]);
    }
    y
}

/// x, or NaN if `wrong`.
#[cube]
pub(super) fn poisoned(x: f32, wrong: bool) -> f32 {
    select(wrong, f32::from_bits(0x7fc0_0000u32), x)
}
