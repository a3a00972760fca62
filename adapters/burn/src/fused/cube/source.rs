//! Test: every kernel can be lowered to CUDA C++, without a CUDA device.
//!
//! `adapters/burn/nvrtc` compiles the resulting sources.

use std::sync::Arc;

use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::tensor::{DType, FloatDType, IntDType, Shape};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::*;
use burn_cubecl::cubecl::{self, Device};
use cubecl_cpp::shared::{CompilationOptions, CppCompiler};
use cubecl_cpp::target::Cuda;
use unifocal_core::{Input, Settings, catalogue::Name};

use super::super::data::{Target, Weights};
use super::kernels::{self, THREADS};
use super::{Arguments, Job};
use crate::plan::{Plan, SUMS};

/// The CUDA C++ source of a kernel.
fn source(kernel: &impl cubecl::CubeKernel) -> String {
    use cubecl::Compiler;
    let compiled = CppCompiler::<Cuda>::default()
        .compile(kernel.define(), &CompilationOptions::default())
        .unwrap_or_else(|error| panic!("{error:?}"));
    compiled.to_string()
}

/// The named kernels of a loss.
fn sources(name: Name, input: Input, soft: bool, dtype: FloatDType) -> [(&'static str, String); 4] {
    let device = Device::Wgpu(Default::default());
    let settings = Settings::default().with_input(input);
    let plan = Plan {
        settings: settings.with_ignore_label((!soft).then_some(255)),
        ..Plan::from(name.loss())
    };
    let float = |shape: &[usize], dtype| {
        CubeBackend::float_zeros(Shape::from(shape.to_vec()), &device, dtype)
    };
    let (samples, classes, voxels) = (2, 3, 64);
    let arguments = || {
        let target = if soft {
            Target::Soft(float(&[samples, classes, voxels], FloatDType::F32))
        } else {
            let shape = Shape::from([samples, voxels]);
            Target::Labels(CubeBackend::int_zeros(shape, &device, IntDType::I32))
        };
        let weights = if soft {
            Weights::PerVoxel(float(&[samples, voxels], FloatDType::F32))
        } else {
            Weights::One
        };
        let prediction = float(&[samples, classes, voxels], dtype);
        Arguments::new(prediction, target, weights, &plan)
    };
    let sums = || float(&[samples, classes, SUMS], FloatDType::F32);
    let client = sums().client;
    let properties = client.properties_shared();
    let target = Arc::new(client.target_properties().clone());
    let count = CubeCount::Static(1, 1, 1);
    let dim = CubeDim::new_1d(THREADS);

    let data = arguments();
    let types = data.types();
    let sum = kernels::sum::create_dummy_kernel(
        Arc::clone(&properties),
        Arc::clone(&target),
        count.clone(),
        dim,
        data.prediction.into_tensor_arg(),
        data.labels.into_tensor_arg(),
        data.target.into_tensor_arg(),
        data.weights.into_tensor_arg(),
        float(&[samples, 1, classes, SUMS], FloatDType::F32).into_tensor_arg(),
        samples,
        voxels,
        1,
        voxels,
        data.job,
        types,
    );
    let merge = kernels::merge::create_dummy_kernel(
        Arc::clone(&properties),
        Arc::clone(&target),
        count.clone(),
        dim,
        float(&[samples, 1, classes, SUMS], FloatDType::F32).into_tensor_arg(),
        sums().into_tensor_arg(),
        samples,
        1,
        classes * SUMS,
    );
    let value = kernels::value::create_dummy_kernel(
        Arc::clone(&properties),
        Arc::clone(&target),
        count.clone(),
        dim,
        sums().into_tensor_arg(),
        float(&[samples], FloatDType::F32).into_tensor_arg(),
        float(&[samples], FloatDType::F32).into_tensor_arg(),
        sums().into_tensor_arg(),
        samples,
        Job::of_sums(&plan, classes),
    );
    let data = arguments();
    let gradient = kernels::gradient::create_dummy_kernel(
        properties,
        target,
        count,
        dim,
        data.prediction.into_tensor_arg(),
        data.labels.into_tensor_arg(),
        data.target.into_tensor_arg(),
        data.weights.into_tensor_arg(),
        sums().into_tensor_arg(),
        float(&[samples, classes, voxels], dtype).into_tensor_arg(),
        samples,
        voxels,
        data.job,
        types,
    );
    [
        ("sum", source(&sum)),
        ("merge", source(&merge)),
        ("value", source(&value)),
        ("gradient", source(&gradient)),
    ]
}

/// If `UNIFOCAL_CUDA_SOURCES` names a folder, the sources are written there.
#[test]
fn every_kernel_has_a_source_for_cuda() {
    let folder = std::env::var_os("UNIFOCAL_CUDA_SOURCES").map(std::path::PathBuf::from);
    let found = std::panic::catch_unwind(|| {
        CubeBackend::float_zeros(
            Shape::from([1]),
            &Device::Wgpu(Default::default()),
            FloatDType::F32,
        )
    });
    if found.is_err() {
        eprintln!("skipped: found no wgpu device, which is needed to build the kernels' arguments");
        return;
    }
    for name in [Name::Dice, Name::FocalTversky, Name::AsymmetricUnifiedFocal] {
        for (input, soft, dtype) in [
            (Input::Probabilities, false, FloatDType::F32),
            (Input::Softmax, false, FloatDType::F16),
            (Input::Softmax, true, FloatDType::F32),
            (Input::Sigmoid, true, FloatDType::BF16),
        ] {
            for (kernel, source) in sources(name, input, soft, dtype) {
                assert!(source.contains("__global__"), "{name} {kernel}: {source}");
                if let Some(folder) = &folder {
                    let dtype = DType::from(dtype);
                    let file = format!("{name}-{input:?}-{dtype:?}-{kernel}.cu").to_lowercase();
                    std::fs::write(folder.join(file), source)
                        .expect("UNIFOCAL_CUDA_SOURCES is a writable folder");
                }
            }
        }
    }
}
