//! Where the kernels read the probabilities of a class: given ones, or ones computed from logits.

use core::ops::Range;

use crate::fold::{of_exponential, saturate, unfold};
use crate::stretch::Stretch;
use crate::{Dual, Float, Probability};

/// The probabilities of a class over a run of stretches.
pub(crate) trait Source<T>: Copy {
    /// The source restricted to these stretches.
    fn run(&self, stretches: Range<usize>) -> Self;

    /// The probability at position `i` of a stretch.
    fn probability(&self, stretch: usize, i: usize) -> Probability<T>;

    /// The probability as a dual number, in the variable of the source.
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>>;

    /// The given value, if it still has to be checked.
    fn unchecked(&self, stretch: usize, i: usize) -> Option<T>;
}

/// Given probabilities. The variable is p.
#[derive(Clone, Copy)]
pub(crate) struct FromP<'a, T>(pub(crate) &'a [Stretch<T>]);

impl<T: Float> Source<T> for FromP<'_, T> {
    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self(&self.0[stretches])
    }

    #[inline(always)]
    fn probability(&self, stretch: usize, i: usize) -> Probability<T> {
        Probability::new(self.0[stretch][i])
    }

    #[inline(always)]
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>> {
        Probability::new(Dual::variable(self.0[stretch][i]))
    }

    #[inline(always)]
    fn unchecked(&self, stretch: usize, i: usize) -> Option<T> {
        Some(self.0[stretch][i])
    }
}

/// p, 1 − p and ln p. The variable is ln p.
#[derive(Clone, Copy)]
pub(crate) struct FromLn<'a, T> {
    pub(crate) p: &'a [Stretch<T>],
    pub(crate) complement: &'a [Stretch<T>],
    pub(crate) ln: &'a [Stretch<T>],
}

impl<T: Float> Source<T> for FromLn<'_, T> {
    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self {
            p: &self.p[stretches.clone()],
            complement: &self.complement[stretches.clone()],
            ln: &self.ln[stretches],
        }
    }

    #[inline(always)]
    fn probability(&self, stretch: usize, i: usize) -> Probability<T> {
        let [p, complement, ln] =
            [self.p, self.complement, self.ln].map(|numbers| numbers[stretch][i]);
        Probability::from_ln(p, complement, ln)
    }

    #[inline(always)]
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>> {
        let [p, complement, ln] =
            [self.p, self.complement, self.ln].map(|numbers| numbers[stretch][i]);
        Probability::by_ln(p, complement, ln)
    }

    #[inline(always)]
    fn unchecked(&self, _: usize, _: usize) -> Option<T> {
        None
    }
}

/// p, 1 − p and ln p of a class of a softmax, computed only as far as a formula needs them. The
/// variable is ln p.
#[derive(Clone, Copy)]
pub(crate) struct FromSoftmax<'a, T> {
    /// The logits.
    pub(crate) z: &'a [Stretch<T>],
    /// e^(z − largest).
    pub(crate) e: &'a [Stretch<T>],
    /// The numbers that all classes share: the largest logit, the rest, the probability of the
    /// likeliest class, and the logarithm of the total.
    pub(crate) common: [&'a [Stretch<T>]; 4],
}

impl<T: Float> FromSoftmax<'_, T> {
    #[inline(always)]
    fn numbers(&self, stretch: usize, i: usize) -> [T; 3] {
        let [largest, rest, top, ln_total] = self.common.map(|numbers| numbers[stretch][i]);
        let [p, complement] = of_exponential(self.e[stretch][i], rest, top);
        [
            p,
            complement,
            saturate(self.z[stretch][i] - largest - ln_total),
        ]
    }
}

impl<T: Float> Source<T> for FromSoftmax<'_, T> {
    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self {
            z: &self.z[stretches.clone()],
            e: &self.e[stretches.clone()],
            common: [
                &self.common[0][stretches.clone()],
                &self.common[1][stretches.clone()],
                &self.common[2][stretches.clone()],
                &self.common[3][stretches],
            ],
        }
    }

    #[inline(always)]
    fn probability(&self, stretch: usize, i: usize) -> Probability<T> {
        let [p, complement, ln] = self.numbers(stretch, i);
        Probability::from_ln(p, complement, ln)
    }

    #[inline(always)]
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>> {
        let [p, complement, ln] = self.numbers(stretch, i);
        Probability::by_ln(p, complement, ln)
    }

    #[inline(always)]
    fn unchecked(&self, _: usize, _: usize) -> Option<T> {
        None
    }
}

/// p, 1 − p and ln p from [folded](crate::fold::fold) probabilities. The variable is ln p.
#[derive(Clone, Copy)]
pub(crate) struct FromFolded<'a, T>(pub(crate) &'a [Stretch<T>]);

impl<T: Float> FromFolded<'_, T> {
    #[inline(always)]
    fn numbers(&self, stretch: usize, i: usize) -> [T; 3] {
        let [p, complement] = unfold(self.0[stretch][i]);
        // ln p = −ln(1 + (1 − p)/p) is exact at both ends.
        let ln = (complement / p).clip(0.0, T::MAX).ln_1p().scale(-1.0);
        [p, complement, ln]
    }
}

impl<T: Float> Source<T> for FromFolded<'_, T> {
    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self(&self.0[stretches])
    }

    #[inline(always)]
    fn probability(&self, stretch: usize, i: usize) -> Probability<T> {
        let [p, complement, ln] = self.numbers(stretch, i);
        Probability::from_ln(p, complement, ln)
    }

    #[inline(always)]
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>> {
        let [p, complement, ln] = self.numbers(stretch, i);
        Probability::by_ln(p, complement, ln)
    }

    #[inline(always)]
    fn unchecked(&self, _: usize, _: usize) -> Option<T> {
        None
    }
}
