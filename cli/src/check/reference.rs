//! The results that the published formulas would have given, with their differences 1 − TI in f32.

use unifocal_ndarray::core::{AnyLoss, Parameter, Tversky};

use super::findings::{Finding, Level};
use crate::score::Score;

/// States for which classes 1 − TI is 0 or below in f32 as published, so that its power has no finite derivative there.
pub(super) fn find(loss: &AnyLoss, score: &Score) -> Option<Finding> {
    let region = match loss {
        AnyLoss::Tversky(region) => *region,
        AnyLoss::UnifiedFocal(both) => both.region(),
        AnyLoss::Focal(_) | AnyLoss::Matthews(_) | AnyLoss::HardVoxels(_) => return None,
    };
    // Without a power there is nothing to go wrong.
    loss.get(Parameter::Gamma).ok().flatten()?;
    let classes = score.per_class.iter();
    let bad: Vec<String> = classes
        .filter(|class| {
            let sums = class.sums.map(|sums| sums.confusion);
            sums.is_some_and(|sums| published(&region, sums.tp, sums.fp, sums.fn_) <= 0.0)
        })
        .map(|class| class.class.to_string())
        .collect();
    Some(if bad.is_empty() {
        Finding::new(
            Level::Good,
            "the published formula has a finite gradient as well",
        )
    } else {
        Finding::new(
            Level::Note,
            format!(
                "the published formula, (1 - TI) to a power in f32, has 1 - TI = 0 or below for class {}: its gradient is NaN or infinite. Here it is finite",
                bad.join(", ")
            ),
        )
    })
}

/// 1 − TI as the reference computes it.
fn published(region: &Tversky, tp: f64, fp: f64, fn_: f64) -> f32 {
    let [tp, fp, fn_, smooth] = [tp, fp, fn_, region.smooth()].map(|number| number as f32);
    let [a, b] = [region.fp_weight(), region.fn_weight()].map(|number| number as f32);
    1.0 - (tp + smooth) / (tp + a * fp + b * fn_ + smooth)
}
