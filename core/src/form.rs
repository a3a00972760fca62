//! Finds which terms of a loss are affine in p and which vanish, by evaluating the formula on
//! symbolic forms instead of numbers.
//!
//! Most terms are affine in p: true positives are y·p, false negatives y·(1 − p). Their derivatives
//! are constants, so no sweep has to compute them per voxel. Inside a kernel the compiler folds all
//! of this.

use core::ops::{Add, Div, Mul, Sub};

use crate::real::{Exponent, Real};
use crate::share::{Hard, Share};
use crate::{Class, Loss, Probability};

/// The form of an expression in p.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// 0.
    Zero,
    /// Affine, with this derivative by p, as [`Real::clip`] defines it.
    Affine(f64),
    /// Anything else.
    Other,
}

impl Form {
    /// The derivative, if it is constant.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn derivative(self) -> Option<f64> {
        match self {
            Self::Zero => Some(0.0),
            Self::Affine(derivative) => Some(derivative),
            Self::Other => None,
        }
    }

    /// The form of a nonlinear function of this.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn map(self) -> Self {
        match self.derivative() {
            Some(0.0) => Self::Affine(0.0),
            _ => Self::Other,
        }
    }
}

impl Add for Form {
    type Output = Self;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Zero, x) | (x, Self::Zero) => x,
            (Self::Affine(a), Self::Affine(b)) => Self::Affine(a + b),
            _ => Self::Other,
        }
    }
}

impl Sub for Form {
    type Output = Self;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn sub(self, other: Self) -> Self {
        self + other.scale(-1.0)
    }
}

impl Mul for Form {
    type Output = Self;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn mul(self, other: Self) -> Self {
        match (self, other) {
            (Self::Zero, _) | (_, Self::Zero) => Self::Zero,
            (Self::Affine(0.0), x) => x.map(),
            _ => Self::Other,
        }
    }
}

impl Div for Form {
    type Output = Self;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn div(self, other: Self) -> Self {
        match (self, other) {
            (Self::Zero, _) => Self::Zero,
            (Self::Affine(0.0), x) => x.map(),
            _ => Self::Other,
        }
    }
}

impl Real for Form {
    const TINY: f64 = f64::MIN_POSITIVE;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn scale(self, k: f64) -> Self {
        match self {
            Self::Affine(derivative) => Self::Affine(k * derivative),
            x => x,
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn shift(self, _: f64) -> Self {
        match self {
            Self::Zero => Self::Affine(0.0),
            x => x,
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn ln_above(self, _: f64) -> Self {
        self.map()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn ln_1p(self) -> Self {
        self.map()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn powf(self, _: Exponent) -> Self {
        self.map()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn clip(self, _: f64, _: f64) -> Self {
        self.shift(0.0)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn positive(self) -> Self {
        Self::Affine(0.0)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn zero(&self) -> Self {
        Self::Zero
    }
}

/// y, the fraction of a voxel that a class covers, as a factor of forms.
struct Fraction(f64);

/// A y at which no formula happens to vanish or to be symmetric, as at ½. Its products are exact.
const FRACTION: f64 = 0.375;

impl Share<Form> for Fraction {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(&self, x: Form) -> Form {
        x.scale(self.0)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn complement(&self) -> Self {
        Self(1.0 - self.0)
    }
}

/// The forms of a loss's terms at y = 1, at y = 0, and between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan<const K: usize> {
    inside: [Form; K],
    outside: [Form; K],
    between: [Form; K],
}

impl<const K: usize> Plan<K> {
    /// The plan for a class, evaluated from probabilities.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[cfg_attr(debug_assertions, inline(never))]
    pub(crate) fn new(loss: &impl Loss<K>, class: &Class) -> Self {
        let prediction = Probability::new(Form::Affine(1.0));
        Self {
            inside: loss.terms(class, &prediction, &Hard(true)),
            outside: loss.terms(class, &prediction, &Hard(false)),
            between: loss.terms(class, &prediction, &Fraction(FRACTION)),
        }
    }

    /// Whether a term is 0 at every voxel inside the class.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn is_zero_inside(&self, term: usize) -> bool {
        self.inside[term] == Form::Zero
    }

    /// Whether a term is 0 at every voxel outside the class.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn is_zero_outside(&self, term: usize) -> bool {
        self.outside[term] == Form::Zero
    }

    /// The derivatives of a term inside and outside the class, if they are constant and y
    /// interpolates between them linearly.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn derivatives(&self, term: usize) -> Option<[f64; 2]> {
        let [inside, outside, between] =
            [self.inside, self.outside, self.between].map(|forms| forms[term].derivative());
        let (inside, outside) = (inside?, outside?);
        let mean = FRACTION * inside + (1.0 - FRACTION) * outside;
        (between? == mean).then_some([inside, outside])
    }

    /// The number of terms with non-constant derivatives, if one number per voxel can hold them: at
    /// most one such term, and it is 0 outside the class. Otherwise `None`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn kept(&self) -> Option<usize> {
        let mut others = 0;
        for term in 0..K {
            if self.derivatives(term).is_none() {
                others += if self.is_zero_outside(term) { 1 } else { 2 };
            }
        }
        (others <= 1).then_some(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Focal, Tversky, UnifiedFocal};

    const CLASS: Class = Class {
        index: 1,
        count: 2,
        rare: false,
        alpha: 1.0,
    };

    const TVERSKY: [[f64; 2]; 3] = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]];

    #[test]
    fn plans_of_the_family() {
        let dice = Plan::new(&Tversky::dice(), &CLASS);
        assert_eq!([0, 1, 2].map(|k| dice.derivatives(k)), TVERSKY.map(Some));
        assert_eq!(
            [0, 1, 2].map(|k| dice.is_zero_inside(k)),
            [false, true, false]
        );
        assert_eq!(
            [0, 1, 2].map(|k| dice.is_zero_outside(k)),
            [true, false, true]
        );
        for gamma in [0.0, 0.2, 0.5, 1.0] {
            let unified = UnifiedFocal::asymmetric().with_gamma(gamma).unwrap();
            let plan = Plan::new(&unified, &CLASS);
            assert_eq!([0, 1, 2].map(|k| plan.derivatives(k)), TVERSKY.map(Some));
            assert_eq!(plan.derivatives(3), None);
            assert!(plan.is_zero_outside(3));
            assert_eq!(plan.kept(), Some(1));
        }
        assert_eq!(dice.kept(), Some(0));
        assert_eq!(Plan::new(&Focal::new(), &CLASS).kept(), Some(1));
    }

    #[test]
    fn forms_of_expressions() {
        let p = Form::Affine(1.0);
        assert_eq!(p.clip(0.0, 1.0).complement().scale(2.0), Form::Affine(-2.0));
        assert_eq!(p - p.scale(3.0), Form::Affine(-2.0));
        for other in [p * p, p.ln(), p.powf(2.0.into()), p.zero().shift(1.0) / p] {
            assert_eq!(other, Form::Other);
        }
        assert_eq!(p * p.zero(), Form::Zero);
        assert_eq!(p.positive().powf(0.5.into()), Form::Affine(0.0));
    }

    /// Σ p², which does not vanish outside the class.
    #[derive(Clone, Copy)]
    struct Squares;

    impl Loss<1> for Squares {
        fn terms<R: Real, Y: Share<R>>(&self, _: &Class, at: &Probability<R>, _: &Y) -> [R; 1] {
            [at.p.clone() * at.p.clone()]
        }

        fn finalize<R: Real>(&self, _: &Class, sums: &crate::ClassSums<R, 1>) -> crate::Score<R> {
            crate::Score::mean(sums.per_voxel(0))
        }
    }

    #[test]
    fn terms_that_are_not_0_outside_are_not_kept() {
        assert_eq!(Plan::new(&Squares, &CLASS).kept(), None);
    }

    /// Σ y(1−y)(2y−1)·p: 0 inside, outside and at ½, but not affine in y.
    #[derive(Clone, Copy)]
    struct Cubic;

    impl Loss<1> for Cubic {
        fn terms<R: Real, Y: Share<R>>(&self, _: &Class, at: &Probability<R>, y: &Y) -> [R; 1] {
            let mixed = y.of(y.complement().of(at.p.clone()));
            [y.of(mixed.clone()) - y.complement().of(mixed)]
        }

        fn finalize<R: Real>(&self, _: &Class, sums: &crate::ClassSums<R, 1>) -> crate::Score<R> {
            crate::Score::mean(sums.per_voxel(0))
        }
    }

    #[test]
    fn terms_that_are_not_affine_in_y_have_no_constant_derivatives() {
        assert_eq!(Plan::new(&Cubic, &CLASS).derivatives(0), None);
    }
}
