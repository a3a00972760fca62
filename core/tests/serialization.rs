//! Losses in files: name and parameters, checked when they are read.

use serde_json::{Value, from_value, json, to_value};
use unifocal_core::{catalogue::*, *};

#[test]
fn losses_round_trip() -> serde_json::Result<()> {
    for name in Name::ALL {
        let text = to_value(name)?;
        assert_eq!(text, name.as_str());
        assert_eq!(from_value::<Name>(text)?, name);
        for parameter in name.parameters() {
            let range = name.range(*parameter).expect("a parameter of the loss");
            let values = [Some(range.least()), Some(range.most()), None];
            for value in values.into_iter().filter(|value| range.contains(*value)) {
                let loss = name.loss().with(*parameter, value).expect("in range");
                let map = to_value(loss)?;
                let read: AnyLoss = from_value(map.clone())?;
                assert_eq!(read, loss, "{map}");
                assert_eq!(read.to_string(), loss.to_string());
                // Exact to the bit as text, too.
                let text = serde_json::to_string(&loss)?;
                assert_eq!(serde_json::from_str::<AnyLoss>(&text)?, loss, "{text}");
                match loss {
                    AnyLoss::Tversky(loss) => assert_eq!(from_value::<Tversky>(map)?, loss),
                    AnyLoss::Focal(loss) => assert_eq!(from_value::<Focal>(map)?, loss),
                    AnyLoss::HardVoxels(loss) => assert_eq!(from_value::<HardVoxels>(map)?, loss),
                    AnyLoss::Matthews(loss) => assert_eq!(from_value::<Matthews>(map)?, loss),
                    AnyLoss::UnifiedFocal(loss) => {
                        assert_eq!(from_value::<UnifiedFocal>(map)?, loss);
                    }
                }
            }
        }
    }
    for parameter in Parameter::ALL {
        assert_eq!(from_value::<Parameter>(to_value(parameter)?)?, parameter);
    }
    Ok(())
}

#[test]
fn several_forms_are_accepted() -> Result<(), Box<dyn std::error::Error>> {
    let loss: AnyLoss = UnifiedFocal::asymmetric().with_gamma(0.2)?.into();
    assert_eq!(
        to_value(loss)?,
        json!({
            "name": "asymmetric-unified-focal",
            "lambda": 0.5,
            "delta": 0.6,
            "gamma": 0.2,
            "order": "none",
            "smooth": 1e-7,
            "smooth-numerator": "none",
            "label-smoothing": 0.0,
            "clip": 1e-7,
        })
    );
    for file in [
        json!({"name": "asymmetric-unified-focal", "gamma": 0.2}),
        json!({"gamma": 0.2, "name": "unified_focal"}),
        json!("asymmetric-unified-focal(gamma=0.2)"),
    ] {
        assert_eq!(from_value::<AnyLoss>(file.clone())?, loss, "{file}");
    }
    let plain = UnifiedFocal::combo(None, 1.0)?;
    for file in [
        json!({"name": "combo", "alpha": null, "beta": 1}),
        json!({"name": "combo", "alpha": "none", "beta": 1.0}),
    ] {
        assert_eq!(from_value::<UnifiedFocal>(file.clone())?, plain, "{file}");
    }
    Ok(())
}

#[test]
fn invalid_files_are_rejected() {
    let refused = |file: Value, says: &str| {
        let error = from_value::<AnyLoss>(file).expect_err(says).to_string();
        assert!(error.contains(says), "{error}");
    };
    refused(json!({"name": "dise"}), "did you mean \"dice\"?");
    refused(json!({"gamma": 0.2}), "missing field `name`");
    refused(
        json!({"name": "dice", "gama": 0.2}),
        "unknown field `gama`, expected one of `name`, `lambda`, `delta`, `fp-weight`",
    );
    refused(
        json!({"name": "dice", "gamma": 0.2}),
        "dice has no parameter gamma, expected one of delta, order, smooth, smooth-numerator, clip",
    );
    refused(
        json!({"name": "dice", "delta": -1}),
        "delta is -1, expected 0 ≤ δ ≤ 1",
    );
    refused(json!({"name": "dice", "delta": null}), "delta is none");
    refused(
        json!({"name": "dice", "delta": "half"}),
        "expected a number or none",
    );
    refused(
        json!({"name": "dice", "delta": [0.5]}),
        "expected a number or none",
    );
    refused(json!(0.2), "the name and parameters of a loss");
    let twice = r#"{"name": "dice", "delta": 0.1, "delta": 0.2}"#;
    let error = serde_json::from_str::<AnyLoss>(twice).expect_err("twice");
    assert!(error.to_string().contains("given twice"), "{error}");
    let other = from_value::<Focal>(json!({"name": "dice"})).expect_err("no focal loss");
    assert!(other.to_string().contains("distribution-based"), "{other}");
    let monai = UnifiedFocal::monai(0.5, 0.5, 0.7).expect("in range");
    assert!(to_value(monai).is_err());
}
