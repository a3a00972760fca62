//! MONAI's losses as ours.

use ndarray::{ArrayViewD, Axis};
use unifocal_core::{
    AnyLoss, Focal, Input, Matthews, Pooling, Tversky, UnifiedFocal, catalogue::ParameterError,
};

use super::common::{cross_entropy, focal, foreground, label_smoothing, two_alphas};
use crate::golden::Entry;
use crate::{Case, Target};

pub(super) fn monai(
    entry: &Entry,
    case: &mut Case,
    factor: &mut f64,
) -> Result<Option<AnyLoss>, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let classes = case.prediction.len_of(Axis(1));
    let regions = entry.target == "overlapping";
    if regions || entry.loss == "FocalLoss" && case.settings.input == Input::Sigmoid {
        // A sigmoid and a two-class loss for each channel; region losses score its inside.
        case.settings.multilabel = true;
        case.settings.region_weights = Some(vec![0.0, 1.0]);
    }
    // These only use classes 0 and 1.
    let two_classes = entry.loss.starts_with("Asymmetric");
    // No conversion: weights that are not normalized.
    let weighted = entry.parameters.contains_key("weight") && !two_classes;
    if weighted || (two_classes && classes > 2) {
        return Ok(None);
    }
    if entry.flag("include_background") == Some(false) {
        let weights = Some(foreground(classes));
        match entry.loss.as_str() {
            "DiceCELoss" => case.settings.region_weights = weights,
            _ => case.settings.class_weights = weights,
        }
    }
    if entry.flag("batch") == Some(true) {
        case.settings.pooling = Pooling::Batch;
    }
    let order = match ["squared_pred", "soft_label"].map(|name| entry.flag(name) == Some(true)) {
        [true, _] => Some(2),
        [false, true] => Some(1),
        [false, false] => None,
    };
    let region = |loss: Tversky, factor: f64| {
        loss.with_order(order)?
            .with_smooth(factor * parameter("smooth_dr"))?
            .with_smooth_numerator(factor * parameter("smooth_nr"))
    };
    let dice = || region(Tversky::dice(), 0.5);
    Ok(Some(match entry.loss.as_str() {
        "AsymmetricUnifiedFocalLoss" => {
            UnifiedFocal::monai(parameter("weight"), parameter("gamma"), parameter("delta"))?.into()
        }
        "AsymmetricFocalLoss" => {
            *factor = 0.5;
            Focal::asymmetric()
                .with_delta(parameter("delta"))?
                .with_gamma(parameter("gamma"))?
                .into()
        }
        "AsymmetricFocalTverskyLoss" => Tversky::asymmetric_focal()
            .with_delta(parameter("delta"))?
            .with_gamma(parameter("gamma"))?
            .into(),
        "DiceLoss" if entry.flag("jaccard") == Some(true) => dice()?.with_weights(1.0, 1.0)?.into(),
        "DiceLoss" => dice()?.into(),
        "GeneralizedDiceLoss" => {
            // No conversion: they give an absent class the largest weight of the others.
            if has_absent_class(case) {
                return Ok(None);
            }
            let exponent = match entry.parameters["w_type"].as_str() {
                Some("square") => 2,
                Some("simple") => 1,
                _ => 0,
            };
            let weights = case.settings.class_weights.as_deref();
            let kept = weights.map_or(classes, |weights| weights.len() - 1);
            // Theirs adds the smoothing terms once, and ours for each class.
            region(Tversky::generalized_dice(), 0.5 / kept as f64)?
                .with_volume_exponent(exponent)?
                .into()
        }
        // Without an absent class, the smoothing term makes no difference.
        "MCCLoss" => Matthews::new()
            .with_smooth(1e-30)?
            .with_smooth_numerator(parameter("smooth_nr"))?
            .into(),
        "TverskyLoss" => region(Tversky::new(), 1.0)?
            .with_weights(parameter("alpha"), parameter("beta"))?
            .into(),
        // Without the background, it normalizes the softmax differently.
        "FocalLoss"
            if case.settings.input == Input::Softmax && case.settings.class_weights.is_none() =>
        {
            *factor = 1.0 / classes as f64;
            case.settings.class_alpha = entry.parameter("alpha").map(|alpha| {
                (0..classes)
                    .map(|class| if class == 0 { 1.0 - alpha } else { alpha })
                    .collect()
            });
            Focal::new()
                .with_gamma(parameter("gamma"))?
                .with_clip(None)?
                .into()
        }
        "DiceCELoss" => UnifiedFocal::sum(dice()?, cross_entropy(label_smoothing(entry))?)
            .with_weights(parameter("lambda_dice"), parameter("lambda_ce"))?
            .into(),
        "FocalLoss" if case.settings.multilabel => {
            case.settings.class_alpha = two_alphas(entry);
            focal(parameter("gamma"))?.into()
        }
        "DiceFocalLoss" if case.settings.multilabel => {
            UnifiedFocal::sum(dice()?, focal(parameter("gamma"))?)
                .with_weights(parameter("lambda_dice"), parameter("lambda_focal"))?
                .into()
        }
        // No conversion: a softmax without the background in one, Dice of a softmax beside the focal loss of sigmoids in the other.
        "FocalLoss" | "DiceFocalLoss" => return Ok(None),
        other => panic!("the manifest names an unknown loss: {other}"),
    }))
}

/// Whether a sample lacks a class, or the batch if the sums are those of the batch.
fn has_absent_class(case: &Case) -> bool {
    let Target::Soft(target) = &case.target else {
        return false;
    };
    let lacks_class = |group: ArrayViewD<'_, f64>, axis: usize| {
        let mut classes = group.axis_iter(Axis(axis));
        classes.any(|class| class.sum() == 0.0)
    };
    match case.settings.pooling {
        Pooling::Batch => lacks_class(target.view(), 1),
        Pooling::PerSample => target
            .axis_iter(Axis(0))
            .any(|sample| lacks_class(sample, 0)),
    }
}
