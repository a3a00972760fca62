//! Compares with MONAI, segmentation-models-pytorch, nnU-Net, PyTorch, kornia, Keras, optax, polyloss, geodl and the papers' printed equations, by
//! exact conversions.

mod conversions;

use ndarray::ArrayD;

use self::conversions::{Conversion, convert};
use super::{assert_close_gradient, by_precision, outcome};
use crate::golden::{self, Entry, Sample};
use crate::{Backend, tolerance};

/// Compares values and gradients with other libraries, where theirs convert to ours exactly.
pub fn peers(backend: &impl Backend) {
    let mut found = [
        "monai", "smp", "nnunet", "torch", "kornia", "keras", "optax", "polyloss", "geodl", "paper",
    ]
    .map(|name| (name, 0));
    let mut sample = Sample::of(backend);
    for entry in golden::manifest("peers.json") {
        let Some(conversion) = convert(&entry).expect("parameters in range") else {
            continue;
        };
        if sample.takes(&entry) {
            check(backend, &entry, conversion);
        }
        let count = found.iter_mut().find(|(name, _)| *name == entry.framework);
        count.expect("a known library").1 += 1;
    }
    // The manifest has 830 entries. The conversions name those without an exact conversion.
    let expected = [
        ("monai", 212),
        ("smp", 140),
        ("nnunet", 40),
        ("torch", 60),
        ("kornia", 32),
        ("keras", 50),
        ("optax", 25),
        ("polyloss", 10),
        ("geodl", 17),
        ("paper", 164),
    ];
    assert_eq!(found, expected);
}

fn check(backend: &impl Backend, entry: &Entry, conversion: Conversion) {
    let what = format!("{} {}", entry.describe(), entry.setting());
    let Conversion { loss, case, factor } = conversion;
    let ours = outcome(backend, &loss, &case);
    let theirs = entry.value();
    let exact = if entry.precision.is_empty() {
        tolerance::F64_PEERS
    } else {
        tolerance::F32_PEERS
    };
    let tolerance = by_precision(backend, exact, tolerance::F32_OURS);
    let value = factor * ours.value;
    // nnU-Net's loss is a difference, and is rounded like the numbers subtracted.
    let least = if entry.framework == "nnunet" {
        0.3
    } else {
        1e-3
    };
    assert!(
        (value - theirs).abs() <= tolerance * theirs.abs().max(least),
        "{what}: {value} is not {theirs} within {tolerance:e}"
    );
    if let Some(theirs) = entry.gradient() {
        let stride = entry.grad_stride.unwrap_or(1);
        let kept: Vec<f64> = ours
            .gradient
            .iter()
            .step_by(stride)
            .map(|g| factor * g)
            .collect();
        let kept = ArrayD::from_shape_vec(theirs.raw_dim(), kept).expect(&what);
        let tolerance = by_precision(backend, exact, tolerance::F32_GRADIENT);
        assert_close_gradient(&kept, &theirs, tolerance, &what);
    }
}
