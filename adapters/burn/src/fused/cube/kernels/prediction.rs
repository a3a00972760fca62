//! The probability of a class, from a probability or a logit.

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use unifocal_core::{Input, limits};

use super::super::job::{Job, UNROLLED};
use super::super::math;

/// Tolerance for probabilities outside [0, 1], to allow for rounding.
const ROUNDING: f32 = limits::ROUNDING as f32;

/// Bound on intermediate values, so that sums over the classes stay finite.
pub(super) const LARGEST: f32 = f32::MAX / 64.0;

/// The softmax normalizer of a voxel: the largest logit, and Σ e^(z − largest) over the other classes.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Normalizer {
    pub(super) largest: f32,
    /// The class of the largest logit.
    pub(super) class: usize,
    pub(super) others: f32,
}

/// p, 1 − p and ln p of a class; only p if the prediction is a probability.
#[derive(CubeType, Clone, Copy)]
#[allow(dead_code, reason = "the fields are read where the kernel is built")]
pub(super) struct ClassProbability {
    pub(super) p: f32,
    pub(super) complement: f32,
    pub(super) ln: f32,
    /// Whether the prediction is a probability or a finite logit.
    pub(super) valid: bool,
}

/// The softmax normalizer of the voxel whose first channel is at `first`.
#[cube]
pub(super) fn normalizer<F: Float>(
    prediction: &Tensor<F>,
    first: usize,
    voxels: usize,
    #[comptime] job: Job,
) -> Normalizer {
    let mut largest = f32::cast_from(prediction[first]);
    let mut class = 0usize;
    let mut others = f32::new(0.0);
    if comptime!(job.plan.settings.input == Input::Softmax) {
        #[unroll(job.classes <= UNROLLED)]
        for index in 1..job.classes {
            let z = f32::cast_from(prediction[first + index * voxels]);
            if z > largest {
                others = (others + 1.0) * math::exp(largest - z);
                largest = z;
                class = index;
            } else {
                others += math::exp(z - largest);
            }
        }
    }
    Normalizer {
        largest,
        class,
        others,
    }
}

/// The probability of a class.
#[cube]
pub(super) fn class_probability<F: Float>(
    prediction: &Tensor<F>,
    first: usize,
    voxels: usize,
    normalizer: &Normalizer,
    class: usize,
    #[comptime] job: Job,
) -> ClassProbability {
    let channel = class * comptime!(usize::from(job.channels > 1));
    let x = f32::cast_from(prediction[first + channel * voxels]);
    let mut p = x;
    let mut complement = f32::new(0.0);
    let mut ln = f32::new(0.0);
    let mut valid = x.abs() <= f32::MAX;
    match comptime!(job.plan.settings.input) {
        Input::Probabilities => {
            valid = p >= -ROUNDING && p <= 1.0 + ROUNDING;
            if comptime!(job.channels == 1) {
                if class == 0 {
                    p = 1.0 - p;
                }
            }
        }
        Input::Sigmoid => {
            let mut z = x;
            if comptime!(job.channels == 1) {
                if class == 0 {
                    z = -z;
                }
            }
            let e = math::exp(-z.abs());
            let large = 1.0 / (1.0 + e);
            let small = e * large;
            p = select(z < 0.0, small, large);
            complement = select(z < 0.0, large, small);
            ln = select(z < 0.0, z, 0.0) - math::ln_1p(e);
        }
        Input::Softmax => {
            let below = x - normalizer.largest;
            let sum = 1.0 + normalizer.others;
            p = math::exp(below) / sum;
            complement = select(class == normalizer.class, normalizer.others / sum, 1.0 - p);
            ln = below - math::ln_1p(normalizer.others);
        }
    }
    // Keep ln p finite, so that 0·ln p is 0. NaN passes through.
    ln = select(ln < -LARGEST, -LARGEST, ln);
    ClassProbability {
        p,
        complement,
        ln,
        valid,
    }
}
