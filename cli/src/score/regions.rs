//! The score of regions, which may overlap: each is a two-class prediction of its own, of its outside and its inside.

use std::sync::Arc;

use unifocal_ndarray::Error;
use unifocal_ndarray::core::{Classes, Settings};

use super::{ClassScore, KnownSums, Score, Task, known_sums};
use crate::counts::Count;
use crate::loss::Chosen;
use crate::sweeps::Sums;

/// The settings for regions. As in other programs, region-based losses score the inside only.
pub(super) fn of_each(settings: Settings) -> Settings {
    settings
        .with_multilabel(true)
        .with_region_weights([0.0, 1.0])
}

/// The loss of a region of a sample; `None` if nothing in it counts.
fn of_region(loss: &Chosen, classes: Classes<'_>, sums: &[Sums]) -> Option<f64> {
    (classes.counts(sums)? > 0.0).then_some(classes.value(&loss.loss, sums)?)
}

/// The derivatives of the weighted mean over the regions of all samples, by the sums of each.
pub(super) fn slopes(
    loss: &Chosen,
    settings: &Settings,
    weights: &[f64],
    sums: &[Sums],
    slopes: &mut [[f64; 4]],
) {
    let classes = settings.classes();
    let regions = sums.chunks(2).zip(weights.iter().cycle());
    let share = |(sums, weight): (&[Sums], &f64)| weight * classes.counts(sums).unwrap_or(0.0);
    let total: f64 = regions.clone().map(share).sum();
    let regions = regions.zip(slopes.chunks_mut(2)).enumerate();
    for (index, ((sums, weight), slopes)) in regions {
        let classes = classes.of_group(index, 2);
        classes.slopes(&loss.loss, sums, slopes);
        let share = share((sums, weight)) / total.max(f64::MIN_POSITIVE);
        for slope in slopes.as_flattened_mut() {
            *slope *= share;
        }
    }
}

impl Task<'_> {
    /// Scores two label maps.
    pub(super) fn regions_by_counts(
        &self,
        weights: &[f64],
        counts: &[Count],
    ) -> Result<Vec<Score>, Error> {
        let sums = |loss: &Chosen, counts: &[Count]| -> Vec<Sums> {
            let settings = self.settings_of(loss);
            let [outside, inside] = [0, 1].map(|class| settings.classes().class(class, 2));
            let of_region = |count: &Count| {
                let around = count.complement();
                [
                    around.sums(&loss.loss, &outside),
                    count.sums(&loss.loss, &inside),
                ]
            };
            counts.iter().flat_map(of_region).collect()
        };
        let mut total = vec![Count::default(); weights.len()];
        for sample in counts.chunks(weights.len()) {
            for (total, count) in total.iter_mut().zip(sample) {
                total.merge(count);
            }
        }
        let known = sums(&known_sums()?, &total);
        let score = |loss: &Chosen| {
            let settings = self.settings_of(loss);
            settings.classes().check_regions(2, weights.len())?;
            self.summarize_regions(weights, loss, &sums(loss, counts), Some(&known))
        };
        self.losses.iter().map(score).collect()
    }

    /// Builds the score from the sums of the outside and the inside of each region in each sample, and the known sums of the whole
    /// file. The value is the mean over regions and samples, weighted by region.
    pub(super) fn summarize_regions(
        &self,
        weights: &[f64],
        loss: &Chosen,
        sums: &[Sums],
        known: Option<&[Sums]>,
    ) -> Result<Score, Error> {
        let names = &self.case.names;
        Classes::default()
            .with_class_weights(weights)
            .check(names.len())?;
        let settings = self.settings_of(loss);
        let classes = settings.classes();
        let values: Vec<Option<f64>> = sums
            .chunks(2)
            .zip(weights.iter().cycle())
            .enumerate()
            .map(|(index, (sums, weight))| {
                let value = of_region(loss, classes.of_group(index, 2), sums);
                value.filter(|_| *weight > 0.0)
            })
            .collect();
        let per_class = names.iter().enumerate().map(|(region, name)| {
            let of_region = values.iter().skip(region).step_by(names.len());
            ClassScore {
                class: name.clone(),
                value: mean(of_region.flatten().map(|value| (*value, 1.0))),
                sums: known.filter(|_| self.case.has(region)).map(|known| {
                    let [outside, inside] =
                        [0, 1].map(|class| KnownSums::of(&known[2 * region + class]));
                    KnownSums {
                        cross_entropy: outside.cross_entropy + inside.cross_entropy,
                        ..inside
                    }
                }),
            }
        });
        let per_class = per_class.collect();
        let value = |values: &[Option<f64>]| {
            let weighted = values.iter().zip(weights.iter().cycle());
            mean(weighted.filter_map(|(value, weight)| Some(((*value)?, *weight))))
        };
        let samples = values.chunks(names.len());
        let samples = samples.take(self.samples(values.len() / names.len()));
        Ok(Score {
            value: value(&values),
            per_class,
            samples: samples.map(value).collect(),
            account: Arc::clone(&self.case.account),
        })
    }
}

/// The weighted mean of values; `None` if there are none.
fn mean(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let [sum, total] = values.fold([0.0; 2], |[sum, total], (value, weight)| {
        [sum + weight * value, total + weight]
    });
    (total > 0.0).then_some(sum / total)
}
