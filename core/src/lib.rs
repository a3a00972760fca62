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
//! use unifocal_core::*;
//!
//! // Two classes (background, lesion) on four voxels, probabilities, channels first.
//! let probabilities = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
//! let labels = [0_u8, 0, 0, 1];
//!
//! let segmentation = Segmentation::new(
//!     Dense::channels_first(&probabilities, [1, 2, 4])?,
//!     Labels::new(Dense::labels(&labels, [1, 4])?),
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
//! | losses | [`Tversky`] (region-based), [`Focal`] (distribution-based), [`UnifiedFocal`] (compound), [`AnyLoss`] (by [`Name`] and [`Parameter`]) |
//! | class options | [`Classes`]: rare classes, weights, α, [`AbsentClass`]; with the feature `alloc`, `Settings` holds all settings |
//! | data | [`Segmentation`] of a [`Field`] ([`Dense`], [`OneHot`]) with a [`Target`] ([`Labels`], [`Soft`]); [`Input`], [`Pooling`], [`Layout`] |
//! | results | [`Segmentation::evaluate`] in the caller's [`Buffers`]: an [`Evaluated`] loss gives its value, the scores of the classes and the gradient |
//! | sums | [`ClassSums`], which can be merged; [`mean`], [`slopes`] and [`Segmentation::gradient_by`] are the steps of an evaluation |
//! | backends | with the feature `alloc`: `TensorLike`, which slices and every adapter implement, and `evaluate`, from it to an [`Evaluated`] loss |
//! | foundations | [`Loss`], [`Real`], [`Probability`], [`Share`], [`Dual`] |
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
mod buffers;
mod catalogue;
mod classes;
mod dense;
mod dual;
mod element;
mod error;
mod evaluated;
mod field;
mod focal;
mod form;
mod input;
mod kernel;
pub mod limits;
mod loss;
mod math;
mod name;
mod named;
mod one_hot;
mod parameter;
mod precision;
mod probability;
mod real;
mod segmentation;
#[cfg(feature = "serde")]
mod serialization;
#[cfg(feature = "alloc")]
mod settings;
mod shape;
mod share;
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

pub use buffers::{Buffers, BuffersMut};
pub use catalogue::AnyLoss;
pub use classes::{AbsentClass, Classes, Parts, class_count};
pub use dense::{Dense, DenseMut, Layout};
pub use dual::Dual;
pub use element::Element;
pub use error::{Error, Position};
pub use evaluated::Evaluated;
pub use field::{Field, FieldMut};
pub use focal::Focal;
pub use input::Input;
pub use kernel::{Baseline, Vectors};
pub use loss::{Class, ClassSums, Loss, Score};
pub use name::{Name, UnknownName};
pub use named::LossError;
pub use one_hot::OneHot;
pub use parameter::{Parameter, ParameterError, Range, UnknownParameter};
pub use probability::{Clip, Probability};
pub use real::{Exponent, Float, Real};
pub use segmentation::{Kept, Pooling, Segmentation, Unweighted};
#[cfg(feature = "alloc")]
pub use settings::Settings;
pub use shape::Shape;
pub use share::Share;
pub use stretch::STRETCH;
pub use sweep::Workspace;
pub use target::{Content, Extent, Label, Labels, Soft, Target};
#[cfg(feature = "alloc")]
pub use tensor::{Differentiable, TensorLike, evaluate};
pub use tversky::Tversky;
pub use unified::UnifiedFocal;
pub use values::{mean, slopes};

/// Compiles and runs the example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
