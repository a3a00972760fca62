//! The slopes of the sums, and how they make a gradient of derivatives.

use crate::form::Plan;
use crate::{Float, Real};

/// The slopes of a class's sums, scaled down by a power of 2 so that their products with finite
/// derivatives stay finite.
#[derive(Clone, Copy)]
pub(crate) struct Slopes<T, const K: usize> {
    pub(super) scaled: [T; K],
    /// The factor to multiply the result by, unless it is 1.
    pub(super) scale: Option<T>,
    /// The largest magnitude of a result: the sum over all classes must stay finite.
    pub(super) most: T,
}

impl<T: Float, const K: usize> Slopes<T, K> {
    #[inline(always)]
    pub(crate) fn new(slopes: &[f64; K], classes: usize) -> Self {
        let mut size = 0.0;
        for slope in slopes {
            size += 4.0 * slope.abs();
        }
        // Round down to a power of 2.
        let scale = f64::from_bits(size.max(1.0).to_bits() & 0x7ff0_0000_0000_0000);
        let inverse = 1.0 / scale;
        Self {
            scaled: slopes.map(|slope| T::from_f64(slope * inverse)),
            scale: (scale > 1.0).then(|| T::from_f64(scale)),
            most: T::from_f64(T::MAX / classes.max(64) as f64),
        }
    }

    /// The limit of the results, which applies after multiplication by weights, too.
    #[inline(always)]
    pub(crate) fn limit(&self) -> T {
        self.most
    }
}

/// The slopes of a class's sums, where at most one stored number per voxel is needed for the
/// gradient.
#[derive(Clone, Copy)]
pub(crate) struct Finish<T> {
    /// The sum over the terms with constant derivatives, inside and outside the class.
    pub(super) inside: T,
    outside: T,
    /// The slope of the term with stored derivatives.
    pub(super) other: T,
    scale: T,
    most: T,
}

impl<T: Float> Finish<T> {
    #[inline(always)]
    pub(crate) fn new<const K: usize>(slopes: &Slopes<T, K>, plan: &Plan<K>) -> Self {
        let [mut inside, mut outside, mut other] = [T::ZERO; 3];
        for (term, slope) in slopes.scaled.iter().enumerate() {
            match plan.derivatives(term) {
                Some([of_inside, of_outside]) => {
                    inside = inside + slope.scale(of_inside);
                    outside = outside + slope.scale(of_outside);
                }
                None => other = *slope,
            }
        }
        Self {
            inside,
            outside,
            other,
            scale: slopes.scale.unwrap_or(T::from_f64(1.0)),
            most: slopes.most,
        }
    }

    /// The gradient inside and outside the class, if nothing was stored.
    #[inline(always)]
    pub(crate) fn constants(&self) -> [T; 2] {
        [self.of(self.inside), self.of(self.outside)]
    }

    /// The limit of the results, which applies after multiplication by weights, too.
    #[inline(always)]
    pub(crate) fn limit(&self) -> T {
        self.most
    }

    #[inline(always)]
    pub(super) fn blend(&self, y: T) -> T {
        self.inside * y + self.outside * Real::complement(y)
    }

    #[inline(always)]
    pub(super) fn of(&self, scaled: T) -> T {
        bounded(scaled * self.scale, self.most)
    }
}

/// Clamps x to [−most, most].
#[inline(always)]
pub(super) fn bounded<T: Float>(x: T, most: T) -> T {
    // Comparisons, not `clip`: the bound is a number of the type already.
    let x = if x < most.scale(-1.0) {
        most.scale(-1.0)
    } else {
        x
    };
    if x > most { most } else { x }
}
