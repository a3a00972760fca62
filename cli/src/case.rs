//! A prediction and its target as they are scored, whatever their files were.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};
use unifocal_ndarray::core::Input;

use crate::account::Account;
use crate::arrange::{arrange, with_classes, without_classes};
use crate::counts::Count;
use crate::read::Numbers;
use crate::reading::classes::Name;
use crate::reading::numbers::{self, Summary};
use crate::reading::{Reading, Turn};

/// A case, its classes, and how it was read.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) content: Content,
    pub(crate) names: Vec<Name>,
    pub(crate) account: Arc<Account>,
}

/// The numbers that are scored.
#[derive(Debug)]
pub(crate) enum Content {
    /// Of a hard segmentation beside its target: the counts of each class, sample by sample.
    Counts(Vec<Count>),
    Arrays(Box<Arrays>),
}

/// A prediction beside its target, in the axes of their files.
#[derive(Debug)]
pub(crate) struct Arrays {
    pub(crate) prediction: Prediction,
    pub(crate) target: Target,
    pub(crate) input: Input,
    pub(crate) reading: Reading,
    /// The prediction's numbers as its file has them.
    pub(crate) summary: Summary,
}

/// Probabilities or logits, in the precision of their file.
#[derive(Debug)]
pub(crate) enum Prediction {
    F32(Numbers<f32>),
    F64(Numbers<f64>),
}

/// A target, and where to score.
#[derive(Debug)]
pub(crate) enum Target {
    /// The class of each voxel, and the number of voxels that do not count.
    Classes {
        classes: ClassNumbers,
        void: Option<i64>,
    },
    /// A one-hot or soft target, and weights of 0 and 1 as [sample, voxels…].
    Soft {
        target: Numbers<f64>,
        weights: Option<ArrayD<f64>>,
    },
}

/// The numbers of classes, in few types: the engine is compiled for each.
#[derive(Debug)]
pub(crate) enum ClassNumbers {
    U8(Numbers<u8>),
    I32(Numbers<i32>),
}

impl Arrays {
    /// A prediction as [sample, class, voxels…].
    pub(crate) fn prediction<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let axes = &self.reading.prediction;
        arrange(array, axes, &Turn::NONE, &with_classes(axes))
    }

    /// An array of the prediction's shape, to be written to, as [sample, class, voxels…].
    pub(crate) fn prediction_mut<'a, T>(
        &self,
        array: ArrayViewMutD<'a, T>,
    ) -> ArrayViewMutD<'a, T> {
        let axes = &self.reading.prediction;
        arrange(array, axes, &Turn::NONE, &with_classes(axes))
    }

    /// A soft target as [sample, class, voxels…].
    pub(crate) fn soft<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        arrange(array, target, turn, &with_classes(prediction))
    }

    /// Labels as [sample, voxels…].
    pub(crate) fn labels<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        arrange(array, target, turn, &without_classes(prediction))
    }

    /// Proposes what a number of the prediction that is refused is likely to be.
    pub(crate) fn hint(&self, found: f64) -> &'static str {
        match self.input {
            Input::Probabilities if found.is_finite() => numbers::beyond(&self.summary),
            Input::Probabilities => "",
            _ if found == f64::NEG_INFINITY => {
                " (write a finite logit such as -10000 for a class that cannot be: its probability is 0 as well)"
            }
            _ => "",
        }
    }
}
