//! The losses of segmentation-models-pytorch as ours.

use unifocal_core::{AnyLoss, Input, Matthews, Pooling, Tversky, catalogue::ParameterError};

use super::common::{cross_entropy, focal, pos_weight, two_alphas};
use crate::Case;
use crate::golden::Entry;

pub(super) fn smp(entry: &Entry, case: &mut Case) -> Result<Option<AnyLoss>, ParameterError> {
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
    if entry.loss == "MCCLoss" {
        case.settings.pooling = Pooling::Batch;
        case.settings.class_weights = Some(vec![0.0, 1.0]);
        let loss = Matthews::new().with_smooth(2.0 * parameter("eps"))?;
        let loss = loss.with_smooth_numerator(parameter("eps"))?;
        return Ok(Some(loss.into()));
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
            case.settings.class_alpha = pos_weight(entry);
            // Theirs moves y by the factor at both ends, ours by half of t.
            cross_entropy(2.0 * entry.parameter("smooth_factor").unwrap_or(0.0))?.into()
        }
        "SoftCrossEntropyLoss" => cross_entropy(parameter("smooth_factor"))?.into(),
        other => panic!("the manifest names an unknown loss: {other}"),
    }))
}
