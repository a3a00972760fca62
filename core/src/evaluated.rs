//! An evaluated loss: what follows from its sums.

use crate::expect::expect_len;
use crate::{ClassSums, Classes, Error, Loss, Real, mean};

/// An evaluated loss, which knows its prediction, target, class options and sums: its value, the
/// scores of the classes, and the gradient.
///
/// Without an allocator it comes from [`Segmentation::evaluate`](crate::Segmentation::evaluate), and
/// its sums are in the caller's [`Buffers`](crate::Buffers). With the feature `alloc`, the function
/// `evaluate` makes it from any `TensorLike`.
///
/// `T` is the prediction beside its target, `L` the loss with `K` terms, `R` the type of a sum, and
/// `S` holds the sums.
#[derive(Clone, Debug)]
pub struct Evaluated<'a, T, L, R, S, const K: usize> {
    pub(crate) tensor: &'a T,
    pub(crate) loss: L,
    pub(crate) classes: Classes<'a>,
    pub(crate) count: usize,
    pub(crate) sums: S,
    pub(crate) value: R,
}

impl<T, L, R, S, const K: usize> Evaluated<'_, T, L, R, S, K>
where
    L: Loss<K>,
    R: Real,
    S: AsRef<[ClassSums<R, K>]>,
{
    /// The loss: the mean over the groups in which something counts, or 0.
    ///
    /// If the sums are tensors with an entry per group, so is the value.
    pub fn value(&self) -> R {
        self.value.clone()
    }

    /// The score of each class, group by group: its part of the mean over the classes plus its part
    /// of the sum over them, each before class weights.
    pub fn per_class(&self) -> impl ExactSizeIterator<Item = R> {
        self.sums().iter().enumerate().map(|(index, sums)| {
            let classes = self.classes.of_group(index / self.count, self.count);
            let class = classes.class(index % self.count, self.count);
            self.loss.finalize(&class, sums).total()
        })
    }

    /// The sums of the loss's terms, group by group, and within a group class by class.
    pub fn sums(&self) -> &[ClassSums<R, K>] {
        self.sums.as_ref()
    }

    /// The same with the sums of other parts of the same batch added: of another machine, say.
    ///
    /// # Errors
    ///
    /// Another number of sums.
    pub fn merge(mut self, others: &[ClassSums<R, K>]) -> Result<Self, Error>
    where
        S: AsMut<[ClassSums<R, K>]>,
    {
        let sums = self.sums.as_mut();
        expect_len("class sums", others.len(), sums.len())?;
        for (sums, others) in sums.iter_mut().zip(others) {
            sums.merge(others);
        }
        self.value = mean(&self.loss, &self.classes, self.count, sums)?;
        Ok(self)
    }
}
