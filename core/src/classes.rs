//! Options per class, and the reduction of the classes' scores to one value.

mod check;

use crate::parts::Parts;
use crate::{Class, ClassSums, Dual, Loss, Real, Score};

/// How to score a class that is absent from a sample's target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AbsentClass {
    /// The smoothing term s decides, as in the reference: the loss of the class is near 0 only if
    /// the false positives are few compared to s.
    #[default]
    Smooth,
    /// Leaves the class out of that sample: of the mean over the classes, and of the sum, where an
    /// absent class has a term only with label smoothing.
    Skip,
}

/// The weight of a class in the two parts of a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// In the part that the loss averages over the classes.
    pub mean: f64,
    /// In the part that the loss sums over them.
    pub sum: f64,
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
/// assert!(!classes.class(1, 3).rare);
/// assert!(classes.check(3).is_ok());
/// assert!(classes.check(2).is_err()); // three weights for two classes
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Classes<'a> {
    pub(crate) rare: Option<&'a [usize]>,
    pub(crate) weights: Option<&'a [f64]>,
    pub(crate) region_weights: Option<&'a [f64]>,
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

    /// Sets a weight per class for the part of the loss that is averaged over the classes, the
    /// region-based side, in place of the [class weights](Classes::with_class_weights) there.
    ///
    /// So the Dice loss without the background stands beside the full cross entropy, as in nnU-Net.
    /// Where no class of this side counts, the side is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Focal, Labels, Segmentation, Tversky, UnifiedFocal};
    ///
    /// let prediction = Dense::channels_last(&[0.9, 0.1, 0.2, 0.8], [1, 2, 2])?;
    /// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?);
    /// let segmentation = Segmentation::new(prediction, labels)?;
    ///
    /// let foreground = Classes::default().with_class_weights(&[0.0, 1.0]);
    /// let mut buffers = Buffers::with_len::<2>();
    /// let dice = segmentation.evaluate(&Tversky::dice(), &foreground, &mut buffers)?.value();
    /// let (all, mut buffers) = (Classes::default(), Buffers::with_len::<2>());
    /// let entropy = segmentation.evaluate(&Focal::cross_entropy(), &all, &mut buffers)?.value();
    ///
    /// let classes = Classes::default().with_region_weights(&[0.0, 1.0]);
    /// let (loss, mut buffers) = (UnifiedFocal::dice_cross_entropy(), Buffers::with_len::<2>());
    /// let sum = segmentation.evaluate(&loss, &classes, &mut buffers)?.value();
    /// assert!((sum - (dice + entropy)).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_region_weights(self, weights: &'a [f64]) -> Self {
        let region_weights = Some(weights);
        Self {
            region_weights,
            ..self
        }
    }

    /// Sets the focal loss's α per class: an absolute weight, used only by the distribution-based
    /// losses.
    ///
    /// Of [regions](crate::Segmentation::with_regions), it is the α of the outside and the inside of
    /// each: two numbers for all regions, or two per region, region by region. With 1 outside, they are
    /// the `pos_weight` of PyTorch.
    ///
    /// # Examples
    ///
    /// A binary cross entropy in which the inside of the second region counts three times:
    ///
    /// ```
    /// use unifocal_core::{Buffers, Classes, Dense, Error, Focal, Regions, Segmentation, data::Channels};
    ///
    /// let prediction = Dense::channels_first(&[0.5, 0.25], [1, 2, 1])?;
    /// let regions = Regions::new(Dense::per_voxel(&[2_u8], [1, 1])?, &[[1], [2]]);
    /// let segmentation = Segmentation::new(Channels::new(prediction), regions)?.with_regions(2)?;
    /// let classes = Classes::default().with_class_alpha(&[1.0, 1.0, 1.0, 3.0]);
    /// let mut buffers = Buffers::with_len::<4>();
    /// let value = segmentation.evaluate(&Focal::cross_entropy(), &classes, &mut buffers)?.value();
    /// assert!((value - (2_f64.ln() + 3.0 * 4_f64.ln()) / 2.0).abs() < 1e-6);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_class_alpha(self, alpha: &'a [f64]) -> Self {
        let alpha = Some(alpha);
        Self { alpha, ..self }
    }

    /// Sets how to score an absent class.
    pub fn with_absent_class(self, absent: AbsentClass) -> Self {
        Self { absent, ..self }
    }

    /// For how many regions there is an α per class.
    pub fn region_count(&self, count: usize) -> usize {
        let entries = self.alpha.map_or(count, <[f64]>::len);
        (entries / count.max(1)).max(1)
    }

    /// The options of a group of `count` classes: its region's α. Regions take turns, group by group.
    #[cfg_attr(target_os = "none", inline(always))]
    #[must_use]
    pub fn of_group(self, group: usize, count: usize) -> Self {
        let of_region = |alpha: &'a [f64]| {
            let first = group % self.region_count(count) * count;
            alpha.get(first..first + count).unwrap_or(alpha)
        };
        let alpha = self.alpha.map(of_region);
        Self { alpha, ..self }
    }

    /// The properties of class `index` of `count` that formulas use.
    // Inlined on microcontrollers: the class is mostly a compile-time constant there, so the
    // branches fold away.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn class(&self, index: usize, count: usize) -> Class {
        Class {
            index,
            count,
            rare: self.rare.map_or(index > 0, |rare| rare.contains(&index)),
            alpha: self.alpha.map_or(1.0, |alpha| alpha[index]),
        }
    }

    /// Whether class `index` is part of the loss.
    fn is_kept(&self, index: usize) -> bool {
        let is_kept = |weights: Option<&[f64]>| weights.is_none_or(|weights| weights[index] > 0.0);
        is_kept(self.weights) || self.region_weights.is_some() && is_kept(self.region_weights)
    }

    /// The weight of each class by index in the part that is averaged and in the part that is
    /// summed, each normalised so that weights above 0 average 1.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn normalized(&self) -> impl Fn(usize) -> Weight + use<'a> {
        let sum = normalized(self.weights);
        let region = self.region_weights.map(|weights| normalized(Some(weights)));
        move |index| {
            let sum = sum(index);
            let mean = region.as_ref().map_or(sum, |region| region(index));
            Weight { mean, sum }
        }
    }

    /// The loss of a sample from the sums of its classes:
    /// Σ_c r_c·h_c·mean_c / Σ_c r_c·h_c + Σ_c u_c·sum_c, where u are the class weights, r the region
    /// weights if there are any, else u, and h the [shares](Score::share).
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
        let count = sums.len();
        let mut all: Option<Parts<R>> = None;
        for (index, sums) in sums.iter().enumerate() {
            let class = self.class(index, count);
            let Some(part) = self.part(loss, &class, weight(index), sums) else {
                continue;
            };
            all = Some(match all {
                Some(all) => all.merge(part),
                None => part,
            });
        }
        all
    }

    /// The contribution of a class, with these [normalised](Classes::normalized) weights, to the
    /// [value](Classes::value). Returns `None` if the class is left out.
    ///
    /// For sums that hold several classes of the same kind and weight in one tensor.
    #[cfg_attr(target_os = "none", inline(always))]
    pub fn part<R: Real, const K: usize>(
        &self,
        loss: &impl Loss<K>,
        class: &Class,
        weight: Weight,
        sums: &ClassSums<R, K>,
    ) -> Option<Parts<R>> {
        if weight.mean == 0.0 && weight.sum == 0.0 {
            return None;
        }
        let Score { mean, sum, share } = loss.finalize(class, sums);
        let presence = self.presence(sums);
        let weighted = presence.clone().scale(weight.mean);
        let share = match share {
            None => weighted,
            Some(share) => share * weighted,
        };
        Some(Parts {
            // A part with weight 0 may have an infinite slope, and 0·∞ is NaN.
            mean: match weight.mean {
                0.0 => mean.zero(),
                _ => mean * share.clone(),
            },
            share,
            sum: match weight.sum {
                0.0 => sum.zero(),
                weight => sum.scale(weight) * presence.clone(),
            },
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
        let count = sums.len();
        let Some(all) = self.parts(loss, sums) else {
            return;
        };
        let shares = all.share.clip(R::TINY, f64::INFINITY);
        let average = all.mean / shares.clone();
        for (index, sums) in sums.iter().enumerate() {
            let weight = weight(index);
            let presence = self.presence(sums);
            let mean_weight = presence.clone().scale(weight.mean) / shares.clone();
            for (k, slope) in slopes[index].iter_mut().enumerate() {
                *slope = if weight.mean == 0.0 && weight.sum == 0.0 {
                    sums.target.zero()
                } else {
                    let class = self.class(index, count);
                    let Score { mean, sum, share } = loss.finalize(&class, &sums.seeded(k));
                    let of_mean = match share {
                        None => mean.derivative,
                        // Of share·mean / Σ share.
                        Some(share) => {
                            share.value * mean.derivative
                                + share.derivative * (mean.value - average.clone())
                        }
                    };
                    mean_weight.clone() * bounded(of_mean)
                        + presence.clone() * bounded(sum.derivative).scale(weight.sum)
                };
            }
        }
    }

    /// 1 if the class counts in the mean over the classes, 0 if it is skipped or has no voxels.
    pub(crate) fn presence<R: Real, const K: usize>(&self, sums: &ClassSums<R, K>) -> R {
        let size = match self.absent {
            AbsentClass::Smooth => &sums.voxels,
            AbsentClass::Skip => &sums.target,
        };
        size.clone().positive()
    }
}

/// Each weight, normalised so that weights above 0 average 1; 1 without weights.
#[cfg_attr(target_os = "none", inline(always))]
fn normalized<'a>(weights: Option<&'a [f64]>) -> impl Fn(usize) -> f64 + use<'a> {
    let total = weights.map_or(1.0, |weights| weights.iter().sum());
    let kept = weights.into_iter().flatten();
    let kept = kept.filter(|weight| **weight > 0.0).count() as f64;
    move |index| match weights {
        None => 1.0,
        // Divide first: the quotient is at most 1, and dividing by the sum of tiny weights could
        // overflow.
        Some(weights) => weights[index] / total * kept,
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
