//! The voxel weights of a segmentation that has none.

use crate::{Field, Shape};

/// A weight of 1 for every voxel.
#[derive(Clone, Copy, Debug)]
pub struct Unweighted(pub(super) Shape);

impl Field for Unweighted {
    type Item = f64;

    fn shape(&self) -> Shape {
        self.0
    }

    #[inline(always)]
    fn get(&self, _: usize, _: usize, _: usize) -> f64 {
        1.0
    }

    #[inline(always)]
    fn constant(&self) -> Option<f64> {
        Some(1.0)
    }
}
