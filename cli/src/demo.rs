//! The built-in example: a phantom with two small lesions, and a prediction that misses part of them.
//!
//! It is computed from a few ellipses, so no third-party data or licence is involved.

use clap::Parser;
use ndarray::{ArrayD, IxDyn};

use crate::args::{Cli, Command, Data};
use crate::assemble::{self, Files};
use crate::case::Case;
use crate::failure::Failure;
use crate::pair::Pair;
use crate::read::{Format, Stored, Values, Volume};

/// The lines below the table.
pub(crate) const HINT: &str = "
A phantom of 128 x 128 pixels, of which 2 % are lesions. To score your own files (.npy, .npz, .nii.gz, .png, .safetensors):
  unifocal compare PREDICTION LABELS        unifocal eval PREDICTION LABELS --loss dice --per-class
";

const SIZE: usize = 128;

/// Centre and half axes, in pixels.
type Ellipse = [f64; 4];

const LESIONS: [Ellipse; 2] = [[44.0, 52.0, 11.0, 8.0], [86.0, 80.0, 4.5, 4.0]];

/// The predicted lesions, with their intensity: the large one is displaced, the small one faint.
const SEEN: [(Ellipse, f64); 2] = [
    ([46.0, 53.5, 10.5, 8.5], 1.0),
    ([86.5, 80.0, 4.0, 3.5], 0.55),
];

/// The phantom, its prediction, and the options to read them with.
pub(crate) fn example() -> Result<(Pair, Case, Data), Failure> {
    let labels = ArrayD::from_shape_fn(IxDyn(&[SIZE, SIZE]), |index| {
        u8::from(
            LESIONS
                .iter()
                .any(|lesion| depth(lesion, index[0], index[1]) > 0.0),
        )
    });
    let prediction = ArrayD::from_shape_fn(IxDyn(&[2, SIZE, SIZE]), |index| {
        let lesion = lesion(index[1], index[2]);
        (if index[0] == 1 { lesion } else { 1.0 - lesion }) as f32
    });
    let pair = Pair {
        name: "demo".to_owned(),
        prediction: "demo prediction".into(),
        target: "demo labels".into(),
    };
    let arguments = ["unifocal", "compare", "demo prediction", "demo labels"];
    let Command::Compare { data, .. } = Cli::parse_from(arguments).command else {
        unreachable!("the arguments are those of compare")
    };
    let volume = |values, stored| Volume::plain(Format::Npy, stored, values);
    let files = Files {
        prediction: volume(Values::F32(prediction.into()), Stored::F32),
        target: volume(Values::U8(labels.into()), Stored::Integer { max: 255 }),
        mask: None,
        image: None,
    };
    let case = assemble::assemble(&pair, &data, files)?;
    Ok((pair, case, data))
}

/// How far inside an ellipse a pixel is: 1 at its centre, 0 at its edge.
fn depth([x, y, a, b]: &Ellipse, row: usize, column: usize) -> f64 {
    let (dx, dy) = ((column as f64 - x) / a, (row as f64 - y) / b);
    1.0 - (dx * dx + dy * dy)
}

/// The predicted probability of a lesion, with soft edges and a faint texture; it is never 0 or 1.
fn lesion(row: usize, column: usize) -> f64 {
    let seen = SEEN
        .iter()
        .map(|(ellipse, strength)| strength / (1.0 + (-6.0 * depth(ellipse, row, column)).exp()));
    let texture = 0.004 * (1.0 + (0.61 * row as f64 + 0.37 * column as f64).sin());
    (seen.fold(0.0, f64::max) * 0.97 + texture).clamp(0.002, 0.998)
}
