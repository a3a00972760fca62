//! The colours of a picture.

use super::marks::Mark;

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

const FALSE_POSITIVE: Rgb = [255, 0, 255];
const FALSE_NEGATIVE: Rgb = [0, 255, 0];
const OTHER_CLASS: Rgb = [255, 165, 0];
const TRUE_POSITIVE: Rgb = [80, 160, 240];

/// The part of a true positive's colour that is mixed into the grey below it.
const TINT: f64 = 0.35;

/// The colour of what has no number: voxels that are not scored, in maps.
pub(super) const WITHOUT: Rgb = [96, 96, 96];

/// The colours of errors, in words.
pub(crate) const LEGEND: &str = "magenta: false positive; green: false negative; orange: another class than TARGET's; pale blue: right, and not background";

/// The colour of a voxel on this grey.
pub(super) fn of_mark(mark: Mark, grey: u8) -> Rgb {
    match mark {
        Mark::FalsePositive => FALSE_POSITIVE,
        Mark::FalseNegative => FALSE_NEGATIVE,
        Mark::OtherClass => OTHER_CLASS,
        Mark::TruePositive => TRUE_POSITIVE.map(|channel| {
            let grey = f64::from(grey);
            (grey + TINT * (f64::from(channel) - grey)).round() as u8
        }),
        Mark::TrueNegative | Mark::Unscored => [grey; 3],
    }
}

/// From black for 0 over red and yellow to white for 1.
pub(super) fn sequential(share: f64) -> Rgb {
    [0.0, 1.0, 2.0].map(|from| byte(3.0 * share - from))
}

/// From blue for −1 over white for 0 to red for 1.
pub(super) fn diverging(share: f64) -> Rgb {
    let faded = byte(1.0 - share.abs());
    if share < 0.0 {
        [faded, faded, 255]
    } else {
        [255, faded, faded]
    }
}

fn byte(share: f64) -> u8 {
    (255.0 * share.clamp(0.0, 1.0)).round() as u8
}
