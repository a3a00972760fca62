//! The meaning of a prediction's numbers, which `--input` sets.

use clap::ValueEnum;

/// The meaning of a prediction's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Input {
    /// Probabilities in [0, 1]
    #[default]
    Probabilities,
    /// Logits, to which a softmax over the class axis applies
    Softmax,
    /// Logits, to which a sigmoid per channel applies; a single channel is the foreground
    Sigmoid,
    /// Logits, with a softmax for several channels and a sigmoid for one channel or for regions
    Logits,
    /// A label map: one integer label per voxel
    Labels,
}

impl Input {
    /// Whether the numbers are logits, with a softmax or a sigmoid.
    pub(crate) fn is_logits(self) -> bool {
        matches!(self, Self::Softmax | Self::Sigmoid | Self::Logits)
    }
}
