//! The seam between the losses and the backends: a prediction beside its target, wherever they are.

use alloc::vec;
use alloc::vec::Vec;

use crate::{AnyLoss, ClassSums, Classes, Error, Loss, Real, mean};

/// A prediction beside its target in some backend: slices, arrays, or the tensors of a framework.
///
/// A backend provides the sums of a loss's terms; [`evaluate`] takes them to the value. A sum is a number, or a tensor with an entry per
/// group (a sample, or the batch), through which the framework differentiates the value.
///
/// Backends that run any [`Loss`] implement it for all of them, others for [`AnyLoss`], the losses of the family.
///
/// # Examples
///
/// A function for every backend:
///
/// ```
/// use unifocal_core::{AnyLoss, Classes, TensorLike, Tversky, evaluate};
///
/// /// The mean Dice loss, a number or a tensor.
/// fn dice<T: TensorLike>(tensor: &T) -> Result<T::Sum, T::Error> {
///     let loss = AnyLoss::from(Tversky::dice());
///     Ok(evaluate(tensor, &loss, &Classes::default())?.value())
/// }
/// ```
pub trait TensorLike<L = AnyLoss, const K: usize = 4> {
    /// A sum over the voxels of a group.
    type Sum: Real;

    /// Why there are no sums.
    type Error: From<Error>;

    /// The number of classes.
    ///
    /// # Errors
    ///
    /// The prediction has no class axis.
    fn class_count(&self) -> Result<usize, Self::Error>;

    /// The sums of a loss's terms, group by group, and within a group class by class. [`evaluate`] has checked that `classes` fit.
    ///
    /// # Errors
    ///
    /// Mismatched shapes, or invalid values or labels, where the backend can look at them.
    fn sums(
        &self,
        loss: &L,
        classes: &Classes<'_>,
    ) -> Result<Vec<ClassSums<Self::Sum, K>>, Self::Error>;
}

/// A backend that computes gradients itself. Others give tensors, which their framework differentiates.
pub trait Differentiable<L = AnyLoss, const K: usize = 4>: TensorLike<L, K, Sum = f64> {
    /// An array or tensor of the prediction's shape.
    type Gradient;

    /// The gradient of Σ slope·sum with respect to the numbers of the prediction, with a slope for each of the [sums](TensorLike::sums).
    ///
    /// # Errors
    ///
    /// The wrong number of slopes.
    fn gradient_by(
        &self,
        loss: &L,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
    ) -> Result<Self::Gradient, Self::Error>;
}

/// Evaluates a loss: the sums now, and from them the value, the scores of the classes and the gradient.
///
/// # Examples
///
/// ```
/// use unifocal_core::*;
///
/// let probabilities = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
/// let prediction = Dense::channels_first(&probabilities, [1, 2, 4])?;
/// let labels = Labels::new(Dense::labels(&[0_u8, 0, 0, 1], [1, 4])?);
/// let segmentation = Segmentation::new(prediction, labels)?;
///
/// let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
/// let evaluated = evaluate(&segmentation, &loss, &classes)?;
/// assert!(evaluated.value() < 0.3);
/// assert_eq!(evaluated.per_class().len(), 2);
/// assert!(evaluated.gradient()?[7] < 0.0); // more lesion where the lesion is
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
///
/// Invalid [`Classes`], and those of [`TensorLike::sums`].
pub fn evaluate<'a, T: TensorLike<L, K>, L: Loss<K>, const K: usize>(
    tensor: &'a T,
    loss: &'a L,
    classes: &'a Classes<'a>,
) -> Result<Evaluated<'a, T, L, K>, T::Error> {
    let count = tensor.class_count()?;
    classes.check(count)?;
    let sums = tensor.sums(loss, classes)?;
    Ok(Evaluated {
        value: mean(loss, classes, count, &sums)?,
        tensor,
        loss,
        classes,
        count,
        sums,
    })
}

/// The outcome of [`evaluate`].
pub struct Evaluated<'a, T: TensorLike<L, K>, L, const K: usize> {
    tensor: &'a T,
    loss: &'a L,
    classes: &'a Classes<'a>,
    count: usize,
    sums: Vec<ClassSums<T::Sum, K>>,
    value: T::Sum,
}

impl<T: TensorLike<L, K>, L: Loss<K>, const K: usize> Evaluated<'_, T, L, K> {
    /// The loss: the mean over the groups in which something counts, or 0.
    ///
    /// Of tensors with an entry per group, it has an entry per group, too.
    pub fn value(&self) -> T::Sum {
        self.value.clone()
    }

    /// The score of each class, group by group: its part of the mean over the classes plus its part of the sum over them, each
    /// before class weights.
    pub fn per_class(&self) -> Vec<T::Sum> {
        let score = |(index, sums)| {
            let class = self.classes.class(index % self.count);
            self.loss.finalize(&class, sums).total()
        };
        self.sums.iter().enumerate().map(score).collect()
    }

    /// The sums of the loss's terms, group by group, and within a group class by class.
    pub fn sums(&self) -> &[ClassSums<T::Sum, K>] {
        &self.sums
    }

    /// The same with the sums of other parts of the same batch added: of another machine, say.
    ///
    /// # Errors
    ///
    /// Another number of sums.
    pub fn merge(mut self, others: &[ClassSums<T::Sum, K>]) -> Result<Self, Error> {
        crate::values::expect_len("class sums", others.len(), self.sums.len())?;
        for (sums, others) in self.sums.iter_mut().zip(others) {
            sums.merge(others);
        }
        self.value = mean(self.loss, self.classes, self.count, &self.sums)?;
        Ok(self)
    }

    /// The gradient of the value with respect to the numbers of the tensor's own prediction.
    ///
    /// # Errors
    ///
    /// Those of [`Differentiable::gradient_by`].
    pub fn gradient(&self) -> Result<T::Gradient, T::Error>
    where
        T: Differentiable<L, K>,
    {
        let mut slopes = vec![[0.0; K]; self.sums.len()];
        crate::slopes(self.loss, self.classes, self.count, &self.sums, &mut slopes)?;
        self.tensor.gradient_by(self.loss, self.classes, &slopes)
    }
}
