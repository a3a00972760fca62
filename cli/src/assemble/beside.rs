//! A file beside PRED with a number for each of its voxels: the mask, or the image that was segmented.

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

/// The file of a case: `path` itself, or the file in the folder `path` with the name of the case. `what` names it.
pub(super) fn file(path: &Path, pair: &Pair, what: &str) -> Result<PathBuf, Failure> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let entries = path
        .read_dir()
        .map_err(|error| Failure::file(path, format!("cannot be read: {error}")))?;
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
            path,
            format!("found no {what} for the case {} in this folder", names[0]),
        )
    })
}

/// How the axes of a file with a number for each voxel run along those of the prediction. `what` names the file.
pub(super) fn fit(
    pair: &Pair,
    data: &Data,
    prediction: &Volume,
    reading: &Reading,
    (what, volume): (&str, &Volume),
) -> Result<Reading, Failure> {
    let no = |_: usize| false;
    let unused = || true;
    let ours = facts(prediction, &no, &unused);
    let theirs = facts(volume, &no, &unused);
    let options = Options {
        axes: Some(reading.prediction.clone()),
        labels_target: true,
        ignore_geometry: data.ignore_geometry,
        ..Options::default()
    };
    let found = reading::read(&options, &ours, &theirs).or_else(|fault| {
        // Else it may be one for all samples.
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
    found.map_err(|fault| {
        pair.failure(format!(
            "the {what} does not fit PRED (the message calls it TARGET): {fault}"
        ))
    })
}

/// The numbers of a file, each mapped by `map`, as [sample, voxels…] of the prediction. `what` names the file.
pub(super) fn voxels<T: Clone>(
    pair: &Pair,
    data: &Data,
    prediction: &Volume,
    reading: &Reading,
    (what, volume): (&str, &Volume),
    map: impl Fn(f64) -> T,
) -> Result<ArrayD<T>, Failure> {
    let found = fit(pair, data, prediction, reading, (what, volume))?;
    let mapped: ArrayD<T> = with_numbers!(&volume.values, numbers => {
        numbers.view().mapv(|number| map(Number::to_f64(number)))
    });
    let wanted = without_classes(&reading.prediction);
    let mapped = arrange(mapped.view(), &found.target, &found.turn, &wanted);
    let shape = prediction.values.shape();
    let length = |axis: &Axis| {
        let position = reading.prediction.position(*axis);
        position.map_or(1, |position| shape[position])
    };
    let whole: Vec<usize> = wanted.iter().map(length).collect();
    match mapped.broadcast(whole) {
        Some(mapped) => Ok(mapped.to_owned()),
        None => Err(pair.failure(format!(
            "the shape of the {what} differs from that of PRED's voxels"
        ))),
    }
}
