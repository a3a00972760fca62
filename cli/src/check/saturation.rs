//! Probabilities of 0 and 1, and the logits that round to them.

use ndarray::{ArrayViewD, Axis, Dimension};
use unifocal_ndarray::core::Input;

use super::findings::{Finding, Level};
use crate::case::{Arrays, ClassNumbers, Prediction, Target};

/// Below this probability of the true class, the published implementations clip.
const CLIP: f64 = 1e-7;

/// States for how many voxels the true class has nearly no probability. Soft targets have no true class.
pub(super) fn find(arrays: &Arrays) -> Option<Finding> {
    let Target::Classes { classes, void } = &arrays.target else {
        return None;
    };
    let void = *void;
    let (wrong, all) = match (&arrays.prediction, classes) {
        (Prediction::F32(p), ClassNumbers::U8(y)) => count(arrays, p.view(), y.view(), void),
        (Prediction::F32(p), ClassNumbers::I32(y)) => count(arrays, p.view(), y.view(), void),
        (Prediction::F64(p), ClassNumbers::U8(y)) => count(arrays, p.view(), y.view(), void),
        (Prediction::F64(p), ClassNumbers::I32(y)) => count(arrays, p.view(), y.view(), void),
    };
    Some(if wrong == 0 {
        Finding::new(
            Level::Good,
            format!("no true class has a probability below {CLIP:e}"),
        )
    } else {
        Finding::new(
            Level::Note,
            format!(
                "the true class of {wrong} of {all} voxels has a probability below {CLIP:e}. Implementations that clip probabilities there \
                 have no gradient at these voxels, which are the worst ones; here they have one"
            ),
        )
    })
}

/// The number of voxels whose true class has a probability below [`CLIP`], and that of all scored voxels.
fn count<P: Copy + Into<f64>, L: Copy + Into<i64>>(
    arrays: &Arrays,
    prediction: ArrayViewD<'_, P>,
    labels: ArrayViewD<'_, L>,
    void: Option<i64>,
) -> (usize, usize) {
    let prediction = arrays.prediction(prediction);
    let labels = arrays.labels(labels);
    let channels = prediction.len_of(Axis(1));
    let (mut wrong, mut all) = (0, 0);
    for (index, label) in labels.indexed_iter() {
        let label: i64 = (*label).into();
        let Ok(class) = usize::try_from(label) else {
            continue;
        };
        if Some(label) == void {
            continue;
        }
        let mut place = index.slice().to_vec();
        place.insert(1, 0);
        let mut at = |channel: usize| -> f64 {
            place[1] = channel;
            prediction[&place[..]].into()
        };
        let p = match (arrays.input, channels) {
            (Input::Probabilities, 1) => foreground(at(0), class),
            (Input::Probabilities, _) => at(class),
            (Input::Softmax, _) => {
                let own = at(class);
                let others = (0..channels).map(|channel| (at(channel) - own).exp());
                1.0 / others.sum::<f64>()
            }
            (_, 1) => foreground(sigmoid(at(0)), class),
            (_, _) => sigmoid(at(class)),
        };
        all += 1;
        wrong += usize::from(p < CLIP);
    }
    (wrong, all)
}

/// The probability of a class if there is one channel, that of the foreground.
fn foreground(p: f64, class: usize) -> f64 {
    if class == 0 { 1.0 - p } else { p }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}
