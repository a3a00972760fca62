//! What a backend is asked, and what it answers, in terms that belong to none.

use ndarray::{ArrayD, Axis};
use unifocal_core::{AbsentClass, Activation, AnyLoss, Classes, Layout, Pooling};

/// The precision that a backend computes its terms in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Terms in f32.
    F32,
    /// Terms in f64.
    F64,
}

/// A prediction beside its target, and all that can be said of the two.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the network gave.
    pub prediction: ArrayD<f64>,
    /// The truth.
    pub truth: Truth,
    /// Where the class axis is.
    pub layout: Layout,
    /// What the numbers of the prediction are.
    pub activation: Activation,
    /// Which voxels share their sums.
    pub pooling: Pooling,
    /// A weight per voxel.
    pub voxel_weights: Option<ArrayD<f64>>,
    /// A weight per class.
    pub class_weights: Option<Vec<f64>>,
    /// α per class.
    pub alpha: Option<Vec<f64>>,
    /// The rare classes.
    pub rare: Option<Vec<usize>>,
    /// What an absent class scores.
    pub absent: AbsentClass,
}

/// The target of a [`Case`].
#[derive(Clone, Debug)]
pub enum Truth {
    /// Labels, and the one that does not count.
    Labels(ArrayD<i64>, Option<i64>),
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

/// An adapter, as its tests see it.
pub trait Backend {
    /// The precision of its terms.
    fn precision(&self) -> Precision;

    /// How many rounds it takes where others take `most`, of random cases or of the places of a gradient: fewer if each loss costs much time.
    fn rounds(&self, most: usize) -> usize {
        most
    }

    /// The loss of a case and its gradient, or the message of the error.
    ///
    /// # Errors
    ///
    /// Whatever the adapter finds wrong with the case.
    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String>;
}

impl Case {
    /// Probabilities, channels first, with nothing else said.
    pub fn new(prediction: ArrayD<f64>, truth: Truth) -> Self {
        Self {
            prediction,
            truth,
            layout: Layout::ChannelsFirst,
            activation: Activation::Identity,
            pooling: Pooling::PerSample,
            voxel_weights: None,
            class_weights: None,
            alpha: None,
            rare: None,
            absent: AbsentClass::Smooth,
        }
    }

    /// What is said of the classes.
    pub fn classes(&self) -> Classes<'_> {
        let mut classes = Classes::default().with_absent(self.absent);
        if let Some(weights) = &self.class_weights {
            classes = classes.with_weights(weights);
        }
        if let Some(alpha) = &self.alpha {
            classes = classes.with_alpha(alpha);
        }
        if let Some(rare) = &self.rare {
            classes = classes.with_rare(rare);
        }
        classes
    }

    /// The same case with the class axis last.
    pub fn channels_last(&self) -> Self {
        let truth = match &self.truth {
            Truth::Labels(..) => self.truth.clone(),
            Truth::Soft(target) => Truth::Soft(last(target)),
        };
        Self {
            prediction: last(&self.prediction),
            truth,
            layout: Layout::ChannelsLast,
            ..self.clone()
        }
    }

    /// The same case with its labels as a one-hot target.
    pub fn one_hot(&self) -> Self {
        let Truth::Labels(labels, _) = &self.truth else {
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
            truth: Truth::Soft(target),
            ..self.clone()
        }
    }
}

/// The class axis, axis 1, moved to the end, in standard memory order.
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
