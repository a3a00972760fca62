//! The formula of the focal losses, and its forms as types.

use super::{Focal, Form};
use crate::extent::Extent;
use crate::power::{self, OfLog, Poly, Power};
use crate::{Class, ClassSums, Exponent, Loss, Probability, Real, Score, Share, Visitor};

/// The smoothed y, (1 − t)·y + t/C = scale·(y + ratio·(1 − y)). The scale is a factor of the sum, so
/// that inside the class smoothing costs nothing.
struct Smoothed {
    ratio: f64,
    scale: f64,
}

impl Smoothed {
    #[inline(always)]
    fn new(smoothing: f64, class: &Class) -> Self {
        let zero = smoothing / class.count as f64;
        let scale = 1.0 - smoothing + zero;
        Self {
            ratio: zero / scale,
            scale,
        }
    }
}

impl Focal {
    #[inline(always)]
    fn exponent(&self, class: &Class) -> Exponent {
        if self.asymmetric && class.rare {
            Exponent::Zero
        } else {
            self.gamma
        }
    }

    /// [`specialize`](Loss::specialize) with fewer types: no shortcuts but for cross entropy.
    #[inline(always)]
    pub(crate) fn specialize_roughly<V: Visitor<1>>(
        &self,
        class: &Class,
        extent: Extent,
        visitor: V,
    ) -> V::Output {
        if self.has_other_form(extent) {
            return self.specialize_form(class, visitor);
        }
        let gamma = self.exponent(class).to_f64();
        match (extent, self.label_smoothing) {
            // F is 0 there, whatever the exponent.
            (Extent::None, None) => visitor.visit(self.of_power::<_, false>(power::Zero)),
            // The shortcuts would take long to compile for smoothed labels, too.
            (Extent::None | Extent::Some, Some(_)) => match gamma {
                0.0 => visitor.visit(self.of_power::<_, true>(power::Zero)),
                ..=1.0 => visitor.visit(self.of_power::<_, true>(power::Root(gamma))),
                _ => visitor.visit(self.of_power::<_, true>(power::Other(gamma))),
            },
            // Inside the class, the sum does not depend on the smoothing.
            (Extent::Some | Extent::All, _) => match gamma {
                0.0 => visitor.visit(self.of_power::<_, false>(power::Zero)),
                ..=1.0 => visitor.visit(self.of_power::<_, false>(power::Root(gamma))),
                _ => visitor.visit(self.of_power::<_, false>(power::Other(gamma))),
            },
        }
    }

    /// Whether F has a form of its own where the class covers `extent` of the voxels.
    #[inline(always)]
    pub(crate) fn has_other_form(&self, extent: Extent) -> bool {
        let is_0 = extent == Extent::None && self.label_smoothing.is_none();
        self.form != Form::Entropy && !is_0
    }

    /// [`specialize`](Loss::specialize) of the other forms, with few types, to compile fast.
    #[inline(always)]
    fn specialize_form<V: Visitor<1>>(&self, class: &Class, visitor: V) -> V::Output {
        let gamma = self.exponent(class).to_f64();
        match (self.form, gamma) {
            (Form::Poly(coefficient), 0.0) => visitor.visit(self.of_poly(power::Zero, coefficient)),
            (Form::Poly(coefficient), _) => {
                visitor.visit(self.of_poly(power::Other(gamma), coefficient))
            }
            (_, ..=1.0) => visitor.visit(self.of_power::<_, true>(OfLog(power::Root(gamma)))),
            _ => visitor.visit(self.of_power::<_, true>(OfLog(power::Other(gamma)))),
        }
    }

    /// This loss, with its exponent as a type.
    #[inline(always)]
    fn of_power<P, const SMOOTHED: bool>(&self, power: P) -> OfPower<P, SMOOTHED> {
        OfPower { loss: *self, power }
    }

    #[inline(always)]
    fn of_poly<P>(&self, power: P, coefficient: f64) -> OfPower<Poly<P>, true> {
        self.of_power(Poly { power, coefficient })
    }

    fn weight(&self, class: &Class) -> f64 {
        let weight = match self.weights {
            None => 1.0,
            Some(weights) if class.rare => weights.rare,
            Some(weights) => weights.common,
        };
        self.alpha * class.alpha * weight
    }
}

/// A focal loss with its exponent as a type, and whether its labels may be smoothed.
#[derive(Clone, Copy)]
struct OfPower<P, const SMOOTHED: bool> {
    loss: Focal,
    power: P,
}

impl<P: Power, const SMOOTHED: bool> Loss<1> for OfPower<P, SMOOTHED> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 1] {
        let prediction = prediction.clipped(self.loss.clip);
        let ln = prediction.ln().scale(-1.0);
        let of_class = self.power.times(prediction.complement, ln);
        if !SMOOTHED {
            return [y.of(of_class)];
        }
        [match self.loss.label_smoothing {
            None => y.of(of_class),
            Some(smoothing) => y.raised(Smoothed::new(smoothing, class).ratio, of_class),
        }]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 1>) -> Score<R> {
        self.loss.finalize(class, sums)
    }
}

impl Loss<1> for Focal {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 1] {
        let exponent = self.exponent(class);
        match self.form {
            Form::Entropy => {
                let loss = self.of_power::<_, true>(exponent);
                loss.terms(class, prediction, y)
            }
            Form::Poly(coefficient) => {
                let loss = self.of_poly(exponent, coefficient);
                loss.terms(class, prediction, y)
            }
            Form::Exponential => {
                let loss = self.of_power::<_, true>(OfLog(exponent));
                loss.terms(class, prediction, y)
            }
        }
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 1>) -> Score<R> {
        let scale = Smoothed::new(self.label_smoothing(), class).scale;
        Score::sum(sums.per_voxel(0).scale(self.weight(class) * scale))
    }

    #[inline(always)]
    fn specialize<V: Visitor<1>>(&self, class: &Class, extent: Extent, visitor: V) -> V::Output {
        // Debug builds would take several times as long to compile.
        if cfg!(debug_assertions) {
            return visitor.visit(*self);
        }
        let roughly = extent == Extent::None
            || extent == Extent::Some && self.label_smoothing.is_some()
            || self.form != Form::Entropy;
        if roughly {
            return self.specialize_roughly(class, extent, visitor);
        }
        match self.exponent(class) {
            Exponent::Zero => visitor.visit(self.of_power::<_, false>(power::Zero)),
            Exponent::Half => visitor.visit(self.of_power::<_, false>(power::Half)),
            Exponent::One => visitor.visit(self.of_power::<_, false>(power::One)),
            Exponent::ThreeHalves => visitor.visit(self.of_power::<_, false>(power::ThreeHalves)),
            Exponent::Two => visitor.visit(self.of_power::<_, false>(power::Two)),
            Exponent::Root(e) => visitor.visit(self.of_power::<_, false>(power::Root(e))),
            Exponent::Other(e) => visitor.visit(self.of_power::<_, false>(power::Other(e))),
        }
    }
}
