//! Sums over voxels, side by side.

use crate::stretch::{LANES, STRETCH, Stretch};
use crate::{ClassSums, Float};

/// Partial sums over voxels, one per vector lane.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T>(pub(super) [T; LANES]);

impl<T: Float> Lanes<T> {
    pub(crate) const ZERO: Self = Self([T::ZERO; LANES]);

    /// Adds the values of a stretch.
    #[inline(always)]
    pub(crate) fn add(&mut self, values: &Stretch<T>) {
        for lane in 0..LANES {
            let mut sum = values[lane];
            for i in 1..STRETCH / LANES {
                sum = sum + values[i * LANES + lane];
            }
            self.0[lane] = self.0[lane] + sum;
        }
    }

    /// The sum of all lanes.
    #[inline(always)]
    pub(crate) fn sum(&self) -> f64 {
        by_halves(self.0.map(T::to_f64))
    }
}

/// Sums pairwise, by halves.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
fn by_halves(mut sums: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

/// The sums of a class's terms and of y.
pub(crate) struct Sums<T, const K: usize> {
    pub(crate) terms: [Lanes<T>; K],
    pub(crate) target: Lanes<T>,
}

impl<T: Float, const K: usize> Sums<T, K> {
    pub(crate) const ZERO: Self = Self {
        terms: [Lanes::ZERO; K],
        target: Lanes::ZERO,
    };

    /// Adds terms and y to one lane.
    #[inline(always)]
    pub(super) fn add(&mut self, lane: usize, (terms, y): ([T; K], T)) {
        for (lanes, term) in self.terms.iter_mut().zip(terms) {
            lanes.0[lane] = lanes.0[lane] + term;
        }
        self.target.0[lane] = self.target.0[lane] + y;
    }

    /// Adds the sums over all lanes to `sums`.
    #[inline(always)]
    pub(crate) fn add_to(&self, sums: &mut ClassSums<f64, K>) {
        for (sum, lanes) in sums.terms.iter_mut().zip(&self.terms) {
            *sum += lanes.sum();
        }
        sums.target += self.target.sum();
    }
}
