//! Setting and reading parameters, printing names, and errors for values out of range.

use unifocal_core::{catalogue::*, *};

#[test]
fn getters_return_what_was_set() -> Result<(), ParameterError> {
    let loss = Tversky::focal()
        .with_weights(0.2, 0.7)?
        .with_gamma(1.5)?
        .with_smooth(1e-3)?
        .with_clip(1e-4)?;
    assert_eq!([loss.fp_weight(), loss.fn_weight()], [0.2, 0.7]);
    assert_eq!([loss.gamma(), loss.smooth()], [1.5, 1e-3]);
    assert_eq!(loss.clip().map(|clip| clip.epsilon()), Some(1e-4));
    assert_eq!(loss.with_clip(None)?.clip(), None);
    let loss = loss.with_delta(0.75)?;
    assert_eq!([loss.fp_weight(), loss.fn_weight()], [0.25, 0.75]);

    let loss = Focal::asymmetric()
        .with_delta(0.25)?
        .with_gamma(3.0)?
        .with_alpha(0.5)?
        .with_clip(None)?;
    assert_eq!(loss.delta(), Some(0.25));
    assert_eq!([loss.gamma(), loss.alpha()], [3.0, 0.5]);
    assert_eq!(loss.clip(), None);

    let loss = UnifiedFocal::symmetric()
        .with_lambda(0.3)?
        .with_delta(0.625)?
        .with_gamma(0.5)?
        .with_smooth(0.125)?
        .with_clip(0.25)?;
    assert_eq!(loss.lambda(), Some(0.3));
    assert_eq!(loss.region().fn_weight(), 0.625);
    assert_eq!(loss.distribution().delta(), Some(0.625));
    assert_eq!(
        [loss.region().gamma(), loss.distribution().gamma()],
        [0.5; 2]
    );
    assert_eq!(loss.region().smooth(), 0.125);
    assert_eq!(loss.region().clip(), loss.distribution().clip());
    assert_eq!(loss.with_weights(2.0, 3.0)?.lambda(), None);
    Ok(())
}

#[test]
fn names_round_trip() {
    for name in Name::ALL {
        assert_eq!(name.to_string().parse(), Ok(name));
    }
    for parameter in Parameter::ALL {
        assert_eq!(parameter.to_string().parse(), Ok(parameter));
    }
    for unknown in ["", "-", "dice ", "dices", "loss", "ünified"] {
        let error = unknown.parse::<Name>().expect_err(unknown);
        assert!(error.to_string().starts_with("no loss has this name"));
    }
}

/// The error has the name of the parameter and the value found.
#[test]
fn values_out_of_range_return_an_error() {
    let made: [(&str, f64, Result<AnyLoss, ParameterError>); 9] = [
        (
            "lambda",
            1.5,
            UnifiedFocal::symmetric()
                .with_lambda(1.5)
                .map(AnyLoss::from),
        ),
        (
            "delta",
            -0.5,
            Tversky::new().with_delta(-0.5).map(AnyLoss::from),
        ),
        (
            "delta",
            1.25,
            Focal::symmetric().with_delta(1.25).map(AnyLoss::from),
        ),
        (
            "gamma",
            1.75,
            UnifiedFocal::asymmetric()
                .with_gamma(1.75)
                .map(AnyLoss::from),
        ),
        (
            "smooth",
            -3.5,
            Tversky::dice().with_smooth(-3.5).map(AnyLoss::from),
        ),
        (
            "alpha",
            -0.25,
            Focal::new().with_alpha(-0.25).map(AnyLoss::from),
        ),
        (
            "clip",
            0.75,
            Focal::new().with_clip(0.75).map(AnyLoss::from),
        ),
        (
            "weight",
            7.5,
            UnifiedFocal::monai(7.5, 0.5, 0.5).map(AnyLoss::from),
        ),
        (
            "lambda",
            2.5,
            UnifiedFocal::geodl(2.5, 0.5, 0.5).map(AnyLoss::from),
        ),
    ];
    for (name, found, made) in made {
        let error = made.expect_err(name).to_string();
        assert!(
            error.contains(name) && error.contains(&found.to_string()),
            "{error}"
        );
    }
}
