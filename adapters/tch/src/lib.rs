//! The Unified Focal loss family for [`tch`]: every Dice-based and cross-entropy-based segmentation loss that the Unified Focal loss
//! generalises, on libtorch's tensors, with a gradient that is finite wherever the prediction is.
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
//! [`SegmentationLoss`] says what a prediction and a target may be, [`Route`] how the loss is computed. Everything else, from the losses
//! to the meaning of ignored labels, is [`unifocal_core`]'s, here as [`core`].

#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "calls to C++, and from there")]
mod attach;
mod composed;
mod criterion;
mod engine;
mod error;
mod extremes;
mod fused;
mod labels;
#[allow(unsafe_code, reason = "views of the memory of tensors")]
mod memory;
mod operands;
mod operations;
mod tensors;
#[allow(unsafe_code, reason = "calls to C++, and from there")]
mod threads;
mod values;

pub use unifocal_core as core;

pub use criterion::{Route, SegmentationLoss, Weighted};
pub use error::Error;

/// The examples of the documentation, compiled and run.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/tch.md")]
    mod page {}
}
