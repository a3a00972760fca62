//! Mean, median, standard deviation and quantiles.

/// Mean, spread and range of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Description {
    pub(crate) mean: f64,
    pub(crate) median: f64,
    /// The standard deviation of a sample, with n − 1; `None` for one number.
    pub(crate) sd: Option<f64>,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Describes numbers; `None` for no number. If one is NaN, all of it is NaN.
pub(crate) fn describe(numbers: &[f64]) -> Option<Description> {
    let mean = mean(numbers)?;
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let squares = numbers.iter().map(|number| (number - mean).powi(2));
    let variance = squares.sum::<f64>() / (numbers.len() as f64 - 1.0);
    // A mean is NaN if a number is.
    let or_nan = |number: f64| if mean.is_nan() { f64::NAN } else { number };
    Some(Description {
        mean,
        median: or_nan(quantile(&sorted, 0.5)),
        sd: (numbers.len() > 1).then(|| variance.sqrt()),
        min: or_nan(sorted[0]),
        max: or_nan(sorted[sorted.len() - 1]),
    })
}

/// The mean; `None` for no number.
pub(super) fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// A quantile of sorted numbers, of which there is one at least, interpolated linearly as numpy does.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor(), place.fract());
    let low = sorted[below as usize];
    let high = sorted[(below as usize + 1).min(sorted.len() - 1)];
    low + part * (high - low)
}
