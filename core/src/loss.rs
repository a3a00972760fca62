//! The trait of all losses: terms per voxel, their sums, and a score per class from the sums.

use crate::extent::Extent;
use crate::{Probability, Real, Share};

/// A loss of the family.
///
/// A loss reduces the voxels of a sample to `K` sums per class. [`terms`](Loss::terms) returns what
/// one voxel adds to the sums, [`finalize`](Loss::finalize) computes the score of a class from
/// them. Both are written over [`Real`], so the same lines give values, derivatives (over
/// [`Dual`](crate::Dual)), vectors and framework tensors. For a sample,
///
/// ```text
/// loss = Σ_c u_c·h_c·mean_c / Σ_c u_c·h_c  +  Σ_c u_c·sum_c        with (mean_c, sum_c, h_c) = finalize(Σ_i v_i·terms)
/// ```
///
/// where u are the [class weights](crate::Classes::with_class_weights), v the voxel weights (1
/// without), and h the [shares](Score::share) (1 for most losses).
///
/// # Examples
///
/// A custom loss: the soft error rate, `(1/M) Σ_c Σ_i y·(1−p)`.
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Labels, Segmentation, formula::{Class, ClassSums, Loss, Probability, Real, Score, Share}};
///
/// #[derive(Clone, Copy)]
/// struct ErrorRate;
///
/// impl Loss<1> for ErrorRate {
///     fn terms<R: Real, Y: Share<R>>(&self, _: &Class, prediction: &Probability<R>, y: &Y) -> [R; 1] {
///         [y.of(prediction.complement.clone())]
///     }
///
///     fn finalize<R: Real>(&self, _: &Class, sums: &ClassSums<R, 1>) -> Score<R> {
///         Score::sum(sums.per_voxel(0))
///     }
/// }
///
/// let prediction = Dense::channels_last(&[0.75, 0.25, 0.5, 0.5], [1, 2, 2])?;
/// let target = Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?);
/// let segmentation = Segmentation::new(prediction, target)?;
/// let mut buffers = Buffers::with_len::<2>();
/// let evaluated = segmentation.evaluate(&ErrorRate, &Classes::default(), &mut buffers)?;
/// assert_eq!(evaluated.value(), (0.25 + 0.5) / 2.0);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
pub trait Loss<const K: usize>: Copy + Send + Sync {
    /// The terms that one voxel adds to the sums of `class`, given the predicted probability and
    /// the target y of the class.
    ///
    /// Mark it `#[inline(always)]`, so that it is compiled for each set of vector instructions.
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; K];

    /// The score of `class`, from its sums over a sample.
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, K>) -> Score<R>;

    /// Calls `visitor` with a loss of the same terms. A loss with several internal forms has a type for
    /// each, so that a loop over the voxels is compiled for each form alone.
    #[inline(always)]
    fn specialize<V: Visitor<K>>(&self, class: &Class, visitor: V) -> V::Output {
        let _ = class;
        visitor.visit(*self)
    }
}

/// A function of a loss of any type, which a closure cannot be.
///
/// # Examples
///
/// The terms of a voxel, by the form of the loss for this class:
///
/// ```
/// use unifocal_core::{Classes, UnifiedFocal, data::Extent, formula::{Class, Loss, Probability, Visitor}};
///
/// struct Terms {
///     class: Class,
///     prediction: Probability<f64>,
/// }
///
/// impl<const K: usize> Visitor<K> for Terms {
///     type Output = [f64; K];
///
///     const EXTENT: Extent = Extent::All;
///
///     fn visit(self, loss: impl Loss<K>) -> [f64; K] {
///         loss.terms(&self.class, &self.prediction, &1.0)
///     }
/// }
///
/// let loss = UnifiedFocal::asymmetric();
/// let class = Classes::default().class(1, 2);
/// let prediction = Probability::new(0.25);
/// let terms = Terms { class, prediction };
/// assert_eq!(loss.specialize(&class, terms), loss.terms(&class, &prediction, &1.0));
/// ```
pub trait Visitor<const K: usize> {
    /// The type of the result.
    type Output;

    /// How many of its voxels the class covers: inside and outside of it, fewer forms differ. A constant, so
    /// that the others are not compiled.
    const EXTENT: Extent;

    /// Calls the function.
    fn visit(self, loss: impl Loss<K>) -> Self::Output;
}

/// The properties of a class that formulas use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// Its index on the class axis.
    pub index: usize,
    /// The number of classes.
    pub count: usize,
    /// Whether it is a rare class. The asymmetric losses treat rare classes differently.
    pub rare: bool,
    /// Its weight in the distribution-based losses: the α of the focal loss, 1 by default.
    pub alpha: f64,
}

/// The sums of a loss's terms over the voxels of one class.
///
/// They form a commutative monoid: sums over parts of a sample (rows, patches, shards of a cluster)
/// [merge](ClassSums::merge) into the sums over the whole sample, starting from [`Default`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassSums<R, const K: usize> {
    /// Σ v·terms.
    pub terms: [R; K],
    /// Σ v·y: the volume of the class in the target.
    pub target: R,
    /// M = Σ v: the number of voxels that count.
    pub voxels: R,
}

impl<R> From<[R; 6]> for ClassSums<R, 4> {
    /// From TP, FP, FN, F, Σ v·y and Σ v, the order of arrays and tensors.
    fn from([tp, fp, fn_, f, target, voxels]: [R; 6]) -> Self {
        Self {
            terms: [tp, fp, fn_, f],
            target,
            voxels,
        }
    }
}

impl<R> From<ClassSums<R, 4>> for [R; 6] {
    /// To TP, FP, FN, F, Σ v·y and Σ v.
    fn from(sums: ClassSums<R, 4>) -> Self {
        let [tp, fp, fn_, f] = sums.terms;
        [tp, fp, fn_, f, sums.target, sums.voxels]
    }
}

impl<R: Real, const K: usize> ClassSums<R, K> {
    /// Adds the sums over other voxels.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::formula::ClassSums;
    ///
    /// let mut whole = ClassSums { terms: [1.0, 2.0], target: 2.0, voxels: 4.0 };
    /// whole.merge(&ClassSums { terms: [0.5, 0.0], target: 1.0, voxels: 3.0 });
    /// assert_eq!(whole, ClassSums { terms: [1.5, 2.0], target: 3.0, voxels: 7.0 });
    /// ```
    pub fn merge(&mut self, other: &Self) {
        for (sum, term) in self.terms.iter_mut().zip(&other.terms) {
            *sum = sum.clone() + term.clone();
        }
        self.target = self.target.clone() + other.target.clone();
        self.voxels = self.voxels.clone() + other.voxels.clone();
    }

    /// Replaces the terms; the voxels stay the same. A compound loss passes each of its parts its
    /// own terms this way.
    #[inline(always)]
    pub fn with_terms<const J: usize>(&self, terms: [R; J]) -> ClassSums<R, J> {
        ClassSums {
            terms,
            target: self.target.clone(),
            voxels: self.voxels.clone(),
        }
    }

    /// (1/M) Σ v·term for term number `term`; 0 for a sample without voxels.
    pub fn per_voxel(&self, term: usize) -> R {
        self.terms[term].clone() / self.voxels.clone().clip(R::TINY, f64::INFINITY)
    }
}

impl<R: Default + Copy, const K: usize> Default for ClassSums<R, K> {
    fn default() -> Self {
        Self {
            terms: [R::default(); K],
            target: R::default(),
            voxels: R::default(),
        }
    }
}

/// The contribution of a class to the loss: one part averaged over the classes, and one part summed
/// over them.
///
/// Region-based losses average (the mean of the classes' Tversky losses), distribution-based losses
/// sum (the cross entropy of a voxel is a sum over its classes), and compound losses do both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score<R> {
    /// The part that the loss averages over the classes.
    pub mean: R,
    /// The part that the loss sums over the classes.
    pub sum: R,
    /// The share of the class in the average, beside its weight; `None` is 1. It is differentiated.
    pub share: Option<R>,
}

impl<R: Real> Score<R> {
    /// A score that is averaged over the classes.
    pub fn mean(mean: R) -> Self {
        let sum = mean.zero();
        Self {
            mean,
            sum,
            share: None,
        }
    }

    /// A score that is summed over the classes.
    pub fn sum(sum: R) -> Self {
        let mean = sum.zero();
        Self {
            mean,
            sum,
            share: None,
        }
    }

    /// The sum of both parts: the value of the class alone.
    pub fn total(self) -> R {
        self.mean + self.sum
    }
}
