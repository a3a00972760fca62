//! The value and the gradient.

use super::Segmentation;
use crate::kernel::Vectors;
use crate::values::mean_of_groups;
use crate::{ClassSums, Classes, Element, Error, Field, FieldMut, Loss, Target};

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// The value of the loss. On return, `sums` (groups × classes) holds the sums.
    ///
    /// # Errors
    ///
    /// An invalid prediction, target, label or weight, with its position; invalid class options;
    /// `sums` of the wrong length.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn value<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
    ) -> Result<f64, Error> {
        sums.fill(ClassSums::default());
        self.add_sums(loss, classes, sums)?;
        mean_of_groups(loss, classes, self.class_count(), sums)
    }

    /// The gradient of the loss with respect to the values of the prediction, from `sums` over this
    /// batch and everything that was merged into them.
    ///
    /// `slopes` is a buffer for the derivatives with respect to the sums, as long as `sums`. Voxels
    /// that do not count get the gradient 0. The result is finite: values beyond the range of the
    /// type become its largest number.
    ///
    /// The data are not checked again. Take the sums from this segmentation.
    ///
    /// # Errors
    ///
    /// Invalid class options; `sums`, `slopes` or `gradient` of the wrong size.
    pub fn gradient<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &[ClassSums<f64, K>],
        slopes: &mut [[f64; K]],
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        self.expect_len("class sums", sums.len())?;
        crate::slopes(loss, classes, self.class_count(), sums, slopes)?;
        self.gradient_by(loss, classes, slopes, gradient)
    }
}
