//! Compares with the values and gradients of the published implementations.

use std::collections::BTreeMap;

use super::{assert_close_gradient, by_precision, largest, outcome};
use crate::golden::{self, Entry, Sample};
use crate::{Backend, Outcome, Precision, Target, tolerance};

/// Values and gradients of the reference and of its PyTorch port, entry by entry.
pub fn goldens(backend: &impl Backend) {
    let mut sample = Sample::of(backend);
    let mut found = 0;
    let mut left_out = BTreeMap::<_, usize>::new();
    for entry in golden::entries() {
        if let Some(reason) = entry.left_out() {
            *left_out.entry(reason).or_default() += 1;
            let is_nan = entry.is_ok() && entry.value().is_nan();
            assert_eq!(is_nan, reason == golden::NAN, "{}", entry.describe());
            continue;
        }
        if sample.takes(&entry) {
            check(backend, &entry);
        }
        found += 1;
    }
    // The manifest has 528 entries. Update these counts when an entry is left out or added.
    let expected = [
        ("it is NaN: 0·0^-γ", 2),
        ("it looks at classes 0 and 1 only", 54),
        ("it takes a spatial slice for a class in 3D", 17),
        (
            "its f32 cancels up to 3 % of a near-perfect score; its f64 port is compared",
            37,
        ),
        (
            "the implementation itself fails: it multiplies a class axis of two into four",
            2,
        ),
    ];
    assert_eq!(left_out.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(
        found,
        528 - expected.iter().map(|(_, count)| count).sum::<usize>()
    );
}

fn check(backend: &impl Backend, entry: &Entry) {
    let what = entry.describe();
    let (loss, alpha) = entry.loss().expect(&what);
    let mut case = entry.case();
    case.settings.class_alpha = alpha;
    let mut ours = outcome(backend, &loss, &case);
    let mut rounding = 0.0;
    if entry.loss == "dice_coefficient" {
        rounding = by_precision(backend, 0.0, tolerance::F32_VALUE);
        ours = Outcome {
            value: 1.0 - ours.value,
            gradient: ours.gradient.mapv(|g| -g),
        };
    }
    let exact = entry.framework == "torch_port_f64";
    let perfect = entry.case == "perfect2d";
    let value_tolerance = match (backend.precision(), exact) {
        (Precision::F64, true) if perfect => tolerance::F64_PERFECT,
        (Precision::F64, true) => tolerance::F64_GOLDEN,
        (Precision::F32, true) => tolerance::F32_OURS,
        (_, false) => tolerance::F32_REFERENCE,
    };
    let theirs = entry.value();
    assert!(
        (ours.value - theirs).abs() <= value_tolerance * theirs.abs() + rounding,
        "{what}: {} is not {theirs} within {value_tolerance:e}",
        ours.value
    );

    let Some(mut theirs) = entry.gradient() else {
        return;
    };
    // Gradients differ by design where their clamp makes them 0: do not compare there.
    let cut = 1e-7;
    for (index, p) in case.prediction.indexed_iter() {
        if *p < cut * 1.01 || *p > 1.0 - cut * 1.2 {
            theirs[&index] = 0.0;
            ours.gradient[&index] = 0.0;
        }
    }
    assert!(
        matches!(case.target, Target::Soft(_)) && largest(&theirs).is_finite(),
        "{what}"
    );
    let gradient_tolerance = match (backend.precision(), exact) {
        (Precision::F64, true) => tolerance::F64_GOLDEN,
        (Precision::F32, true) => tolerance::F32_OURS,
        (_, false) => tolerance::F32_REFERENCE_GRADIENT,
    };
    assert_close_gradient(&ours.gradient, &theirs, gradient_tolerance, &what);
}
