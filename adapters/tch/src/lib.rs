//! The Unified Focal loss family for [`tch`]: all Dice-based and cross-entropy-based segmentation losses that the Unified Focal loss
//! generalises, for libtorch tensors. The gradient is finite for every finite prediction.
//!
//! ```
//! use tch::{Kind, Tensor, nn, nn::{Module, OptimizerConfig}};
//! use unifocal_tch::{SegmentationLoss, core::{Input, UnifiedFocal}};
//!
//! # tch::manual_seed(1);
//! let images = Tensor::rand([2, 1, 16, 16], (Kind::Float, tch::Device::Cpu));
//! let labels = images.squeeze_dim(1).gt(0.8).to_kind(Kind::Int64);
//!
//! let variables = nn::VarStore::new(tch::Device::Cpu);
//! let net = nn::conv2d(variables.root(), 1, 2, 3, nn::ConvConfig { padding: 1, ..Default::default() });
//! let mut optimizer = nn::Adam::default().build(&variables, 0.1)?;
//!
//! let criterion = SegmentationLoss::new(UnifiedFocal::asymmetric()).with_input(Input::Softmax);
//! let mut losses = Vec::new();
//! for _ in 0..20 {
//!     let loss = criterion.forward(&net.forward(&images), &labels)?;
//!     optimizer.backward_step(&loss);
//!     losses.push(loss.double_value(&[]));
//! }
//! assert!(losses[19] < 0.7 * losses[0], "{losses:?}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! See [`SegmentationLoss`] for the shapes and kinds of predictions and targets, and [`Route`] for how the loss is computed.
//! [`unifocal_core`], re-exported as [`core`], defines everything else, from the losses to ignored labels.

#![deny(unsafe_code)]

mod annotated;
mod class_target;
mod composed;
mod criterion;
mod deep_supervision;
mod engine;
mod error;
mod evaluation;
mod extremes;
#[allow(unsafe_code, reason = "C++ and tensor memory; nothing else is unsafe")]
mod ffi;
mod fused;
mod hard;
mod labels;
mod nearest;
mod operands;
mod operations;
mod plan;
mod ranks;
mod reduction;
mod regions;
mod segmentation;
mod sums;
mod tensors;
mod values;
mod voxel_losses;
mod weighted;

pub use unifocal_core as core;

pub use criterion::SegmentationLoss;
pub use deep_supervision::DeepSupervision;
pub use error::Error;
pub use nearest::nearest;
pub use plan::Route;
pub use ranks::{AllReduce, Threads};
pub use segmentation::{Segmentation, Sum};
pub use sums::Sums;
pub use weighted::Weighted;

/// The examples of the documentation, compiled and run.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/tch.md")]
    mod page {}
}
