//! Arrays as a backend of any loss.

use ndarray::{Array, Dimension};
use unifocal_core::{
    Classes, TensorLike,
    data::Element,
    engine::{Differentiable, Kept},
    formula::{ClassSums, Loss},
};

use crate::{Error, Evaluation, TargetArray};

/// Uses the class options that are passed, not those of the [`Settings`](crate::core::Settings).
impl<P, D, T, L, const K: usize> TensorLike<L, K> for Evaluation<'_, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
    L: Loss<K>,
{
    type Sum = f64;
    type Error = Error;

    fn class_count(&self) -> Result<usize, Error> {
        self.class_count()
    }

    fn sums(&self, loss: &L, classes: &Classes<'_>) -> Result<Vec<ClassSums<f64, K>>, Error> {
        self.sums_of(loss, *classes)
    }
}

impl<P, D, T, L, const K: usize> Differentiable<L, K> for Evaluation<'_, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
    L: Loss<K>,
{
    type Gradient = Array<P::Real, D>;

    fn gradient_by(
        &self,
        loss: &L,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
    ) -> Result<Self::Gradient, Error> {
        let mut gradient = self.empty_gradient();
        self.write_gradient(loss, *classes, slopes, Kept::Nothing, gradient.view_mut())?;
        Ok(gradient)
    }
}
