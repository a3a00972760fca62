//! Backends under test, their cases and outcomes.

use ndarray::{Array2, ArrayD, Axis};
use unifocal_core::{AnyLoss, Layout, Settings};

/// The precision of a backend's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Terms in f32.
    F32,
    /// Terms in f64.
    F64,
}

/// A prediction and its target, with settings.
#[derive(Clone, Debug)]
pub struct Case {
    /// The output of the network.
    pub prediction: ArrayD<f64>,
    /// The target.
    pub target: Target,
    /// Where the class axis is.
    pub layout: Layout,
    /// How they are read, and the class options.
    pub settings: Settings,
    /// Voxel weights, if any.
    pub voxel_weights: Option<ArrayD<f64>>,
    /// Which channels are annotated in each sample, [N, C], if not all are.
    pub annotated: Option<Array2<bool>>,
}

/// The target of a [`Case`].
#[derive(Clone, Debug)]
pub enum Target {
    /// Labels.
    Labels(ArrayD<i64>),
    /// One-hot or soft, of the prediction's shape.
    Soft(ArrayD<f64>),
}

/// A loss and its gradient.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The loss.
    pub value: f64,
    /// Its gradient, of the prediction's shape.
    pub gradient: ArrayD<f64>,
}

/// An adapter under test.
pub trait Backend {
    /// The precision of its terms.
    fn precision(&self) -> Precision;

    /// How many of `most` random cases, golden values of a loss or gradient entries to check. A slow backend returns fewer.
    fn rounds(&self, most: usize) -> usize {
        most
    }

    /// The loss of a case and its gradient.
    ///
    /// # Errors
    ///
    /// The message of the adapter's error.
    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String>;
}

impl Case {
    /// A case with probabilities, channels first, and default settings.
    pub fn new(prediction: ArrayD<f64>, target: Target) -> Self {
        Self {
            prediction,
            target,
            layout: Layout::ChannelsFirst,
            settings: Settings::default(),
            voxel_weights: None,
            annotated: None,
        }
    }

    unifocal_core::settings_methods!(self => self.settings);

    /// The same case with the class axis last.
    pub fn channels_last(&self) -> Self {
        let target = match &self.target {
            Target::Labels(_) => self.target.clone(),
            Target::Soft(target) => Target::Soft(last(target)),
        };
        Self {
            prediction: last(&self.prediction),
            target,
            layout: Layout::ChannelsLast,
            ..self.clone()
        }
    }

    /// The same case with its labels as a one-hot target.
    pub fn one_hot(&self) -> Self {
        let Target::Labels(labels) = &self.target else {
            return self.clone();
        };
        let mut target = ArrayD::zeros(self.prediction.raw_dim());
        let axis = match self.layout {
            Layout::ChannelsFirst => 1,
            Layout::ChannelsLast => self.prediction.ndim() - 1,
        };
        let foreground = target.len_of(Axis(axis)) == 1;
        for (class, mut plane) in target.axis_iter_mut(Axis(axis)).enumerate() {
            let class = if foreground { 1 } else { class as i64 };
            plane.assign(&labels.mapv(|label| if label == class { 1.0 } else { 0.0 }));
        }
        Self {
            target: Target::Soft(target),
            settings: self.settings.clone().with_ignore_label(None::<i64>),
            ..self.clone()
        }
    }
}

/// Moves the class axis from axis 1 to the end, in standard memory order.
pub(crate) fn last(array: &ArrayD<f64>) -> ArrayD<f64> {
    let axes: Vec<usize> = (0..array.ndim())
        .filter(|axis| *axis != 1)
        .chain([1])
        .collect();
    array
        .view()
        .permuted_axes(axes)
        .as_standard_layout()
        .into_owned()
}
