//! Label maps against label maps: everything follows from how often each label meets each other one.

use ndarray::{ArrayViewD, Axis, Zip};
use rustc_hash::FxHashMap;
use unifocal_ndarray::core::{Class, ClassSums, Loss, Probability};

use crate::reading::classes::Classes;

/// How the voxels of one class in one sample are predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) tp: u64,
    pub(crate) fp: u64,
    pub(crate) fn_: u64,
    /// All voxels of the sample that count.
    pub(crate) voxels: u64,
}

impl Count {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.tp += other.tp;
        self.fp += other.fp;
        self.fn_ += other.fn_;
        self.voxels += other.voxels;
    }

    /// The sums of a loss's terms: those of the four kinds of voxels, as often as there are such voxels.
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
            // In the precision of a network's probabilities.
            let terms: [f32; K] = loss.terms(class, &Probability::new(p), &y);
            for (sum, term) in sums.terms.iter_mut().zip(terms) {
                *sum += count as f64 * f64::from(term);
            }
        }
        sums
    }
}

/// A label map as indices into the list of labels that occur in it, [N, voxels…].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded<'a> {
    pub(crate) codes: &'a ArrayViewD<'a, u32>,
    pub(crate) labels: &'a [i64],
}

/// Tables of more cells than this are kept as hashes of those that occur.
const DENSE: usize = 1 << 16;

/// The counts of every class, sample by sample, from label maps and where to look.
///
/// Voxels whose target is ignored do not count; a label of the prediction that is no class is none.
pub(crate) fn count(
    prediction: Coded<'_>,
    target: Coded<'_>,
    mask: Option<&ArrayViewD<'_, bool>>,
    ignored: &[i64],
    classes: &Classes,
) -> Vec<Count> {
    let samples = target.codes.len_of(Axis(0));
    let mut counts = Vec::with_capacity(samples * classes.len());
    for sample in 0..samples {
        let [ours, theirs] =
            [prediction.codes, target.codes].map(|codes| codes.index_axis(Axis(0), sample));
        let inside = mask.map(|mask| mask.index_axis(Axis(0), sample));
        let mut of_sample = vec![Count::default(); classes.len()];
        let mut voxels = 0;
        let columns = target.labels.len();
        for (cell, times) in cells(
            &ours,
            &theirs,
            inside.as_ref(),
            prediction.labels.len(),
            columns,
        ) {
            let [label, truth] = [
                prediction.labels[cell / columns],
                target.labels[cell % columns],
            ];
            if ignored.contains(&truth) {
                continue;
            }
            voxels += times;
            let (predicted, actual) = (classes.of(label), classes.of(truth));
            for class in actual {
                let count = &mut of_sample[*class];
                *(if predicted.contains(class) {
                    &mut count.tp
                } else {
                    &mut count.fn_
                }) += times;
            }
            // A void label of the prediction is no class.
            for class in predicted.iter().filter(|class| !actual.contains(class)) {
                if !ignored.contains(&label) {
                    of_sample[*class].fp += times;
                }
            }
        }
        for count in &mut of_sample {
            count.voxels = voxels;
        }
        counts.extend(of_sample);
    }
    counts
}

/// How often each pair of codes occurs that does, by its place in a table of `rows` × `columns`.
fn cells(
    ours: &ArrayViewD<'_, u32>,
    theirs: &ArrayViewD<'_, u32>,
    mask: Option<&ArrayViewD<'_, bool>>,
    rows: usize,
    columns: usize,
) -> Vec<(usize, u64)> {
    let cell = |ours: u32, theirs: u32| ours as usize * columns + theirs as usize;
    if rows.saturating_mul(columns) <= DENSE {
        let mut table = vec![0; rows * columns];
        pairs(ours, theirs, mask, |ours, theirs| {
            table[cell(ours, theirs)] += 1;
        });
        let table = table.into_iter().enumerate();
        return table.filter(|(_, times)| *times > 0).collect();
    }
    let mut table: FxHashMap<usize, u64> = FxHashMap::default();
    pairs(ours, theirs, mask, |ours, theirs| {
        *table.entry(cell(ours, theirs)).or_default() += 1;
    });
    let mut table: Vec<_> = table.into_iter().collect();
    // In the order of a table, whatever the hash.
    table.sort_unstable();
    table
}

fn pairs(
    ours: &ArrayViewD<'_, u32>,
    theirs: &ArrayViewD<'_, u32>,
    mask: Option<&ArrayViewD<'_, bool>>,
    mut each: impl FnMut(u32, u32),
) {
    let zip = Zip::from(ours).and(theirs);
    match mask {
        None => zip.for_each(|ours, theirs| each(*ours, *theirs)),
        Some(mask) => zip.and(mask).for_each(|ours, theirs, inside| {
            if *inside {
                each(*ours, *theirs);
            }
        }),
    }
}
