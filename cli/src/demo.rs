//! The embedded example: a phantom of two small lesions, and a prediction that misses part of them.
//!
//! It is computed here from a few ellipses, so it has no origin but this file and no licence but the project's.

use ndarray::{ArrayD, IxDyn};
use unifocal_ndarray::core::{Activation, Layout};

use crate::args::{Absent, Batch, Data, Input};
use crate::case::{Added, Case, Prediction, Truth};
use crate::pairs::{Pair, Pairing};

/// What comes below the table.
pub(crate) const HINT: &str = "
A phantom of 128 x 128 pixels, 2 % of them lesion. On your own files (.npy, .npz, .nii.gz, .png, .safetensors):
  unifocal compare PREDICTION LABELS        unifocal eval PREDICTION LABELS --loss dice --per-class
";

const SIZE: usize = 128;

/// Centre, half axes.
type Ellipse = [f64; 4];

const LESIONS: [Ellipse; 2] = [[44.0, 52.0, 11.0, 8.0], [86.0, 80.0, 4.5, 4.0]];

/// What the network sees of them: the large one is displaced, the small one faint.
const SEEN: [(Ellipse, f64); 2] = [
    ([46.0, 53.5, 10.5, 8.5], 1.0),
    ([86.5, 80.0, 4.0, 3.5], 0.55),
];

/// The phantom, its prediction, and how the two are to be read.
pub(crate) fn example() -> (Pair, Case, Data) {
    let labels = ArrayD::from_shape_fn(IxDyn(&[1, SIZE, SIZE]), |index| {
        u8::from(
            LESIONS
                .iter()
                .any(|lesion| depth(lesion, index[1], index[2]) > 0.0),
        )
    });
    let prediction = ArrayD::from_shape_fn(IxDyn(&[1, 2, SIZE, SIZE]), |index| {
        let lesion = lesion(index[2], index[3]);
        (if index[1] == 1 { lesion } else { 1.0 - lesion }) as f32
    });
    let pair = Pair {
        name: "demo".to_owned(),
        prediction: "demo prediction".into(),
        target: "demo labels".into(),
    };
    let case = Case {
        prediction: Prediction::F32(prediction.into()),
        truth: Truth::U8(labels.into()),
        layout: Layout::ChannelsFirst,
        activation: Activation::Identity,
        added: Added::default(),
    };
    let data = Data {
        pairing: Pairing::default(),
        input: Input::Probabilities,
        activation: None,
        layout: None,
        batch: Batch::Yes,
        foreground: false,
        ignore_label: None,
        absent_class: Absent::Smooth,
        class_weights: None,
        rare: None,
        ignore_geometry: false,
        threads: 0,
        memory: bytesize::ByteSize::gib(1),
    };
    (pair, case, data)
}

/// How far inside an ellipse a pixel is: 1 at its centre, 0 at its edge.
fn depth([x, y, a, b]: &Ellipse, row: usize, column: usize) -> f64 {
    let (dx, dy) = ((column as f64 - x) / a, (row as f64 - y) / b);
    1.0 - (dx * dx + dy * dy)
}

/// The predicted probability of a lesion: soft edges, a faint texture, nowhere 0 or 1.
fn lesion(row: usize, column: usize) -> f64 {
    let seen = SEEN
        .iter()
        .map(|(ellipse, strength)| strength / (1.0 + (-6.0 * depth(ellipse, row, column)).exp()));
    let texture = 0.004 * (1.0 + (0.61 * row as f64 + 0.37 * column as f64).sin());
    (seen.fold(0.0, f64::max) * 0.97 + texture).clamp(0.002, 0.998)
}
