//! The Unified Focal loss family for `ndarray`: views of any dimension and any strides in, value and gradient out.
//!
//! ```
//! use ndarray::{array, Array4};
//! use unifocal_ndarray::{Evaluation, core::{Input, UnifiedFocal}};
//!
//! // Logits [N, C, H, W] of one 2 × 2 image and two classes, labels [N, H, W].
//! let logits: Array4<f32> = array![[[[2.0, 1.0], [0.5, -1.0]], [[-2.0, -1.0], [-0.5, 1.0]]]];
//! let labels = array![[[0_u8, 0], [0, 1]]];
//!
//! let evaluation = Evaluation::labels(logits.view(), labels.view()).with_input(Input::Softmax);
//! let (value, gradient) = evaluation.value_and_gradient(&UnifiedFocal::asymmetric())?;
//! assert!(value < 0.2);
//! assert_eq!(gradient.dim(), logits.dim());
//! # Ok::<(), unifocal_ndarray::Error>(())
//! ```
//!
//! The class axis is axis 1 ([N, C, spatial…], as in PyTorch); [`Evaluation::with_layout`] makes it the last one.
//! [`unifocal_core`], re-exported as [`core`], defines everything else, from the losses to ignored labels.

#![deny(unsafe_code)]

mod deep_supervision;
mod error;
mod evaluation;
mod halves;
mod hard;
mod nearest;
mod rows;
#[allow(
    unsafe_code,
    reason = "calls functions that need vector instructions of this processor"
)]
mod simd;
mod slabs;
mod target;
mod tensor;
mod threads;
mod voxel_losses;
mod workspace;

pub use unifocal_core as core;

pub use deep_supervision::DeepSupervision;
pub use error::Error;
pub use evaluation::{ClassValue, Evaluation};
pub use nearest::nearest;
pub use simd::Simd;
pub use slabs::Slabs;
pub use target::{LabelArray, SoftArray, TargetArray};
pub use threads::Join;

/// Compiles and runs the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
