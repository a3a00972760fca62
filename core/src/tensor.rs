//! What a backend provides, and the one way from its sums to a value.

use crate::{ClassSums, Classes, Error, Loss, Real};

/// A prediction beside its target, wherever it is: what a backend provides.
///
/// Implemented by [`Segmentation`](crate::Segmentation) for values in memory, where a sum is an `f64` and the groups
/// are the samples, and by adapters for the tensors of a framework, where a sum is a tensor with one entry per sample,
/// and all samples are one group.
pub trait TensorLike {
    /// A sum over voxels.
    type Sum: Real;

    /// How many groups have sums of their own.
    fn groups(&self) -> usize;

    /// How many classes there are.
    fn classes(&self) -> usize;

    /// Adds the sums of a loss's terms to `sums`, group by group, and within a group class by class.
    ///
    /// # Errors
    ///
    /// The tensors hold something that the loss is not defined for, or `sums` has another length than
    /// groups × classes. What is in `sums` then is of no use.
    fn add_sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<Self::Sum, K>],
    ) -> Result<(), Error>;
}

/// The mean of a loss over the groups of a tensor; `sums` are empty sums on entry, and those of the tensor on return.
///
/// # Errors
///
/// As [`TensorLike::add_sums`], and what [`Classes::check`] finds.
pub fn evaluate<T: TensorLike, const K: usize>(
    tensor: &T,
    loss: &impl Loss<K>,
    classes: &Classes<'_>,
    sums: &mut [ClassSums<T::Sum, K>],
) -> Result<T::Sum, Error> {
    classes.check(tensor.classes())?;
    tensor.add_sums(loss, classes, sums)?;
    mean(loss, classes, tensor.classes(), sums)
}

/// The mean of a loss over groups of `count` classes each, from their sums.
///
/// # Errors
///
/// Sums that are no whole number of groups, or none.
pub fn mean<R: Real, const K: usize>(
    loss: &impl Loss<K>,
    classes: &Classes<'_>,
    count: usize,
    sums: &[ClassSums<R, K>],
) -> Result<R, Error> {
    let groups = sums.len() / count.max(1);
    let wrong = Error::Length {
        what: "class sums",
        found: sums.len(),
        expected: groups.max(1) * count,
    };
    if sums.len() != groups * count {
        return Err(wrong);
    }
    sums.chunks(count.max(1))
        .filter_map(|sums| classes.value(loss, sums))
        .reduce(|total, value| total + value)
        .map(|total| total.scale(1.0 / groups as f64))
        .ok_or(wrong)
}
