//! The seam between the losses and the backends: a prediction beside its target, wherever they are.

use alloc::vec;
use alloc::vec::Vec;

use crate::{AnyLoss, ClassSums, Classes, Error, Evaluated, Loss, Real, mean};

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
/// [`Segmentation::evaluate`](crate::Segmentation::evaluate) is the same without an allocator.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Classes, Dense, Error, Labels, Segmentation, UnifiedFocal, evaluate};
///
/// let probabilities = [0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.6];
/// let prediction = Dense::channels_first(&probabilities, [1, 2, 4])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 0, 0, 1], [1, 4])?);
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
    loss: &L,
    classes: &Classes<'a>,
) -> Result<Allocated<'a, T, T::Sum, L, K>, T::Error> {
    let count = tensor.class_count()?;
    classes.check_regions(count, classes.region_count(count))?;
    let sums = tensor.sums(loss, classes)?;
    Ok(Evaluated {
        value: mean(loss, classes, count, &sums)?,
        tensor,
        loss: *loss,
        classes: *classes,
        count,
        sums,
    })
}

/// The outcome of [`evaluate`].
type Allocated<'a, T, R, L, const K: usize> = Evaluated<'a, T, L, R, Vec<ClassSums<R, K>>, K>;

impl<T, L, S, const K: usize> Evaluated<'_, T, L, f64, S, K>
where
    T: Differentiable<L, K>,
    L: Loss<K>,
    S: AsRef<[ClassSums<f64, K>]>,
{
    /// The gradient of the value with respect to the numbers of the tensor's own prediction.
    ///
    /// # Errors
    ///
    /// Those of [`Differentiable::gradient_by`].
    pub fn gradient(&self) -> Result<T::Gradient, T::Error> {
        let sums = self.sums();
        let mut slopes = vec![[0.0; K]; sums.len()];
        crate::slopes(&self.loss, &self.classes, self.count, sums, &mut slopes)?;
        self.tensor.gradient_by(&self.loss, &self.classes, &slopes)
    }
}
