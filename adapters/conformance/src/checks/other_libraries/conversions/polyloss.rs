//! polyloss's loss as ours.

use unifocal_core::{AnyLoss, Focal, catalogue::ParameterError};

use crate::golden::Entry;

pub(super) fn polyloss(entry: &Entry) -> Result<AnyLoss, ParameterError> {
    let epsilon = entry.parameter("epsilon").expect("epsilon");
    Ok(Focal::poly1().with_poly(epsilon)?.with_clip(None)?.into())
}
