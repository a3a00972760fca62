//! The reading layer turns shapes, formats, values and options into named axes and a list of classes, or into an error that lists
//! the readings that fit, each with the option that selects it.
//!
//! Nothing here reads a file or a whole array. The values are looked at through [`Facts`], and only if the shapes allow more than
//! one reading. No later step guesses.

mod axes;
mod candidates;
pub(crate) mod classes;
pub(crate) mod numbers;
mod turn;

#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use axes::{Axes, Axis};
pub(crate) use turn::Turn;

use crate::read::Geometry;

/// The order of axes, as far as a format fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The format does not fix it.
    Free,
    /// x, y, z, then time, then classes, as in NIfTI, NRRD and MetaImage.
    XyzFirst,
    /// Rows and columns, preceded by pages if there are several.
    Picture,
    /// c, z, y, x, as in the `.npz` files of nnU-Net.
    ClassFirst,
}

/// The facts about an input.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) shape: &'a [usize],
    pub(crate) order: Order,
    pub(crate) geometry: Option<Geometry>,
    /// Whether the numbers along an axis sum to 1 everywhere.
    pub(crate) sums_to_one: &'a dyn Fn(usize) -> bool,
    /// Whether all numbers are in [0, 1].
    pub(crate) is_unit: &'a dyn Fn() -> bool,
}

/// The position of the class axis that the user sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassAxis {
    First,
    Last,
}

/// The options about axes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) axes: Option<Axes>,
    pub(crate) target_axes: Option<Axes>,
    pub(crate) class_axis: Option<ClassAxis>,
    pub(crate) batch: Option<bool>,
    pub(crate) foreground: bool,
    /// Both files hold labels.
    pub(crate) labels: bool,
    /// The numbers are logits, whose sums have no meaning.
    pub(crate) logits: bool,
    /// The target holds labels, which determine the classes.
    pub(crate) labels_target: bool,
    pub(crate) ignore_geometry: bool,
}

/// The named axes of a prediction and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) prediction: Axes,
    pub(crate) target: Axes,
    /// How to reorient the target to the prediction.
    pub(crate) turn: Turn,
    /// Why this reading was chosen, if several fit the shapes.
    pub(crate) evidence: Option<&'static str>,
}

/// Why there is not exactly one reading.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// An option does not fit the file.
    Option { option: String, found: String },
    /// Two volumes have different geometries.
    Elsewhere { distance: f64 },
    /// No reading fits both shapes.
    Misfit {
        prediction: Vec<usize>,
        target: Vec<usize>,
        /// The closest reading, and the samples and voxels of both by it.
        nearest: Option<Box<candidates::Nearest>>,
    },
    /// Several readings fit.
    Ambiguous {
        prediction: Vec<usize>,
        target: Vec<usize>,
        readings: Vec<(Reading, String)>,
    },
}

/// Finds the only reading of a prediction and its target.
pub(crate) fn read(
    asked: &Asked,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
) -> Result<Reading, Fault> {
    let turn = match (&prediction.geometry, &target.geometry) {
        (Some(ours), Some(theirs)) if !asked.ignore_geometry => {
            let shape = [0, 1, 2].map(|axis| target.shape.get(axis).copied().unwrap_or(1));
            Turn::between(ours, theirs, shape).map_err(|distance| Fault::Elsewhere { distance })?
        }
        _ => Turn::NONE,
    };
    let (mut fitting, nearest) = candidates::pairs(asked, prediction, target, &turn)?;
    // Prefer readings with at least two spatial axes.
    let flat = |reading: &Reading| reading.prediction.space().len() < 2;
    if !fitting.iter().all(flat) {
        fitting.retain(|reading| !flat(reading));
    }
    if fitting.len() > 1 {
        weigh(asked, prediction, target, &mut fitting);
    }
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 => Err(Fault::Misfit {
            prediction: prediction.shape.to_vec(),
            target: target.shape.to_vec(),
            nearest: nearest.map(Box::new),
        }),
        _ => Err(ambiguous(asked, prediction, target, fitting)),
    }
}

/// Keeps the readings that the values support: probabilities and one-hot targets sum to 1 over the class axis.
fn weigh(asked: &Asked, prediction: &Facts<'_>, target: &Facts<'_>, fitting: &mut Vec<Reading>) {
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
        ours.is_some_and(|axis| asked.logits || (prediction.sums_to_one)(axis))
            && theirs.is_none_or(|axis| (target.sums_to_one)(axis))
            // Logits with labels are no evidence.
            && !(asked.logits && theirs.is_none())
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
    asked: &Asked,
    prediction: &Facts<'_>,
    target: &Facts<'_>,
    fitting: Vec<Reading>,
) -> Fault {
    let differs = |axes: fn(&Reading) -> &Axes| {
        fitting
            .iter()
            .any(|reading| axes(reading) != axes(&fitting[0]))
    };
    let ours = asked.axes.is_none() && differs(|reading| &reading.prediction);
    let theirs = asked.target_axes.is_none() && differs(|reading| &reading.target);
    let choice = |reading: &Reading| {
        let chosen = Asked {
            axes: Some(reading.prediction.clone()),
            ..asked.clone()
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
            [Axis::Sample, .., Axis::Class | Axis::Single] if asked.class_axis.is_none() => {
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

/// `2 samples of 3 classes, 9 × 8`.
fn describe(reading: &Reading, shape: &[usize]) -> String {
    let length = |axis: Axis| reading.prediction.position(axis).map(|at| shape[at]);
    let samples = match length(Axis::Sample) {
        Some(samples) => format!("{samples} samples"),
        None => "one sample".to_owned(),
    };
    let classes = match length(Axis::Class) {
        Some(classes) => format!(" of {classes} classes"),
        None => String::new(),
    };
    let space: Vec<String> = (reading.prediction.0.iter().zip(shape))
        .filter(|(axis, _)| axis.is_space())
        .map(|(_, length)| length.to_string())
        .collect();
    format!("{samples}{classes}, {} voxels", space.join(" × "))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { option, found } => write!(f, "{option} does not fit the file: {found}"),
            Self::Elsewhere { distance } => write!(
                f,
                "the affines differ by up to {distance:.3} mm within the volume, even after reorientation, expected the same \
                 geometry (if the headers are wrong, --ignore-geometry compares the voxels by index)"
            ),
            Self::Misfit {
                prediction,
                target,
                nearest,
            } => {
                write!(
                    f,
                    "PRED's shape {prediction:?} does not fit TARGET's shape {target:?}"
                )?;
                if let Some(nearest) = nearest {
                    let (reading, ours, theirs) = &**nearest;
                    write!(
                        f,
                        ": with the axes {} for PRED and {} for TARGET, TARGET has the samples and voxels {theirs:?}, expected {ours:?}",
                        reading.prediction, reading.target
                    )?;
                }
                f.write_str(" (--axes and --target-axes name their axes)")
            }
            Self::Ambiguous {
                prediction,
                target,
                readings,
            } => {
                write!(
                    f,
                    "PRED's shape {prediction:?} and TARGET's shape {target:?} can be read in {} ways, choose one by an option: ",
                    readings.len()
                )?;
                let choices: Vec<&str> =
                    readings.iter().map(|(_, choice)| choice.as_str()).collect();
                f.write_str(&choices.join("; "))
            }
        }
    }
}
