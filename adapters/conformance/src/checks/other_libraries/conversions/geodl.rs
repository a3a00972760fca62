//! geodl's losses as ours.

use unifocal_core::{AnyLoss, Pooling, UnifiedFocal, catalogue::ParameterError};

use crate::Case;
use crate::golden::Entry;

pub(super) fn geodl(entry: &Entry, case: &mut Case) -> Result<Option<AnyLoss>, ParameterError> {
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
