//! A prediction and its target as arrays with a sample axis, from what their files hold and what is said of them.

use std::path::Path;

use ndarray::{ArrayBase, ArrayD, ArrayViewD, Axis, IxDyn, RawData};
use unifocal_ndarray::core::{Activation, Layout};

use crate::args::{ActivationArg, Batch, Data, Input, LayoutArg};
use crate::failure::Failure;
use crate::pairs::Pair;
use crate::read::{self, Numbers, Values, Volume};

/// What is scored: arrays with a sample axis in front.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) prediction: Prediction,
    pub(crate) truth: Truth,
    pub(crate) layout: Layout,
    pub(crate) activation: Activation,
    /// What was added to PRED's shape, to be taken off the gradient's again.
    pub(crate) added: Added,
}

/// The axes that a file did not have.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Added {
    pub(crate) sample: bool,
    pub(crate) channel: bool,
}

/// A prediction, in the precision of its file.
#[derive(Debug)]
pub(crate) enum Prediction {
    F32(Numbers<f32>),
    F64(Numbers<f64>),
    /// A hard segmentation, and how many classes it has.
    Labels(ArrayD<i64>, usize),
}

/// A target.
#[derive(Debug)]
pub(crate) enum Truth {
    U8(Numbers<u8>),
    U16(Numbers<u16>),
    I32(Numbers<i32>),
    I64(Numbers<i64>),
    Soft(Numbers<f64>),
}

/// Reads a case.
pub(crate) fn read(pair: &Pair, data: &Data) -> Result<Case, Failure> {
    if data.input != Input::Logits && data.activation.is_some() {
        return Err(Failure::file(
            &pair.prediction,
            "--activation is for logits, expected --input logits beside it",
        ));
    }
    let prediction = read::read(&pair.prediction)?;
    let target = read::read(&pair.target)?;
    if !data.ignore_geometry {
        check_geometry(pair, &prediction, &target)?;
    }
    match data.input {
        Input::Labels => hard(pair, data, prediction.values, target.values),
        Input::Probabilities | Input::Logits => soft(pair, data, prediction, target.values),
    }
}

/// Checks that two volumes show the same place, if both say which one they show.
fn check_geometry(pair: &Pair, prediction: &Volume, target: &Volume) -> Result<(), Failure> {
    let (Some(ours), Some(theirs)) = (&prediction.geometry, &target.geometry) else {
        return Ok(());
    };
    match ours.mismatch(theirs, target.values.shape()) {
        None => Ok(()),
        Some(distance) => Err(pair.failure(format!(
            "the affines differ by up to {distance:.3} mm within the volume, expected the same geometry \
             (--ignore-geometry scores them all the same)"
        ))),
    }
}

/// A prediction of probabilities or logits.
fn soft(pair: &Pair, data: &Data, volume: Volume, target: Values) -> Result<Case, Failure> {
    let is_nifti = volume.geometry.is_some() || is_nifti(&pair.prediction);
    let layout = match data.layout {
        Some(LayoutArg::ChannelsFirst) => Layout::ChannelsFirst,
        Some(LayoutArg::ChannelsLast) => Layout::ChannelsLast,
        None if is_nifti => Layout::ChannelsLast,
        None => Layout::ChannelsFirst,
    };
    let shape = volume.values.shape().to_vec();
    let same_shape = shape == target.shape();
    let foreground = data.foreground || (same_shape && shape.len() <= if is_nifti { 3 } else { 2 });
    let batched = match data.batch {
        Batch::Yes => true,
        Batch::No => false,
        Batch::Auto if is_nifti => false,
        Batch::Auto if foreground => false,
        Batch::Auto => looks_batched(&shape, target.shape(), layout),
    };
    let added = Added {
        sample: !batched,
        channel: foreground,
    };
    let truth = if foreground || !same_shape {
        labels(pair, target)?
    } else {
        Truth::Soft(as_f64(target))
    };
    let prediction = match volume.values {
        Values::F32(numbers) => Prediction::F32(numbers),
        other => Prediction::F64(as_f64(other)),
    };
    let activation = match (data.input, data.activation) {
        (Input::Logits, Some(ActivationArg::Sigmoid)) => Activation::Sigmoid,
        (Input::Logits, None) if foreground => Activation::Sigmoid,
        (Input::Logits, _) => Activation::Softmax,
        _ => Activation::Identity,
    };
    Ok(Case {
        prediction,
        truth,
        layout,
        activation,
        added,
    })
}

/// More classes than this are a mistake: an image read as labels.
const MOST_CLASSES: usize = 1 << 16;

/// A prediction of labels.
fn hard(pair: &Pair, data: &Data, prediction: Values, target: Values) -> Result<Case, Failure> {
    let labels_of =
        |file: &Path, values| integers(values).map_err(|message| Failure::file(file, message));
    let prediction = labels_of(&pair.prediction, prediction)?;
    let target = labels_of(&pair.target, target)?;
    if prediction.shape() != target.shape() {
        return Err(pair.failure(format!(
            "the prediction has shape {:?}, expected that of the target, {:?}",
            prediction.shape(),
            target.shape()
        )));
    }
    let added = Added {
        sample: data.batch != Batch::Yes,
        channel: false,
    };
    let counted = |label: &&i64| Some(**label) != data.ignore_label;
    let largest = prediction.iter().chain(target.iter().filter(counted)).max();
    let classes = largest.map_or(2, |largest| largest.saturating_add(1).max(2));
    let classes = usize::try_from(classes)
        .ok()
        .filter(|classes| *classes <= MOST_CLASSES)
        .ok_or_else(|| {
            let message = format!(
                "found the label {}, expected one below {MOST_CLASSES}",
                classes - 1
            );
            pair.failure(message)
        })?;
    Ok(Case {
        prediction: Prediction::Labels(prediction, classes),
        truth: Truth::I64(target.into()),
        layout: Layout::ChannelsFirst,
        activation: Activation::Identity,
        added,
    })
}

/// Whether the first axis of a prediction counts samples: the target's shape decides where it can; where it cannot,
/// three axes are one image with classes, and more are a batch.
fn looks_batched(prediction: &[usize], target: &[usize], layout: Layout) -> bool {
    let without = |axis: usize| {
        let mut shape = prediction.to_vec();
        (axis < shape.len()).then(|| shape.remove(axis));
        shape
    };
    let many = prediction.len() >= 4;
    match layout {
        Layout::ChannelsLast => many,
        Layout::ChannelsFirst => match (target == without(1), target == without(0)) {
            (true, true) | (false, false) => many,
            (batched, _) => batched,
        },
    }
}

impl Added {
    /// The array with the axes added that are missing.
    fn apply<S: RawData>(self, array: ArrayBase<S, IxDyn>, layout: Layout) -> ArrayBase<S, IxDyn> {
        let array = if self.sample {
            array.insert_axis(Axis(0))
        } else {
            array
        };
        match (self.channel, layout) {
            (false, _) => array,
            (true, Layout::ChannelsFirst) => array.insert_axis(Axis(1)),
            (true, Layout::ChannelsLast) => {
                let last = array.ndim();
                array.insert_axis(Axis(last))
            }
        }
    }

    /// The array without them.
    pub(crate) fn remove<T>(self, mut array: ArrayD<T>, layout: Layout) -> ArrayD<T> {
        if self.channel {
            let axis = match layout {
                Layout::ChannelsFirst => 1,
                Layout::ChannelsLast => array.ndim() - 1,
            };
            array = array.index_axis_move(Axis(axis), 0);
        }
        if self.sample {
            array = array.index_axis_move(Axis(0), 0);
        }
        array
    }
}

impl Case {
    /// A prediction, or a target of its shape, with all axes.
    pub(crate) fn with_axes<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        self.added.apply(array, self.layout)
    }

    /// Labels with all axes.
    pub(crate) fn labels_with_axes<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let sample = Added {
            channel: false,
            ..self.added
        };
        sample.apply(array, self.layout)
    }
}

impl Pair {
    pub(crate) fn failure(&self, message: impl Into<String>) -> Failure {
        Failure::Pair {
            prediction: self.prediction.clone(),
            target: self.target.clone(),
            message: message.into(),
        }
    }
}

/// A target of labels, in the type of its file if that is an integer.
fn labels(pair: &Pair, values: Values) -> Result<Truth, Failure> {
    match values {
        Values::U8(array) => Ok(Truth::U8(array)),
        Values::U16(array) => Ok(Truth::U16(array)),
        Values::I32(array) => Ok(Truth::I32(array)),
        other => integers(other)
            .map(|labels| Truth::I64(labels.into()))
            .map_err(|message| Failure::file(&pair.target, message)),
    }
}

/// Labels as they are, or floating-point numbers all of which are integers.
fn integers(values: Values) -> Result<ArrayD<i64>, String> {
    match values {
        Values::U8(array) => Ok(array.mapv(i64::from)),
        Values::U16(array) => Ok(array.mapv(i64::from)),
        Values::I32(array) => Ok(array.mapv(i64::from)),
        Values::I64(array) => Ok(array.into_owned()),
        floats @ (Values::F32(_) | Values::F64(_)) => {
            let floats = as_f64(floats);
            let numbers = floats.view();
            let fraction = numbers
                .indexed_iter()
                .find(|(_, x)| x.fract() != 0.0 || x.abs() > 9e15);
            match fraction {
                Some((index, x)) => Err(format!(
                    "found {x} at index {:?}, expected integer labels (or a one-hot target of PRED's shape)",
                    ndarray::Dimension::slice(&index)
                )),
                None => Ok(floats.mapv(|x| x as i64)),
            }
        }
    }
}

fn as_f64(values: Values) -> Numbers<f64> {
    Numbers::Read(match values {
        Values::U8(array) => array.mapv(f64::from),
        Values::U16(array) => array.mapv(f64::from),
        Values::I32(array) => array.mapv(f64::from),
        Values::I64(array) => array.mapv(|x| x as f64),
        Values::F32(array) => array.mapv(f64::from),
        Values::F64(numbers) => return numbers,
    })
}

fn is_nifti(file: &Path) -> bool {
    let name = file.to_string_lossy().to_ascii_lowercase();
    name.ends_with(".nii") || name.ends_with(".nii.gz")
}
