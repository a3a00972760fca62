//! The fused route: the sums of a loss are one operation with an analytic gradient, their value is another.
//!
//! A backend implements three functions: the sums, the gradient of a weighted sum of them, and the value of each group with
//! its slopes. [`autodiff`] connects them to Burn's autodiff.

// The generated dispatch and its types are public to Burn's macros.
#![allow(unreachable_pub, missing_docs, reason = "the module is private")]

mod autodiff;
#[cfg(feature = "cube")]
mod cube;
mod data;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "cube")]
mod fusion;

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, DispatchDevice, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use self::data::{Kept, Summed, Target, Valued, Weights};
use crate::Error;
use crate::inputs::{Inputs, TargetTensor};
use crate::plan::Plan;

/// The functions that a backend implements.
#[backend_extension(
    Cube: cfg(feature = "cube"),
    Fusion: cfg(feature = "cube"),
    Flex: cfg(feature = "flex"),
    Autodiff
)]
pub trait Fused: Backend {
    /// The sums of each sample and class. `keep` asks for what a later gradient needs.
    #[fusion(meta = fusion::summed)]
    fn sums(
        prediction: FloatTensor<Self>,
        #[extension_type] target: Target<Self>,
        #[extension_type] weights: Weights<Self>,
        plan: Arc<Plan>,
        keep: bool,
    ) -> Summed<Self>;

    /// The gradient of Σ slope·sum with respect to the prediction, in its shape and type.
    #[fusion(dtype = prediction, shape = prediction)]
    fn gradient(
        prediction: FloatTensor<Self>,
        #[extension_type] target: Target<Self>,
        #[extension_type] weights: Weights<Self>,
        slopes: FloatTensor<Self>,
        plan: Arc<Plan>,
        kept: Kept,
    ) -> FloatTensor<Self>;

    /// The value of each group of sums in type `dtype`, whether the group counts, and the slopes.
    #[fusion(meta = fusion::valued)]
    fn values(sums: FloatTensor<Self>, plan: Arc<Plan>, dtype: DType) -> Valued<Self>;
}

/// Whether a device has the fused functions for this type.
pub(crate) fn is_fused(device: &Device, dtype: DType) -> bool {
    fn has(device: &DispatchDevice, dtype: DType) -> bool {
        match device {
            DispatchDevice::Autodiff(device) => has(device, dtype),
            #[cfg(feature = "flex")]
            DispatchDevice::Flex(_) => true,
            // The kernels compute in f32.
            #[cfg(feature = "cube")]
            DispatchDevice::Cube(_) => dtype != DType::F64,
            #[allow(unreachable_patterns, reason = "there may be other backends, or none")]
            _ => false,
        }
    }
    has(device.as_dispatch(), dtype)
}

/// The sums of each sample and class, [N, C, 6].
pub(crate) fn sums(plan: &Arc<Plan>, inputs: Inputs) -> Result<Tensor<3>, Error> {
    let target = match inputs.target {
        TargetTensor::Labels(labels) => Target::Labels(labels.into_dispatch()),
        TargetTensor::Soft(target) => Target::Soft(target.into_dispatch()),
    };
    let weights = match inputs.weights {
        None => Weights::One,
        Some(weights) => Weights::PerVoxel(weights.into_dispatch()),
    };
    let prediction = inputs.prediction.into_dispatch();
    // `Autodiff` sets this where it tracks a gradient.
    let keep = false;
    let summed = <Dispatch as Fused>::sums(prediction, target, weights, Arc::clone(plan), keep);
    match summed.error {
        None => Ok(Tensor::from_dispatch(summed.sums)),
        Some(error) => Err(error),
    }
}

/// The value of each group of sums, and whether the group counts.
pub(crate) fn values(plan: &Arc<Plan>, sums: &Tensor<3>, dtype: DType) -> [Tensor<1>; 2] {
    let sums = sums.clone().into_dispatch();
    let valued = <Dispatch as Fused>::values(sums, Arc::clone(plan), dtype);
    [valued.values, valued.counts].map(Tensor::from_dispatch)
}
