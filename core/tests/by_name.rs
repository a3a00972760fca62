//! Losses by name and parameters: setting, reading, printing, parsing and their errors.

use proptest::prelude::*;
use unifocal_core::{catalogue::*, *};

use crate::draw::any_loss;

/// Values of a parameter: both ends of its range, a number between them, and none if it is valid.
fn values(range: Range) -> Vec<Option<f64>> {
    let mut values = vec![Some(range.least()), Some(range.most())];
    values.extend(Some(0.375).filter(|x| range.contains(*x)).map(Some));
    values.extend(range.allows_none().then_some(None));
    values
}

#[test]
fn set_get_print_and_parse_agree() -> Result<(), LossError> {
    for name in Name::ALL {
        let loss = name.loss();
        assert_eq!(loss.to_string(), name.as_str());
        assert_eq!(loss.name(), Some(name));
        for parameter in name.parameters() {
            for value in values(name.range(*parameter)?) {
                let set = loss.with(*parameter, value)?;
                assert_eq!(set.name(), Some(name), "{set}");
                assert_eq!(set.get(*parameter)?, value, "{set}");
                let others = |loss: AnyLoss| -> Vec<_> {
                    loss.parameters().filter(|(p, _)| p != parameter).collect()
                };
                assert_eq!(others(set), others(loss), "{set}");
                for text in [format!("{set}"), format!("{set:#}")] {
                    let read: AnyLoss = text.parse()?;
                    assert_eq!(read, set, "{text}");
                    assert_eq!(read.to_string(), set.to_string());
                }
            }
        }
    }
    Ok(())
}

/// The ranges hold for `AnyLoss::with` and for the setters of the types.
#[test]
fn ranges_match_the_setters() {
    for name in Name::ALL {
        let listed: Vec<Parameter> = name.loss().parameters().map(|(p, _)| p).collect();
        assert_eq!(listed, name.parameters());
        for parameter in Parameter::ALL {
            let Ok(range) = name.range(parameter) else {
                let error = LossError::NotOfLoss {
                    loss: name,
                    parameter,
                };
                assert_eq!(name.loss().with(parameter, 0.5), Err(error));
                assert_eq!(name.loss().get(parameter), Err(error));
                continue;
            };
            let outside = [
                range.least().next_down(),
                range.most().next_up(),
                f64::NAN,
                f64::INFINITY,
            ];
            for value in outside {
                assert!(!range.contains(value));
                let error = name.loss().with(parameter, value).expect_err("outside");
                let text = error.to_string();
                assert!(text.starts_with(parameter.as_str()), "{text}");
                if matches!(parameter, Parameter::Order | Parameter::VolumeExponent) {
                    continue; // their setters take whole numbers
                }
                assert_eq!(
                    method(name, parameter, value).map_err(LossError::from),
                    match error {
                        // NaN differs from itself.
                        LossError::Value(_) if value.is_nan() => continue,
                        error => Err(error),
                    }
                );
            }
            for value in [range.least(), range.most()] {
                let set = name.loss().with(parameter, value);
                assert_eq!(method(name, parameter, value).map_err(LossError::from), set);
            }
            let none = name.loss().with(parameter, None);
            assert_eq!(none.is_ok(), range.allows_none(), "{name} {parameter}");
        }
    }
}

/// Sets a parameter through the setter of the type.
fn method(name: Name, parameter: Parameter, value: f64) -> Result<AnyLoss, ParameterError> {
    Ok(match (name.loss(), parameter) {
        (_, Parameter::Alpha) if name == Name::Combo => UnifiedFocal::combo(value, 0.5)?.into(),
        (_, Parameter::Beta) => UnifiedFocal::combo(0.5, value)?.into(),
        (AnyLoss::Tversky(loss), Parameter::Delta) => loss.with_delta(value)?.into(),
        (AnyLoss::Tversky(loss), Parameter::FpWeight) => {
            loss.with_weights(value, loss.fn_weight())?.into()
        }
        (AnyLoss::Tversky(loss), Parameter::FnWeight) => {
            loss.with_weights(loss.fp_weight(), value)?.into()
        }
        (AnyLoss::Tversky(loss), Parameter::VolumeExponent) => {
            loss.with_volume_exponent(value as u32)?.into()
        }
        (AnyLoss::Tversky(loss), Parameter::Order) => loss.with_order(value as u32)?.into(),
        (AnyLoss::Tversky(loss), Parameter::SmoothNumerator) => {
            loss.with_smooth_numerator(value)?.into()
        }
        (AnyLoss::UnifiedFocal(loss), Parameter::Order) => loss.with_order(value as u32)?.into(),
        (AnyLoss::UnifiedFocal(loss), Parameter::SmoothNumerator) => {
            loss.with_smooth_numerator(value)?.into()
        }
        (AnyLoss::Focal(loss), Parameter::LabelSmoothing) => {
            loss.with_label_smoothing(value)?.into()
        }
        (AnyLoss::UnifiedFocal(loss), Parameter::LabelSmoothing) => {
            loss.with_label_smoothing(value)?.into()
        }
        (AnyLoss::Tversky(loss), Parameter::Gamma) => loss.with_gamma(value)?.into(),
        (AnyLoss::Tversky(loss), Parameter::Smooth) => loss.with_smooth(value)?.into(),
        (AnyLoss::Tversky(loss), Parameter::Clip) => loss.with_clip(value)?.into(),
        (AnyLoss::Focal(loss), Parameter::Delta) => loss.with_delta(value)?.into(),
        (AnyLoss::Focal(loss), Parameter::Gamma) => loss.with_gamma(value)?.into(),
        (AnyLoss::Focal(loss), Parameter::Alpha) => loss.with_alpha(value)?.into(),
        (AnyLoss::Matthews(loss), Parameter::Smooth) => loss.with_smooth(value)?.into(),
        (AnyLoss::Matthews(loss), Parameter::SmoothNumerator) => {
            loss.with_smooth_numerator(value)?.into()
        }
        (AnyLoss::Matthews(loss), Parameter::Clip) => loss.with_clip(value)?.into(),
        (AnyLoss::HardVoxels(loss), Parameter::Threshold) => loss.with_threshold(value)?.into(),
        (AnyLoss::HardVoxels(loss), Parameter::Clip) => loss.with_clip(value)?.into(),
        (AnyLoss::Focal(loss), Parameter::Poly) => loss.with_poly(value)?.into(),
        (AnyLoss::Focal(loss), Parameter::Clip) => loss.with_clip(value)?.into(),
        (AnyLoss::UnifiedFocal(loss), Parameter::Lambda) => loss.with_lambda(value)?.into(),
        (AnyLoss::UnifiedFocal(loss), Parameter::Delta) => loss.with_delta(value)?.into(),
        (AnyLoss::UnifiedFocal(loss), Parameter::Gamma) => loss.with_gamma(value)?.into(),
        (AnyLoss::UnifiedFocal(loss), Parameter::Smooth) => loss.with_smooth(value)?.into(),
        (AnyLoss::UnifiedFocal(loss), Parameter::Clip) => loss.with_clip(value)?.into(),
        (loss, parameter) => panic!("{loss} has no method for {parameter}"),
    })
}

/// A loss has the name it was made with if that name has all its parameters, else a name that does,
/// else none.
#[test]
fn names_describe_the_loss() -> Result<(), ParameterError> {
    let named: [(AnyLoss, &str); 27] = [
        (Tversky::dice().with_delta(0.7)?.into(), "dice(delta=0.7)"),
        (
            Tversky::dice().with_gamma(0.5)?.into(),
            "focal-tversky(delta=0.5, gamma=0.5, clip=none)",
        ),
        (
            Tversky::focal().with_gamma(1.0)?.into(),
            "focal-tversky(gamma=1.0)",
        ),
        (Tversky::dice().with_weights(1.0, 1.0)?.into(), "jaccard"),
        (
            Tversky::new().with_weights(2.0, 3.0)?.into(),
            "weighted-tversky(fp-weight=2.0, fn-weight=3.0)",
        ),
        (
            Tversky::f_beta(3.0)?.with_gamma(0.5)?.into(),
            "weighted-tversky(fp-weight=0.1, fn-weight=0.9, gamma=0.5)",
        ),
        (
            Tversky::dice()
                .with_order(2)?
                .with_smooth_numerator(0.0)?
                .into(),
            "dice(order=2.0, smooth-numerator=0.0)",
        ),
        (
            Tversky::jaccard().with_log(true).with_gamma(0.3)?.into(),
            "log-dice(fp-weight=1.0, fn-weight=1.0, gamma=0.3)",
        ),
        (
            Tversky::jaccard().with_log(true).with_log_cosh(true).into(),
            "log-cosh-dice(fp-weight=1.0, fn-weight=1.0)",
        ),
        (
            Tversky::log_cosh_dice()
                .with_log(false)
                .with_log_cosh(false)
                .into(),
            "dice",
        ),
        (
            Tversky::noise_robust_dice()
                .with_gamma(1.0)?
                .with_delta(0.25)?
                .into(),
            "noise-robust-dice(fp-weight=0.75, fn-weight=0.25, gamma=1.0)",
        ),
        (
            Tversky::noise_robust_dice().with_log(true).into(),
            "log-dice(gamma=1.5, smooth=5e-6)",
        ),
        (
            Tversky::dice().with_volume_exponent(1)?.into(),
            "generalized-dice(volume-exponent=1.0)",
        ),
        (
            Focal::cross_entropy().with_label_smoothing(0.1)?.into(),
            "cross-entropy(label-smoothing=0.1)",
        ),
        (
            UnifiedFocal::dice_cross_entropy()
                .with_label_smoothing(0.1)?
                .into(),
            "dice-cross-entropy(label-smoothing=0.1)",
        ),
        (
            UnifiedFocal::asymmetric().with_order(1)?.into(),
            "asymmetric-unified-focal(order=1.0)",
        ),
        (
            UnifiedFocal::sum(Tversky::dice(), Focal::cross_entropy()).into(),
            "dice-cross-entropy",
        ),
        (
            UnifiedFocal::dice_focal()
                .with_gamma(3.0)?
                .with_lambda(0.5)?
                .into(),
            "dice-focal(lambda=0.5, gamma=3.0)",
        ),
        (
            UnifiedFocal::exponential_log()
                .with_gamma(1.0)?
                .with_lambda(None)?
                .into(),
            "exponential-log(lambda=none, gamma=1.0)",
        ),
        (Focal::new().with_gamma(0.0)?.into(), "focal(gamma=0.0)"),
        (
            Focal::new().with_poly(-1.0)?.with_gamma(1.0)?.into(),
            "poly-1(gamma=1.0, poly=-1.0)",
        ),
        (
            Focal::cross_entropy().with_gamma(1.0)?.into(),
            "focal(gamma=1.0)",
        ),
        (
            Focal::new().with_delta(0.6)?.with_clip(None)?.into(),
            "symmetric-focal(delta=0.6, clip=none)",
        ),
        (
            UnifiedFocal::tversky_cross_entropy()
                .with_gamma(0.25)?
                .into(),
            "symmetric-unified-focal(gamma=0.25)",
        ),
        (
            UnifiedFocal::combo(0.1, None)?.into(),
            "combo(alpha=0.1, beta=none)",
        ),
        (
            UnifiedFocal::combo(None, 0.3)?.into(),
            "combo(alpha=none, beta=0.3)",
        ),
        (
            UnifiedFocal::sum(
                Tversky::asymmetric_focal().with_gamma(0.5)?,
                Focal::asymmetric().with_gamma(0.5)?,
            )
            .into(),
            "asymmetric-unified-focal(lambda=none, delta=0.7)",
        ),
    ];
    for (loss, text) in named {
        assert_eq!(loss.to_string(), text);
        assert_eq!(text.parse(), Ok(loss));
    }
    let nameless: [AnyLoss; 6] = [
        Tversky::symmetric_focal().with_weights(2.0, 3.0)?.into(),
        Focal::symmetric().with_alpha(2.0)?.into(),
        UnifiedFocal::monai(0.5, 0.5, 0.7)?.into(),
        UnifiedFocal::geodl(0.5, 0.5, 0.5)?.into(),
        UnifiedFocal::sum(Tversky::new(), Focal::cross_entropy()).into(),
        Focal::exponential_log().into(),
    ];
    for loss in nameless {
        assert_eq!(loss.name(), None, "{loss}");
        assert_eq!(loss.parameters().count(), 0);
        assert_eq!(loss.get(Parameter::Clip), Err(LossError::Nameless));
        assert_eq!(loss.with(Parameter::Clip, None), Err(LossError::Nameless));
        assert!(loss.to_string().parse::<AnyLoss>().is_err(), "{loss}");
    }
    Ok(())
}

#[test]
fn parsing_of_names_is_lenient() {
    for (text, name) in [
        ("Dice", Name::Dice),
        ("dice_loss", Name::Dice),
        ("dsc", Name::Dice),
        ("IoU", Name::Jaccard),
        ("focal_tversky", Name::FocalTversky),
        ("symmetric_focal_tversky_loss", Name::SymmetricFocalTversky),
        ("asym_focal_tversky", Name::AsymmetricFocalTversky),
        ("CE", Name::CrossEntropy),
        ("Cross-Entropy", Name::CrossEntropy),
        ("unified-focal", Name::AsymmetricUnifiedFocal),
        ("unified_focal_loss", Name::AsymmetricUnifiedFocal),
        ("asym_unified_focal_loss", Name::AsymmetricUnifiedFocal),
        ("sym_unified_focal", Name::SymmetricUnifiedFocal),
    ] {
        assert_eq!(text.parse(), Ok(name), "{text}");
    }
    for name in Name::ALL {
        for alias in name.aliases() {
            assert_eq!(alias.parse(), Ok(name), "{alias}");
        }
    }
}

#[test]
fn unknown_names_suggest_the_nearest() {
    for (text, nearest) in [
        ("unifed", Name::AsymmetricUnifiedFocal),
        ("unified", Name::AsymmetricUnifiedFocal),
        ("unifiedfocal", Name::AsymmetricUnifiedFocal),
        ("asymetric-unified-focal", Name::AsymmetricUnifiedFocal),
        ("symetric_unified_focal", Name::SymmetricUnifiedFocal),
        ("dise", Name::Dice),
        ("dcie", Name::Dice),
        ("jacard", Name::Jaccard),
        ("tverski", Name::Tversky),
        ("focaltversky", Name::FocalTversky),
        ("foc", Name::Focal),
        ("bce", Name::CrossEntropy),
        ("combos", Name::Combo),
    ] {
        let error = text.parse::<Name>().expect_err(text);
        assert_eq!(error.nearest, nearest, "{text}");
        let message = error.to_string();
        assert!(message.contains(&format!("\"{nearest}\"")), "{message}");
        assert!(Name::ALL.iter().all(|name| message.contains(name.as_str())));
    }
    let error = "gama".parse::<Parameter>().expect_err("gama");
    assert_eq!(error.nearest, Parameter::Gamma);
    // The length does not matter.
    let error = "dice".repeat(1000).parse::<Name>().expect_err("long");
    assert!(Name::ALL.contains(&error.nearest));
}

#[test]
fn invalid_text_returns_an_error() {
    for (text, says) in [
        (
            "dise(smooth=1)",
            "no loss has this name: did you mean \"dice\"?",
        ),
        (
            "dice(smoot=1)",
            "no parameter has this name: did you mean \"smooth\"?",
        ),
        (
            "dice(gamma=1)",
            "dice has no parameter gamma, expected one of delta, order, smooth, smooth-numerator, clip",
        ),
        (
            "cross-entropy(gamma=1)",
            "cross-entropy has no parameter gamma, expected one of label-smoothing, clip",
        ),
        ("dice(delta=1.5)", "delta is 1.5, expected 0 ≤ δ ≤ 1"),
        ("dice(delta=none)", "delta is none, expected 0 ≤ δ ≤ 1"),
        (
            "dice(smooth=inf)",
            "smooth is inf, expected a finite s ≥ 1e-30",
        ),
        (
            "dice(delta=half)",
            "delta is not a number, expected a number or none",
        ),
        (
            "dice(delta=0.1, delta=0.2)",
            "delta is given twice, expected once",
        ),
        (
            "dice(delta)",
            "this is not a loss, expected a name or name(parameter=value, …)",
        ),
        ("dice(delta=0.1,)", "this is not a loss"),
        ("dice(delta=0.1", "this is not a loss"),
        ("dice(delta=0.1) + focal", "this is not a loss"),
    ] {
        let error = text.parse::<AnyLoss>().expect_err(text);
        assert!(error.to_string().starts_with(says), "{text}: {error}");
        assert_eq!(Error::from(error).to_string(), error.to_string());
    }
    for text in [
        "dice",
        " dice ",
        "dice()",
        "dice( )",
        "Dice (delta = 0.5 , clip = none )",
    ] {
        assert_eq!(text.parse(), Ok(AnyLoss::from(Name::Dice)), "{text}");
    }
}

proptest! {
    /// Any loss with any parameters survives printing and parsing.
    #[test]
    fn any_loss_round_trips_through_text(loss in any_loss()) {
        let text = loss.to_string();
        prop_assert_eq!(text.parse(), Ok(loss), "{}", text);
    }
}
