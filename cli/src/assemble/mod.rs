//! Assembles cases from files.

mod draft;
mod facts;
mod hard;
mod mask;
mod soft;
mod target;
mod treated;

use unifocal_ndarray::core::limits::ROUNDING;

use crate::args::Data;
use crate::case::Case;
use crate::failure::Failure;
use crate::input::Input;
use crate::pair::Pair;
use crate::read::{self, Volume};
use crate::reading;
use crate::survey::{self, Surveyed};
use draft::Draft;

/// Reads a case.
pub(crate) fn read(pair: &Pair, data: &Data) -> Result<Case, Failure> {
    let prediction = read::read(&pair.prediction)?;
    let target = read::read(&pair.target)?;
    let mask = match &data.mask {
        Some(mask) => Some(read::read(mask::file(mask, pair)?)?),
        None => None,
    };
    assemble(pair, data, prediction, target, mask)
}

/// Assembles a case from the content of its files.
pub(crate) fn assemble(
    pair: &Pair,
    data: &Data,
    prediction: Volume,
    target: Volume,
    mask: Option<Volume>,
) -> Result<Case, Failure> {
    if data.ignore_geometry && (prediction.geometry.is_none() || target.geometry.is_none()) {
        return Err(pair.failure(
            "--ignore-geometry applies to two files with geometry in their headers, found one without",
        ));
    }
    let [prediction, target] = [prediction, target].map(Surveyed::from);
    let scale = data.scale.unwrap_or(1.0);
    let target_scale = data.target_scale.unwrap_or(1.0);
    let reading = {
        let ours = |axis| survey::sums_to(&prediction.volume.values, axis, scale);
        let theirs = |axis| survey::sums_to(&target.volume.values, axis, target_scale);
        let is_unit = || {
            let summary = target.summary();
            let slack = if data.clamp { 0.5 } else { ROUNDING };
            summary.min >= -slack && summary.max <= target_scale * (1.0 + slack)
        };
        let unused = || true;
        reading::read(
            &facts::options(data),
            &facts::facts(&prediction.volume, &ours, &unused),
            &facts::facts(&target.volume, &theirs, &is_unit),
        )
        .map_err(|fault| pair.failure(fault.to_string()))?
    };
    let inside = match mask {
        Some(mask) => Some(mask::inside(
            pair,
            data,
            &prediction.volume,
            &reading,
            &mask,
        )?),
        None => None,
    };
    let draft = Draft::new(
        pair,
        data,
        &prediction.volume,
        &target.volume,
        reading,
        inside,
    );
    if data.input == Input::Labels {
        hard::assemble(draft, prediction.volume, target.volume)
    } else {
        soft::assemble(draft, prediction, target)
    }
}
