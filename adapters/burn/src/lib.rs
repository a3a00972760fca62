//! The Unified Focal loss family for [Burn](https://burn.dev): every Dice-based and cross-entropy-based segmentation loss, fused
//! on every Burn device.
//!
//! ```
//! use unifocal_burn::{AsymmetricUnifiedFocalLossConfig, Input};
//! use burn::tensor::{Device, Int, Tensor};
//!
//! // Logits [N, C, H, W] of one 1 × 2 image and two classes, labels [N, H, W].
//! let device = Device::flex().autodiff();
//! let logits = Tensor::<4>::from_data([[[[2.0, -1.0]], [[-2.0, 1.0]]]], &device).require_grad();
//! let labels = Tensor::<3, Int>::from_data([[[0, 1]]], &device);
//!
//! let loss = AsymmetricUnifiedFocalLossConfig::new().with_input(Input::Softmax).init();
//! let value = loss.forward(logits.clone(), labels);
//! let gradients = value.backward();
//! assert_eq!(logits.grad(&gradients).unwrap().dims(), [1, 2, 1, 2]);
//! ```
//!
//! - Each loss has a `…LossConfig` with the paper's defaults. Its `init` builds a [`SegmentationLoss`], as in `burn::nn`.
//! - The class axis is axis 1, as in Burn's convolutions: predictions [N, C, spatial…] with any number of spatial axes.
//! - Targets are labels [N, spatial…] (integers, no one-hot copy), or one-hot or soft floats of the prediction's shape.
//! - The loss is one tensor operation with an analytic gradient. On `flex` it runs `unifocal-ndarray`'s engine; on CubeCL
//!   devices (CUDA, ROCm, Metal, Vulkan, WebGPU) it runs kernels generated from the same formulas; elsewhere, and with
//!   [`Route::Composed`], it is composed of Burn's tensor operations.
//!
//! [`unifocal_core`], re-exported as [`core`], defines the losses and their edge cases.

mod annotated;
mod composed;
mod config;
mod deep_supervision;
mod elementwise;
mod error;
mod fused;
mod hard;
mod inputs;
mod labels;
mod loss;
mod nearest;
mod plan;
mod reduce;
mod regions;
mod sums;
mod tensors;
#[cfg(feature = "train")]
pub mod train;
mod voxel_losses;

pub use burn;
pub use unifocal_core as core;
pub use unifocal_core::{AbsentClass, Input, LevelWeights, Pooling, Settings};

pub use burn::nn::loss::Reduction;
pub use config::*;
pub use deep_supervision::DeepSupervision;
pub use elementwise::Elementwise;
pub use error::Error;
pub use inputs::Targets;
pub use loss::SegmentationLoss;
pub use plan::Route;
pub use reduce::{AllReduce, Devices, Threads};
pub use sums::Sums;
pub use tensors::Segmentation;

/// The examples of the documentation, compiled and run.
#[cfg(all(doctest, feature = "flex"))]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/burn.md")]
    mod page {}
}
