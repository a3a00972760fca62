//! A reading, or why there is not exactly one.

use std::fmt;

use super::axes::Axes;
use super::turn::Turn;

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

/// The closest reading that does not fit, and the samples and voxels of both arrays by it.
pub(crate) type Nearest = (Reading, Vec<usize>, Vec<usize>);

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
        nearest: Option<Box<Nearest>>,
    },
    /// Several readings fit.
    Ambiguous {
        prediction: Vec<usize>,
        target: Vec<usize>,
        readings: Vec<(Reading, String)>,
    },
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
