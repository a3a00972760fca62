//! Bootstrap intervals of a mean.

use fastrand::Rng;

use super::describe::{mean, quantile};

/// How numbers are resampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resampling {
    /// How often; 0 gives no interval.
    pub(crate) times: usize,
    pub(crate) seed: u64,
    /// The probability that an interval covers the mean, such as 0.95.
    pub(crate) confidence: f64,
}

/// The percentile interval of the mean: that of the means of as many numbers, drawn from these with replacement. `None` without
/// resampling, and for fewer than two numbers.
pub(crate) fn interval_of_mean(numbers: &[f64], by: Resampling) -> Option<[f64; 2]> {
    if by.times == 0 || numbers.len() < 2 {
        return None;
    }
    if mean(numbers)?.is_nan() {
        return Some([f64::NAN; 2]);
    }
    let mut random = Rng::with_seed(by.seed);
    let mut means: Vec<f64> = (0..by.times)
        .map(|_| {
            let drawn = (0..numbers.len()).map(|_| numbers[random.usize(..numbers.len())]);
            drawn.sum::<f64>() / numbers.len() as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let outside = (1.0 - by.confidence) / 2.0;
    Some([outside, 1.0 - outside].map(|share| quantile(&means, share)))
}
