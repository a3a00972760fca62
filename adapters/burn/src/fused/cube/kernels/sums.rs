//! `sum` over the voxels.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

use super::super::job::{Job, UNROLLED};
use super::formula::{Terms, is_rare, terms};
use super::merger::{THREADS, add_up};
use super::prediction::{class_probability, normalizer};
use super::target::{counts, poisoned, target_of, weight};
use crate::plan::SUMS;

/// Sums each chunk of a sample's voxels, [N, chunks, C, 6].
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(in crate::fused::cube) fn sum<F: Float, I: Int, Y: Float, W: Float>(
    prediction: &Tensor<F>,
    labels: &Tensor<I>,
    target: &Tensor<Y>,
    weights: &Tensor<W>,
    partial: &mut Tensor<f32>,
    samples: usize,
    voxels: usize,
    chunks: usize,
    chunk: usize,
    #[comptime] job: Job,
    #[define(F, I, Y, W)] _types: [ElemType; 4],
) {
    let cube = CUBE_POS;
    let sample = cube / chunks;
    // CubeCL may launch extra cubes. They must not return early, because of the barriers below.
    let in_range = sample < samples;
    let start = (cube % chunks) * chunk;
    let end = select(in_range, min(start + chunk, voxels), 0);
    let mut sums = Array::<f32>::new(job.classes * SUMS);
    #[unroll(job.classes <= UNROLLED)]
    for index in 0..job.classes * SUMS {
        sums[index] = 0.0;
    }

    let mut voxel = start + UNIT_POS as usize;
    while voxel < end {
        let at = sample * voxels + voxel;
        let weight = weight::<I, W>(labels, weights, at, job.clone());
        if counts(weight) {
            let first = sample * job.channels * voxels + voxel;
            let normalizer = normalizer::<F>(prediction, first, voxels, job.clone());
            #[unroll(job.classes <= UNROLLED)]
            for class in 0..job.classes {
                let prob = class_probability::<F>(
                    prediction,
                    first,
                    voxels,
                    &normalizer,
                    class,
                    job.clone(),
                );
                let y = target_of::<I, Y>(labels, target, at, first, voxels, class, job.clone());
                // Poison the weight, not the terms: clamping the terms could hide NaN.
                let valid = prob.valid && y >= 0.0 && y <= 1.0;
                let weight = poisoned(weight, !valid);
                let base = class * SUMS;
                if is_rare(class, job.clone()) {
                    add(&mut sums, base, terms(&prob, y, true, job.clone()), weight);
                } else {
                    add(&mut sums, base, terms(&prob, y, false, job.clone()), weight);
                }
                sums[base + 4] += weight * y;
                sums[base + 5] += weight;
            }
        }
        voxel += THREADS as usize;
    }

    let base = cube * job.classes * SUMS;
    let unit = UNIT_POS as usize;
    let mut shared = Shared::new_slice(comptime!(SUMS * THREADS as usize));
    #[unroll(job.classes <= UNROLLED)]
    for class in 0..job.classes {
        let first = class * SUMS;
        #[unroll]
        for k in 0..SUMS {
            shared[k * comptime!(THREADS as usize) + unit] = sums[first + k];
        }
        add_up(&mut shared, SUMS);
        if in_range && unit < SUMS {
            partial[base + first + unit] = shared[unit * comptime!(THREADS as usize)];
        }
        sync_cube();
    }
}

/// Adds the terms of a voxel to the sums of its class, which begin at `base`.
#[cube]
fn add(sums: &mut Array<f32>, base: usize, terms: Terms, weight: f32) {
    sums[base] += weight * terms.tp;
    sums[base + 1] += weight * terms.fp;
    sums[base + 2] += weight * terms.fn_;
    sums[base + 3] += weight * terms.f;
}
