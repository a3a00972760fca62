//! The arrays of the example.

use ndarray::{ArrayD, IxDyn};

const SIZE: usize = 128;

/// Centre and half axes, in pixels.
type Ellipse = [f64; 4];

const LESIONS: [Ellipse; 2] = [[44.0, 52.0, 11.0, 8.0], [86.0, 80.0, 4.5, 4.0]];

/// The predicted lesions, with their intensity: the large one is displaced, the small one faint.
const SEEN: [(Ellipse, f64); 2] = [
    ([46.0, 53.5, 10.5, 8.5], 1.0),
    ([86.5, 80.0, 4.0, 3.5], 0.55),
];

/// The whole phantom.
const BODY: Ellipse = [64.0, 64.0, 58.0, 50.0];

/// The classes, 1 for a lesion.
pub(super) fn labels() -> ArrayD<u8> {
    ArrayD::from_shape_fn(IxDyn(&[SIZE, SIZE]), |index| {
        let mut lesions = LESIONS.iter();
        u8::from(lesions.any(|lesion| depth(lesion, index[0], index[1]) > 0.0))
    })
}

/// The probabilities of both classes.
pub(super) fn prediction() -> ArrayD<f32> {
    ArrayD::from_shape_fn(IxDyn(&[2, SIZE, SIZE]), |index| {
        let lesion = lesion(index[1], index[2]);
        (if index[0] == 1 { lesion } else { 1.0 - lesion }) as f32
    })
}

/// The image that was segmented: lesions are brighter than the body around them.
pub(super) fn image() -> ArrayD<f32> {
    ArrayD::from_shape_fn(IxDyn(&[SIZE, SIZE]), |index| {
        let (row, column) = (index[0], index[1]);
        let edge = |ellipse| 1.0 / (1.0 + (-8.0 * depth(ellipse, row, column)).exp());
        let lesions = LESIONS.iter().map(edge).fold(0.0, f64::max);
        let body = edge(&BODY) * (0.45 + 0.1 * depth(&BODY, row, column).max(0.0));
        (body + 0.25 * lesions + 4.0 * texture(row, column)) as f32
    })
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
    (seen.fold(0.0, f64::max) * 0.97 + texture(row, column)).clamp(0.002, 0.998)
}

fn texture(row: usize, column: usize) -> f64 {
    0.004 * (1.0 + (0.61 * row as f64 + 0.37 * column as f64).sin())
}
