//! Options per class, and the reduction of the classes' scores to one value.

use crate::expect::expect_len;
use crate::parameter::Range;
use crate::{Class, ClassSums, Dual, Error, Loss, Real, Score};

/// How to score a class that is absent from a sample's target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AbsentClass {
    /// The smoothing term s decides, as in the reference: the loss of the class is near 0 only if
    /// the false positives are few compared to s.
    #[default]
    Smooth,
    /// Leaves the class out of that sample's mean over the classes.
    Skip,
}

/// The number of classes of a prediction with `channels` channels. A single channel is the
/// foreground of two classes.
pub const fn class_count(channels: usize) -> usize {
    if channels < 2 { 2 } else { channels }
}

/// Options per class: which classes are rare, their weights, their α, and how to score absent
/// classes.
///
/// The default follows the reference: class 0 is common and all others are rare, all weights are
/// equal, and the smoothing term decides the score of absent classes.
///
/// # Examples
///
/// ```
/// use unifocal_core::{AbsentClass, Classes};
///
/// let classes = Classes::default()
///     .with_class_weights(&[0.0, 1.0, 1.0]) // leave the background out
///     .with_rare_classes(&[2])
///     .with_absent_class(AbsentClass::Skip);
/// assert!(!classes.class(1).rare);
/// assert!(classes.check(3).is_ok());
/// assert!(classes.check(2).is_err()); // three weights for two classes
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Classes<'a> {
    pub(crate) rare: Option<&'a [usize]>,
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) alpha: Option<&'a [f64]>,
    pub(crate) absent: AbsentClass,
}

impl<'a> Classes<'a> {
    /// Sets the rare classes. Default: all but class 0.
    pub fn with_rare_classes(self, rare: &'a [usize]) -> Self {
        let rare = Some(rare);
        Self { rare, ..self }
    }

    /// Sets a weight per class, applied to everything that the class adds to the loss.
    ///
    /// Weights are normalised so that those above 0 average 1. A weight of 0 leaves the class out,
    /// as if it did not exist; other libraries call this `include_background=False`.
    pub fn with_class_weights(self, weights: &'a [f64]) -> Self {
        let weights = Some(weights);
        Self { weights, ..self }
    }

    /// Sets the focal loss's α per class: an absolute weight, used only by the distribution-based
    /// losses.
    pub fn with_class_alpha(self, alpha: &'a [f64]) -> Self {
        let alpha = Some(alpha);
        Self { alpha, ..self }
    }

    /// Sets how to score an absent class.
    pub fn with_absent_class(self, absent: AbsentClass) -> Self {
        Self { absent, ..self }
    }

    /// Checks that these options are valid for `count` classes.
    ///
    /// # Errors
    ///
    /// The wrong number of weights or alphas; a weight or alpha outside [0, 10³⁰]; no weight above
    /// 0; a rare class that does not exist.
    pub fn check(&self, count: usize) -> Result<(), Error> {
        if let Some(weights) = self.weights {
            check_each("class weights", "class weight", weights, count)?;
        }
        if let Some(alpha) = self.alpha {
            check_each("values of alpha", "alpha", alpha, count)?;
        }
        if let Some(weights) = self.weights
            && weights.iter().sum::<f64>() <= 0.0
        {
            return Err(Error::NoClassLeft);
        }
        match self.rare.into_iter().flatten().find(|rare| **rare >= count) {
            Some(&found) => Err(Error::RareClass {
                found,
                classes: count,
            }),
            None => Ok(()),
        }
    }

    /// The properties of class `index` that formulas use.
    // Inlined on microcontrollers: the class is mostly a compile-time constant there, so the
    // branches fold away.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn class(&self, index: usize) -> Class {
        Class {
            index,
            rare: self.rare.map_or(index > 0, |rare| rare.contains(&index)),
            alpha: self.alpha.map_or(1.0, |alpha| alpha[index]),
        }
    }

    /// Whether class `index` is part of the loss.
    fn is_kept(&self, index: usize) -> bool {
        self.weights.is_none_or(|weights| weights[index] > 0.0)
    }

    /// The weight of each class by index, normalised so that weights above 0 average 1.
    pub fn normalized(&self) -> impl Fn(usize) -> f64 {
        let weights = self.weights;
        let total = weights.map_or(1.0, |weights| weights.iter().sum());
        let kept = weights.into_iter().flatten();
        let kept = kept.filter(|weight| **weight > 0.0).count() as f64;
        move |index| match weights {
            None => 1.0,
            // Divide first: the quotient is at most 1, and dividing by the sum of tiny weights
            // could overflow.
            Some(weights) => weights[index] / total * kept,
        }
    }

    /// The loss of a sample from the sums of its classes: Σ_c u_c·mean_c / Σ_c u_c + Σ_c u_c·sum_c.
    ///
    /// The sums of a framework's tensors have one entry per sample; the result then has one entry
    /// per sample, too. A sample that does not [count](Classes::counts) has the value 0. Returns
    /// `None` if there are no sums.
    pub fn value<R: Real, const K: usize>(
        &self,
        loss: &impl Loss<K>,
        sums: &[ClassSums<R, K>],
    ) -> Option<R> {
        self.parts(loss, sums).map(Parts::value)
    }

    /// The contribution of all classes of a sample to its [value](Classes::value). Returns `None`
    /// if there are no sums.
    #[cfg_attr(target_os = "none", inline(always))]
    pub(crate) fn parts<R: Real, const K: usize>(
        &self,
        loss: &impl Loss<K>,
        sums: &[ClassSums<R, K>],
    ) -> Option<Parts<R>> {
        let weight = self.normalized();
        let mut all: Option<Parts<R>> = None;
        for (index, sums) in sums.iter().enumerate() {
            let Some(part) = self.part(loss, index, weight(index), sums) else {
                continue;
            };
            all = Some(match all {
                Some(all) => all.merge(part),
                None => part,
            });
        }
        all
    }

    /// The contribution of class `index`, with this [normalised](Classes::normalized) weight, to
    /// the [value](Classes::value). Returns `None` if the class is left out.
    ///
    /// For sums that hold several classes of the same kind and weight in one tensor.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn part<R: Real, const K: usize>(
        &self,
        loss: &impl Loss<K>,
        index: usize,
        weight: f64,
        sums: &ClassSums<R, K>,
    ) -> Option<Parts<R>> {
        if weight == 0.0 {
            return None;
        }
        let Score { mean, sum } = loss.finalize(&self.class(index), sums);
        let presence = self.presence(sums);
        let share = presence.clone().scale(weight);
        Some(Parts {
            mean: mean * share.clone(),
            share,
            sum: sum.scale(weight),
            presence,
        })
    }

    /// 1 if a sample with these sums has a value, 0 if nothing in it counts: no voxel, or under
    /// [`AbsentClass::Skip`] no class.
    ///
    /// The [mean](crate::mean) over the samples leaves out samples that do not count. Returns
    /// `None` if there are no sums.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{AbsentClass, Classes, formula::ClassSums};
    ///
    /// let background = ClassSums { terms: [3.0], target: 4.0, voxels: 4.0 };
    /// let lesion = ClassSums { target: 0.0, ..background };
    /// let foreground = Classes::default().with_class_weights(&[0.0, 1.0]);
    /// assert_eq!(foreground.counts(&[background, lesion]), Some(1.0));
    /// let skipping = foreground.with_absent_class(AbsentClass::Skip);
    /// assert_eq!(skipping.counts(&[background, lesion]), Some(0.0));
    /// ```
    pub fn counts<R: Real, const K: usize>(&self, sums: &[ClassSums<R, K>]) -> Option<R> {
        let all = sums.iter().enumerate();
        all.filter(|(index, _)| self.is_kept(*index))
            .map(|(_, sums)| self.presence(sums))
            .reduce(|a, b| a + b)
            .map(Real::positive)
    }

    /// The derivatives of [`value`](Classes::value) with respect to the sums of every class.
    ///
    /// # Panics
    ///
    /// If `slopes` is shorter than `sums`.
    pub fn slopes<R: Real, const K: usize>(
        &self,
        loss: &impl Loss<K>,
        sums: &[ClassSums<R, K>],
        slopes: &mut [[R; K]],
    ) {
        let weight = self.normalized();
        let share = |index: usize, sums: &ClassSums<R, K>| self.presence(sums).scale(weight(index));
        let shares = sums
            .iter()
            .enumerate()
            .map(|(index, sums)| share(index, sums))
            .reduce(|total, share| total + share);
        let Some(shares) = shares.map(|shares| shares.clip(R::TINY, f64::INFINITY)) else {
            return;
        };
        for (index, sums) in sums.iter().enumerate() {
            let weight = weight(index);
            let mean_weight = share(index, sums) / shares.clone();
            for (k, slope) in slopes[index].iter_mut().enumerate() {
                *slope = if weight == 0.0 {
                    sums.target.zero()
                } else {
                    let Score { mean, sum } = loss.finalize(&self.class(index), &sums.seeded(k));
                    mean_weight.clone() * bounded(mean.derivative)
                        + bounded(sum.derivative).scale(weight)
                };
            }
        }
    }

    /// 1 if the class counts in the mean over the classes, 0 if it is skipped or has no voxels.
    fn presence<R: Real, const K: usize>(&self, sums: &ClassSums<R, K>) -> R {
        let size = match self.absent {
            AbsentClass::Smooth => &sums.voxels,
            AbsentClass::Skip => &sums.target,
        };
        size.clone().positive()
    }
}

/// Checks an option that has a value for each of `count` classes.
fn check_each(
    what: &'static str,
    parameter: &'static str,
    values: &[f64],
    count: usize,
) -> Result<(), Error> {
    expect_len(what, values.len(), count)?;
    for value in values {
        Range::WEIGHT.check(parameter, *value)?;
    }
    Ok(())
}

/// The contribution of classes to the value of a sample. Below, u is the weight of a class and k
/// its presence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts<R> {
    /// Σ u·k·mean.
    mean: R,
    /// Σ u·k.
    share: R,
    /// Σ u·sum.
    sum: R,
    /// Σ k.
    presence: R,
}

impl<R: Real> Parts<R> {
    /// Adds the contribution of other classes.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            mean: self.mean + other.mean,
            share: self.share + other.share,
            sum: self.sum + other.sum,
            presence: self.presence + other.presence,
        }
    }

    /// Converts every part to another arithmetic, for example by summing tensors over a class axis.
    pub fn map<Q>(self, of: impl Fn(R) -> Q) -> Parts<Q> {
        Parts {
            mean: of(self.mean),
            share: of(self.share),
            sum: of(self.sum),
            presence: of(self.presence),
        }
    }

    /// The value of a sample with these classes.
    pub fn value(self) -> R {
        self.mean / self.share.clip(R::TINY, f64::INFINITY) + self.sum
    }

    /// 1 if a sample with these classes [counts](Classes::counts), else 0.
    pub fn counts(self) -> R {
        self.presence.positive()
    }
}

/// Bounds a slope: (1 − TI)^−γ can be infinite near a perfect score.
fn bounded<R: Real>(slope: R) -> R {
    let most = 1e-3 / R::TINY;
    slope.clip(-most, most)
}

impl<R: Real, const K: usize> ClassSums<R, K> {
    /// These sums as dual numbers, with term `variable` as the variable of differentiation.
    fn seeded(&self, variable: usize) -> ClassSums<Dual<R>, K> {
        let mut terms = self.terms.clone().map(Dual::constant);
        terms[variable] = Dual::variable(self.terms[variable].clone());
        ClassSums {
            terms,
            target: Dual::constant(self.target.clone()),
            voxels: Dual::constant(self.voxels.clone()),
        }
    }
}
