//! Errors, and the position of invalid values.

use core::fmt;

use crate::{LossError, ParameterError, Shape};

/// Why a loss could not be computed: what was found, what was expected, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A parameter is outside its range.
    Parameter(ParameterError),
    /// No loss has this name and these parameters.
    Loss(LossError),
    /// Two tensors that must match have different shapes.
    Shape {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Shape,
        /// The shape it should have.
        expected: Shape,
    },
    /// A list or a buffer has the wrong length.
    Length {
        /// Which values.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Scores over different things cannot be merged.
    Merge {
        /// The parts that differ.
        what: &'static str,
    },
    /// A shape without samples, channels or voxels, or one whose size overflows.
    Empty {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        found: Shape,
    },
    /// A softmax over a single class, which is 1 everywhere.
    SoftmaxOfOneClass,
    /// All class weights are 0.
    NoClassLeft,
    /// All weights of levels are 0.
    NoLevelLeft,
    /// A rare class does not exist.
    RareClass {
        /// The class.
        found: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A label to ignore was set, but the target has no labels.
    IgnoreLabel {
        /// The label.
        found: i64,
    },
    /// Class 0 is not annotated in a sample, though the classes exclude each other.
    BackgroundNotAnnotated {
        /// The sample.
        sample: usize,
    },
    /// Classes are annotated per sample, and each has a sigmoid, though they exclude each other.
    AnnotatedSigmoid,
    /// Regions were set, but the target has no labels.
    Regions,
    /// The scores of an epoch would merge the regions of a pooled batch.
    PooledRegions,
    /// A loss that is a ratio of sums over all voxels has no loss of each voxel.
    NoVoxelLoss {
        /// The loss.
        loss: &'static str,
    },
    /// A value outside the domain of the losses.
    Value {
        /// The valid values.
        expected: Valid,
        /// The value.
        found: f64,
        /// Its position.
        at: Position,
    },
    /// A label that does not name a class.
    Label {
        /// The label.
        found: i64,
        /// How many classes there are.
        classes: usize,
        /// Its position.
        at: Position,
    },
}

/// The values that a number of a tensor may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Valid {
    /// A prediction: a probability in [0, 1].
    Probability,
    /// A prediction: a finite logit.
    Logit,
    /// A one-hot or soft target: a number in [0, 1].
    Target,
    /// The weight of a voxel: a number from 0 to [`LARGEST_WEIGHT`](crate::limits::LARGEST_WEIGHT).
    VoxelWeight,
}

impl Valid {
    /// The tensor, and the range of its values.
    fn describe(self) -> (&'static str, &'static str) {
        match self {
            Self::Probability => ("prediction", "a probability in [0, 1]"),
            Self::Logit => ("prediction", "a finite logit"),
            Self::Target => ("target", "a number in [0, 1]"),
            Self::VoxelWeight => ("voxel weight", "a number from 0 to 1e30"),
        }
    }
}

/// A position in a tensor: sample, channel (0 for tensors without a class axis), voxel (all spatial
/// axes flattened, the last one fastest).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The sample.
    pub sample: usize,
    /// The channel.
    pub channel: usize,
    /// The voxel.
    pub voxel: usize,
}

impl Error {
    /// Replaces the position of the error, if it has one, by `f` of it. For adapters that evaluate
    /// a tensor in parts.
    pub fn map_position(mut self, f: impl FnOnce(Position) -> Position) -> Self {
        if let Self::Value { at, .. } | Self::Label { at, .. } = &mut self {
            *at = f(*at);
        }
        self
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sample,
            channel,
            voxel,
        } = self;
        write!(f, "sample {sample}, channel {channel}, voxel {voxel}")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(error) => error.fmt(f),
            Self::Loss(error) => error.fmt(f),
            Self::Shape {
                what,
                found,
                expected,
            } => write!(
                f,
                "the shape of the {what} is {found}, expected {expected} (samples, channels, voxels)"
            ),
            Self::Length {
                what,
                found,
                expected,
            } => write!(f, "the number of {what} is {found}, expected {expected}"),
            Self::Merge { what } => write!(f, "scores with different {what} cannot be merged"),
            Self::Empty { what, found } => {
                write!(
                    f,
                    "the shape of the {what} is {found}, expected at least one sample, channel and voxel"
                )
            }
            Self::SoftmaxOfOneClass => f.write_str(
                "a softmax over one class is 1 everywhere, expected two classes or a sigmoid",
            ),
            Self::NoClassLeft => f.write_str("all class weights are 0, expected one above 0"),
            Self::NoLevelLeft => f.write_str("all level weights are 0, expected one above 0"),
            Self::RareClass { found, classes } => {
                write!(
                    f,
                    "rare class {found} does not exist: there are {classes} classes"
                )
            }
            Self::IgnoreLabel { found } => write!(
                f,
                "label {found} cannot be ignored: a one-hot or soft target has no labels, use voxel weights of 0"
            ),
            Self::BackgroundNotAnnotated { sample } => write!(
                f,
                "class 0 is not annotated in sample {sample}, expected it to be: classes that are not annotated count as class 0; leave the sample out, or set `multilabel` if the channels are regions"
            ),
            Self::AnnotatedSigmoid => f.write_str(
                "found classes that are not annotated and a sigmoid for each class, expected a softmax or probabilities: set `multilabel` if the channels are regions",
            ),
            Self::PooledRegions => f.write_str(
                "found regions with sums over the batch, expected sums per sample, or a score for each region",
            ),
            Self::Regions => f.write_str(
                "found the labels of regions beside a one-hot or soft target, expected labels: set `multilabel` for a target with a channel per region",
            ),
            Self::NoVoxelLoss { loss } => write!(
                f,
                "{loss} is a ratio of sums over all voxels and has no loss of each voxel, expected a loss with a distribution-based part, such as cross-entropy"
            ),
            Self::Value {
                expected,
                found,
                at,
            } => {
                let (what, range) = expected.describe();
                write!(f, "the {what} is {found} at {at}, expected {range}")
            }
            Self::Label { found, classes, at } => write!(
                f,
                "the label is {found} at sample {}, voxel {}, expected 0 to {}",
                at.sample,
                at.voxel,
                classes.saturating_sub(1)
            ),
        }
    }
}

impl core::error::Error for Error {}

impl From<ParameterError> for Error {
    fn from(error: ParameterError) -> Self {
        Self::Parameter(error)
    }
}

impl From<LossError> for Error {
    fn from(error: LossError) -> Self {
        match error {
            LossError::Value(error) => Self::Parameter(error),
            error => Self::Loss(error),
        }
    }
}
