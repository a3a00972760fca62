//! Label maps against label maps. All sums follow from how often each pair of labels occurs.

use std::collections::BTreeSet;

use ndarray::{ArrayViewD, Axis, Zip};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use unifocal_ndarray::core::formula::{Class, ClassSums, Loss, Probability};

use crate::labels::Label;
use crate::reading::classes::Classes;
use crate::slab::Slab;

/// The confusion counts of one class in one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) tp: u64,
    pub(crate) fp: u64,
    pub(crate) fn_: u64,
    /// All voxels of the sample that are scored.
    pub(crate) voxels: u64,
}

impl Count {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
        self.voxels += other.voxels;
    }

    /// The counts of all that is not the class.
    pub(crate) fn complement(&self) -> Self {
        Self {
            tp: self.voxels - self.tp - self.fp - self.fn_,
            fp: self.fn_,
            fn_: self.fp,
            voxels: self.voxels,
        }
    }

    /// The sums of a loss's terms: the terms of a TP, FP, FN and TN, times their counts.
    pub(crate) fn sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        class: &Class,
    ) -> ClassSums<f64, K> {
        let tn = self.voxels - self.tp - self.fp - self.fn_;
        let kinds = [
            (self.tp, 1.0, 1.0),
            (self.fp, 1.0, 0.0),
            (self.fn_, 0.0, 1.0),
            (tn, 0.0, 0.0),
        ];
        let mut sums = ClassSums {
            terms: [0.0; K],
            target: (self.tp + self.fn_) as f64,
            voxels: self.voxels as f64,
        };
        for (count, p, y) in kinds.into_iter().filter(|(count, ..)| *count > 0) {
            // In f32, as for the probabilities of a network.
            let terms: [f32; K] = loss.terms(class, &Probability::new(p), &y);
            for (sum, term) in sums.terms.iter_mut().zip(terms) {
                *sum += count as f64 * f64::from(term);
            }
        }
        sums
    }
}

/// How often each pair of predicted and target label occurs, sample by sample.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Meetings(Vec<Vec<((i64, i64), u64)>>);

impl Meetings {
    /// Counts the pairs of two arrays [sample, voxels…], within the mask if there is one. Of a slab, only the voxels are counted that no
    /// other slab counts.
    pub(crate) fn count<P: Label, T: Label>(
        prediction: &ArrayViewD<'_, P>,
        target: &ArrayViewD<'_, T>,
        inside: Option<&ArrayViewD<'_, bool>>,
        slab: Option<&Slab>,
    ) -> Self {
        let samples = 0..prediction.len_of(Axis(0));
        let of_sample = |sample| {
            let mut meetings = Runs::default();
            let zip = Zip::from(own(prediction, slab, sample)).and(own(target, slab, sample));
            match inside {
                None => zip.for_each(|ours, theirs| meetings.add((*ours, *theirs))),
                Some(inside) => {
                    let zip = zip.and(own(inside, slab, sample));
                    zip.for_each(|ours, theirs, inside| {
                        if *inside {
                            meetings.add((*ours, *theirs));
                        }
                    });
                }
            }
            meetings.end()
        };
        let mut counted = samples.map(of_sample);
        let [first, all] = slab.map_or([0, counted.len()], Slab::samples);
        let mut whole: Vec<_> = std::iter::repeat_with(Vec::new).take(all).collect();
        for (whole, counted) in whole.iter_mut().skip(first).zip(&mut counted) {
            *whole = counted;
        }
        Self(whole)
    }

    /// Adds the pairs of other voxels.
    pub(crate) fn merged(mut self, others: Self) -> Self {
        for (ours, theirs) in self.0.iter_mut().zip(others.0) {
            let mut sum: FxHashMap<(i64, i64), u64> = ours.iter().copied().collect();
            for (pair, times) in theirs {
                *sum.entry(pair).or_default() += times;
            }
            *ours = sum.into_iter().collect();
        }
        self
    }

    /// The labels that occur in the prediction at voxels that are not ignored, and those in the target, in ascending order.
    pub(crate) fn occurring(&self, ignored: &[i64]) -> [Vec<i64>; 2] {
        let met = || self.0.iter().flatten().map(|(pair, _)| pair);
        let counted = met().filter(|(_, theirs)| !ignored.contains(theirs));
        let ours: BTreeSet<i64> = counted.map(|(ours, _)| *ours).collect();
        let theirs: BTreeSet<i64> = met().map(|(_, theirs)| *theirs).collect();
        [ours, theirs].map(|labels| labels.into_iter().collect())
    }

    /// The counts of every class, sample by sample.
    ///
    /// Voxels with an ignored target label are left out. Predicted labels that are not classes count for no class.
    pub(crate) fn counts(&self, ignored: &[i64], classes: &Classes) -> Vec<Count> {
        let of_sample = |meetings: &Vec<((i64, i64), u64)>| {
            let mut counts = vec![Count::default(); classes.len()];
            let mut voxels = 0;
            for &((ours, theirs), times) in meetings {
                if ignored.contains(&theirs) {
                    continue;
                }
                voxels += times;
                let (predicted, actual) = (classes.of(ours), classes.of(theirs));
                for class in actual {
                    let count = &mut counts[*class];
                    *(if predicted.contains(class) {
                        &mut count.tp
                    } else {
                        &mut count.fn_
                    }) += times;
                }
                // A predicted label that is ignored belongs to no class.
                if !ignored.contains(&ours) {
                    for class in predicted.iter().filter(|class| !actual.contains(class)) {
                        counts[*class].fp += times;
                    }
                }
            }
            for count in &mut counts {
                count.voxels = voxels;
            }
            counts
        };
        self.0.iter().flat_map(of_sample).collect()
    }
}

/// Counts of pairs of labels. The last pair is counted apart from the map, because neighbouring voxels mostly have the same pair.
struct Runs<P, T> {
    counts: FxHashMap<(i64, i64), u64>,
    last: Option<(P, T)>,
    run: u64,
}

impl<P, T> Default for Runs<P, T> {
    fn default() -> Self {
        Self {
            counts: FxHashMap::default(),
            last: None,
            run: 0,
        }
    }
}

impl<P: Label, T: Label> Runs<P, T> {
    fn add(&mut self, pair: (P, T)) {
        if self.last != Some(pair) {
            self.flush();
            self.last = Some(pair);
        }
        self.run += 1;
    }

    fn flush(&mut self) {
        if let Some((ours, theirs)) = self.last {
            *self.counts.entry((ours.into(), theirs.into())).or_default() += self.run;
        }
        self.run = 0;
    }

    fn end(mut self) -> Vec<((i64, i64), u64)> {
        self.flush();
        self.counts.into_iter().collect()
    }
}

/// The voxels of a sample to count.
fn own<'a, T>(array: &ArrayViewD<'a, T>, slab: Option<&Slab>, sample: usize) -> ArrayViewD<'a, T> {
    match slab {
        Some(slab) => slab.own(array, sample),
        None => array.clone().index_axis_move(Axis(0), sample),
    }
}
