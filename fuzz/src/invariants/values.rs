//! Finite values within their range.

use arbitrary::{Result, Unstructured};
use unifocal_core::{AnyLoss, Input, catalogue::Name};

use super::outcomes::outcomes;
use crate::case::{Case, Target};
use crate::loss;
use crate::numbers::Numbers;

/// −ln 10⁻⁷, the largest cross entropy of a voxel at the default clip.
const LARGEST: f64 = 16.118_095_650_958_32;

/// −ln 10⁻⁴⁰, above the largest −ln TI at s = 10⁻⁶: the errors of 1024 voxels with weights of 10³⁰ are at most 10³³·½.
const LARGEST_LOG: f64 = 92.103_403_719_761_83;

/// Above the largest noise-robust Dice loss at γ = 1.5: Σ p^1.5 / (Σ p² + 2s) is at most (Σ v / 2s)^¼, with Σ v below 10³⁴.
const LARGEST_ROBUST: f64 = 1e10;

/// Every loss with default parameters, from probabilities and logits: finite, within its range, and with the right signs in the gradient,
/// also for hard wrong predictions.
pub fn values(u: &mut Unstructured<'_>) -> Result<()> {
    let (name, loss) = loss::default(u)?;
    let mut case = Case::draw(u, Numbers::All)?;
    (case.settings.class_weights, case.settings.class_alpha) = (None, None);
    case.settings.region_weights = None;
    let [wide, narrow] = outcomes(&case, &loss);
    let classes = case.classes() as f64;
    for value in [wide.value, narrow.value] {
        let [region, distribution] = largest_sides(&loss);
        let least = if name == Name::Combo { -0.5 } else { 0.0 };
        assert!(value >= least - 1e-6, "{name}: {value} on {case:?}");
        if case.settings.input == Input::Probabilities || distribution == 0.0 {
            let most = region + distribution * classes;
            assert!(value <= most * (1.0 + 1e-6), "{name}: {value} on {case:?}");
        }
    }
    if let Target::Labels(labels) = &case.target {
        case.for_each(|sample, channel, voxel| {
            let at = case.at(sample, channel, voxel);
            let label = usize::from(labels[sample * case.shape.voxels + voxel]);
            let wrong = case.prediction[at] == 0.0 && case.settings.input == Input::Probabilities;
            // With voxel weights up to 10³⁰, a weight of 10⁻³⁰⁰ vanishes, so only check unweighted cases.
            if wrong && label == channel && case.shape.channels > 1 && case.weights.is_none() {
                let g = wide.gradient[at];
                assert!(
                    g < 0.0,
                    "{name}: the gradient is {g} at {sample} {channel} {voxel} of {case:?}, expected below 0"
                );
            }
        });
    }
    Ok(())
}

/// The largest value of the region-based side of a loss, and of its distribution-based side per class; 0 for a side it does not have.
fn largest_sides(loss: &AnyLoss) -> [f64; 2] {
    match loss {
        AnyLoss::Tversky(loss) if loss.log() => [LARGEST_LOG, 0.0],
        AnyLoss::Tversky(loss) if loss.noise_robust() => [LARGEST_ROBUST, 0.0],
        AnyLoss::Tversky(_) => [1.0, 0.0],
        AnyLoss::Matthews(_) => [2.0, 0.0],
        AnyLoss::HardVoxels(_) => [0.0, LARGEST],
        AnyLoss::Focal(loss) => [0.0, LARGEST + loss.poly()],
        AnyLoss::UnifiedFocal(_) => [1.0, LARGEST],
    }
}
