//! The only reading, or an error that lists those that fit.

use super::axes::{Axes, Axis};
use super::candidates;
use super::facts::Facts;
use super::fault::{Fault, Reading};
use super::options::Options;
use super::turn::Turn;

/// Finds the only reading of a prediction and its target.
pub(crate) fn read(
    options: &Options,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
) -> Result<Reading, Fault> {
    let turn = match (&prediction.geometry, &target.geometry) {
        (Some(ours), Some(theirs)) if !options.ignore_geometry => {
            let shape = [0, 1, 2].map(|axis| target.shape.get(axis).copied().unwrap_or(1));
            Turn::between(ours, theirs, shape).map_err(|distance| Fault::Elsewhere { distance })?
        }
        _ => Turn::NONE,
    };
    let (mut fitting, nearest) = candidates::pairs(options, prediction, target, &turn)?;
    // Prefer readings with at least two spatial axes.
    let flat = |reading: &Reading| reading.prediction.space().len() < 2;
    if !fitting.iter().all(flat) {
        fitting.retain(|reading| !flat(reading));
    }
    if fitting.len() > 1 {
        weigh(options, prediction, target, &mut fitting);
    }
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 => Err(Fault::Misfit {
            prediction: prediction.shape.to_vec(),
            target: target.shape.to_vec(),
            nearest: nearest.map(Box::new),
        }),
        _ => Err(ambiguous(options, prediction, target, fitting)),
    }
}

/// Keeps the readings that the values support: probabilities and one-hot targets sum to 1 over the class axis.
fn weigh(
    options: &Options,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
    fitting: &mut Vec<Reading>,
) {
    if fitting
        .iter()
        .any(|reading| reading.target.has(Axis::Class))
        && !(target.is_unit)()
    {
        fitting.retain(|reading| !reading.target.has(Axis::Class));
    }
    let sums = |reading: &Reading| {
        let ours = reading.prediction.position(Axis::Class);
        let theirs = reading.target.position(Axis::Class);
        ours.is_some_and(|axis| options.logits || (prediction.sums_to_one)(axis))
            && theirs.is_none_or(|axis| (target.sums_to_one)(axis))
            // Logits with labels are no evidence.
            && !(options.logits && theirs.is_none())
    };
    let speaks: Vec<bool> = fitting.iter().map(sums).collect();
    if speaks.contains(&true) && speaks.contains(&false) {
        let mut speaks = speaks.into_iter();
        fitting.retain(|_| speaks.next().unwrap_or_default());
        for reading in fitting {
            reading.evidence = Some("the numbers sum to 1 over the class axis and no other");
        }
        return;
    }
    // [N, 1, y, x] and [N, y, x, 1] have a channel axis of length 1.
    let one_channel =
        |shape: &[usize]| candidates::ends_in_one(shape) || (shape.len() >= 4 && shape[1] == 1);
    let plain = |reading: &Reading| !reading.prediction.has(Axis::Class);
    if (one_channel(prediction.shape) || one_channel(target.shape)) && fitting.iter().any(plain) {
        fitting.retain(plain);
    }
}

/// The error that lists the readings with the options that select them.
fn ambiguous(
    options: &Options,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
    fitting: Vec<Reading>,
) -> Fault {
    let differs = |axes: fn(&Reading) -> &Axes| {
        fitting
            .iter()
            .any(|reading| axes(reading) != axes(&fitting[0]))
    };
    let ours = options.axes.is_none() && differs(|reading| &reading.prediction);
    let theirs = options.target_axes.is_none() && differs(|reading| &reading.target);
    let choice = |reading: &Reading| {
        let chosen = Options {
            axes: Some(reading.prediction.clone()),
            ..options.clone()
        };
        // Name one option if one is enough.
        let enough = ours
            && matches!(candidates::pairs(&chosen, prediction, target, &reading.turn), Ok((pairs, _)) if pairs.len() == 1);
        match (ours, theirs && !enough) {
            (true, false) => format!("--axes {}", reading.prediction),
            (false, _) => format!("--target-axes {}", reading.target),
            (true, true) => format!(
                "--axes {} --target-axes {}",
                reading.prediction, reading.target
            ),
        }
    };
    let readings = fitting.iter().map(|reading| {
        let meaning = describe(reading, prediction.shape);
        let layout = match reading.prediction.0.as_slice() {
            [Axis::Sample, .., Axis::Class | Axis::Single] if options.class_axis.is_none() => {
                ", the same as --layout channels-last"
            }
            _ => "",
        };
        (
            reading.clone(),
            format!("{} ({meaning}{layout})", choice(reading)),
        )
    });
    Fault::Ambiguous {
        prediction: prediction.shape.to_vec(),
        target: target.shape.to_vec(),
        readings: readings.collect(),
    }
}

/// `2 samples of 3 classes, 9 × 8 voxels`.
fn describe(reading: &Reading, shape: &[usize]) -> String {
    let length = |axis: Axis| reading.prediction.position(axis).map(|at| shape[at]);
    let count = |length: usize, one: &str, several: &str| match length {
        1 => format!("one {one}"),
        _ => format!("{length} {several}"),
    };
    let samples = count(length(Axis::Sample).unwrap_or(1), "sample", "samples");
    let classes = match length(Axis::Class) {
        Some(classes) => format!(" of {}", count(classes, "class", "classes")),
        None => String::new(),
    };
    let space: Vec<String> = (reading.prediction.0.iter().zip(shape))
        .filter(|(axis, _)| axis.is_space())
        .map(|(_, length)| length.to_string())
        .collect();
    let voxels = match space.as_slice() {
        [] => "one voxel each".to_owned(),
        space => format!("{} voxels", space.join(" × ")),
    };
    format!("{samples}{classes}, {voxels}")
}
