//! The grey levels of an image.

use ndarray::{ArrayD, ArrayViewD};

/// The share of an image's numbers that is black, and that is white.
const OUTSIDE: f64 = 0.01;

/// The numbers that are black and white.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    low: f64,
    high: f64,
}

impl Window {
    /// From the 1st to the 99th percentile of the finite numbers.
    pub(super) fn of(image: &ArrayD<f64>) -> Self {
        let finite = image.iter().copied().filter(|number| number.is_finite());
        let mut numbers: Vec<f64> = finite.collect();
        let mut at = |share: f64| -> f64 {
            if numbers.is_empty() {
                return 0.0;
            }
            let place = (share * (numbers.len() - 1) as f64).round() as usize;
            *numbers.select_nth_unstable_by(place, f64::total_cmp).1
        };
        Self {
            low: at(OUTSIDE),
            high: at(1.0 - OUTSIDE),
        }
    }

    /// The grey level of each number. Without a range, all are black.
    pub(super) fn greys(self, image: &ArrayViewD<'_, f64>) -> ArrayD<u8> {
        let range = self.high - self.low;
        image.mapv(|number| {
            let share = (number - self.low) / range;
            if share.is_nan() {
                0
            } else {
                (255.0 * share.clamp(0.0, 1.0)).round() as u8
            }
        })
    }
}
