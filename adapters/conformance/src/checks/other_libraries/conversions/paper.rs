//! The printed equations of papers as ours.

use ndarray::{Array2, Axis};
use serde_json::Value;
use unifocal_core::{AnyLoss, Focal, HardVoxels, Tversky, UnifiedFocal, catalogue::ParameterError};

use crate::Case;
use crate::golden::Entry;

pub(super) fn paper(entry: &Entry, case: &mut Case) -> Result<Option<AnyLoss>, ParameterError> {
    Ok(match entry.loss.as_str() {
        "ExponentialLogarithmicLoss" => Some(exponential_log(entry, case)?),
        "Poly1Loss" => Some(poly1(entry, case)?),
        "LogCoshDiceLoss" => Some(log_cosh_dice(entry, case)?),
        "NoiseRobustDiceLoss" => Some(noise_robust_dice(entry, case)?),
        "HardPixelLoss" => Some(hard_voxels(entry, case)?),
        "MarginalCrossEntropyLoss" => {
            case.annotated = Some(annotated(entry));
            Some(Focal::cross_entropy().with_clip(None)?.into())
        }
        "MarginalDiceLoss" => {
            case.annotated = Some(annotated(entry));
            let pseudocount = entry.parameter("pseudocount").expect("pseudocount");
            Some(Tversky::dice().with_smooth(0.5 * pseudocount)?.into())
        }
        _ => unified(entry, case)?,
    })
}

/// Leng et al. 2022, without a clip.
fn poly1(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    case.settings.class_alpha = class_weights(entry);
    let loss = Focal::poly1().with_poly(parameter("epsilon"))?;
    Ok(loss.with_gamma(parameter("gamma"))?.with_clip(None)?.into())
}

/// Jadon 2020.
fn log_cosh_dice(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    case.settings.class_weights = class_weights(entry);
    let pseudocount = entry.parameter("pseudocount").expect("pseudocount");
    let loss = Tversky::log_cosh_dice().with_smooth(0.5 * pseudocount)?;
    Ok(loss.into())
}

/// Wang et al. 2020. Their ε is in the squares, ours in half of them.
fn noise_robust_dice(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    case.settings.class_weights = class_weights(entry);
    let loss = Tversky::noise_robust_dice().with_gamma(parameter("gamma"))?;
    Ok(loss.with_smooth(0.5 * parameter("epsilon"))?.into())
}

/// Wu et al. 2016, without a clip.
fn hard_voxels(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    case.settings.class_weights = class_weights(entry);
    let threshold = entry.parameter("threshold").expect("threshold");
    let loss = HardVoxels::new().with_threshold(threshold)?;
    Ok(loss.with_clip(None)?.into())
}

/// Shi et al. 2021: which classes are annotated in each sample.
fn annotated(entry: &Entry) -> Array2<bool> {
    let rows = entry.parameters["annotated"].as_array().expect("a list");
    let rows = rows.iter().map(|row| row.as_array().expect("a list"));
    let rows: Vec<Vec<bool>> = rows
        .map(|row| row.iter().map(|one| *one == Value::Bool(true)).collect())
        .collect();
    Array2::from_shape_fn([rows.len(), rows[0].len()], |(sample, class)| {
        rows[sample][class]
    })
}

/// The weights of the classes, if there are any.
fn class_weights(entry: &Entry) -> Option<Vec<f64>> {
    let weights = entry.parameters["class_weights"].as_array()?;
    Some(weights.iter().filter_map(Value::as_f64).collect())
}

/// Wong et al. 2018, without a clip. Their pseudocount is in a Dice score with TP counted twice.
fn exponential_log(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    case.settings.class_alpha = class_weights(entry);
    let dice = Tversky::log_dice()
        .with_gamma(parameter("gamma_dice"))?
        .with_smooth(0.5 * parameter("pseudocount"))?;
    let cross = Focal::exponential_log()
        .with_gamma(parameter("gamma_cross"))?
        .with_clip(None)?;
    let loss = UnifiedFocal::sum(dice, cross);
    let loss = loss.with_weights(parameter("weight_dice"), parameter("weight_cross"))?;
    Ok(loss.into())
}

/// Yeung et al. 2022.
fn unified(entry: &Entry, case: &Case) -> Result<Option<AnyLoss>, ParameterError> {
    // No conversion: the other reading of the equations, with δ on the false positives.
    if entry
        .parameters
        .get("delta_on")
        .is_some_and(|on| on == "FP")
    {
        return Ok(None);
    }
    let [lambda, delta, gamma] =
        ["lambda", "delta", "gamma"].map(|name| entry.parameter(name).expect(name));
    let classes = case.prediction.len_of(Axis(1));
    let loss = match entry.loss.as_str() {
        "SymmetricUnifiedFocalLoss" => {
            UnifiedFocal::paper_symmetric(lambda, delta, gamma, classes)?
        }
        _ => UnifiedFocal::paper_asymmetric(lambda, delta, gamma, classes)?,
    };
    // The equations have neither s nor a clip.
    Ok(Some(loss.with_smooth(1e-30)?.with_clip(None)?.into()))
}
