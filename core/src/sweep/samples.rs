//! The loops of the sweeps over samples and chunks.

use super::data::Data;
use super::{Sweep, Workspace};
use crate::kernel::Vectors;
use crate::{ClassSums, Classes, Error, FieldMut, Kept, Loss};

impl<D: Data + ?Sized, V: Vectors> Sweep<'_, D, V> {
    /// Adds the sums of all terms to `sums`, and stores numbers for the gradient.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn forward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        sums: &mut [ClassSums<f64, K>],
        mut gradient: Option<&mut impl FieldMut<Item = D::Real>>,
        workspace: &mut Workspace<D::Real>,
    ) -> Result<(), Error> {
        let scratch = workspace.scratch();
        let mut first = 0;
        for sample in 0..self.shape.samples {
            for chunk in self.chunks(sample) {
                let (sums, gradient) = (&mut sums[first..], gradient.as_deref_mut());
                self.add_chunk(loss, classes, &chunk, scratch, sums, gradient)?;
            }
            first = self.next_group(first, sums.len());
        }
        Ok(())
    }

    /// Writes the gradient, from the numbers that [`forward`](Sweep::forward) stored in its memory, if
    /// it did.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn backward<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
        slopes: &[[f64; K]],
        gradient: &mut impl FieldMut<Item = D::Real>,
        kept: Kept,
        workspace: &mut Workspace<D::Real>,
    ) {
        let scratch = workspace.scratch();
        let (all, mut first) = (slopes, 0);
        for sample in 0..self.shape.samples {
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
