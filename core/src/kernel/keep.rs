//! The numbers that the first sweep leaves in the memory of the gradient.

use core::ops::Range;

use super::targets::Targets;
use crate::form::Plan;
use crate::source::Source;
use crate::stretch::Stretch;
use crate::{Class, Float, Loss};

/// Whether the sweep of the sums stores numbers for the gradient, in the gradient's memory.
pub(crate) trait Keep<T: Float>: Copy {
    /// The stored numbers of these stretches.
    fn of(self, kept: &mut [Stretch<T>], run: Range<usize>) -> &mut [Stretch<T>];

    /// The stored numbers of one stretch.
    fn stretch(self, kept: &mut [Stretch<T>], stretch: usize) -> Option<&mut Stretch<T>>;

    /// The terms at position `i` of a stretch. Stores a number in `kept`, if this keeps any.
    #[expect(
        clippy::too_many_arguments,
        reason = "kernels take their operands one by one"
    )]
    fn terms<const K: usize, Y: Targets<T>>(
        self,
        loss: &impl Loss<K>,
        class: &Class,
        source: &impl Source<T>,
        y: &Y,
        plan: &Plan<K>,
        kept: Option<&mut Stretch<T>>,
        stretch: usize,
        i: usize,
    ) -> [T; K];
}

/// Stores nothing.
#[derive(Clone, Copy)]
pub(crate) struct Nothing;

impl<T: Float> Keep<T> for Nothing {
    #[inline(always)]
    fn of(self, _: &mut [Stretch<T>], _: Range<usize>) -> &mut [Stretch<T>] {
        &mut []
    }

    #[inline(always)]
    fn stretch(self, _: &mut [Stretch<T>], _: usize) -> Option<&mut Stretch<T>> {
        None
    }

    #[inline(always)]
    fn terms<const K: usize, Y: Targets<T>>(
        self,
        loss: &impl Loss<K>,
        class: &Class,
        source: &impl Source<T>,
        y: &Y,
        _: &Plan<K>,
        _: Option<&mut Stretch<T>>,
        stretch: usize,
        i: usize,
    ) -> [T; K] {
        loss.terms(class, &source.probability(stretch, i), &y.share(stretch, i))
    }
}

/// Stores the derivatives of the one term whose derivatives are not constant.
#[derive(Clone, Copy)]
pub(crate) struct Derivatives;

impl<T: Float> Keep<T> for Derivatives {
    #[inline(always)]
    fn of(self, kept: &mut [Stretch<T>], run: Range<usize>) -> &mut [Stretch<T>] {
        &mut kept[run]
    }

    #[inline(always)]
    fn stretch(self, kept: &mut [Stretch<T>], stretch: usize) -> Option<&mut Stretch<T>> {
        Some(&mut kept[stretch])
    }

    #[inline(always)]
    fn terms<const K: usize, Y: Targets<T>>(
        self,
        loss: &impl Loss<K>,
        class: &Class,
        source: &impl Source<T>,
        y: &Y,
        plan: &Plan<K>,
        kept: Option<&mut Stretch<T>>,
        stretch: usize,
        i: usize,
    ) -> [T; K] {
        let terms = loss.terms(class, &source.dual(stretch, i), &y.share(stretch, i));
        let mut values = [T::ZERO; K];
        let mut derivative = T::ZERO;
        for k in 0..K {
            values[k] = terms[k].value;
            if plan.derivatives(k).is_none() {
                derivative = terms[k].derivative;
            }
        }
        if let Some(kept) = kept {
            kept[i] = derivative;
        }
        values
    }
}
