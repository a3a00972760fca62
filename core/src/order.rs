//! TP, FP and FN of a voxel, by the order of the differences between p and y.

use crate::parameter::{ParameterError, Range};
use crate::power::Power;
use crate::{Exponent, Parameter, Real, Share};

/// How TP, FP and FN of a voxel follow from p and y. [`Tversky::with_order`](crate::Tversky::with_order)
/// has the formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// Products of p and y.
    Products,
    /// Differences of p and y.
    One,
    /// Squares of these differences.
    Two,
    /// Powers of these differences, and squares in place of TP: [`Robust`].
    Robust(Exponent),
}

impl Order {
    /// The order 1 or 2; `None` for products.
    pub(crate) fn new(order: Option<u32>) -> Result<Self, ParameterError> {
        match order {
            None => Ok(Self::Products),
            Some(1) => Ok(Self::One),
            Some(2) => Ok(Self::Two),
            Some(found) => {
                let found = Some(f64::from(found));
                Err(Range::ORDER.refuse(Parameter::Order.as_str(), found))
            }
        }
    }

    /// 1, 2, or `None` for products.
    pub(crate) fn number(self) -> Option<u32> {
        match self {
            Self::Products | Self::Robust(_) => None,
            Self::One => Some(1),
            Self::Two => Some(2),
        }
    }
}

/// TP, FP and FN of a voxel.
pub(crate) trait Differences: Copy + Send + Sync {
    /// TP, FP and FN of a voxel, from p and 1 − p.
    fn terms<R: Real, Y: Share<R>>(self, p: R, complement: R, y: &Y) -> [R; 3];
}

impl Differences for Order {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(self, p: R, complement: R, y: &Y) -> [R; 3] {
        match self {
            Self::Products => Products.terms(p, complement, y),
            Self::One => First.terms(p, complement, y),
            Self::Two => Second.terms(p, complement, y),
            Self::Robust(exponent) => Robust(exponent).terms(p, complement, y),
        }
    }
}

/// [`Order::Products`].
#[derive(Clone, Copy)]
pub(crate) struct Products;

impl Differences for Products {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(self, p: R, complement: R, y: &Y) -> [R; 3] {
        products(p, complement, y)
    }
}

/// [`Order::One`].
#[derive(Clone, Copy)]
pub(crate) struct First;

impl Differences for First {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(self, p: R, complement: R, y: &Y) -> [R; 3] {
        differences(p, complement, y)
    }
}

/// [`Order::Two`].
#[derive(Clone, Copy)]
pub(crate) struct Second;

impl Differences for Second {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(self, p: R, complement: R, y: &Y) -> [R; 3] {
        let [_, above, below] = differences(p.clone(), complement, y);
        [y.of(p), above.clone() * above, below.clone() * below]
    }
}

/// ½(p² + y²) in place of TP, and FP and FN as powers of the differences.
#[derive(Clone, Copy)]
pub(crate) struct Robust<P>(pub(crate) P);

impl<P: Power> Differences for Robust<P> {
    #[inline(always)]
    fn terms<R: Real, Y: Share<R>>(self, p: R, complement: R, y: &Y) -> [R; 3] {
        let [_, above, below] = differences(p.clone(), complement, y);
        let one = p.zero().shift(1.0);
        let squares = (p.clone() * p + y.of(y.of(one))).scale(0.5);
        let [above, below] = [above, below].map(|x| self.0.of(x));
        [squares, above, below]
    }
}

/// p·y, p·(1 − y) and (1 − p)·y.
#[inline(always)]
fn products<R: Real, Y: Share<R>>(p: R, complement: R, y: &Y) -> [R; 3] {
    let tp = y.of(p.clone());
    let fp = y.complement().of(p);
    let fn_ = y.of(complement);
    [tp, fp, fn_]
}

/// min(p, y), max(p − y, 0) and max(y − p, 0), from p and 1 − p.
///
/// p − y is computed as (1 − y)·p − y·(1 − p), which is exact at y = 0 and y = 1. There the
/// derivatives are those of the products, also where p = y.
#[inline(always)]
fn differences<R: Real, Y: Share<R>>(p: R, complement: R, y: &Y) -> [R; 3] {
    if y.is_hard() {
        return products(p, complement, y);
    }
    let outside = y.complement();
    let less = |p: R, complement: R| outside.of(p) - y.of(complement);
    // 1 where p > y, else 0. `TINY` decides where p = y, and where both are about as small.
    let [tiny, rest] = [&p, &complement].map(|of| of.clone().shift(R::TINY));
    let above = less(tiny, rest).positive();
    let below = above.clone().complement();
    let difference = less(p.clone(), complement);
    let at_least_0 = |x: R| x.clip(0.0, f64::INFINITY);
    [
        y.of(above.clone()) + below.clone() * p,
        at_least_0(above * difference.clone()),
        at_least_0(below * difference.scale(-1.0)),
    ]
}
