//! The data that a sweep reads, without the types of the arrays.

use core::ops::Range;

use super::Chunk;
use crate::kernel::Vectors;
use crate::stretch::{STRETCH, Stretch};
use crate::target::Content;
use crate::{Element, Error, Extent, Field, Float, Segmentation, Target};

/// A prediction with its target and weights. As a trait object, it lets all types of arrays share the
/// code of a sweep; it is asked once per chunk or stretch.
pub(crate) trait Data {
    /// The type in which the prediction's values are evaluated.
    type Real: Float;

    /// The values of a channel in place, if they have the right type and are contiguous.
    fn slice(&self, channel: usize, chunk: &Chunk) -> Option<&[Self::Real]>;

    /// Copies the values of a channel.
    fn read(&self, channel: usize, chunk: &Chunk, to: &mut [Self::Real]);

    /// Which classes are annotated in a sample; `None` if all are.
    fn annotated(&self, sample: usize) -> Option<&[bool]>;

    /// Finds the content of each stretch of the target.
    fn contents(&self, chunk: &Chunk, contents: &mut [Content]);

    /// Finds which of these voxels a class covers, stretch by stretch, and y where it covers some.
    fn cover(
        &self,
        class: usize,
        voxels: &Chunk,
        y: &mut [Stretch<Self::Real>],
        covered: &mut [Extent],
    );

    /// The target of a class at a voxel.
    fn target(&self, sample: usize, class: usize, voxel: usize) -> Self::Real;

    /// Whether voxels may have weights other than 1.
    fn is_weighted(&self) -> bool;

    /// Copies the weights.
    fn weights(&self, chunk: &Chunk, to: &mut [f64]);

    /// Checks the voxels of a stretch one by one, and finds their weights.
    fn weigh(
        &self,
        sample: usize,
        voxels: Range<usize>,
        weights: &mut Stretch<f64>,
    ) -> Result<Extent, Error>;

    /// Checks the predictions one by one.
    fn check(&self, chunk: &Chunk) -> Result<(), Error>;
}

impl<P, T, W, V> Data for Segmentation<P, T, W, V>
where
    P: Field<Item: Element>,
    T: Target,
    W: Field<Item: Element>,
    V: Vectors,
{
    type Real = <P::Item as Element>::Real;

    #[inline(always)]
    fn slice(&self, channel: usize, Chunk { sample, voxels }: &Chunk) -> Option<&[Self::Real]> {
        P::Item::reals(self.prediction.slice(*sample, channel, voxels.clone())?)
    }

    #[inline(always)]
    fn read(&self, channel: usize, Chunk { sample, voxels }: &Chunk, to: &mut [Self::Real]) {
        let place = (*sample, channel, voxels.clone());
        read(self.vectors, &self.prediction, place, to, Element::real);
    }

    #[inline(always)]
    fn annotated(&self, sample: usize) -> Option<&[bool]> {
        self.target.annotated(sample)
    }

    #[inline(always)]
    fn contents(&self, Chunk { sample, voxels }: &Chunk, contents: &mut [Content]) {
        let place = (*sample, self.class_count(), voxels.clone());
        survey(self.vectors, &self.target, place, contents);
    }

    #[inline(always)]
    fn cover(
        &self,
        class: usize,
        Chunk { sample, voxels }: &Chunk,
        y: &mut [Stretch<Self::Real>],
        covered: &mut [Extent],
    ) {
        let (place, count) = ((*sample, class, voxels.clone()), self.class_count());
        cover(self.vectors, &self.target, place, count, y, covered);
    }

    #[inline(always)]
    fn target(&self, sample: usize, class: usize, voxel: usize) -> Self::Real {
        self.target.get(sample, class, voxel, self.class_count())
    }

    #[inline(always)]
    fn is_weighted(&self) -> bool {
        self.weights.constant().map(wide) != Some(1.0)
    }

    #[inline(always)]
    fn weights(&self, Chunk { sample, voxels }: &Chunk, to: &mut [f64]) {
        let place = (*sample, 0, voxels.clone());
        read(self.vectors, &self.weights, place, to, wide);
    }

    #[cfg_attr(target_os = "none", inline(always))]
    fn weigh(
        &self,
        sample: usize,
        voxels: Range<usize>,
        weights: &mut Stretch<f64>,
    ) -> Result<Extent, Error> {
        *weights = [0.0; STRETCH];
        for (weight, voxel) in weights.iter_mut().zip(voxels) {
            *weight = self.weight(sample, voxel)?;
        }
        Ok(if weights.iter().all(|weight| *weight == 1.0) {
            Extent::All
        } else {
            Extent::Some
        })
    }

    #[cfg_attr(target_os = "none", inline(always))]
    #[cfg_attr(not(target_os = "none"), cold)]
    fn check(&self, Chunk { sample, voxels }: &Chunk) -> Result<(), Error> {
        for voxel in voxels.clone() {
            if self.weight(*sample, voxel)? != 0.0 {
                self.check_prediction(*sample, voxel)?;
            }
        }
        Ok(())
    }
}

/// A weight in `f64`.
#[inline(always)]
fn wide(given: impl Element) -> f64 {
    given.real().to_f64()
}

// Functions, because a closure in a method is compiled for each combination of the type's parameters.

/// [`Field::read`] in vectors.
#[inline(always)]
fn read<F: Field, R>(
    vectors: impl Vectors,
    field: &F,
    (sample, channel, voxels): (usize, usize, Range<usize>),
    to: &mut [R],
    convert: impl Fn(F::Item) -> R,
) {
    vectors.run(
        #[inline(always)]
        || field.read(sample, channel, voxels, to, convert),
    );
}

/// [`Target::survey`] in vectors.
#[inline(always)]
fn survey(
    vectors: impl Vectors,
    target: &impl Target,
    (sample, classes, voxels): (usize, usize, Range<usize>),
    contents: &mut [Content],
) {
    vectors.run(
        #[inline(always)]
        || target.survey(sample, voxels, classes, contents),
    );
}

/// [`Target::cover`] in vectors.
#[inline(always)]
fn cover<R: Float>(
    vectors: impl Vectors,
    target: &impl Target,
    (sample, class, voxels): (usize, usize, Range<usize>),
    classes: usize,
    y: &mut [Stretch<R>],
    covered: &mut [Extent],
) {
    vectors.run(
        #[inline(always)]
        || target.cover(sample, class, voxels, classes, y, covered),
    );
}
