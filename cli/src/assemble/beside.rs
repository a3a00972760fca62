//! The mask of voxels to score, which `--mask` reads from a file.

use std::path::{Path, PathBuf};

use ndarray::ArrayD;

use super::facts::facts;
use crate::args::Data;
use crate::arrange::{arrange, without_classes};
use crate::failure::Failure;
use crate::pair::Pair;
use crate::pairs;
use crate::read::{Format, Volume};
use crate::reading::{self, Axes, Axis, Facts, Options, Reading};
use crate::survey::{Number, with_numbers};

/// The mask file of a case: `mask` itself, or the file in the folder `mask` with the name of the case.
pub(super) fn file(mask: &Path, pair: &Pair) -> Result<PathBuf, Failure> {
    if !mask.is_dir() {
        return Ok(mask.to_owned());
    }
    let entries = mask
        .read_dir()
        .map_err(|error| Failure::file(mask, format!("cannot be read: {error}")))?;
    let stem = pairs::stem;
    let names = [
        pair.name.clone(),
        stem(&pair.target),
        stem(&pair.prediction),
    ];
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| Format::by_name(file).is_some())
        .collect();
    files.sort();
    let named = |name: &String| files.iter().find(|file| stem(file) == *name);
    names.iter().find_map(named).cloned().ok_or_else(|| {
        Failure::file(
            mask,
            format!("found no mask for the case {} in this folder", names[0]),
        )
    })
}

/// Whether a mask is not 0, as [sample, voxels…] of the prediction.
pub(super) fn inside(
    pair: &Pair,
    data: &Data,
    prediction: &Volume,
    reading: &Reading,
    mask: &Volume,
) -> Result<ArrayD<bool>, Failure> {
    let no = |_: usize| false;
    let unused = || true;
    let ours = facts(prediction, &no, &unused);
    let theirs = facts(mask, &no, &unused);
    let options = Options {
        axes: Some(reading.prediction.clone()),
        labels_target: true,
        ignore_geometry: data.ignore_geometry,
        ..Options::default()
    };
    let found = reading::read(&options, &ours, &theirs).or_else(|fault| {
        // Else the mask may be one for all samples.
        let Some(samples) = reading.prediction.position(Axis::Sample) else {
            return Err(fault);
        };
        let mut shape = ours.shape.to_vec();
        let mut axes = reading.prediction.0.clone();
        shape.remove(samples);
        axes.remove(samples);
        let options = Options {
            axes: Some(Axes(axes)),
            ..options
        };
        let ours = Facts {
            shape: &shape,
            ..ours
        };
        reading::read(&options, &ours, &theirs)
    });
    let found = found.map_err(|fault| {
        pair.failure(format!(
            "the mask does not fit PRED (the message calls it TARGET): {fault}"
        ))
    })?;
    let mask: ArrayD<bool> = with_numbers!(&mask.values, numbers => {
        numbers.view().mapv(|number| Number::to_f64(number) != 0.0)
    });
    let wanted = without_classes(&reading.prediction);
    let mask = arrange(mask.view(), &found.target, &found.turn, &wanted);
    let shape = prediction.values.shape();
    let length = |axis: &Axis| {
        let position = reading.prediction.position(*axis);
        position.map_or(1, |position| shape[position])
    };
    let whole: Vec<usize> = wanted.iter().map(length).collect();
    match mask.broadcast(whole) {
        Some(mask) => Ok(mask.to_owned()),
        None => Err(pair.failure("the shape of the mask differs from that of PRED's voxels")),
    }
}
