//! The arguments and results of the fused functions.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, ExtensionType};

use crate::Error;

/// A target: labels [N, M], or one-hot or soft [N, C, M].
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub enum Target<B: Backend> {
    Labels(IntTensor<B>),
    Soft(FloatTensor<B>),
}

/// Voxel weights [N, M], or 1 for all voxels.
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub enum Weights<B: Backend> {
    One,
    PerVoxel(FloatTensor<B>),
}

/// The sums [N, C, 6], or an error if the data are invalid.
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub struct Summed<B: Backend> {
    pub sums: FloatTensor<B>,
    pub kept: Kept,
    pub error: Option<Error>,
}

/// The memory that a backend keeps from the forward pass for the gradient.
#[derive(Clone, Debug, Default)]
pub enum Kept {
    /// Nothing: the gradient is computed from the prediction.
    #[default]
    Nothing,
    /// The gradient's memory, holding the engine's intermediate results.
    #[cfg(feature = "flex")]
    Flex(burn_flex::FlexTensor),
}

/// The value of each group, `[G]`, whether it counts (1 or 0), and the derivatives of the value by the group's sums, [G, C, 6].
#[derive(ExtensionType, Clone, Debug)]
#[extension_type(fusion: cfg(feature = "cube"))]
pub struct Valued<B: Backend> {
    pub values: FloatTensor<B>,
    pub counts: FloatTensor<B>,
    pub slopes: FloatTensor<B>,
}
