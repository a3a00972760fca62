//! CubeCL devices (CUDA, ROCm, Metal, Vulkan, WebGPU): kernels traced from the core's formulas.
//!
//! | | kernels | reads | writes |
//! |---|---|---|---|
//! | sums | 2: sums per chunk of voxels, then their merger if a sample has several chunks | prediction, target | 6 numbers per chunk and class |
//! | values | 1 | sums | values and slopes |
//! | gradient | 1 | prediction, target | gradient |
//!
//! All arithmetic is f32. The order of summation depends only on the shape.

mod job;
mod kernels;
mod math;
#[cfg(all(test, feature = "wgpu"))]
mod source;
mod trace;

use std::sync::Arc;

use burn::backend::TensorMetadata;
use burn::backend::cubecl::dtype_to_storage_type;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Shape};
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use burn_cubecl::{CubeBackend, cubecl};

use self::job::Job;
use self::kernels::THREADS;
use super::Fused;
use super::data::{Kept, Summed, Target, Valued, Weights};
use crate::plan::{Plan, SUMS};

/// The least number of voxels per thread.
const PER_THREAD: usize = 16;

/// The largest number of cubes per sample.
const CHUNKS: usize = 1024;

impl Fused for CubeBackend {
    fn sums(
        prediction: FloatTensor<Self>,
        target: Target<Self>,
        weights: Weights<Self>,
        plan: Arc<Plan>,
        _: bool,
    ) -> Summed<Self> {
        let arguments = Arguments::new(prediction, target, weights, &plan);
        let (samples, voxels) = (arguments.samples, arguments.voxels);
        let classes = arguments.job.classes;
        let least = THREADS as usize * PER_THREAD;
        let chunks = voxels.div_ceil(least).min(CHUNKS);
        let chunk = voxels.div_ceil(chunks);
        let sums = arguments.like(Shape::from([samples, classes, SUMS]), DType::F32);
        // With one chunk per sample, its sums are the result.
        let partial = match chunks {
            1 => sums.clone(),
            _ => arguments.like(Shape::from([samples, chunks, classes, SUMS]), DType::F32),
        };
        let types = arguments.types();
        let client = arguments.prediction.client.clone();
        // Spread the cubes over several axes: devices bound the length of each.
        let dim = CubeDim::new_1d(THREADS);
        let cubes = |count: usize| {
            cubecl::calculate_cube_count_elemwise(&client, count * THREADS as usize, dim)
        };
        kernels::sum::launch(
            &client,
            cubes(samples * chunks),
            dim,
            arguments.prediction.into_tensor_arg(),
            arguments.labels.into_tensor_arg(),
            arguments.target.into_tensor_arg(),
            arguments.weights.into_tensor_arg(),
            partial.clone().into_tensor_arg(),
            samples,
            voxels,
            chunks,
            chunk,
            arguments.job,
            types,
        );
        if chunks > 1 {
            kernels::merge::launch(
                &client,
                cubes(samples * classes * SUMS),
                dim,
                partial.into_tensor_arg(),
                sums.clone().into_tensor_arg(),
                samples,
                chunks,
                classes * SUMS,
            );
        }
        Summed {
            sums,
            kept: Kept::Nothing,
            error: None,
        }
    }

    fn gradient(
        prediction: FloatTensor<Self>,
        target: Target<Self>,
        weights: Weights<Self>,
        slopes: FloatTensor<Self>,
        plan: Arc<Plan>,
        _: Kept,
    ) -> FloatTensor<Self> {
        let arguments = Arguments::new(prediction, target, weights, &plan);
        let gradient = arguments.like(arguments.prediction.shape(), arguments.prediction.dtype);
        let types = arguments.types();
        let client = arguments.prediction.client.clone();
        let threads = arguments.samples * arguments.voxels;
        let dim = CubeDim::new_1d(THREADS);
        let count = cubecl::calculate_cube_count_elemwise(&client, threads, dim);
        kernels::gradient::launch(
            &client,
            count,
            dim,
            arguments.prediction.into_tensor_arg(),
            arguments.labels.into_tensor_arg(),
            arguments.target.into_tensor_arg(),
            arguments.weights.into_tensor_arg(),
            into_contiguous(slopes).into_tensor_arg(),
            gradient.clone().into_tensor_arg(),
            arguments.samples,
            arguments.voxels,
            arguments.job,
            types,
        );
        gradient
    }

    fn values(sums: FloatTensor<Self>, plan: Arc<Plan>, _: DType) -> Valued<Self> {
        let sums = into_contiguous(sums);
        let [groups, classes] = [sums.shape()[0], sums.shape()[1]];
        let empty = |shape| {
            empty_device_contiguous_dtype(
                sums.client.clone(),
                sums.device.clone(),
                shape,
                DType::F32,
            )
        };
        let [values, counts] = [(); 2].map(|()| empty(Shape::from([groups])));
        let slopes = empty(sums.shape());
        let job = Job::of_sums(&plan, classes);
        let client = sums.client.clone();
        let dim = CubeDim::new_1d(32);
        let count = cubecl::calculate_cube_count_elemwise(&client, groups, dim);
        kernels::value::launch(
            &client,
            count,
            dim,
            sums.into_tensor_arg(),
            values.clone().into_tensor_arg(),
            counts.clone().into_tensor_arg(),
            slopes.clone().into_tensor_arg(),
            groups,
            job,
        );
        Valued {
            values,
            counts,
            slopes,
        }
    }
}

/// The contiguous arguments of the kernels over voxels. A tensor of one number stands for an absent one.
struct Arguments {
    prediction: CubeTensor,
    labels: CubeTensor,
    target: CubeTensor,
    weights: CubeTensor,
    samples: usize,
    voxels: usize,
    job: Job,
}

impl Arguments {
    fn new(
        prediction: CubeTensor,
        target: Target<CubeBackend>,
        weights: Weights<CubeBackend>,
        plan: &Plan,
    ) -> Self {
        let prediction = into_contiguous(prediction);
        let shape = prediction.shape();
        let absent = |dtype| {
            let (client, device) = (prediction.client.clone(), prediction.device.clone());
            empty_device_contiguous_dtype(client, device, Shape::from([1]), dtype)
        };
        let soft = matches!(target, Target::Soft(_));
        let weighted = matches!(weights, Weights::PerVoxel(_));
        let job = Job::of_voxels(plan, shape[1], soft, weighted);
        let (labels, target) = match target {
            Target::Labels(labels) => (into_contiguous(labels), absent(DType::F32)),
            Target::Soft(target) => (absent(DType::I32), into_contiguous(target)),
        };
        let weights = match weights {
            Weights::One => absent(DType::F32),
            Weights::PerVoxel(weights) => into_contiguous(weights),
        };
        Self {
            samples: shape[0],
            voxels: shape[2],
            prediction,
            labels,
            target,
            weights,
            job,
        }
    }

    fn like(&self, shape: Shape, dtype: DType) -> CubeTensor {
        let Self { prediction, .. } = self;
        empty_device_contiguous_dtype(
            prediction.client.clone(),
            prediction.device.clone(),
            shape,
            dtype,
        )
    }

    fn types(&self) -> [cubecl::ir::ElemType; 4] {
        [&self.prediction, &self.labels, &self.target, &self.weights]
            .map(|tensor| dtype_to_storage_type(tensor.dtype))
    }
}
