//! The factors of the terms of a loss of each voxel, for a batch.

use alloc::vec::Vec;

use crate::{Classes, VoxelLoss};

/// The [factors](VoxelLoss::factor) of the terms for a batch: one per class, or one per sample and class
/// if samples differ in their annotated classes or in α. They come from [`VoxelLoss::factors`].
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// Sample by sample.
    all: Vec<f64>,
    count: usize,
}

impl VoxelLoss {
    /// The factors for `samples` samples of `count` classes. Regions that are samples take turns.
    /// `annotated` has an entry for each sample and class; a class that is not annotated has the factor
    /// 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use unifocal_core::{Classes, Error, Focal, engine::VoxelLoss};
    ///
    /// let loss = VoxelLoss::new(Focal::cross_entropy())?;
    /// let alike = loss.factors(&Classes::default(), [3, 2], None);
    /// assert!(alike.are_alike());
    /// assert!(alike.of_class(1).eq([1.0]));
    ///
    /// let annotated = [true, true, true, false, true, true]; // not class 1 of the second sample
    /// let factors = loss.factors(&Classes::default(), [3, 2], Some(&annotated));
    /// assert!(factors.of_class(1).eq([1.0, 0.0, 1.0]));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn factors(
        &self,
        classes: &Classes<'_>,
        [samples, count]: [usize; 2],
        annotated: Option<&[bool]>,
    ) -> Factors {
        let samples = match annotated.is_none() && classes.region_count(count) == 1 {
            true => 1,
            false => samples,
        };
        let factor = |index: usize| match annotated.is_none_or(|annotated| annotated[index]) {
            true => self.factor(
                &classes.of_group(index / count, count),
                index % count,
                count,
            ),
            false => 0.0,
        };
        Factors {
            all: (0..samples * count).map(factor).collect(),
            count,
        }
    }
}

impl Factors {
    /// Whether all samples have the same factors, which are kept once.
    pub fn are_alike(&self) -> bool {
        self.all.len() == self.count
    }

    /// The factor of a class, or those of a class in each sample.
    pub fn of_class(&self, index: usize) -> impl Iterator<Item = f64> {
        self.all.iter().skip(index).step_by(self.count).copied()
    }

    /// All factors, sample by sample and class by class.
    pub fn all(&self) -> &[f64] {
        &self.all
    }

    /// The number of classes.
    pub fn class_count(&self) -> usize {
        self.count
    }
}
