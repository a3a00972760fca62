//! The two sweeps over the voxels, and the sums and gradients that they compute alone.

use super::Segmentation;
use super::nowhere::Nowhere;
use crate::expect::{expect_len, expect_shape};
use crate::kernel::Vectors;
use crate::sweep::Workspace;
use crate::{ClassSums, Classes, Element, Error, Field, FieldMut, Loss, Target};

/// Whether the gradient's memory holds numbers of [`forward`](Segmentation::forward).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It holds the numbers that [`forward`](Segmentation::forward) stored for the same loss,
    /// classes and prediction.
    ByForward,
    /// Its contents are unspecified.
    Nothing,
}

impl<P, T, W, V> Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    /// Adds the sums of a loss's terms to `sums`, group by group, and within a group class by class.
    ///
    /// # Errors
    ///
    /// An invalid prediction, target, label or weight, with its position; invalid class options;
    /// `sums` of the wrong length. The contents of `sums` are then unspecified.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn add_sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
    ) -> Result<(), Error> {
        let none = None::<&mut Nowhere<_>>;
        self.forward(loss, classes, sums, none, &mut Workspace::new())
    }

    /// The gradient of Σ slope·sum with respect to the values of the prediction, for
    /// [slopes](crate::slopes) that are shared by several parts, or scaled.
    ///
    /// The data are not checked again.
    ///
    /// # Errors
    ///
    /// `slopes` or `gradient` of the wrong size.
    pub fn gradient_by<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let mut workspace = Workspace::new();
        self.backward(
            loss,
            classes,
            slopes,
            gradient,
            Kept::Nothing,
            &mut workspace,
        )
    }

    /// Adds the sums, as [`add_sums`](Segmentation::add_sums) does. If `gradient` is given, stores
    /// numbers in it from which [`backward`](Segmentation::backward) computes the gradient without
    /// repeating the work.
    ///
    /// # Examples
    ///
    /// A loss and its gradient in two sweeps:
    ///
    /// ```
    /// use unifocal_core::{Classes, Dense, DenseMut, Error, Labels, Layout, Segmentation, UnifiedFocal, engine::{Kept, Workspace}, formula::{ClassSums, mean, slopes}};
    ///
    /// let probabilities = Dense::channels_first(&[0.9_f32, 0.2, 0.1, 0.8], [1, 2, 2])?;
    /// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?);
    /// let segmentation = Segmentation::new(probabilities, labels)?;
    /// let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
    ///
    /// let (mut sums, mut by_sums) = ([ClassSums::default(); 2], [[0.0; 4]; 2]);
    /// let mut numbers = [0.0_f32; 4];
    /// let mut gradient = DenseMut::new(&mut numbers, [1, 2, 2], Layout::ChannelsFirst)?;
    /// let mut workspace = Workspace::new();
    /// segmentation.forward(&loss, &classes, &mut sums, Some(&mut gradient), &mut workspace)?;
    /// let value = mean(&loss, &classes, 2, &sums)?;
    /// slopes(&loss, &classes, 2, &sums, &mut by_sums)?;
    /// segmentation.backward(&loss, &classes, &by_sums, &mut gradient, Kept::ByForward, &mut workspace)?;
    /// assert!(value > 0.0 && numbers[0] < 0.0 && numbers[1] > 0.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_sums`](Segmentation::add_sums); `gradient` of the wrong size. On error the contents
    /// of `sums` and `gradient` are unspecified.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn forward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
        mut gradient: Option<&mut impl FieldMut<Item = <P::Item as Element>::Real>>,
        workspace: &mut Workspace<<P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let shape = self.prediction.shape();
        classes.check_regions(self.class_count(), self.regions)?;
        expect_len("class sums", sums.len(), self.buffers_len())?;
        if let Some(gradient) = &gradient {
            expect_shape("gradient", gradient.shape(), shape)?;
        }
        let scratch = workspace.scratch();
        let mut first = 0;
        for sample in 0..shape.samples {
            for chunk in self.chunks(sample) {
                let (sums, gradient) = (&mut sums[first..], gradient.as_deref_mut());
                self.add_chunk(loss, classes, &chunk, scratch, sums, gradient)?;
            }
            first = self.next_group(first, sums.len());
        }
        Ok(())
    }

    /// Writes the gradient, as [`gradient_by`](Segmentation::gradient_by) does. With
    /// [`Kept::ByForward`], starts from the numbers that [`forward`](Segmentation::forward) stored
    /// in `gradient`; see the example there.
    ///
    /// # Errors
    ///
    /// `slopes` or `gradient` of the wrong size.
    pub fn backward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        gradient: &mut impl FieldMut<Item = <P::Item as Element>::Real>,
        kept: Kept,
        workspace: &mut Workspace<<P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let shape = self.prediction.shape();
        classes.check_regions(self.class_count(), self.regions)?;
        expect_len("slopes", slopes.len(), self.buffers_len())?;
        expect_shape("gradient", gradient.shape(), shape)?;
        let scratch = workspace.scratch();
        let (all, mut first) = (slopes, 0);
        for sample in 0..shape.samples {
            let slopes = &all[first..];
            for chunk in self.chunks(sample) {
                for part in self.subchunks(&chunk) {
                    if kept == Kept::Nothing {
                        self.keep_chunk(loss, classes, &part, scratch, gradient);
                    }
                    self.finish(loss, classes, slopes, &part, scratch, gradient);
                }
            }
            first = self.next_group(first, all.len());
        }
        Ok(())
    }

    /// The first sum of the next sample's group, given that of a sample and the number of all. With
    /// [`Pooling::Batch`](crate::Pooling::Batch) there are fewer groups than samples, and the samples
    /// take turns.
    #[inline(always)]
    fn next_group(&self, first: usize, len: usize) -> usize {
        let next = first + self.class_count();
        if next == len { 0 } else { next }
    }
}
