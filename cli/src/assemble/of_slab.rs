//! The files of a case of which this process reads a slab.

use std::cell::Cell;

use super::{Files, MASK, axes, beside};
use crate::args::Data;
use crate::failure::Failure;
use crate::pair::Pair;
use crate::read::{self, Volume};
use crate::reading::{Axes, Reading, Turn};
use crate::slab::Slab;
use crate::team::Team;

/// Reads the headers, which tell the slab, and then the slab alone. `None` if there are no voxels to divide.
pub(super) fn files(pair: &Pair, data: &Data, team: &Team) -> Result<Option<Files>, Failure> {
    let ours = read::header(&pair.prediction)?;
    let theirs = read::header(&pair.target)?;
    let mask = data.mask.as_deref();
    let mask = mask
        .map(|path| beside::file(path, pair, MASK))
        .transpose()?;
    let reading = stated(pair, data, &ours, &theirs)?;
    let slab = (ours.whole.as_ref()).and_then(|whole| Slab::of(&reading, whole, team));
    let Some(slab) = slab else {
        return Ok(None);
    };
    team.note(|| slab.note(&pair.name));
    let window =
        |axes: &Axes, turn: &Turn, header: &Volume| slab.window(axes, turn, header.shape());
    let prediction = window(&reading.prediction, &Turn::NONE, &ours);
    let target = window(&reading.target, &reading.turn, &theirs);
    let mask = mask.map(|file| -> Result<Volume, Failure> {
        let header = read::header(&file)?;
        let fit = beside::fit(pair, data, &ours, &reading, (MASK, &header))?;
        Ok(read::window(
            &file,
            &window(&fit.target, &fit.turn, &header),
        )?)
    });
    Ok(Some(Files {
        prediction: read::window(&pair.prediction, &prediction)?,
        target: read::window(&pair.target, &target)?,
        mask: mask.transpose()?,
        image: None,
        slab: Some(slab),
    }))
}

/// The axes, by the headers alone.
fn stated(
    pair: &Pair,
    data: &Data,
    prediction: &Volume,
    target: &Volume,
) -> Result<Reading, Failure> {
    let is_open = Cell::new(false);
    let sums = |_: usize| {
        is_open.set(true);
        false
    };
    let is_unit = || {
        is_open.set(true);
        true
    };
    let reading = axes(pair, data, [prediction, target], [&sums, &sums], &is_unit)?;
    if is_open.get() {
        return Err(pair.failure(format!(
            "PRED's shape {:?} and TARGET's shape {:?} can be read in several ways, which only the numbers tell apart: with --slabs, name \
             the axes by --axes and --target-axes",
            prediction.shape(),
            target.shape()
        )));
    }
    Ok(reading)
}
