//! f32 beside f64.

use arbitrary::{Result, Unstructured};
use unifocal_conformance::tolerance::{F32_GRADIENT, F32_OURS};
use unifocal_core::{Input, catalogue::Name, data::Shape};

use super::outcomes::{jumps, largest, outcomes};
use crate::case::{Case, Target};
use crate::loss;
use crate::numbers::Numbers;

/// Compares f32 with f64.
pub fn precision(u: &mut Unstructured<'_>) -> Result<()> {
    let (name, loss) = loss::default(u)?;
    let case = Case::draw(u, Numbers::Plain)?.rounded();
    let [mut wide, narrow] = outcomes(&case, &loss);
    if jumps(&loss, &wide, &narrow) {
        return Ok(());
    }
    // With one channel, f32 rounds the background's 1 − p and 1 − y before the formulas use them.
    if case.shape.channels == 1 && case.settings.input != Input::Softmax {
        let apart = case.apart();
        let both = apart.evaluate(&loss).expect("a valid case");
        wide.value = both.value;
        case.for_each(|sample, _, voxel| {
            let [background, foreground] =
                [0, 1].map(|channel| both.gradient[apart.at(sample, channel, voxel)]);
            wide.gradient[case.at(sample, 0, voxel)] = foreground - background;
        });
    }
    // The difference from the largest logit is rounded, which gives e^z a relative error proportional to z.
    let size = match case.settings.input {
        Input::Probabilities => 0.0,
        _ => case
            .prediction
            .iter()
            .fold(0.0_f64, |size, z| size.max(z.abs())),
    };
    let slack = 1.0 + size / 8.0;
    // Combo's value is a difference, and so is p − y to a soft target, so its error is absolute.
    let is_soft = matches!(case.target, Target::Soft(_));
    let is_difference = name == Name::Combo || name == Name::NoiseRobustDice && is_soft;
    let scale = if is_difference { 1.0 } else { 0.0 };
    let bound = F32_OURS * slack * wide.value.abs().max(scale) + 1e-12;
    let error = (wide.value - narrow.value).abs();
    assert!(
        error <= bound,
        "{name}: {error} of {} on {case:?}",
        wide.value
    );
    // The slopes of its numerator and of its denominator, up to 1/s, can cancel down to their rounding errors.
    if name == Name::NoiseRobustDice {
        return Ok(());
    }
    // From logits, with soft targets or in one channel, the terms of a voxel's gradient can cancel down to their rounding errors.
    let least = match (case.settings.input, &case.target) {
        // The MCC of voxels of one class is 0, and its gradient the rounding of slopes of about 1 per voxel.
        _ if name == Name::Matthews => 1.0 / fewest_counted(&case) as f64,
        (Input::Probabilities, Target::Labels(_)) if case.shape.channels > 1 => 0.0,
        _ => 0.1 / (case.shape.samples * fewest_counted(&case)) as f64,
    };
    let largest = largest(&wide.gradient).max(least);
    for (a, b) in wide.gradient.iter().zip(&narrow.gradient) {
        let error = (a - b).abs();
        let bound = F32_GRADIENT * slack * largest + 1e-30;
        assert!(
            error <= bound,
            "{name}: {b} is not {a}, of {largest}, on {case:?}"
        );
    }
    Ok(())
}

/// The smallest number of counting voxels in a sample, over samples that have any.
fn fewest_counted(case: &Case) -> usize {
    let Shape {
        samples, voxels, ..
    } = case.shape;
    let counted = |sample| {
        (0..voxels)
            .filter(|voxel| case.weight(sample, *voxel) != 0.0)
            .count()
    };
    let counts = (0..samples).map(counted).filter(|count| *count > 0);
    counts.min().unwrap_or(1)
}
