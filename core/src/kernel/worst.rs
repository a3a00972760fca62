//! The check of the values that were given.

use super::vectors::Vectors;
use crate::limits::ROUNDING;
use crate::stretch::{LANES, Stretch};
use crate::{Float, Input};

/// The largest value seen, compared by bits: negative numbers and NaN compare larger than all
/// others.
#[derive(Clone, Copy)]
pub(crate) struct Worst<T: Float>([T::Bits; LANES]);

impl<T: Float> Worst<T> {
    #[inline(always)]
    pub(crate) fn none() -> Self {
        Self([T::default().to_bits(); LANES])
    }

    /// Takes in a probability, if there is one to check.
    #[inline(always)]
    pub(super) fn see_one(&mut self, lane: usize, given: Option<T>) {
        if let Some(p) = given {
            self.0[lane] = self.0[lane].max(p.to_bits());
        }
    }

    /// Takes in the magnitudes of logits.
    pub(crate) fn see(&mut self, vectors: impl Vectors, logits: &[Stretch<T>]) {
        vectors.run(
            #[inline(always)]
            || {
                let size = |z: T| if z < T::default() { z.scale(-1.0) } else { z };
                let mut seen = *self;
                for z in logits {
                    for lane in 0..LANES {
                        seen.see_one(lane, Some(size(z[lane])));
                        seen.see_one(lane, Some(size(z[lane + LANES])));
                        seen.see_one(lane, Some(size(z[lane + 2 * LANES])));
                        seen.see_one(lane, Some(size(z[lane + 3 * LANES])));
                    }
                }
                *self = seen;
            },
        );
    }

    /// Whether all values were probabilities or finite logits. Conservative: `false` means that the
    /// values must be checked one by one.
    #[inline(always)]
    pub(crate) fn is_valid(&self, input: Input) -> bool {
        let most = match input {
            Input::Probabilities => 1.0 + ROUNDING,
            Input::Softmax | Input::Sigmoid => T::MAX,
        };
        let most = T::from_f64(most).to_bits();
        self.0.iter().all(|bits| *bits <= most)
    }
}
