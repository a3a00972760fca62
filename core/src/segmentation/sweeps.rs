//! The two sweeps over the voxels, and the sums and gradients that they compute alone.

use super::Segmentation;
use super::nowhere::Nowhere;
use crate::expect::{expect_len, expect_shape};
use crate::kernel::Vectors;
use crate::sweep::{Data, Sweep, Workspace};
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
        gradient: Option<&mut impl FieldMut<Item = <P::Item as Element>::Real>>,
        workspace: &mut Workspace<<P::Item as Element>::Real>,
    ) -> Result<(), Error> {
        let shape = self.prediction.shape();
        classes.check_regions(self.class_count(), self.regions)?;
        expect_len("class sums", sums.len(), self.buffers_len())?;
        if let Some(gradient) = &gradient {
            expect_shape("gradient", gradient.shape(), shape)?;
        }
        self.sweep()
            .forward(loss, classes, sums, gradient, workspace)
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
        self.sweep()
            .backward(loss, classes, slopes, gradient, kept, workspace);
        Ok(())
    }

    /// The sweeps over these data. They are compiled once for each precision, not for each type of
    /// array: the data are a trait object, except on small devices, whose code is smaller without it.
    #[inline(always)]
    pub(crate) fn sweep(
        &self,
    ) -> Sweep<'_, impl Data<Real = <P::Item as Element>::Real> + ?Sized, V> {
        #[cfg(any(target_os = "none", feature = "compact"))]
        let data = self;
        #[cfg(not(any(target_os = "none", feature = "compact")))]
        let data: &dyn Data<Real = <P::Item as Element>::Real> = self;
        Sweep {
            data,
            shape: self.shape(),
            input: self.input,
            vectors: self.vectors,
        }
    }
}
