//! Blocks of lanes: the same formula over several voxels at once.

use core::ops::{Add, Div, Mul, Sub};

use crate::{Float, Real};

/// `N` scalars side by side, every operation elementwise.
///
/// Loops of a fixed length over an array are what compilers turn into vector instructions, on every processor and
/// without a line of `unsafe`.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Lanes, Real};
///
/// let x = Lanes([1.0_f32, 2.0, 3.0, 4.0]);
/// assert_eq!((x * x).complement(), Lanes([0.0, -3.0, -8.0, -15.0]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lanes<T, const N: usize>(pub [T; N]);

impl<T: Copy, const N: usize> Lanes<T, N> {
    /// The same scalar in every lane.
    #[inline(always)]
    pub fn splat(value: T) -> Self {
        Self([value; N])
    }

    #[inline(always)]
    fn map(mut self, f: impl Fn(T) -> T) -> Self {
        for lane in &mut self.0 {
            *lane = f(*lane);
        }
        self
    }

    #[inline(always)]
    fn zip(mut self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane = f(*lane, other);
        }
        self
    }
}

impl<T: Float, const N: usize> Add for Lanes<T, N> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl<T: Float, const N: usize> Sub for Lanes<T, N> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl<T: Float, const N: usize> Mul for Lanes<T, N> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl<T: Float, const N: usize> Div for Lanes<T, N> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
}

impl<T: Float, const N: usize> Real for Lanes<T, N> {
    const TINY: f64 = T::TINY;

    #[inline(always)]
    fn scale(self, k: f64) -> Self {
        self.map(|x| x.scale(k))
    }

    #[inline(always)]
    fn shift(self, k: f64) -> Self {
        self.map(|x| x.shift(k))
    }

    #[inline(always)]
    fn ln(self) -> Self {
        self.map(Real::ln)
    }

    #[inline(always)]
    fn powf(self, e: f64) -> Self {
        self.map(|x| x.powf(e))
    }

    #[inline(always)]
    fn clip(self, low: f64, high: f64) -> Self {
        self.map(|x| x.clip(low, high))
    }

    #[inline(always)]
    fn positive(self) -> Self {
        self.map(Real::positive)
    }
}
