//! The numbers that the classes of a softmax share, and those that each class keeps until all classes
//! are known.

use core::ops::Range;

use super::{BLOCK_BUFFER, Block, OF_CLASSES, block};
use crate::Float;
use crate::activation;
use crate::kernel::Vectors;
use crate::stretch::{STRETCH, Stretch};

/// The numbers that the classes of a softmax share, and one number of each class: e^(z − largest)
/// first, then the slope with respect to ln p while the gradient is finished. Classes without a
/// place of their own take turns in the last place.
pub(super) struct Softmax<T> {
    largest: Block<T>,
    rest: Block<T>,
    top: Block<T>,
    ln_total: Block<T>,
    of_classes: [Stretch<T>; OF_CLASSES + BLOCK_BUFFER],
}

impl<T: Float> Softmax<T> {
    pub(super) const EMPTY: Self = Self {
        largest: block(),
        rest: block(),
        top: block(),
        ln_total: block(),
        of_classes: [[T::ZERO; STRETCH]; OF_CLASSES + BLOCK_BUFFER],
    };

    /// Begins with the logits of the first class.
    #[inline(always)]
    pub(super) fn begin(&mut self, z: &[Stretch<T>]) {
        self.largest[..z.len()].copy_from_slice(z);
        self.rest[..z.len()].fill([T::ZERO; STRETCH]);
        self.top[..z.len()].fill([T::ZERO; STRETCH]);
    }

    /// Updates the largest logit with those of one more class.
    #[inline(always)]
    pub(super) fn raise(&mut self, vectors: impl Vectors, z: &[Stretch<T>]) {
        activation::raise(vectors, z, &mut self.largest[..z.len()]);
    }

    /// Adds a class, once the largest logit is known.
    #[inline(always)]
    pub(super) fn add(&mut self, vectors: impl Vectors, class: usize, z: &[Stretch<T>]) {
        let n = z.len();
        self.exponentiate(vectors, class, z);
        let e = &self.of_classes[place(class, n)];
        activation::add_exponentials(vectors, e, &mut self.rest[..n], &mut self.top[..n]);
    }

    /// Completes the shared numbers, once all classes were added.
    #[inline(always)]
    pub(super) fn complete(&mut self, vectors: impl Vectors, n: usize) {
        let (rest, top) = (&mut self.rest[..n], &mut self.top[..n]);
        activation::complete(vectors, rest, top, &mut self.ln_total[..n]);
    }

    /// The logit of all classes together, ln Σ e^z.
    #[inline(always)]
    pub(super) fn ln_sum(&self, vectors: impl Vectors, sum: &mut [Stretch<T>]) {
        let n = sum.len();
        activation::add(vectors, &self.largest[..n], &self.ln_total[..n], sum);
    }

    /// Computes the exponentials of a class again, if it has no place of its own.
    #[inline(always)]
    pub(super) fn recall(&mut self, vectors: impl Vectors, class: usize, z: &[Stretch<T>]) {
        if !has_place(class, z.len()) {
            self.exponentiate(vectors, class, z);
        }
    }

    /// Writes e^(z − largest) of a class to its place.
    #[inline(always)]
    fn exponentiate(&mut self, vectors: impl Vectors, class: usize, z: &[Stretch<T>]) {
        let n = z.len();
        let e = &mut self.of_classes[place(class, n)];
        activation::exponentials(vectors, z, &self.largest[..n], e);
    }

    /// The numbers of a class.
    #[inline(always)]
    pub(super) fn of_class(&self, class: usize, n: usize) -> &[Stretch<T>] {
        &self.of_classes[place(class, n)]
    }

    /// The numbers of a class, to change them.
    #[inline(always)]
    pub(super) fn of_class_mut(&mut self, class: usize, n: usize) -> &mut [Stretch<T>] {
        &mut self.of_classes[place(class, n)]
    }

    /// The shared numbers: the largest logit, the rest, 1/(1 + rest), ln(1 + rest).
    #[inline(always)]
    pub(super) fn shared(&self, n: usize) -> [&[Stretch<T>]; 4] {
        [&self.largest, &self.rest, &self.top, &self.ln_total].map(|numbers| &numbers[..n])
    }
}

/// The place of a class in the buffer.
#[inline(always)]
fn place(class: usize, stretches: usize) -> Range<usize> {
    let start = if has_place(class, stretches) {
        class * stretches
    } else {
        OF_CLASSES
    };
    start..start + stretches
}

/// Whether a class has a place of its own.
#[inline(always)]
pub(super) fn has_place(class: usize, stretches: usize) -> bool {
    class < OF_CLASSES / stretches
}

/// The sums over the classes of a softmax of the slopes h with respect to ln p.
pub(super) struct Collected<T> {
    /// The slope of the class with p > ½ at each voxel.
    most: Block<T>,
    /// The sum over the other classes.
    others: Block<T>,
}

impl<T: Float> Collected<T> {
    pub(super) const EMPTY: Self = Self {
        most: block(),
        others: block(),
    };

    /// Adds the slopes of a class.
    #[inline(always)]
    pub(super) fn add(&mut self, vectors: impl Vectors, folded: &[Stretch<T>], h: &[Stretch<T>]) {
        let n = h.len();
        let (most, others) = (&mut self.most[..n], &mut self.others[..n]);
        activation::collect(vectors, folded, h, most, others);
    }

    /// Turns the folded probabilities and the slopes of a class into the gradient with respect to its logits.
    #[inline(always)]
    pub(super) fn carry(&self, vectors: impl Vectors, h: &[Stretch<T>], folded: &mut [Stretch<T>]) {
        let n = h.len();
        activation::carry(vectors, h, &self.most[..n], &self.others[..n], folded);
    }
}
