//! Either kind of target, and weights or none, as one type each, so that the engine is compiled only once.

use std::ops::Range;

use unifocal_core::{
    Dense, Error, Labels, Soft,
    data::{Content, Element, Extent, Field, STRETCH, Shape, Target},
    formula::Float,
};

/// A target of either kind.
pub(crate) enum AnyTarget<'a, T> {
    Labels(Labels<Dense<'a, u8>>),
    Soft(Soft<Dense<'a, T>>),
}

macro_rules! either {
    ($target:expr, $inner:ident => $call:expr) => {
        match $target {
            AnyTarget::Labels($inner) => $call,
            AnyTarget::Soft($inner) => $call,
        }
    };
}

impl<T: Element> Target for AnyTarget<'_, T> {
    fn shape(&self) -> Shape {
        either!(self, target => target.shape())
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        either!(self, target => target.expected_shape(prediction))
    }

    fn check(
        &self,
        sample: usize,
        voxel: usize,
        classes: usize,
    ) -> core::result::Result<bool, Error> {
        either!(self, target => target.check(sample, voxel, classes))
    }

    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R {
        either!(self, target => target.get(sample, class, voxel, classes))
    }

    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        either!(self, target => target.survey(sample, voxels, classes, contents));
    }

    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
        y: &mut [[R; STRETCH]],
        covered: &mut [Extent],
    ) {
        either!(self, target => target.cover(sample, class, voxels, classes, y, covered));
    }
}

/// Voxel weights, if any.
pub(crate) enum Weights<'a> {
    One(Shape),
    PerVoxel(Dense<'a, f64>),
}

impl Field for Weights<'_> {
    type Item = f64;

    fn shape(&self) -> Shape {
        match self {
            Self::One(shape) => *shape,
            Self::PerVoxel(weights) => weights.shape(),
        }
    }

    fn get(&self, sample: usize, channel: usize, voxel: usize) -> f64 {
        match self {
            Self::One(_) => 1.0,
            Self::PerVoxel(weights) => weights.get(sample, channel, voxel),
        }
    }

    fn slice(&self, sample: usize, channel: usize, voxels: Range<usize>) -> Option<&[f64]> {
        match self {
            Self::One(_) => None,
            Self::PerVoxel(weights) => weights.slice(sample, channel, voxels),
        }
    }

    fn constant(&self) -> Option<f64> {
        match self {
            Self::One(_) => Some(1.0),
            Self::PerVoxel(_) => None,
        }
    }
}
