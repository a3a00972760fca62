//! The numbers computed from the logits of a chunk.

use super::softmax::Softmax;
use super::{Block, block};
use crate::Float;
use crate::activation;
use crate::kernel::Vectors;
use crate::stretch::Stretch;

/// Buffers for what is computed from the logits of a chunk.
pub(super) struct Logits<T> {
    pub(super) p: Block<T>,
    pub(super) complement: Block<T>,
    pub(super) ln: Block<T>,
    pub(super) ln_complement: Block<T>,
    pub(super) softmax: Softmax<T>,
    /// The logit of the background together with the classes that are not annotated.
    pub(super) background: Block<T>,
}

impl<T: Float> Logits<T> {
    pub(super) const EMPTY: Self = Self {
        p: block(),
        complement: block(),
        ln: block(),
        ln_complement: block(),
        softmax: Softmax::EMPTY,
        background: block(),
    };

    /// Sigmoid: p, 1 − p, ln p and ln(1 − p) from logits.
    #[inline(always)]
    pub(super) fn sigmoid(&mut self, vectors: impl Vectors, z: &[Stretch<T>]) {
        let n = z.len();
        activation::sigmoid(
            vectors,
            z,
            &mut self.p[..n],
            &mut self.complement[..n],
            &mut self.ln[..n],
            &mut self.ln_complement[..n],
        );
    }
}
