//! The Unified Focal loss family for segmentation, `no_std` and without allocation.
//!
//! In segmentation masks, the object of interest often covers only one voxel in a hundred. The
//! losses designed for such class imbalance (Dice, Jaccard, Tversky, focal Tversky, cross entropy,
//! focal, Combo, and the symmetric and asymmetric Unified Focal losses) are one family:
//!
//! ```text
//! loss = λ · mean_c (1 − TI_c)^e_c  +  (1 − λ) · (1/M) Σ_c w_c Σ_i y·(1 − p)^g_c·(−ln p)
//! ```
//!
//! with the Tversky index TI = (TP + s) / (TP + α·FP + β·FN + s) of each class. This crate states
//! each formula once, over the arithmetic trait [`Real`], and runs it on numbers, on
//! [dual numbers](Dual) for the gradient and, through the adapters, on the tensors of a framework.
//!
//! # Value and gradient
//!
//! ```
//! use unifocal_core::{Buffers, Classes, Dense, DenseMut, Error, Labels, Layout, Segmentation, UnifiedFocal};
//!
//! // Two classes (background, lesion) on four voxels, probabilities, channels first.
//! let probabilities = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
//! let labels = [0_u8, 0, 0, 1];
//!
//! let segmentation = Segmentation::new(
//!     Dense::channels_first(&probabilities, [1, 2, 4])?,
//!     Labels::new(Dense::per_voxel(&labels, [1, 4])?),
//! )?;
//! let loss = UnifiedFocal::asymmetric().with_gamma(0.2)?;
//!
//! let mut buffers = Buffers::with_len::<2>(); // one entry per class
//! let mut evaluated = segmentation.evaluate(&loss, &Classes::default(), &mut buffers)?;
//! assert!((evaluated.value() - 0.239).abs() < 1e-3);
//!
//! let mut gradient = [0.0; 8];
//! let mut out = DenseMut::new(&mut gradient, [1, 2, 4], Layout::ChannelsFirst)?;
//! evaluated.gradient_into(&mut out)?;
//! assert!(gradient[7] < 0.0); // more lesion where the lesion is
//! # Ok::<(), Error>(())
//! ```
//!
//! [`Segmentation::evaluate_with_gradient`] does both with one sweep over the voxels less.
//!
//! # Overview
//!
//! | | |
//! |---|---|
//! | losses | [`Tversky`] (region-based), [`Focal`] (distribution-based), [`UnifiedFocal`] (compound), [`Matthews`] (correlation), [`HardVoxels`] (mining), [`AnyLoss`] (by name, with each [`Parameter`]) |
//! | each loss | formula, constructor, defaults and source: the tables in [`Tversky`], [`Focal`] and [`UnifiedFocal`], [`Matthews`] and [`HardVoxels`]; its tests: the last section of `docs/formulas.md` |
//! | options | [`Classes`]: rare classes, weights, α, [`AbsentClass`]; [`Input`], [`Pooling`]; with the feature `alloc`, `Settings` holds all of them |
//! | data | [`Segmentation`] of a prediction ([`Dense`], [`Quantized`], [`OneHot`]) with a target ([`Labels`], [`Soft`], [`Regions`]) |
//! | results | [`Segmentation::evaluate`] in the caller's [`Buffers`]: an [`Evaluated`] loss gives its value, the scores of the classes and the gradient |
//! | results per voxel | [`Segmentation::voxel_losses`] |
//! | deep supervision | with the feature `alloc`, `LevelWeights` |
//! | scores | [`Overlap`]: Dice, IoU, precision, recall; with the feature `alloc`, `Scores` over the batches of an epoch |
//! | backends | with the feature `alloc`: `TensorLike`, which slices and every adapter implement, and `evaluate`, from it to an [`Evaluated`] loss |
//!
//! The modules hold the rest:
//!
//! | | |
//! |---|---|
//! | [`catalogue`] | the names and parameters of all losses |
//! | [`formula`] | the foundations, for a loss of your own: [`Loss`], [`Real`], [`Probability`], [`Share`], [`Dual`]; [`ClassSums`], which can be merged, and what follows from them |
//! | [`data`] | predictions and targets of your own: [`Field`], [`Target`] |
//! | [`engine`] | the steps of an evaluation, for adapters |
//! | [`limits`] | bounds of inputs |
//!
//! # Guarantees
//!
//! Every finite input in range gives a finite value and a finite gradient. Non-finite values,
//! invalid probabilities and unknown labels return an [`Error`] with the value and its position.
//! Terms are computed in the precision of the prediction and summed in `f64`.
//!
//! Source of the mathematics: Yeung, Sala, Schönlieb, Rundo, "Unified Focal loss: Generalising Dice
//! and cross entropy-based losses to handle class imbalanced medical image segmentation", Comput.
//! Med. Imaging Graph. 95 (2022) 102026, arXiv 2102.04525, and the code published with it,
//! `github.com/mlyg/unified-focal-loss`: here "the reference".

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod activation;
mod assignments;
mod buffers;
pub mod catalogue;
mod classes;
mod dense;
mod dual;
mod element;
mod error;
mod evaluated;
mod expect;
mod extent;
#[cfg(feature = "alloc")]
mod factors;
mod field;
mod focal;
mod fold;
mod form;
mod hard_voxels;
mod input;
mod kernel;
#[cfg(feature = "alloc")]
mod level_weights;
pub mod limits;
mod loss;
mod loss_error;
mod math;
mod matthews;
mod name;
mod named;
mod nearest;
mod one_hot;
mod order;
mod overlap;
mod parameter;
mod parts;
mod power;
mod precision;
mod probability;
mod quantized;
mod real;
mod regions;
#[cfg(feature = "alloc")]
mod scores;
mod segmentation;
#[cfg(feature = "serde")]
mod serialization;
#[cfg(feature = "alloc")]
mod settings;
mod shape;
mod share;
mod smoothing;
mod source;
mod spelling;
mod stretch;
mod sweep;
mod target;
#[cfg(feature = "alloc")]
mod tensor;
mod tversky;
mod unified;
mod values;
mod voxel_loss;

pub use buffers::Buffers;
pub use catalogue::AnyLoss;
pub use classes::{AbsentClass, Classes};
pub use dense::{Dense, DenseMut, Layout};
pub use error::Error;
pub use focal::Focal;
pub use hard_voxels::HardVoxels;
pub use input::Input;
#[cfg(feature = "alloc")]
pub use level_weights::LevelWeights;
pub use matthews::Matthews;
pub use overlap::Overlap;
pub use parameter::Parameter;
pub use quantized::Quantized;
#[cfg(feature = "alloc")]
pub use scores::Scores;
pub use segmentation::{Pooling, Segmentation};
#[cfg(feature = "alloc")]
pub use settings::Settings;
pub use target::{Labels, Regions, Soft};
#[cfg(feature = "alloc")]
pub use tensor::{TensorLike, evaluate};
pub use tversky::Tversky;
pub use unified::UnifiedFocal;

/// The arithmetic and the pieces of formulas: for losses of your own, and for sums that are merged.
pub mod formula {
    pub use crate::classes::{Weight, class_count};
    pub use crate::dual::Dual;
    pub use crate::loss::{Class, ClassSums, Loss, Score, Visitor};
    pub use crate::parts::Parts;
    pub use crate::probability::{Clip, Probability};
    pub use crate::real::{Exponent, Float, Real};
    pub use crate::share::Share;
    pub use crate::values::{mean, slopes};
}

/// Where predictions and targets are read: for arrays and targets of your own.
pub mod data {
    pub use crate::element::Element;
    pub use crate::error::{Position, Valid};
    pub use crate::field::{Field, FieldMut};
    pub use crate::nearest::nearest;
    pub use crate::one_hot::OneHot;
    pub use crate::regions::{Channels, ForEachRegion};
    pub use crate::shape::Shape;
    pub use crate::stretch::STRETCH;
    pub use crate::target::{Annotated, Content, Extent, Label, Target, check_annotated};
}

/// The evaluation in memory, step by step: for adapters.
pub mod engine {
    pub use crate::buffers::BuffersMut;
    pub use crate::evaluated::Evaluated;
    #[cfg(feature = "alloc")]
    pub use crate::factors::Factors;
    pub use crate::kernel::{Baseline, Vectors};
    pub use crate::segmentation::{Kept, Unweighted};
    #[cfg(feature = "alloc")]
    pub use crate::settings::LabelSets;
    pub use crate::sweep::Workspace;
    #[cfg(feature = "alloc")]
    pub use crate::tensor::Differentiable;
    pub use crate::voxel_loss::VoxelLoss;
}

// The short paths of the crate's own files.
use self::{catalogue::*, data::*, engine::*, formula::*};

/// Compiles and runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
