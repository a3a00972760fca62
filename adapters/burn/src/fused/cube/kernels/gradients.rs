//! `gradient` of the value, at each voxel.

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use unifocal_core::Input;

use super::super::job::{Job, UNROLLED};
use super::formula::{Terms, is_rare, slope};
use super::prediction::{LARGEST, class_probability, normalizer};
use super::target::{counts, target_of, weight};
use crate::plan::SUMS;

/// The gradient of Σ slope·sum at each voxel.
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(in crate::fused::cube) fn gradient<F: Float, I: Int, Y: Float, W: Float>(
    prediction: &Tensor<F>,
    labels: &Tensor<I>,
    target: &Tensor<Y>,
    weights: &Tensor<W>,
    slopes: &Tensor<f32>,
    gradient: &mut Tensor<F>,
    samples: usize,
    voxels: usize,
    #[comptime] job: Job,
    #[define(F, I, Y, W)] _types: [ElemType; 4],
) {
    let at = ABSOLUTE_POS;
    if at >= samples * voxels {
        terminate!();
    }
    let sample = at / voxels;
    let voxel = at % voxels;
    let first = sample * job.channels * voxels + voxel;
    let weight = weight::<I, W>(labels, weights, at, job.clone());
    if !counts(weight) {
        #[unroll(job.channels <= UNROLLED)]
        for channel in 0..job.channels {
            gradient[first + channel * voxels] = F::new(0.0);
        }
        terminate!();
    }

    let normalizer = normalizer::<F>(prediction, first, voxels, job.clone());
    // Slopes with respect to p or ln p: of each class, of the likeliest, and the sum over the others.
    let mut by = Array::<f32>::new(job.classes);
    let mut by_likeliest = f32::new(0.0);
    let mut by_others = f32::new(0.0);
    #[unroll(job.classes <= UNROLLED)]
    for class in 0..job.classes {
        let prob =
            class_probability::<F>(prediction, first, voxels, &normalizer, class, job.clone());
        let y = target_of::<I, Y>(labels, target, at, first, voxels, class, job.clone());
        let base = (sample * job.classes + class) * SUMS;
        let a = slopes[base];
        let b = slopes[base + 1];
        let c = slopes[base + 2];
        let d = slopes[base + 3];
        // Scale the slopes down, so that their products with large derivatives stay finite.
        let scale = max(4.0 * (a.abs() + b.abs() + c.abs() + d.abs()), 1.0);
        let slopes_of = Terms {
            tp: a / scale,
            fp: b / scale,
            fn_: c / scale,
            f: d / scale,
        };
        let mut slope_of = slope(&prob, y, &slopes_of, false, job.clone());
        if is_rare(class, job.clone()) {
            slope_of = slope(&prob, y, &slopes_of, true, job.clone());
        }
        slope_of = finite(slope_of * scale);
        by[class] = slope_of;
        if class == normalizer.class {
            by_likeliest = slope_of;
        } else {
            by_others += slope_of;
        }
    }

    #[unroll(job.channels <= UNROLLED)]
    for channel in 0..job.channels {
        let class = channel + comptime!(usize::from(job.channels == 1));
        let own = by[class];
        let prob =
            class_probability::<F>(prediction, first, voxels, &normalizer, class, job.clone());
        let mut by_input = own;
        match comptime!(job.plan.settings.input) {
            Input::Probabilities => {
                if comptime!(job.channels == 1) {
                    by_input = own - by[0];
                }
            }
            Input::Sigmoid => {
                by_input = own * prob.complement;
                if comptime!(job.channels == 1) {
                    by_input -= by[0] * prob.p;
                }
            }
            Input::Softmax => {
                // h_c − p_c·Σ h, arranged to avoid cancellation where p_c is near 1.
                by_input = select(
                    class == normalizer.class,
                    own * prob.complement - prob.p * by_others,
                    own - prob.p * (by_likeliest + by_others),
                );
            }
        }
        gradient[first + channel * voxels] = narrowed::<F>(finite(by_input * weight));
    }
}

/// Clamps x to ±`LARGEST`; NaN passes through.
#[cube]
fn finite(x: f32) -> f32 {
    let x = select(x > LARGEST, LARGEST, x);
    select(x < -LARGEST, -LARGEST, x)
}

/// Casts to a narrower type, clamping to its range; NaN passes through.
#[cube]
fn narrowed<F: Float>(x: f32) -> F {
    let most = f32::cast_from(F::max_value());
    let x = select(x > most, most, x);
    F::cast_from(select(x < -most, -most, x))
}
