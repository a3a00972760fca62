//! The evaluation of a loss in the caller's buffers.

use super::Segmentation;
use crate::kernel::Vectors;
use crate::sweep::Workspace;
use crate::values::mean_of_groups;
use crate::{BuffersMut, Classes, Element, Error, Evaluated, Field, FieldMut, Kept, Loss, Target};

/// The outcome in the caller's buffers.
type InBuffers<'a, T, L, const K: usize> = Evaluated<'a, T, L, f64, BuffersMut<'a, K>, K>;

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// The number of entries that an evaluation needs in its [buffers](crate::Buffers): groups ×
    /// classes.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn buffers_len(&self) -> usize {
        self.groups() * self.class_count()
    }

    /// Evaluates a loss: the sums now, and from them the value, the scores of the classes and the
    /// [gradient](Evaluated::gradient_into).
    ///
    /// # Errors
    ///
    /// An invalid prediction, target, label or weight, with its position; invalid class options;
    /// buffers with fewer than [`buffers_len`](Segmentation::buffers_len) entries.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn evaluate<'a, L: Loss<K>, const K: usize>(
        &'a self,
        loss: &L,
        classes: &Classes<'a>,
        buffers: impl Into<BuffersMut<'a, K>>,
    ) -> Result<InBuffers<'a, Self, L, K>, Error> {
        let buffers = buffers.into().cleared(self.buffers_len())?;
        self.add_sums(loss, classes, buffers.sums)?;
        Ok(self.evaluated(loss, classes, buffers))
    }

    /// Evaluates a loss, and writes the gradient of its value to `gradient`.
    ///
    /// Takes two sweeps over the voxels, and [`evaluate`](Segmentation::evaluate) followed by
    /// [`gradient_into`](Evaluated::gradient_into) three, with the same results.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Segmentation::evaluate); `gradient` of the wrong shape. On error the contents
    /// of `gradient` are unspecified.
    pub fn evaluate_with_gradient<'a, L: Loss<K>, const K: usize>(
        &'a self,
        loss: &L,
        classes: &Classes<'a>,
        buffers: impl Into<BuffersMut<'a, K>>,
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
    ) -> Result<InBuffers<'a, Self, L, K>, Error> {
        let buffers = buffers.into().cleared(self.buffers_len())?;
        let mut workspace = Workspace::new();
        self.forward(
            loss,
            classes,
            buffers.sums,
            Some(&mut *gradient),
            &mut workspace,
        )?;
        let mut evaluated = self.evaluated(loss, classes, buffers);
        evaluated.finish(gradient, Kept::ByForward, &mut workspace)?;
        Ok(evaluated)
    }

    /// Takes the sums to the value. There is one, since a class has a weight above 0.
    #[cfg_attr(target_os = "none", inline(always))]
    fn evaluated<'a, L: Loss<K>, const K: usize>(
        &'a self,
        loss: &L,
        classes: &Classes<'a>,
        buffers: BuffersMut<'a, K>,
    ) -> InBuffers<'a, Self, L, K> {
        let count = self.class_count();
        Evaluated {
            value: mean_of_groups(loss, classes, count, buffers.sums).unwrap_or(0.0),
            tensor: self,
            loss: *loss,
            classes: *classes,
            count,
            sums: buffers,
        }
    }
}

impl<P, T, W, V, L: Loss<K>, const K: usize> InBuffers<'_, Segmentation<P, T, W, V>, L, K>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// Writes the gradient of the value with respect to the numbers of the segmentation's own
    /// prediction.
    ///
    /// Voxels that do not count get the gradient 0. The result is finite: values beyond the range of
    /// the type become its largest number.
    ///
    /// # Errors
    ///
    /// `gradient` of the wrong shape.
    pub fn gradient_into(
        &mut self,
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        self.finish(gradient, Kept::Nothing, &mut Workspace::new())
    }

    fn finish(
        &mut self,
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
        kept: Kept,
        workspace: &mut Workspace<<P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let (loss, classes) = (&self.loss, &self.classes);
        let BuffersMut { sums, slopes } = &mut self.sums;
        crate::slopes(loss, classes, self.count, sums, slopes)?;
        self.tensor
            .backward(loss, classes, slopes, gradient, kept, workspace)
    }
}
