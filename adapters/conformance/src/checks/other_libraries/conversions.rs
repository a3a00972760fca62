//! Losses of other libraries as ours.

use ndarray::{ArrayD, ArrayViewD, Axis};
use unifocal_core::{
    AbsentClass, AnyLoss, Focal, Input, Pooling, Tversky, UnifiedFocal, catalogue::ParameterError,
};

use crate::golden::Entry;
use crate::{Case, Target};

/// Our equivalent of their loss: factor · loss on the case.
pub(super) struct Conversion {
    pub(super) loss: AnyLoss,
    pub(super) case: Case,
    pub(super) factor: f64,
}

/// Our equivalent of an entry, if it has one.
pub(super) fn convert(entry: &Entry) -> Result<Option<Conversion>, ParameterError> {
    let mut case = entry.case();
    case.settings.input = match entry.input.as_str() {
        "softmax-logits" => Input::Softmax,
        "sigmoid-logits" => Input::Sigmoid,
        _ => Input::Probabilities,
    };
    if let Some(channel) = entry.channel {
        let only = |array: &ArrayD<f64>| {
            array
                .index_axis(Axis(1), channel)
                .insert_axis(Axis(1))
                .to_owned()
        };
        case.prediction = only(&case.prediction);
        if let Target::Soft(target) = &case.target {
            case.target = Target::Soft(only(target));
        }
    }
    let mut factor = 1.0;
    let loss = match entry.framework.as_str() {
        "monai" => monai(entry, &mut case, &mut factor)?,
        "smp" => smp(entry, &mut case)?,
        "nnunet" => Some(nnunet(entry, &mut case)?),
        "torch" => Some(torch(entry, &mut case, &mut factor)?),
        "kornia" => Some(kornia(entry, &mut case, &mut factor)?),
        "keras" => keras(entry, &mut case, &mut factor)?,
        "optax" => Some(optax(entry, &mut case)?),
        "geodl" => geodl(entry, &mut case)?,
        "paper" => paper(entry, &case)?,
        other => panic!("the manifest names an unknown library: {other}"),
    };
    Ok(loss.map(|loss| Conversion { loss, case, factor }))
}

fn monai(
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

/// Cross entropy without a clip.
fn cross_entropy(label_smoothing: f64) -> Result<Focal, ParameterError> {
    Focal::cross_entropy()
        .with_clip(None)?
        .with_label_smoothing(label_smoothing)
}

/// Their label smoothing; 0 without.
fn label_smoothing(entry: &Entry) -> f64 {
    entry.parameter("label_smoothing").unwrap_or(0.0)
}

/// The focal loss without a clip.
fn focal(gamma: f64) -> Result<Focal, ParameterError> {
    Focal::new().with_gamma(gamma)?.with_clip(None)
}

/// α of the outside and the inside of a region, if it is given.
fn two_alphas(entry: &Entry) -> Option<Vec<f64>> {
    let alpha = entry.parameter("alpha").filter(|alpha| *alpha >= 0.0);
    alpha.map(|alpha| vec![1.0 - alpha, alpha])
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

/// Class weights without the background.
fn foreground(classes: usize) -> Vec<f64> {
    let weight = |class| if class == 0 { 0.0 } else { 1.0 };
    (0..classes).map(weight).collect()
}

fn nnunet(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    if entry.flag("batch_dice") == Some(true) {
        case.settings.pooling = Pooling::Batch;
    }
    if entry.flag("do_bg") == Some(false) {
        case.settings.region_weights = Some(foreground(case.prediction.len_of(Axis(1))));
    }
    let loss = UnifiedFocal::nnunet().with_smooth(0.5 * parameter("smooth"))?;
    let mut weights = [parameter("weight_dice"), parameter("weight_ce")];
    if entry.loss == "DC_and_BCE_loss" {
        case.settings.region_weights = Some(vec![0.0, 1.0]);
        if entry.target == "overlapping-ignoring" {
            // Theirs sums the cross entropy of the regions.
            weights[1] *= case.prediction.len_of(Axis(1)) as f64;
        }
    }
    Ok(loss.with_weights(weights[0], weights[1])?.into())
}

fn torch(entry: &Entry, case: &mut Case, factor: &mut f64) -> Result<AnyLoss, ParameterError> {
    let smoothing = label_smoothing(entry);
    let entropy = cross_entropy(smoothing)?;
    Ok(match entry.loss.as_str() {
        "CrossEntropyLoss" => {
            case.settings.pooling = Pooling::Batch;
            if let (Some(weights), Target::Labels(labels)) =
                (entry.parameters["weight"].as_array(), &case.target)
            {
                let weights: Vec<f64> = weights
                    .iter()
                    .map(|weight| weight.as_f64().expect("a number"))
                    .collect();
                let of_voxels = labels.mapv(|label| weights.get(label as usize).copied());
                if smoothing > 0.0 {
                    // Smoothed labels have the weights of all classes, divided by those of the labels.
                    let counted: Vec<f64> = of_voxels.into_iter().flatten().collect();
                    *factor = counted.len() as f64 / counted.iter().sum::<f64>();
                    case.settings.class_alpha = Some(weights);
                } else {
                    case.voxel_weights = Some(of_voxels.mapv(|weight| weight.unwrap_or(0.0)));
                }
            }
            entropy.into()
        }
        "BCEWithLogitsLoss" => {
            let alpha = entry
                .parameter("pos_weight")
                .map(|weight| vec![1.0, weight]);
            case.settings.class_alpha = alpha;
            entropy.into()
        }
        "sigmoid_focal_loss" => {
            case.settings.class_alpha = two_alphas(entry);
            focal(entry.parameter("gamma").expect("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}

fn kornia(entry: &Entry, case: &mut Case, factor: &mut f64) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let classes = case.prediction.len_of(Axis(1));
    let region = |loss: Tversky, smooth: f64| loss.with_smooth(smooth)?.with_smooth_numerator(0.0);
    if let Some(weights) = entry.parameters.get("weight").and_then(|w| w.as_array()) {
        let weights = weights.iter().map(|w| w.as_f64().expect("a number"));
        case.settings.class_weights = Some(weights.collect());
    }
    case.settings.absent_class = AbsentClass::Skip;
    Ok(match entry.loss.as_str() {
        "dice_loss" => region(Tversky::dice(), 0.5 * parameter("eps"))?.into(),
        "tversky_loss" => region(Tversky::new(), 1e-8)?
            .with_weights(parameter("alpha"), parameter("beta"))?
            .into(),
        "focal_loss" => {
            *factor = 1.0 / classes as f64;
            case.settings.class_alpha = entry.parameter("alpha").map(|alpha| {
                let of_class = |class| if class == 0 { 1.0 - alpha } else { alpha };
                (0..classes).map(of_class).collect()
            });
            focal(parameter("gamma"))?.into()
        }
        "binary_focal_loss_with_logits" => {
            case.settings.class_alpha = two_alphas(entry);
            focal(parameter("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}

fn keras(
    entry: &Entry,
    case: &mut Case,
    factor: &mut f64,
) -> Result<Option<AnyLoss>, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let region = |loss: Tversky, smooth: f64| loss.with_smooth(smooth)?.with_smooth_numerator(0.0);
    Ok(Some(match entry.loss.as_str() {
        "Dice" => region(Tversky::dice(), 0.5e-7)?.into(),
        // Their alpha weighs false negatives.
        "Tversky" => region(Tversky::new(), 1e-7)?
            .with_weights(parameter("beta"), parameter("alpha"))?
            .into(),
        "CategoricalCrossentropy" | "BinaryCrossentropy" => {
            cross_entropy(label_smoothing(entry))?.into()
        }
        "CategoricalFocalCrossentropy" => {
            *factor = parameter("alpha");
            let loss = focal(parameter("gamma"))?;
            loss.with_label_smoothing(label_smoothing(entry))?.into()
        }
        // No conversion: the focal factor of a smoothed label is that of a mean of p and 1 − p.
        "BinaryFocalCrossentropy" if label_smoothing(entry) > 0.0 => return Ok(None),
        "BinaryFocalCrossentropy" => {
            if entry.flag("apply_class_balancing") == Some(true) {
                case.settings.class_alpha = two_alphas(entry);
            }
            focal(parameter("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    }))
}

fn optax(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    Ok(match entry.loss.as_str() {
        "dice_loss" => {
            if entry.flag("ignore_background") == Some(true) {
                case.settings.class_weights = Some(foreground(case.prediction.len_of(Axis(1))));
            }
            Tversky::new()
                .with_weights(parameter("alpha"), parameter("beta"))?
                .with_smooth(parameter("smooth"))?
                .into()
        }
        "softmax_cross_entropy_with_integer_labels" | "sigmoid_binary_cross_entropy" => {
            cross_entropy(0.0)?.into()
        }
        "sigmoid_focal_loss" => {
            case.settings.class_alpha = two_alphas(entry);
            focal(parameter("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}

fn smp(entry: &Entry, case: &mut Case) -> Result<Option<AnyLoss>, ParameterError> {
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let binary = entry.channel.is_some();
    let region = matches!(
        entry.loss.as_str(),
        "TverskyLoss" | "DiceLoss" | "JaccardLoss"
    );
    if region {
        let regions = entry.target == "overlapping";
        // No conversion: an absent class scores 0 but stays in the divisor, or γ is applied after the mean over the classes.
        let outer_power = entry.parameter("gamma").is_some_and(|gamma| gamma != 1.0) && !binary;
        let soft = entry.target == "soft";
        if (entry.case == "all_bg2d" && !soft) || outer_power {
            return Ok(None);
        }
        case.settings.pooling = Pooling::Batch;
        if binary || regions {
            case.settings.class_weights = Some(vec![0.0, 1.0]);
        }
    }
    let order = (entry.target == "soft").then_some(1);
    let smooth = |loss: Tversky| {
        loss.with_order(order)?
            .with_smooth(parameter("smooth").max(1e-30))
    };
    let log = entry.flag("log_loss") == Some(true);
    Ok(Some(match entry.loss.as_str() {
        "TverskyLoss" => smooth(Tversky::new())?
            .with_weights(parameter("alpha"), parameter("beta"))?
            .with_gamma(parameter("gamma"))?
            .into(),
        "DiceLoss" => smooth(Tversky::dice())?.with_log(log).into(),
        "JaccardLoss" => smooth(Tversky::jaccard())?.with_log(log).into(),
        // No conversion: it takes ln p for a logit.
        "FocalLoss" if !binary && entry.input == "probabilities" => return Ok(None),
        "FocalLoss" => {
            case.settings.multilabel = true;
            case.settings.class_alpha = two_alphas(entry);
            let clip = (case.settings.input == Input::Probabilities).then_some(1e-7);
            focal(parameter("gamma"))?.with_clip(clip)?.into()
        }
        "SoftBCEWithLogitsLoss" => {
            let alpha = entry
                .parameter("pos_weight")
                .map(|weight| vec![1.0, weight]);
            case.settings.class_alpha = alpha;
            // Theirs moves y by the factor at both ends, ours by half of t.
            cross_entropy(2.0 * entry.parameter("smooth_factor").unwrap_or(0.0))?.into()
        }
        "SoftCrossEntropyLoss" => cross_entropy(parameter("smooth_factor"))?.into(),
        other => panic!("the manifest names an unknown loss: {other}"),
    }))
}

fn geodl(entry: &Entry, case: &mut Case) -> Result<Option<AnyLoss>, ParameterError> {
    let unit = |name: &str| entry.parameter(name) == Some(1.0);
    // No conversion: class weights inside the focal factor, ln cosh after the mean, δ per class.
    let plain =
        unit("clsWghtsDist") && unit("clsWghtsReg") && entry.flag("useLogCosH") == Some(false);
    let (true, Some(delta)) = (plain, entry.parameter("delta")) else {
        return Ok(None);
    };
    case.settings.pooling = Pooling::Batch;
    let parameter = |name: &str| entry.parameter(name).expect(name);
    let loss = UnifiedFocal::geodl(parameter("lambda"), parameter("gamma"), delta)?;
    Ok(Some(loss.with_smooth(parameter("smooth"))?.into()))
}

fn paper(entry: &Entry, case: &Case) -> Result<Option<AnyLoss>, ParameterError> {
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
