//! A prediction and its target, ready to be scored.

use std::sync::Arc;

use ndarray::{Array2, ArrayD, ArrayViewD, ArrayViewMutD};
use unifocal_ndarray::core::Input;

use crate::account::Account;
use crate::annotated::Annotated;
use crate::arrange::{arrange, with_classes, without_classes};
use crate::counts::Count;
use crate::labels::Labels;
use crate::read::Numbers;
use crate::reading::classes::{Classes, Name};
use crate::reading::numbers::{self, Summary};
use crate::reading::{Axis, Reading, Turn};
use crate::slab::Slab;

/// A case, its classes, and how it was read.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) content: Content,
    pub(crate) names: Vec<Name>,
    /// The classes that are annotated, if not all are.
    pub(crate) annotated: Option<Annotated>,
    pub(crate) account: Arc<Account>,
    pub(crate) grid: Grid,
    /// The image that was segmented, as [sample, voxels…], if it was asked for.
    pub(crate) image: Option<ArrayD<f64>>,
}

impl Case {
    /// Whether a class is annotated.
    pub(crate) fn has(&self, class: usize) -> bool {
        self.annotated
            .as_ref()
            .is_none_or(|annotated| annotated.has(class))
    }
}

/// How the voxels of PRED lie in space: its axes of space, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grid(pub(crate) Vec<GridAxis>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct GridAxis {
    /// The axis of space that it runs along: by the file's geometry, else by its name.
    pub(crate) along: Axis,
    /// Whether it runs to the right, to the front or up; `None` without a geometry.
    pub(crate) positive: Option<bool>,
    /// The distance between neighbouring voxels; 1 without a geometry.
    pub(crate) spacing: f64,
}

/// The numbers to score.
#[derive(Debug)]
pub(crate) enum Content {
    Maps(Box<Maps>),
    Arrays(Box<Arrays>),
}

/// Two label maps, with the axes of their files.
#[derive(Debug)]
pub(crate) struct Maps {
    /// The counts of each class, sample by sample, from which all scores follow.
    pub(crate) counts: Vec<Count>,
    pub(crate) prediction: Labels,
    pub(crate) target: Labels,
    pub(crate) reading: Reading,
    pub(crate) classes: Classes,
    /// The labels in the target whose voxels are not scored.
    pub(crate) ignored: Vec<i64>,
    /// The voxels to score, as [sample, voxels…]; all without it.
    pub(crate) inside: Option<ArrayD<bool>>,
}

/// A prediction and its target, with the axes of their files.
#[derive(Debug)]
pub(crate) struct Arrays {
    pub(crate) prediction: Prediction,
    pub(crate) target: Target,
    /// Which channels are annotated, sample by sample, if not all are.
    pub(crate) annotated: Option<Array2<bool>>,
    pub(crate) input: Input,
    pub(crate) reading: Reading,
    /// A summary of the prediction's numbers before scaling and clamping; `None` if they were not looked at.
    pub(crate) summary: Option<Summary>,
    /// The part of the case that the arrays are; `None` if they are all of it.
    pub(crate) slab: Option<Slab>,
}

/// Probabilities or logits, in the precision of their file.
#[derive(Debug)]
pub(crate) enum Prediction {
    F32(Numbers<f32>),
    F64(Numbers<f64>),
}

/// A target and the voxels to score.
#[derive(Debug)]
pub(crate) enum Target {
    /// The class of each voxel, and the number that marks ignored voxels.
    Classes {
        classes: ClassNumbers,
        void: Option<i64>,
    },
    /// A one-hot or soft target, and voxel weights of 0 and 1 as [sample, voxels…].
    Soft {
        target: Numbers<f64>,
        weights: Option<ArrayD<f64>>,
    },
}

/// Class indices. There are only two types because the engine is compiled for each.
#[derive(Debug)]
pub(crate) enum ClassNumbers {
    U8(Numbers<u8>),
    I32(Numbers<i32>),
}

impl Arrays {
    /// The lengths of the sample axis and of the axes of space, in PRED's order.
    pub(crate) fn voxels(&self) -> Vec<usize> {
        let axes = &self.reading.prediction;
        let shape = match &self.prediction {
            Prediction::F32(numbers) => numbers.shape(),
            Prediction::F64(numbers) => numbers.shape(),
        };
        let length = |axis: &Axis| axes.position(*axis).map_or(1, |place| shape[place]);
        without_classes(axes).iter().map(length).collect()
    }

    /// Views a prediction as [sample, class, voxels…].
    pub(crate) fn prediction<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let axes = &self.reading.prediction;
        arrange(array, axes, &Turn::NONE, &with_classes(axes))
    }

    /// Mutably views an array of the prediction's shape as [sample, class, voxels…].
    pub(crate) fn prediction_mut<'a, T>(
        &self,
        array: ArrayViewMutD<'a, T>,
    ) -> ArrayViewMutD<'a, T> {
        let axes = &self.reading.prediction;
        arrange(array, axes, &Turn::NONE, &with_classes(axes))
    }

    /// Views a soft target as [sample, class, voxels…].
    pub(crate) fn soft<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        arrange(array, target, turn, &with_classes(prediction))
    }

    /// Views labels as [sample, voxels…].
    pub(crate) fn labels<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        arrange(array, target, turn, &without_classes(prediction))
    }

    /// Suggests an option for a number of the prediction that was refused.
    pub(crate) fn hint(&self, found: f64) -> &'static str {
        match self.input {
            Input::Probabilities if found.is_finite() => {
                self.summary.as_ref().map_or("", numbers::beyond)
            }
            Input::Probabilities => "",
            _ if found == f64::NEG_INFINITY => {
                " (for an impossible class, write a finite logit such as -10000, whose probability is 0 as well)"
            }
            _ => "",
        }
    }
}
