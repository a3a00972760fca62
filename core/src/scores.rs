//! Scores over an epoch, added up batch by batch.

use alloc::vec;
use alloc::vec::Vec;

use crate::expect::expect_len;
use crate::{AnyLoss, ClassSums, Classes, Error, Loss, Pooling, Settings};

/// A score over many batches: a loss, or an [`Overlap`](crate::Overlap) score, of all their voxels.
///
/// It adds up the sums of each batch, not the batches' values, so its value is that of the whole epoch
/// at once, whatever the sizes of the batches, the voxels that they ignore, and the ranks that they
/// are spread over. The mean of the batches' values is another number.
///
/// | pooling of the settings | value | value of each class |
/// |---|---|---|
/// | [`Pooling::PerSample`] | the mean over the samples that [count](crate::Classes::counts) | the mean over the samples in which the class counts |
/// | [`Pooling::Batch`] | that of one sample with all voxels of the epoch | the same |
///
/// A class counts in a sample that has a voxel of weight above 0, or with
/// [`AbsentClass::Skip`](crate::AbsentClass::Skip) one of the class. Of the settings, only the pooling
/// and the options per class matter. Numbers are added in `f64`, in the order in which they come: per
/// sample, any batch sizes give the same bits; otherwise results differ by rounding, some 10⁻¹⁶ of
/// themselves per addition.
///
/// It holds a few numbers per class, and none per sample.
///
/// # Examples
///
/// Two batches of one sample and two samples, in Dice scores:
///
/// ```
/// use unifocal_core::{Dense, Error, Labels, Overlap, Scores, Segmentation, Settings, TensorLike, data::OneHot};
///
/// let mut dice = Scores::new(Overlap::Dice, 2, Settings::default())?;
/// let batches: [(&[u8], &[u8]); 2] = [(&[0, 1, 1], &[0, 1, 1]), (&[0, 1, 1, 0, 0, 1], &[0, 0, 1, 1, 0, 1])];
/// for (predicted, labels) in batches {
///     let shape = [labels.len() / 3, 3];
///     let predicted = OneHot::new(Dense::per_voxel(predicted, shape)?, 2)?;
///     let batch = Segmentation::new(predicted, Labels::new(Dense::per_voxel(labels, shape)?))?;
///     dice.add(&batch.sums(&Overlap::Dice, &Default::default())?)?;
/// }
/// let [background, lesion] = [(1.0 + 2.0 / 3.0 + 2.0 / 3.0) / 3.0, (1.0 + 2.0 / 3.0 + 2.0 / 3.0) / 3.0];
/// assert!((dice.per_class()[1].unwrap() - lesion).abs() < 1e-15);
/// assert!((dice.value().unwrap() - (background + lesion) / 2.0).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scores<L = AnyLoss, const K: usize = 4> {
    loss: L,
    settings: Settings,
    totals: Totals<K>,
}

/// The totals of an epoch so far.
#[derive(Clone, Debug, PartialEq)]
enum Totals<const K: usize> {
    /// Over the samples.
    PerSample { all: Mean, classes: Vec<Mean> },
    /// The sums of each class over all voxels.
    Batch(Vec<ClassSums<f64, K>>),
}

/// A mean over groups that count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    /// Σ count·value.
    total: f64,
    /// Σ count.
    counted: f64,
}

impl Mean {
    /// Adds groups whose values have this total.
    fn add(&mut self, other: Self) {
        self.total += other.total;
        self.counted += other.counted;
    }

    /// The mean, if something counts. NaN stays NaN.
    fn value(self) -> Option<f64> {
        let is_known = self.counted > 0.0 || self.total.is_nan();
        is_known.then(|| self.total / self.counted)
    }
}

impl<L: Loss<K>, const K: usize> Scores<L, K> {
    /// The score of no batch yet, for `classes` classes.
    ///
    /// # Errors
    ///
    /// Class options that do not fit the number of classes; regions of a pooled batch, which would be
    /// merged into one: use a score for each region.
    pub fn new(loss: L, classes: usize, settings: Settings) -> Result<Self, Error> {
        let options = settings.classes();
        let regions = match settings.is_multilabel() {
            true => options.region_count(classes),
            false => 1,
        };
        options.check_regions(classes, regions)?;
        if settings.is_multilabel() && settings.pooling == Pooling::Batch {
            return Err(Error::PooledRegions);
        }
        let totals = match settings.pooling {
            Pooling::PerSample => Totals::PerSample {
                all: Mean::default(),
                classes: vec![Mean::default(); classes],
            },
            Pooling::Batch => Totals::Batch(vec![ClassSums::default(); classes]),
        };
        Ok(Self {
            loss,
            settings,
            totals,
        })
    }

    /// The number of classes.
    pub fn class_count(&self) -> usize {
        match &self.totals {
            Totals::PerSample { classes, .. } => classes.len(),
            Totals::Batch(sums) => sums.len(),
        }
    }

    /// Adds a batch: the sums of each sample, and within a sample of each class, as every adapter
    /// gives them. For a score with [`Pooling::Batch`], the sums of the whole batch will do, too.
    ///
    /// The sums are those of the loss itself or, for an [`Overlap`](crate::Overlap) score, of any loss
    /// with TP, FP and FN. With `Pooling::PerSample`, sums of a whole batch count as one sample: they
    /// no longer tell the samples apart.
    ///
    /// # Errors
    ///
    /// A number of sums that is not a multiple of the number of classes.
    pub fn add(&mut self, sums: &[ClassSums<f64, K>]) -> Result<(), Error> {
        let count = self.class_count();
        expect_len("class sums", sums.len(), sums.len() / count.max(1) * count)?;
        for (index, group) in sums.chunks(count.max(1)).enumerate() {
            let (loss, options) = (&self.loss, self.settings.classes().of_group(index, count));
            match &mut self.totals {
                Totals::PerSample { all, classes } => {
                    all.add(of_group(loss, &options, group));
                    for (mean, own) in classes.iter_mut().zip(of_classes(loss, &options, group)) {
                        mean.add(own);
                    }
                }
                Totals::Batch(all) => {
                    for (all, sums) in all.iter_mut().zip(group) {
                        all.merge(sums);
                    }
                }
            }
        }
        Ok(())
    }

    /// The score of everything added so far, or `None` if nothing counts in it. NaN if a sum is NaN.
    pub fn value(&self) -> Option<f64> {
        self.mean().value()
    }

    /// The number of samples that count, or with [`Pooling::Batch`] 1 if any voxel counts.
    pub fn counted(&self) -> usize {
        self.mean().counted as usize
    }

    /// The score of each class, before class weights, or `None` for a class that counts nowhere.
    pub fn per_class(&self) -> Vec<Option<f64>> {
        self.means().into_iter().map(Mean::value).collect()
    }

    /// The number of samples in which each class counts, or with [`Pooling::Batch`] 1 if it counts.
    pub fn counted_per_class(&self) -> Vec<usize> {
        let counted = |mean: Mean| mean.counted as usize;
        self.means().into_iter().map(counted).collect()
    }

    fn mean(&self) -> Mean {
        match &self.totals {
            Totals::PerSample { all, .. } => *all,
            Totals::Batch(sums) => of_group(&self.loss, &self.settings.classes(), sums),
        }
    }

    fn means(&self) -> Vec<Mean> {
        match &self.totals {
            Totals::PerSample { classes, .. } => classes.clone(),
            Totals::Batch(sums) => of_classes(&self.loss, &self.settings.classes(), sums).collect(),
        }
    }

    /// Adds the batches of another part of the epoch: of another rank, say.
    ///
    /// # Errors
    ///
    /// Scores of another loss, other settings, or another number of classes.
    pub fn merge(&mut self, other: &Self) -> Result<(), Error>
    where
        L: PartialEq,
    {
        expect_len("classes", other.class_count(), self.class_count())?;
        if self.loss != other.loss {
            return Err(Error::Merge { what: "losses" });
        }
        if self.settings != other.settings {
            return Err(Error::Merge { what: "settings" });
        }
        self.add_totals(&other.totals())
    }

    /// All that is known of the batches, as numbers that add up: to send them to other ranks, or to a
    /// file.
    ///
    /// # Examples
    ///
    /// The sum over two ranks, for which any reduction of arrays will do:
    ///
    /// ```
    /// use unifocal_core::{Overlap, Scores, Settings, formula::ClassSums};
    ///
    /// let empty = Scores::new(Overlap::Dice, 1, Settings::default())?;
    /// let [mut near, mut far] = [empty.clone(), empty.clone()];
    /// near.add(&[ClassSums { terms: [3.0, 0.0, 0.0, 0.0], target: 3.0, voxels: 4.0 }])?;
    /// far.add(&[ClassSums { terms: [1.0, 1.0, 1.0, 0.0], target: 2.0, voxels: 4.0 }])?;
    ///
    /// let reduced: Vec<f64> = near.totals().iter().zip(far.totals()).map(|(a, b)| a + b).collect();
    /// let mut whole = empty;
    /// whole.add_totals(&reduced)?;
    /// assert_eq!(whole.value(), Some((1.0 + 0.5) / 2.0));
    /// # Ok::<(), unifocal_core::Error>(())
    /// ```
    pub fn totals(&self) -> Vec<f64> {
        match &self.totals {
            Totals::PerSample { all, classes } => [all]
                .into_iter()
                .chain(classes)
                .flat_map(|mean| [mean.total, mean.counted])
                .collect(),
            Totals::Batch(sums) => sums
                .iter()
                .flat_map(|sums| sums.terms.into_iter().chain([sums.target, sums.voxels]))
                .collect(),
        }
    }

    /// Adds the [`totals`](Scores::totals) of an equal score, or a sum of them.
    ///
    /// # Errors
    ///
    /// The wrong number of totals.
    pub fn add_totals(&mut self, totals: &[f64]) -> Result<(), Error> {
        expect_len("totals", totals.len(), self.totals().len())?;
        match &mut self.totals {
            Totals::PerSample { all, classes } => {
                let means = [all].into_iter().chain(classes);
                for (mean, totals) in means.zip(totals.chunks_exact(2)) {
                    let (total, counted) = (totals[0], totals[1]);
                    mean.add(Mean { total, counted });
                }
            }
            Totals::Batch(sums) => {
                for (sums, totals) in sums.iter_mut().zip(totals.chunks_exact(K + 2)) {
                    sums.merge(&ClassSums {
                        terms: core::array::from_fn(|term| totals[term]),
                        target: totals[K],
                        voxels: totals[K + 1],
                    });
                }
            }
        }
        Ok(())
    }

    /// Forgets all batches, to begin another epoch.
    pub fn clear(&mut self) {
        match &mut self.totals {
            Totals::PerSample { all, classes } => {
                *all = Mean::default();
                classes.fill(Mean::default());
            }
            Totals::Batch(sums) => sums.fill(ClassSums::default()),
        }
    }

    /// The loss or overlap score.
    pub fn loss(&self) -> &L {
        &self.loss
    }

    /// The pooling and the class options.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// The value of one group, if it counts.
fn of_group<L: Loss<K>, const K: usize>(
    loss: &L,
    options: &Classes<'_>,
    sums: &[ClassSums<f64, K>],
) -> Mean {
    let parts = options.parts(loss, sums);
    parts.map_or_else(Mean::default, |parts| Mean {
        total: parts.value(),
        counted: parts.counts(),
    })
}

/// The score of each class in one group, if the class counts there.
fn of_classes<L: Loss<K>, const K: usize>(
    loss: &L,
    options: &Classes<'_>,
    sums: &[ClassSums<f64, K>],
) -> impl Iterator<Item = Mean> {
    let count = sums.len();
    sums.iter().enumerate().map(move |(index, sums)| {
        let counted = options.presence(sums);
        let class = options.class(index, count);
        let score = loss.finalize(&class, sums).total();
        let total = score * counted;
        Mean { total, counted }
    })
}
