//! Compares overlap scores of hard segmentations with MONAI and scikit-learn.

use std::fmt::Debug;

use ndarray::{Array, ArrayD, Axis, Slice};
use unifocal_core::{AbsentClass, Overlap, Pooling, Scores, Settings, formula::ClassSums};

use super::assert_close;
use crate::golden::{self, HardCase};
use crate::{Case, Target, tolerance};

/// Adds up the sums of hard segmentations batch by batch, and compares the scores of all samples with MONAI's and scikit-learn's.
///
/// `hard_sums` gives those of a case of probabilities: each voxel belongs to its most probable class.
pub fn scores<E: Debug>(hard_sums: impl Fn(&Case) -> Result<Vec<ClassSums<f64, 4>>, E>) {
    let published = golden::scores();
    let mut compared = [0; 2];
    for case in &published.cases {
        for size in 1..=case.shape[0] {
            let batches: Vec<_> = batches(case, size, published.ignored)
                .iter()
                .map(|batch| hard_sums(batch).expect("a valid case"))
                .collect();
            compared[0] += monai(case, &batches);
            compared[1] += sklearn(case, &batches);
        }
    }
    // The numbers of entries, times the numbers of batch sizes.
    assert_eq!(compared, [128, 76]);
}

/// The samples of a case in batches, as probabilities beside labels.
fn batches(case: &HardCase, size: usize, ignored: i64) -> Vec<Case> {
    let predicted = ArrayD::from_shape_vec(case.shape.clone(), case.predicted.clone());
    let labels = ArrayD::from_shape_vec(case.shape.clone(), case.target.clone());
    let (predicted, labels) = (predicted.expect("a map"), labels.expect("a map"));
    let [samples, height, width] = case.shape[..] else {
        panic!("label maps are [N, H, W]");
    };
    let rest = 0.4 / (case.classes as f64 - 1.0);
    let shape = [samples, case.classes, height, width];
    let probabilities = Array::from_shape_fn(shape, |(n, class, y, x)| {
        let is_predicted = predicted[[n, y, x]] == class as i64;
        if is_predicted { 0.6 } else { rest }
    });
    let of = |first: usize| Slice::from(first..(first + size).min(samples));
    (0..samples)
        .step_by(size)
        .map(|first| {
            let prediction = probabilities.slice_axis(Axis(0), of(first)).to_owned();
            let labels = labels.slice_axis(Axis(0), of(first)).to_owned();
            Case::new(prediction.into_dyn(), Target::Labels(labels)).with_ignore_label(ignored)
        })
        .collect()
}

/// The scores of all batches.
fn add_up(
    overlap: Overlap,
    classes: usize,
    settings: &Settings,
    batches: &[Vec<ClassSums<f64, 4>>],
) -> Scores<Overlap> {
    let mut scores = Scores::new(overlap, classes, settings.clone()).expect("valid settings");
    for sums in batches {
        scores.add(sums).expect("sums of all classes");
    }
    scores
}

fn monai(case: &HardCase, batches: &[Vec<ClassSums<f64, 4>>]) -> usize {
    for entry in &case.monai {
        let what = format!("MONAI, {} {entry:?}", case.case);
        let overlap = match entry.score.as_str() {
            "dice" => Overlap::Dice,
            _ => Overlap::Iou,
        };
        let absent = match entry.ignore_empty {
            true => AbsentClass::Skip,
            false => AbsentClass::Smooth,
        };
        let mut weights = vec![1.0; case.classes];
        let first = usize::from(!entry.include_background);
        weights[..first].fill(0.0);
        let settings = Settings::default()
            .with_absent_class(absent)
            .with_class_weights(weights);
        let scores = add_up(overlap, case.classes, &settings, batches);
        let close = |found, expected| assert_close(found, expected, tolerance::F32_PEERS, &what);
        close(scores.value().expect(&what), entry.mean);
        let per_class = scores.per_class().split_off(first);
        assert_eq!(per_class.len(), entry.mean_batch.len(), "{what}");
        for (found, expected) in per_class.into_iter().zip(&entry.mean_batch) {
            match (found, *expected) {
                (Some(found), Some(expected)) => close(found, expected),
                (found, expected) => assert_eq!(found, expected, "{what}"),
            }
        }
    }
    case.monai.len()
}

fn sklearn(case: &HardCase, batches: &[Vec<ClassSums<f64, 4>>]) -> usize {
    let settings = Settings::default().with_pooling(Pooling::Batch);
    let occurs = |class: usize| {
        let mut all = case.predicted.iter().chain(&case.target);
        all.any(|label| *label == class as i64)
    };
    for entry in &case.sklearn {
        let what = format!("scikit-learn, {} {entry:?}", case.case);
        let overlap = match entry.score.as_str() {
            "f1" => Overlap::Dice,
            "jaccard" => Overlap::Iou,
            "precision" => Overlap::Precision,
            _ => Overlap::Recall,
        };
        let scores = add_up(overlap, case.classes, &settings, batches);
        let close = |found, expected| assert_close(found, expected, tolerance::F64_IDENTITY, &what);
        for (class, found) in scores.per_class().into_iter().enumerate() {
            // Of a class that neither map contains, we say 1 and scikit-learn 0.
            if occurs(class) {
                close(found.expect(&what), entry.per_class[class]);
            } else {
                assert_eq!((found, entry.per_class[class]), (Some(1.0), 0.0), "{what}");
            }
        }
        if (0..case.classes).all(occurs) {
            close(scores.value().expect(&what), entry.macro_average);
        }
    }
    case.sklearn.len()
}
