//! The formula of the focal losses, and its forms as types.

use super::{Focal, Form};
use crate::power::{self, Power};
use crate::{Class, ClassSums, Clip, Exponent, Loss, Probability, Real, Score, Share, Visitor};

/// The largest −ln p of a power above 1. Its fifth power is in range of f32, and so are sums of it.
const LARGEST_LOG: f64 = 1e6;

/// The function of p that y multiplies, as numbers: base^γ·factor, each a·(1 − p) + b·x + c with
/// x = −ln p. One loop over the voxels serves all forms, which branches would not allow.
#[derive(Clone, Copy)]
struct FormNumbers {
    /// a and b of the base.
    base: [f64; 2],
    /// a, b and c of the factor.
    factor: [f64; 3],
    /// The largest x in the base.
    most: f64,
}

impl FormNumbers {
    #[inline(always)]
    fn new(form: Form, gamma: Exponent) -> Self {
        let (base, factor) = match form {
            Form::Entropy => ([1.0, 0.0], [0.0, 1.0, 0.0]),
            Form::Poly(coefficient) => ([1.0, 0.0], [coefficient, 1.0, 0.0]),
            Form::Exponential => ([0.0, 1.0], [0.0, 0.0, 1.0]),
        };
        let most = match form {
            Form::Exponential if gamma.to_f64() > 1.0 => LARGEST_LOG,
            _ => f64::INFINITY,
        };
        Self { base, factor, most }
    }

    #[inline(always)]
    fn terms<R: Real>(&self, power: impl Power, complement: R, x: R) -> R {
        let [a, b] = self.base;
        let base =
            complement.clone().scale(a) + x.clone().clip(f64::NEG_INFINITY, self.most).scale(b);
        let [a, b, c] = self.factor;
        power.times(base, (complement.scale(a) + x.scale(b)).shift(c))
    }
}

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

    /// [`specialize`](Loss::specialize) for what is rare, with few types, to compile fast.
    #[inline(always)]
    pub(crate) fn specialize_roughly<V: Visitor<1>>(&self, class: &Class, visitor: V) -> V::Output {
        // F is 0 outside of the class, whatever the exponent.
        if const { V::EXTENT.is_none() } && self.label_smoothing.is_none() {
            return visitor.visit(self.plain(power::Zero));
        }
        match self.exponent(class).to_f64() {
            0.0 => visitor.visit(self.general(power::Zero)),
            // Its derivative at 0 is not that of other powers.
            1.0 => visitor.visit(self.general(power::One)),
            e @ ..=1.0 => visitor.visit(self.general(power::Root(e))),
            e => visitor.visit(self.general(power::Other(e))),
        }
    }

    /// This loss in any form, with its exponent as a type.
    #[inline(always)]
    fn general<P>(&self, power: P) -> General<'_, P> {
        General {
            loss: self,
            clip: self.clip,
            label_smoothing: self.label_smoothing,
            form: FormNumbers::new(self.form, self.gamma),
            power,
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

/// A focal loss in any form, its labels smoothed or not, with γ as a type.
#[derive(Clone, Copy)]
struct General<'a, P> {
    loss: &'a Focal,
    clip: Option<Clip>,
    label_smoothing: Option<f64>,
    form: FormNumbers,
    power: P,
}

impl<P: Power> Loss<1> for General<'_, P> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(
        &self,
        class: &Class,
        prediction: &Probability<R>,
        y: &Y,
    ) -> [R; 1] {
        let prediction = prediction.clipped(self.clip);
        let x = prediction.ln().scale(-1.0);
        let of_class = self.form.terms(self.power, prediction.complement, x);
        [match self.label_smoothing {
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
        match self.plain_exponent(class, false) {
            Some(power) => self.plain(power).terms(class, prediction, y),
            None => {
                let power = self.exponent(class);
                self.general(power).terms(class, prediction, y)
            }
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
