//! Assembles cases from files.

mod beside;
mod draft;
mod facts;
mod grid;
mod hard;
mod of_slab;
mod soft;
mod target;
mod treated;

use std::path::Path;

use unifocal_ndarray::core::limits::ROUNDING;

use crate::args::Data;
use crate::case::Case;
use crate::failure::Failure;
use crate::input::Input;
use crate::pair::Pair;
use crate::read::{self, Volume};
use crate::reading::{self, Reading};
use crate::slab::Slab;
use crate::survey::{self, Surveyed};
use draft::Draft;

/// The files of a case.
pub(crate) struct Files {
    pub(crate) prediction: Volume,
    pub(crate) target: Volume,
    pub(crate) mask: Option<Volume>,
    /// The image that was segmented.
    pub(crate) image: Option<Volume>,
    /// The part of the case that the files were read for; `None` for all of it.
    pub(crate) slab: Option<Slab>,
}

/// Reads a case.
pub(crate) fn read(pair: &Pair, data: &Data) -> Result<Case, Failure> {
    read_with_image(pair, data, None)
}

/// Reads a case, without a look at probabilities that need no scaling. If they need clamping or are none, scoring refuses them.
pub(crate) fn read_trusting(pair: &Pair, data: &Data) -> Result<Case, Failure> {
    of_files(pair, data, files(pair, data, None)?, true)
}

/// Reads a case and the image that was segmented: a file, or the one in a folder with the case's name.
pub(crate) fn read_with_image(
    pair: &Pair,
    data: &Data,
    image: Option<&Path>,
) -> Result<Case, Failure> {
    assemble(pair, data, files(pair, data, image)?)
}

fn files(pair: &Pair, data: &Data, image: Option<&Path>) -> Result<Files, Failure> {
    if let Some(team) = &data.team
        && let Some(files) = of_slab::files(pair, data, team)?
    {
        return Ok(files);
    }
    let prediction = read::read(&pair.prediction)?;
    let target = read::read(&pair.target)?;
    let beside = |path: Option<&Path>, what| -> Result<Option<Volume>, Failure> {
        let file = path
            .map(|path| beside::file(path, pair, what))
            .transpose()?;
        Ok(file.map(read::read).transpose()?)
    };
    Ok(Files {
        prediction,
        target,
        mask: beside(data.mask.as_deref(), MASK)?,
        image: beside(image, IMAGE)?,
        slab: None,
    })
}

const MASK: &str = "mask";
const IMAGE: &str = "image";

/// Assembles a case from the content of its files.
pub(crate) fn assemble(pair: &Pair, data: &Data, files: Files) -> Result<Case, Failure> {
    of_files(pair, data, files, false)
}

fn of_files(pair: &Pair, data: &Data, files: Files, trusted: bool) -> Result<Case, Failure> {
    let Files {
        prediction,
        target,
        mask,
        image,
        slab,
    } = files;
    let [prediction, target] = [prediction, target].map(Surveyed::from);
    let scale = data.scale.unwrap_or(1.0);
    let target_scale = data.target_scale.unwrap_or(1.0);
    let reading = match &slab {
        Some(slab) => slab.reading.clone(),
        None => {
            let ours = |axis| survey::sums_to(&prediction.volume.values, axis, scale, data);
            let theirs = |axis| survey::sums_to(&target.volume.values, axis, target_scale, data);
            let is_unit = || {
                let summary = target.summary(data);
                let slack = if data.clamp { 0.5 } else { ROUNDING };
                summary.min >= -slack && summary.max <= target_scale * (1.0 + slack)
            };
            let volumes = [&prediction.volume, &target.volume];
            axes(pair, data, volumes, [&ours, &theirs], &is_unit)?
        }
    };
    let ours = &prediction.volume;
    let inside = mask.map(|mask| {
        beside::voxels(pair, data, ours, &reading, (MASK, &mask), |number| {
            number != 0.0
        })
    });
    let image = image
        .map(|image| beside::voxels(pair, data, ours, &reading, (IMAGE, &image), |number| number));
    let (inside, image) = (inside.transpose()?, image.transpose()?);
    let grid = grid::of(&reading, ours, &target.volume);
    let draft = Draft::new(
        pair,
        data,
        &prediction.volume,
        &target.volume,
        reading,
        inside,
        slab,
    );
    let case = if data.input == Input::Labels {
        hard::assemble(draft, prediction.volume, target.volume)?
    } else {
        soft::assemble(draft, prediction, target, trusted)?
    };
    Ok(Case {
        grid,
        image,
        ..case
    })
}

/// The axes of PRED and TARGET. The functions look at the numbers of each, if the shapes allow several readings.
fn axes(
    pair: &Pair,
    data: &Data,
    [prediction, target]: [&Volume; 2],
    [ours, theirs]: [&dyn Fn(usize) -> bool; 2],
    is_unit: &dyn Fn() -> bool,
) -> Result<Reading, Failure> {
    if data.ignore_geometry && (prediction.geometry.is_none() || target.geometry.is_none()) {
        return Err(pair.failure(
            "--ignore-geometry applies to two files with geometry in their headers, found one without",
        ));
    }
    let unused = || true;
    let reading = reading::read(
        &facts::options(data),
        &facts::facts(prediction, ours, &unused),
        &facts::facts(target, theirs, is_unit),
    );
    reading.map_err(|fault| pair.failure(fault.to_string()))
}
