//! Shared by the benchmarks: phantoms, and the limit set by memory bandwidth.

pub mod memory;

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut3};
use rayon::prelude::*;
use std::time::{Duration, Instant};

/// How the labels of a phantom are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Discs of a fixed size that cover 1 % of the voxels, as lesions do.
    Lesions,
    /// Independent voxels, as in no real image: the worst case.
    Random,
}

/// A prediction [N, C, M] and its labels [N, M].
#[derive(Clone, Debug)]
pub struct Phantom {
    /// Probabilities, or logits.
    pub prediction: Array3<f32>,
    /// The labels.
    pub labels: Array2<u8>,
}

impl Phantom {
    /// Probabilities of background and lesion, which sum to 1, for images with rows of `width` voxels.
    pub fn probabilities(samples: usize, voxels: usize, width: usize, target: Target) -> Self {
        let mut next = numbers();
        let labels = Array2::from_shape_fn((samples, voxels), |(sample, voxel)| {
            u8::from(match target {
                Target::Random => next() < 0.5,
                Target::Lesions => is_lesion(sample, voxel, width),
            })
        });
        let mut prediction = Array3::zeros((samples, 2, voxels));
        for ((sample, voxel), label) in labels.indexed_iter() {
            // Mostly right, never certain.
            let error = 0.01 + 0.5 * next();
            let p = if *label == 1 { 1.0 - error } else { error };
            prediction[[sample, 0, voxel]] = 1.0 - p;
            prediction[[sample, 1, voxel]] = p;
        }
        Self { prediction, labels }
    }

    /// Logits whose softmax gives the [probabilities](Phantom::probabilities).
    pub fn logits(samples: usize, voxels: usize, width: usize, target: Target) -> Self {
        let mut phantom = Self::probabilities(samples, voxels, width, target);
        phantom.prediction.mapv_inplace(f32::ln);
        phantom
    }

    /// Logits of organs: blocks with sides of 16 voxels, one class per block.
    pub fn organs(samples: usize, sides: &[usize], classes: usize) -> Self {
        let voxels = sides.iter().product();
        let mut next = numbers();
        let blocks: usize = sides.iter().map(|side| side.div_ceil(16)).product();
        let of_blocks: Vec<u8> = (0..samples * blocks)
            .map(|_| (next() * classes as f32) as u8)
            .collect();
        let block = |voxel: usize| {
            let (mut rest, mut block, mut blocks) = (voxel, 0, 1);
            for side in sides.iter().rev() {
                block += rest % side / 16 * blocks;
                blocks *= side.div_ceil(16);
                rest /= side;
            }
            block
        };
        let labels = Array2::from_shape_fn((samples, voxels), |(sample, voxel)| {
            of_blocks[sample * blocks + block(voxel)]
        });
        let prediction =
            Array3::from_shape_fn((samples, classes, voxels), |(sample, class, voxel)| {
                let is_right = usize::from(labels[[sample, voxel]]) == class;
                4.0 * next() - 2.0 + if is_right { 3.0 } else { 0.0 }
            });
        Self { prediction, labels }
    }
}

/// Discs with a radius of 16 voxels, one per square of 284 × 284: 1 % of the area.
fn is_lesion(sample: usize, voxel: usize, width: usize) -> bool {
    let [y, x] = [voxel / width, voxel % width].map(|at| (at + 71 * sample) % 284);
    let square = |at: usize| at.abs_diff(142).pow(2);
    square(y) + square(x) < 16 * 16
}

/// Reproducible numbers in [0, 1).
pub fn numbers() -> impl FnMut() -> f32 {
    let mut seed = 1_u32;
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32
    }
}

/// A lower bound for any evaluation: reads every number of the prediction and writes every number of the gradient, with all
/// threads of the pool.
pub fn limit(prediction: ArrayView3<'_, f32>, mut gradient: ArrayViewMut3<'_, f32>) {
    const PART: usize = 1 << 16;
    let read = prediction.as_slice().expect("the prediction is contiguous");
    let written = gradient.as_slice_mut().expect("the gradient is contiguous");
    written
        .par_chunks_mut(PART)
        .zip(read.par_chunks(PART))
        .for_each(|(written, read)| {
            for (to, from) in written.iter_mut().zip(read) {
                *to = from * 0.5;
            }
        });
}

/// The best time of several runs.
pub fn shortest(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        run();
        shortest = shortest.min(start.elapsed());
    }
    shortest
}
