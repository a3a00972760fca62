//! What a loss is: terms per voxel, their sums, and a score per class from the sums.

use crate::{Probability, Real, Share};

/// A loss of the family, as the two sides of a funnel.
///
/// Every loss here sends the voxels of a sample through `K` sums per class. [`terms`](Loss::terms) is what one voxel
/// adds to them, [`finalize`](Loss::finalize) what the class's sums are worth; both are written over [`Real`], so that
/// the same lines give values, derivatives (over [`Dual`](crate::Dual)), vectors and framework tensors. For a sample,
///
/// ```text
/// loss = Σ_c u_c·mean_c / Σ_c u_c  +  Σ_c u_c·sum_c        with (mean_c, sum_c) = finalize(Σ_i v_i·terms)
/// ```
///
/// where u are the [class weights](crate::Classes::with_weights) and v the voxel weights (1 without).
///
/// # Examples
///
/// A loss of one's own: the soft error rate, `(1/M) Σ_c Σ_i y·(1−p)`.
///
/// ```
/// use unifocal_core::*;
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
/// let target = Labels::new(Dense::labels(&[0_u8, 1], [1, 2])?);
/// let segmentation = Segmentation::new(prediction, target)?;
/// let mut sums = [ClassSums::default(); 2];
/// let value = segmentation.value(&ErrorRate, &Classes::default(), &mut sums)?;
/// assert_eq!(value, (0.25 + 0.5) / 2.0);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
pub trait Loss<const K: usize>: Copy + Send + Sync {
    /// What one voxel adds to the sums of `class`, which it predicts with `prediction` and which covers `y` of it.
    ///
    /// Mark it `#[inline(always)]`, so that it is compiled for the vectors of every processor.
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; K];

    /// What the sums of `class` over a sample are worth.
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, K>) -> Score<R>;

    /// Calls `sweep` with an equal loss; one that has several forms inside calls it in a place of its own for each of them, so
    /// that the sweep is compiled without the others.
    #[inline(always)]
    fn specialize<O>(&self, class: &Class, sweep: impl FnOnce(&Self) -> O) -> O {
        let _ = class;
        sweep(self)
    }
}

/// What a formula knows of a class besides its voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// Its place on the class axis.
    pub index: usize,
    /// Whether it is one of the rare classes, which the asymmetric losses treat apart.
    pub rare: bool,
    /// Its weight in the distribution-based losses: the α of the focal loss, 1 without.
    pub alpha: f64,
}

/// The sums of a loss's terms over the voxels of one class, and what they are sums over.
///
/// They form a commutative monoid: sums over parts of a sample (rows, patches, the shards of a cluster)
/// [merge](ClassSums::merge) into the sums over all of it, starting from [`Default`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassSums<R, const K: usize> {
    /// Σ v·terms.
    pub terms: [R; K],
    /// Σ v·y: how much of the sample the class covers.
    pub target: R,
    /// M = Σ v: how many voxels the sample has, ignored ones left out.
    pub voxels: R,
}

impl<R> From<[R; 6]> for ClassSums<R, 4> {
    /// TP, FP, FN, F, Σ v·y and Σ v, as an array or a tensor holds them.
    fn from([tp, fp, fn_, f, target, voxels]: [R; 6]) -> Self {
        Self {
            terms: [tp, fp, fn_, f],
            target,
            voxels,
        }
    }
}

impl<R> From<ClassSums<R, 4>> for [R; 6] {
    /// TP, FP, FN, F, Σ v·y and Σ v.
    fn from(sums: ClassSums<R, 4>) -> Self {
        let [tp, fp, fn_, f] = sums.terms;
        [tp, fp, fn_, f, sums.target, sums.voxels]
    }
}

impl<R: Real, const K: usize> ClassSums<R, K> {
    /// The sums over the voxels of both.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::ClassSums;
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

    /// Other terms over the same voxels: how a compound loss hands its parts their own.
    #[inline(always)]
    pub fn with_terms<const J: usize>(&self, terms: [R; J]) -> ClassSums<R, J> {
        ClassSums {
            terms,
            target: self.target.clone(),
            voxels: self.voxels.clone(),
        }
    }

    /// (1/M) Σ v·term, for the term of this number; 0 for a sample without voxels.
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

/// What a class adds to the loss: a part that is averaged over the classes, and a part that is summed over them.
///
/// Region-based losses average (the mean of the classes' Tversky losses), distribution-based ones sum (the cross
/// entropy of a voxel is a sum over its classes), compound ones do both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score<R> {
    /// The part that the loss averages over the classes.
    pub mean: R,
    /// The part that the loss sums over the classes.
    pub sum: R,
}

impl<R: Real> Score<R> {
    /// A score that is averaged over the classes.
    pub fn mean(mean: R) -> Self {
        let sum = mean.zero();
        Self { mean, sum }
    }

    /// A score that is summed over the classes.
    pub fn sum(sum: R) -> Self {
        let mean = sum.zero();
        Self { mean, sum }
    }

    /// Both parts together: the class's own value.
    pub fn total(self) -> R {
        self.mean + self.sum
    }
}
