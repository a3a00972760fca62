//! The gradient of a sweep that computes the sums alone.

use core::convert::Infallible;

use crate::{FieldMut, Shape};

/// The absence of a gradient: a type without values.
pub(super) enum Nowhere<T> {
    #[expect(dead_code, reason = "there is none")]
    Never(T, Infallible),
}

impl<T: Copy> FieldMut for Nowhere<T> {
    type Item = T;

    fn shape(&self) -> Shape {
        let Self::Never(_, never) = self;
        match *never {}
    }

    fn get(&self, _: usize, _: usize, _: usize) -> T {
        let Self::Never(_, never) = self;
        match *never {}
    }

    fn set(&mut self, _: usize, _: usize, _: usize, _: T) {
        let Self::Never(_, never) = self;
        match *never {}
    }
}
