//! The sums of a loss as one operation with an analytic gradient, and their value as another one.
//!
//! A backend has three functions: the sums, the gradient of a weighted sum of these sums, and the value of a group with its
//! slopes. Burn's autodiff is told of them in [`autodiff`].

// The generated dispatch and its types are public to Burn's macros.
#![allow(unreachable_pub, missing_docs, reason = "the module is private")]

mod autodiff;
#[cfg(feature = "cube")]
mod cube;
#[cfg(feature = "flex")]
mod flex;
#[cfg(feature = "cube")]
mod fusion;

use std::sync::Arc;

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, DispatchDevice, ExtensionType, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::inputs::{Inputs, Truth};
use crate::plan::Plan;
use crate::{Error, composed};

/// A target: labels [N, M], or one-hot or soft [N, C, M].
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub enum Target<B: Backend> {
    Labels(IntTensor<B>),
    Soft(FloatTensor<B>),
}

/// A weight per voxel, [N, M], or 1 for all.
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub enum Weights<B: Backend> {
    One,
    Given(FloatTensor<B>),
}

/// The sums [N, C, 6], or what is wrong with the data.
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub struct Summed<B: Backend> {
    pub sums: FloatTensor<B>,
    pub kept: Kept,
    pub error: Option<Error>,
}

/// What a backend keeps of the sums for their gradient.
#[derive(Clone, Debug, Default)]
pub enum Kept {
    /// Nothing: the gradient is computed from the prediction.
    #[default]
    Nothing,
    /// The memory of the gradient, with what the engine left there.
    #[cfg(feature = "flex")]
    Flex(burn_flex::FlexTensor),
}

/// The value of each group, `[G]`, whether it counts, and the slopes of the value by the group's sums, [G, C, 6].
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub struct Valued<B: Backend> {
    pub values: FloatTensor<B>,
    pub counts: FloatTensor<B>,
    pub slopes: FloatTensor<B>,
}

/// What a backend has.
#[backend_extension(
    Cube: cfg(feature = "cube"),
    Fusion: cfg(feature = "cube"),
    Flex: cfg(feature = "flex"),
    Autodiff
)]
pub trait Fused: Backend {
    /// The sums of each sample and class. If there will be a gradient, what it takes is kept.
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

    /// The value of each group of sums, of this type, whether it counts, and the slopes of it.
    #[fusion(meta = fusion::valued)]
    fn values(sums: FloatTensor<Self>, plan: Arc<Plan>, dtype: DType) -> Valued<Self>;
}

/// Whether a device has these functions for numbers of this type.
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

/// The sums of each sample and class, [N, C, 6]; composed where there is nothing better.
pub(crate) fn sums(plan: &Arc<Plan>, inputs: Inputs) -> Result<Tensor<3>, Error> {
    if !is_fused(&inputs.prediction.device(), inputs.prediction.dtype()) {
        return Ok(composed::sums(plan, inputs));
    }
    let target = match inputs.truth {
        Truth::Labels(labels) => Target::Labels(labels.into_dispatch()),
        Truth::Soft(target) => Target::Soft(target.into_dispatch()),
    };
    let weights = match inputs.weights {
        None => Weights::One,
        Some(weights) => Weights::Given(weights.into_dispatch()),
    };
    let prediction = inputs.prediction.into_dispatch();
    // Autodiff keeps what it needs.
    let keep = false;
    let summed = <Dispatch as Fused>::sums(prediction, target, weights, Arc::clone(plan), keep);
    match summed.error {
        None => Ok(Tensor::from_dispatch(summed.sums)),
        Some(error) => Err(error),
    }
}

/// The value of each group of sums, and whether it counts, if the device has a function for that.
pub(crate) fn values(plan: &Arc<Plan>, sums: &Tensor<3>, dtype: DType) -> Option<[Tensor<1>; 2]> {
    if plan.route != crate::Route::Auto || !is_fused(&sums.device(), dtype) {
        return None;
    }
    let sums = sums.clone().into_dispatch();
    let valued = <Dispatch as Fused>::values(sums, Arc::clone(plan), dtype);
    Some([valued.values, valued.counts].map(Tensor::from_dispatch))
}
