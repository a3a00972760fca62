//! Compares with the core in f64, on random cases with random settings.

use fastrand::Rng;
use unifocal_core::{AnyLoss, catalogue::Name};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::core_f64::CoreF64;
use crate::{Backend, Case, Target, random, tolerance};

/// Values and gradients equal the core's in f64. A backend of few rounds checks each loss on a third of the shapes and inputs.
pub fn agreement(backend: &impl Backend) {
    let mut rng = Rng::with_seed(11);
    let rounds = backend.rounds(16);
    let turns = if rounds < 16 { 3 } else { 1 };
    for round in 0..rounds {
        for (nth, shape) in random::SHAPES.into_iter().enumerate() {
            for (turn, input) in (nth..).zip(random::inputs(shape)) {
                let mut case = random::case(&mut rng, shape, *input);
                // Round to f32, so that backends of both precisions get the same numbers.
                case.prediction.mapv_inplace(|x| f64::from(x as f32));
                for loss in losses().skip(turn % turns).step_by(turns) {
                    let what = format!("{loss}, round {round}, {case:?}");
                    let ours = outcome(backend, &loss, &case);
                    let core = outcome(&CoreF64, &loss, &case);
                    let tolerance = by_precision(backend, tolerance::F64_OURS, tolerance::F32_OURS);
                    let shift = if is_difference(&loss, &case) {
                        1.0
                    } else {
                        0.0
                    };
                    assert_close(ours.value + shift, core.value + shift, tolerance, &what);
                    let tolerance =
                        by_precision(backend, tolerance::F64_OURS, tolerance::F32_GRADIENT);
                    // The MCC of a single voxel is 0 whatever it is, and its gradient is rounding.
                    let counted = shape[2..].iter().product::<usize>();
                    if counted > 1 || !matches!(loss, AnyLoss::Matthews(_)) {
                        assert_close_gradient(&ours.gradient, &core.gradient, tolerance, &what);
                    }
                }
            }
        }
    }
}

/// Whether the value is a difference, whose rounding is relative to the subtracted numbers: Combo, and the differences p − y to a soft
/// target.
fn is_difference(loss: &AnyLoss, case: &Case) -> bool {
    let has_differences = match loss {
        AnyLoss::Tversky(loss) => loss.order().is_some() || loss.noise_robust(),
        AnyLoss::Focal(_) | AnyLoss::Matthews(_) | AnyLoss::HardVoxels(_) => false,
        AnyLoss::UnifiedFocal(loss) => loss.region().order().is_some(),
    };
    let is_soft = matches!(case.target, Target::Soft(_));
    loss.name() == Some(Name::Combo) || has_differences && is_soft
}
