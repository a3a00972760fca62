//! The formula of the focal losses, and its forms as types.

use super::{Focal, Form};
use crate::extent::Extent;
use crate::power::{self, Power};
use crate::{Class, ClassSums, Clip, Exponent, Loss, Probability, Real, Score, Share, Visitor};

/// The largest −ln p of a power above 1. Its fifth power is in range of f32, and so are sums of it.
const LARGEST_LOG: f64 = 1e6;

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

    /// The exponent, if F is Σ y·(1 − p)^γ·(−ln p). Smoothing makes no difference `inside` of the class.
    #[inline(always)]
    fn plain_exponent(&self, class: &Class, inside: bool) -> Option<Exponent> {
        let is_smoothed = self.label_smoothing.is_some() && !inside;
        (self.form == Form::Entropy && !is_smoothed).then(|| self.exponent(class))
    }

    /// Whether F has the form (−ln p)^γ where the class covers `extent` of the voxels.
    #[inline(always)]
    pub(crate) fn is_of_log(&self, extent: Extent) -> bool {
        // F is 0 outside of the class, whatever the form.
        let is_0 = extent.is_none() && self.label_smoothing.is_none();
        self.is_exponential() && !is_0
    }

    /// [`specialize`](Loss::specialize) with few types, to compile fast, for any form but (−ln p)^γ.
    #[inline(always)]
    pub(crate) fn specialize_roughly<V: Visitor<1>>(&self, class: &Class, visitor: V) -> V::Output {
        if const { V::EXTENT.is_none() } && self.label_smoothing.is_none() {
            return visitor.visit(self.plain(power::Zero));
        }
        match self.exponent(class).to_f64() {
            0.0 => visitor.visit(self.of_complement(power::Zero)),
            e @ ..=1.0 => visitor.visit(self.of_complement(power::Root(e))),
            e => visitor.visit(self.of_complement(power::Other(e))),
        }
    }

    /// This loss as (1 − p)^γ·(−ln p) without label smoothing, with its exponent as a type.
    #[inline(always)]
    fn plain<P>(&self, power: P) -> Plain<'_, P> {
        Plain {
            loss: self,
            clip: self.clip,
            power,
        }
    }

    /// This loss in any form but (−ln p)^γ, with its exponent as a type.
    #[inline(always)]
    fn of_complement<P>(&self, power: P) -> OfComplement<'_, P> {
        OfComplement {
            loss: self,
            clip: self.clip,
            label_smoothing: self.label_smoothing,
            coefficient: self.poly(),
            power,
        }
    }

    /// This loss as (−ln p)^γ, with its exponent as a type.
    #[inline(always)]
    fn of_log<P>(&self, power: P) -> OfLog<'_, P> {
        OfLog {
            loss: self,
            clip: self.clip,
            label_smoothing: self.label_smoothing,
            most: match self.gamma.to_f64() {
                ..=1.0 => f64::INFINITY,
                _ => LARGEST_LOG,
            },
            power,
        }
    }

    /// The term of a voxel with this y, smoothed if there is a smoothing.
    #[inline(always)]
    fn smoothed<R: Real, Y: Share<R>>(
        smoothing: Option<f64>,
        class: &Class,
        y: &Y,
        of_class: R,
    ) -> [R; 1] {
        [match smoothing {
            None => y.of(of_class),
            Some(smoothing) => y.raised(Smoothed::new(smoothing, class).ratio, of_class),
        }]
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

/// (1 − p)^γ·(−ln p), with γ as a type. Kernels copy it, so it holds only what terms need.
#[derive(Clone, Copy)]
struct Plain<'a, P> {
    loss: &'a Focal,
    clip: Option<Clip>,
    power: P,
}

impl<P: Power> Loss<1> for Plain<'_, P> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(&self, _: &Class, prediction: &Probability<R>, y: &Y) -> [R; 1] {
        let prediction = prediction.clipped(self.clip);
        let x = prediction.ln().scale(-1.0);
        [y.of(self.power.times(prediction.complement, x))]
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 1>) -> Score<R> {
        self.loss.finalize(class, sums)
    }
}

/// (1 − p)^γ·(−ln p + ε·(1 − p)), its labels smoothed or not, with γ as a type. ε may be 0: the compiler
/// would not vectorize a loop with a branch for it.
#[derive(Clone, Copy)]
struct OfComplement<'a, P> {
    loss: &'a Focal,
    clip: Option<Clip>,
    label_smoothing: Option<f64>,
    /// ε.
    coefficient: f64,
    power: P,
}

impl<P: Power> Loss<1> for OfComplement<'_, P> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 1] {
        let prediction = prediction.clipped(self.clip);
        let x = prediction.ln().scale(-1.0);
        let x = x + prediction.complement.clone().scale(self.coefficient);
        let of_class = self.power.times(prediction.complement, x);
        Focal::smoothed(self.label_smoothing, class, y, of_class)
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 1>) -> Score<R> {
        self.loss.finalize(class, sums)
    }
}

/// (−ln p)^γ, its labels smoothed or not, with γ as a type.
#[derive(Clone, Copy)]
struct OfLog<'a, P> {
    loss: &'a Focal,
    clip: Option<Clip>,
    label_smoothing: Option<f64>,
    /// The largest −ln p.
    most: f64,
    power: P,
}

impl<P: Power> Loss<1> for OfLog<'_, P> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 1] {
        let prediction = prediction.clipped(self.clip);
        let x = prediction.ln().scale(-1.0);
        let x = x.clip(f64::NEG_INFINITY, self.most);
        Focal::smoothed(self.label_smoothing, class, y, self.power.of(x))
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
        let power = self.exponent(class);
        if self.is_exponential() {
            return self.of_log(power).terms(class, prediction, y);
        }
        match self.plain_exponent(class, false) {
            Some(power) => self.plain(power).terms(class, prediction, y),
            None => self.of_complement(power).terms(class, prediction, y),
        }
    }

    #[inline(always)]
    fn finalize<R: Real>(&self, class: &Class, sums: &ClassSums<R, 1>) -> Score<R> {
        let scale = Smoothed::new(self.label_smoothing(), class).scale;
        Score::sum(sums.per_voxel(0).scale(self.weight(class) * scale))
    }

    #[inline(always)]
    fn specialize<V: Visitor<1>>(&self, class: &Class, visitor: V) -> V::Output {
        // Debug builds would take several times as long to compile.
        if cfg!(debug_assertions) {
            return visitor.visit(*self);
        }
        if self.is_of_log(V::EXTENT) {
            return match self.exponent(class).to_f64() {
                // Its derivative at 0 is not that of other powers.
                1.0 => visitor.visit(self.of_log(power::One)),
                e @ ..=1.0 => visitor.visit(self.of_log(power::Root(e))),
                e => visitor.visit(self.of_log(power::Other(e))),
            };
        }
        if const { V::EXTENT.is_none() } {
            return self.specialize_roughly(class, visitor);
        }
        match self.plain_exponent(class, !V::EXTENT.is_partial()) {
            None => self.specialize_roughly(class, visitor),
            Some(Exponent::Zero) => visitor.visit(self.plain(power::Zero)),
            Some(Exponent::Half) => visitor.visit(self.plain(power::Half)),
            Some(Exponent::One) => visitor.visit(self.plain(power::One)),
            Some(Exponent::ThreeHalves) => visitor.visit(self.plain(power::ThreeHalves)),
            Some(Exponent::Two) => visitor.visit(self.plain(power::Two)),
            Some(Exponent::Root(e)) => visitor.visit(self.plain(power::Root(e))),
            Some(Exponent::Other(e)) => visitor.visit(self.plain(power::Other(e))),
        }
    }
}
