//! The hierarchy: every special case is a member of the family.

use fastrand::Rng;
use ndarray::Axis;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use unifocal_core::{
    AnyLoss, Focal, HardVoxels, Input, Matthews, Tversky, UnifiedFocal, catalogue::ParameterError,
};

use super::symmetries::first_sample;
use super::{assert_close, by_precision, outcome};
use crate::{Backend, Case, Target, random, tolerance};

/// Checks the identities between losses, for random parameters and inputs.
pub fn hierarchy(backend: &impl Backend) {
    let config = Config {
        cases: backend.rounds(64) as u32,
        failure_persistence: None,
        ..Config::default()
    };
    let unit = || 0.0..=1.0_f64;
    TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    )
    .run(
        &(any::<u64>(), unit(), unit(), unit()),
        |(seed, lambda, delta, gamma)| {
            let mut rng = Rng::with_seed(seed);
            let shape = [2, 2 + rng.usize(0..2), 3, 4];
            for input in [Input::Probabilities, Input::Softmax] {
                let case = Case::new(
                    random::prediction(&mut rng, &shape, input),
                    Target::Labels(random::labels(&mut rng, &shape)),
                )
                .with_input(input);
                identities(backend, &case, lambda, delta, gamma).expect("parameters in range");
                if input == Input::Probabilities {
                    minima(backend, &case, gamma).expect("parameters in range");
                }
            }
            Ok(())
        },
    )
    .unwrap();
}

fn identities(
    backend: &impl Backend,
    case: &Case,
    lambda: f64,
    delta: f64,
    gamma: f64,
) -> Result<(), ParameterError> {
    let value = |loss: AnyLoss| outcome(backend, &loss, case).value;
    let tolerance = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
    let same = |what: &str, left: f64, right: f64| assert_close(left, right, tolerance, what);
    let set = |loss: UnifiedFocal| loss.with_delta(delta)?.with_gamma(gamma);
    let [symmetric, asymmetric] = [
        set(UnifiedFocal::symmetric())?,
        set(UnifiedFocal::asymmetric())?,
    ];

    for loss in [symmetric, asymmetric] {
        let focal = value(loss.distribution().into());
        let tversky = value(loss.region().into());
        same(
            "λ = 0 is focal",
            value(loss.with_lambda(0.0)?.into()),
            focal,
        );
        same(
            "λ = 1 is focal Tversky",
            value(loss.with_lambda(1.0)?.into()),
            tversky,
        );
        let mixed = lambda * tversky + (1.0 - lambda) * focal;
        same("λ mixes", value(loss.with_lambda(lambda)?.into()), mixed);
        same(
            "λ absent sums",
            value(loss.with_lambda(None)?.into()),
            tversky + focal,
        );
    }

    let [symmetric, asymmetric] = [symmetric.with_gamma(0.0)?, asymmetric.with_gamma(0.0)?];
    same(
        "γ = 0 has no asymmetry",
        value(symmetric.into()),
        value(asymmetric.into()),
    );
    let tversky = Tversky::new()
        .with_delta(delta)?
        .with_smooth(1e-7)?
        .with_clip(1e-7)?;
    same(
        "γ = 0 is Tversky",
        value(symmetric.region().into()),
        value(tversky.into()),
    );
    let focal = Tversky::focal().with_delta(delta)?.with_gamma(1.0)?;
    let plain = Tversky::new().with_delta(delta)?.with_clip(1e-7)?;
    same(
        "focal Tversky at γ = 1 is Tversky",
        value(focal.into()),
        value(plain.into()),
    );
    let weighted = Focal::cross_entropy().with_delta(delta)?;
    same(
        "γ = 0 is weighted cross entropy",
        value(symmetric.distribution().into()),
        value(weighted.into()),
    );
    let plain = Focal::new().with_gamma(0.0)?;
    same(
        "focal at γ = 0 is cross entropy",
        value(plain.into()),
        value(Focal::cross_entropy().into()),
    );
    let named = UnifiedFocal::tversky_cross_entropy().with_delta(delta)?;
    same(
        "Tversky cross entropy is γ = 0",
        value(named.into()),
        value(symmetric.into()),
    );

    let half = Tversky::new().with_delta(0.5)?;
    same(
        "δ = ½ is Dice",
        value(half.into()),
        value(Tversky::dice().into()),
    );
    let half = Focal::symmetric().with_gamma(0.0)?.with_delta(0.5)?;
    same(
        "δ = ½ is ½ cross entropy",
        value(half.into()),
        0.5 * value(Focal::cross_entropy().into()),
    );
    let ones = Tversky::dice().with_weights(1.0, 1.0)?;
    same(
        "α = β = 1 is Jaccard",
        value(ones.into()),
        value(Tversky::jaccard().into()),
    );

    // Combo does not clip its Dice side, which makes no difference for these predictions. s is the same on both sides.
    let unified = UnifiedFocal::symmetric()
        .with_gamma(0.0)?
        .with_delta(0.5)?
        .with_smooth(1e-6)?;
    let combo = UnifiedFocal::combo(0.5, 0.5)?;
    same(
        "unified(½, 0, ½) is combo + ½",
        value(unified.into()),
        value(combo.into()) + 0.5,
    );

    let f1 = Tversky::f_beta(1.0)?;
    same(
        "F1 is Dice",
        value(f1.into()),
        value(Tversky::dice().into()),
    );
    let (dice, entropy) = (Tversky::dice(), Focal::cross_entropy());
    same(
        "Dice + cross entropy is the sum",
        value(UnifiedFocal::dice_cross_entropy().into()),
        value(dice.into()) + value(entropy.into()),
    );
    same(
        "all voxels are hard at τ = 1",
        value(HardVoxels::new().with_threshold(1.0)?.into()),
        value(entropy.into()),
    );
    let poly = Focal::poly1().with_gamma(gamma)?;
    same(
        "poly-1 at ε = 0 is the focal loss",
        value(poly.with_poly(0.0)?.into()),
        value(Focal::new().with_gamma(gamma)?.into()),
    );
    let ends = [0.0, 3.0].map(|epsilon| poly.with_poly(epsilon).expect("in range"));
    let [zero, three] = ends.map(|loss| value(loss.into()));
    same(
        "poly-1 is linear in ε",
        value(poly.with_poly(3.0 * lambda)?.into()),
        (1.0 - lambda) * zero + lambda * three,
    );
    let exponential = UnifiedFocal::exponential_log().with_gamma(1.0)?;
    same(
        "exponential-log at γ = 1 is −ln Dice + cross entropy",
        value(exponential.with_lambda(None)?.into()),
        value(Tversky::log_dice().into()) + value(entropy.into()),
    );
    let gamma = gamma.max(1e-3);
    let power = exponential.with_gamma(gamma)?;
    same(
        "exponential-log is the sum of its powers",
        value(power.into()),
        0.8 * value(Tversky::log_dice().with_gamma(gamma)?.into())
            + 0.2 * value(Focal::exponential_log().with_gamma(gamma)?.into()),
    );
    let robust = Tversky::noise_robust_dice().with_gamma(2.0)?;
    same(
        "noise-robust Dice at γ = 2 is Dice of squares",
        value(robust.with_smooth(1e-6)?.into()),
        value(Tversky::dice().with_order(2)?.into()),
    );
    same(
        "order 1 is the default for labels",
        value(Tversky::new().with_order(1)?.into()),
        value(Tversky::new().into()),
    );

    // λ stands for any number in [0, 1] here.
    let smoothed = |t| Ok(value(entropy.with_label_smoothing(t)?.into()));
    let (none, all) = (smoothed(0.0)?, smoothed(1.0)?);
    same(
        "label smoothing mixes in the uniform target",
        smoothed(lambda)?,
        (1.0 - lambda) * none + lambda * all,
    );

    let two = case.prediction.len_of(Axis(1)) == 2;
    if two && case.settings.input == Input::Softmax {
        let only = |class: usize| {
            let weights = (0..2).map(|index| f64::from(u8::from(index == class)));
            let case = case.clone().with_class_weights(weights.collect::<Vec<_>>());
            outcome(backend, &Matthews::new().into(), &case).value
        };
        same("MCC is that of the other class", only(0), only(1));
    }

    // A single sample with a single class in the mean: nothing is averaged.
    let mut weights = vec![0.0; case.prediction.len_of(Axis(1))];
    weights[1] = 1.0;
    let single = case
        .map(first_sample, first_sample)
        .with_class_weights(weights);
    let value = |loss: Tversky| outcome(backend, &loss.into(), &single).value;
    same(
        "log Dice is −ln(1 − Dice)",
        value(Tversky::log_dice()),
        -(-value(Tversky::dice())).ln_1p(),
    );
    same(
        "log-cosh Dice is ln cosh of Dice",
        value(Tversky::log_cosh_dice().with_gamma(gamma)?),
        value(Tversky::dice().with_gamma(gamma)?).cosh().ln(),
    );
    same(
        "generalised Dice of one class is Dice",
        value(Tversky::generalized_dice().with_volume_exponent(0)?),
        value(Tversky::dice()),
    );
    Ok(())
}

/// With order 1 and 2, the loss of a soft target has its minimum, 0, where p = y.
fn minima(backend: &impl Backend, case: &Case, gamma: f64) -> Result<(), ParameterError> {
    let perfect = Case {
        target: Target::Soft(case.prediction.clone()),
        ..case.clone()
    };
    let tolerance = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
    for order in [1, 2] {
        let dice = Tversky::dice().with_order(order)?;
        let found = outcome(backend, &dice.into(), &perfect).value;
        assert!(found.abs() <= tolerance, "order {order}: {found}");
        let unified = UnifiedFocal::asymmetric().with_lambda(1.0)?;
        let unified = unified.with_gamma(gamma)?.with_order(order)?;
        let least = outcome(backend, &unified.into(), &perfect).value;
        let worse = outcome(backend, &unified.into(), case).value;
        assert!(least < worse, "order {order}: {least}, then {worse}");
    }
    Ok(())
}
