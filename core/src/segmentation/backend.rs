//! Slices, and all that is read by fields, as a backend.

use alloc::vec;
use alloc::vec::Vec;

use super::Segmentation;
use crate::kernel::Vectors;
use crate::{
    ClassSums, Classes, DenseMut, Differentiable, Element, Error, Field, Float, Layout, Loss,
    Target, TensorLike,
};

impl<P, T, W, V, L: Loss<K>, const K: usize> TensorLike<L, K> for Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    type Sum = f64;
    type Error = Error;

    fn class_count(&self) -> Result<usize, Error> {
        Ok(self.class_count())
    }

    fn sums(&self, loss: &L, classes: &Classes<'_>) -> Result<Vec<ClassSums<f64, K>>, Error> {
        let mut sums = vec![ClassSums::default(); self.groups() * self.class_count()];
        self.add_sums(loss, classes, &mut sums)?;
        Ok(sums)
    }
}

impl<P, T, W, V, L: Loss<K>, const K: usize> Differentiable<L, K> for Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// [N, C, voxels].
    type Gradient = Vec<<P::Item as Element>::Real>;

    fn gradient_by(
        &self,
        loss: &L,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
    ) -> Result<Self::Gradient, Error> {
        let shape = self.shape();
        let len = shape.samples * shape.channels * shape.voxels;
        let mut gradient = vec![Float::ZERO; len];
        let mut out = DenseMut::new(&mut gradient, shape, Layout::ChannelsFirst)?;
        self.gradient_by(loss, classes, slopes, &mut out)?;
        Ok(gradient)
    }
}
