//! The formula of the Tversky losses, and its forms as types.

use super::{Focus, Form, Tversky};
use crate::order::{Differences, First, Order, Products, Robust, Second};
use crate::power;
use crate::{Class, ClassSums, Clip, Exponent, Loss, Probability, Real, Score, Share, Visitor};

/// The smallest TP + r that the logarithm of TI divides by: normal in f32, so that all precisions
/// agree.
const LEAST_OVERLAP: f64 = 1e-30;

/// 1/(2n)! for n from 1 to 10, whose series in x² is cosh x − 1. For x ≤ 1, the next term is below 10⁻²¹.
const COSH_LESS_1: [f64; 10] = [
    0.5,
    4.166_666_666_666_666_4e-2,
    1.388_888_888_888_889e-3,
    2.480_158_730_158_73e-5,
    2.755_731_922_398_589_3e-7,
    2.087_675_698_786_81e-9,
    1.147_074_559_772_972_5e-11,
    4.779_477_332_387_385e-14,
    1.561_920_696_858_622_6e-16,
    4.110_317_623_312_165e-19,
];

/// ln cosh x for x from 0 to 1, exact where x is small. All terms have the same sign.
fn ln_cosh<R: Real>(x: R) -> R {
    let square = x.clone() * x;
    let [rest @ .., last] = COSH_LESS_1;
    let series = rest
        .into_iter()
        .rev()
        .fold(square.zero().shift(last), |series, coefficient| {
            (series * square.clone()).shift(coefficient)
        });
    (series * square).ln_1p()
}

impl Tversky {
    /// This loss, with its order as a type.
    #[inline(always)]
    pub(crate) fn of_order<D>(&self, order: D) -> OfOrder<'_, D> {
        OfOrder {
            loss: self,
            clip: self.clip,
            order,
        }
    }

    fn exponent(&self, class: &Class) -> f64 {
        match self.focus {
            Focus::Plain => self.gamma,
            Focus::Asymmetric if !class.rare => 1.0,
            Focus::Symmetric | Focus::Asymmetric => 1.0 - self.gamma,
        }
    }
}

/// A Tversky loss with its order as a type. Kernels copy it, so it holds only what terms need.
#[derive(Clone, Copy)]
pub(crate) struct OfOrder<'a, D> {
    loss: &'a Tversky,
    clip: Option<Clip>,
    order: D,
}

impl<D: Differences> Loss<3> for OfOrder<'_, D> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(&self, _: &Class, prediction: &Probability<R>, y: &Y) -> [R; 3] {
        let Probability { p, complement, .. } = prediction.clipped(self.clip);
        self.order.terms(p, complement, y)
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 3>) -> Score<R> {
        self.loss.finalize(class, sums)
    }
}

impl Loss<3> for Tversky {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 3] {
        self.of_order(self.differences())
            .terms(class, prediction, y)
    }

    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 3>) -> Score<R> {
        let [mut tp, fp, fn_] = sums.terms.clone();
        let mut error = fp.scale(self.fp_weight) + fn_.scale(self.fn_weight);
        if let Some(exponent) = self.volume_exponent {
            let volume = sums.target.clone().clip(1.0, f64::INFINITY);
            for _ in 0..exponent {
                tp = tp / volume.clone();
                error = error / volume.clone();
            }
        }
        let error = self.smoothing.wrong(error);
        let is_robust = self.form == Form::Robust;
        // TP, or squares, which are the whole denominator.
        let overlap = tp.shift(match is_robust {
            true => self.smoothing.s,
            false => self.smoothing.of_right(),
        });
        let share = self.volume_exponent.map(|_| match is_robust {
            true => overlap.clone(),
            false => overlap.clone() + error.clone(),
        });
        let exponent = self.exponent(class).into();
        let mean = match self.form {
            // 1 − TI, without a subtraction.
            Form::Index => error.over_sum_with(overlap).powf(exponent),
            Form::Log => {
                // −ln TI = ln(1 + (1 − TI)/TI), which is exact near a perfect score.
                let odds = error / overlap.clip(LEAST_OVERLAP, f64::INFINITY);
                odds.clip(0.0, 1.0 / R::TINY).ln_1p().powf(exponent)
            }
            Form::LogCosh => ln_cosh(error.over_sum_with(overlap).powf(exponent)),
            // γ is the exponent of the differences.
            Form::Robust => error / overlap,
        };
        Score {
            share,
            ..Score::mean(mean)
        }
    }

    #[inline(always)]
    fn specialize<V: Visitor<3>>(&self, _: &Class, visitor: V) -> V::Output {
        // Debug builds would take longer to compile.
        if cfg!(debug_assertions) {
            return visitor.visit(*self);
        }
        match self.differences() {
            Order::One if const { V::EXTENT.is_partial() } => visitor.visit(self.of_order(First)),
            // Inside and outside of a class, order 1 is that of products.
            Order::One | Order::Products => visitor.visit(self.of_order(Products)),
            Order::Two => visitor.visit(self.of_order(Second)),
            // Its derivative at 0 is not that of other powers.
            Order::Robust(Exponent::One) => visitor.visit(self.of_order(Robust(power::One))),
            Order::Robust(Exponent::ThreeHalves) => {
                visitor.visit(self.of_order(Robust(power::ThreeHalves)))
            }
            Order::Robust(e) => visitor.visit(self.of_order(Robust(power::Other(e.to_f64())))),
        }
    }
}
