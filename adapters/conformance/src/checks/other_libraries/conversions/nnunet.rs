//! nnU-Net's losses as ours.

use ndarray::Axis;
use unifocal_core::{AnyLoss, Pooling, UnifiedFocal, catalogue::ParameterError};

use super::common::foreground;
use crate::Case;
use crate::golden::Entry;

pub(super) fn nnunet(entry: &Entry, case: &mut Case) -> Result<AnyLoss, ParameterError> {
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
