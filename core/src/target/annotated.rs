//! Classes that are annotated in some samples only.

use core::ops::Range;

use super::{Content, Extent, Target};
use crate::expect::expect_len;
use crate::stretch::{STRETCH, Stretch};
use crate::{Error, Float, Input, Shape};

/// A target in which each sample has its own annotated classes, from
/// [`Segmentation::with_annotated`](crate::Segmentation::with_annotated).
///
/// Of classes that exclude each other, the ones that are not annotated are part of class 0: y of class
/// 0 is the sum of theirs. A sample of a single channel that is not annotated has no voxel that counts.
#[derive(Clone, Copy, Debug)]
pub struct Annotated<'a, T> {
    target: T,
    /// [N, C].
    mask: Option<&'a [bool]>,
    channels: usize,
}

/// Checks which classes are annotated in each sample, a mask [N, C] for a prediction of this shape.
///
/// # Errors
///
/// A mask of another length; of several channels, class 0 not annotated in a sample, or a sigmoid for
/// each.
pub fn check_annotated(mask: &[bool], prediction: Shape, input: Input) -> Result<(), Error> {
    let Shape {
        samples, channels, ..
    } = prediction;
    expect_len("annotated classes", mask.len(), samples * channels)?;
    if channels < 2 || mask.iter().all(|annotated| *annotated) {
        return Ok(());
    }
    if input == Input::Sigmoid {
        return Err(Error::AnnotatedSigmoid);
    }
    match mask.chunks(channels).position(|of_sample| !of_sample[0]) {
        Some(sample) => Err(Error::BackgroundNotAnnotated { sample }),
        None => Ok(()),
    }
}

/// The channels of the background: class 0, and the classes that are not annotated.
#[inline(always)]
pub(crate) fn background(annotated: &[bool]) -> impl Iterator<Item = usize> {
    let channels = annotated.iter().enumerate();
    channels.filter_map(|(channel, annotated)| (channel == 0 || !annotated).then_some(channel))
}

impl<'a, T> Annotated<'a, T> {
    /// A target for a prediction of `channels` channels, with a mask that was
    /// [checked](check_annotated).
    pub(crate) fn new(target: T, mask: Option<&'a [bool]>, channels: usize) -> Self {
        Self {
            target,
            mask,
            channels,
        }
    }

    /// Whether each channel of a sample is annotated; `None` if all are.
    #[inline(always)]
    fn of_sample(&self, sample: usize) -> Option<&'a [bool]> {
        let first = sample * self.channels;
        let of_sample = self.mask?.get(first..first + self.channels)?;
        of_sample.contains(&false).then_some(of_sample)
    }

    /// Adds y of a class at the voxels of a stretch. Returns how many of them the class covers.
    #[inline(always)]
    fn add_to<R: Float>(
        &self,
        y: &mut Stretch<R>,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
    ) -> Extent
    where
        T: Target,
    {
        let (mut of_class, mut extent) = ([[R::ZERO; STRETCH]], [Extent::None]);
        self.target
            .cover(sample, class, voxels, classes, &mut of_class, &mut extent);
        match extent {
            [Extent::None] => {}
            [Extent::Some] => {
                for (y, of_class) in y.iter_mut().zip(of_class[0]) {
                    *y = *y + of_class;
                }
            }
            [Extent::All] => {
                for y in y {
                    *y = y.shift(1.0);
                }
            }
        }
        extent[0]
    }

    /// Whether a sample has a single channel, which is not annotated.
    #[inline(always)]
    fn is_left_out(&self, sample: usize) -> bool {
        self.channels == 1 && self.of_sample(sample).is_some()
    }
}

impl<T: Target> Target for Annotated<'_, T> {
    fn shape(&self) -> Shape {
        self.target.shape()
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        self.target.expected_shape(prediction)
    }

    #[inline(always)]
    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error> {
        if self.is_left_out(sample) {
            return Ok(false);
        }
        self.target.check(sample, voxel, classes)
    }

    #[inline(always)]
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R {
        let y = |class| self.target.get::<R>(sample, class, voxel, classes);
        match self.annotated(sample) {
            None => y(class),
            Some(annotated) if class == 0 => {
                background(annotated).fold(R::ZERO, |sum, class| sum + y(class))
            }
            Some(annotated) if annotated[class] => y(class),
            Some(_) => R::ZERO,
        }
    }

    #[inline(always)]
    fn annotated(&self, sample: usize) -> Option<&[bool]> {
        match self.channels {
            1 => None,
            _ => self.of_sample(sample),
        }
    }

    #[inline(always)]
    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        if self.is_left_out(sample) {
            return contents.fill(Content::Ignored);
        }
        self.target.survey(sample, voxels, classes, contents);
        if let Some(annotated) = self.annotated(sample) {
            for content in contents {
                *content = match *content {
                    Content::Class(class) if !annotated[class] => Content::Class(0),
                    // Those of class 0 may be of any class that is not annotated.
                    Content::Classes(bits) => Content::Classes(bits | 1),
                    content => content,
                };
            }
        }
    }

    #[inline(always)]
    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
        y: &mut [Stretch<R>],
        covered: &mut [Extent],
    ) {
        match self.annotated(sample) {
            Some(annotated) if !annotated[class] => covered.fill(Extent::None),
            Some(annotated) if class == 0 => {
                let stretches = voxels.clone().step_by(STRETCH);
                let parts = stretches.map(|start| start..voxels.end.min(start + STRETCH));
                for (part, (y, covered)) in parts.zip(y.iter_mut().zip(covered)) {
                    (*y, *covered) = ([R::ZERO; STRETCH], Extent::None);
                    for class in background(annotated) {
                        let extent = self.add_to(y, sample, class, part.clone(), classes);
                        *covered = match (*covered, extent) {
                            (Extent::None, extent) | (extent, Extent::None) => extent,
                            _ => Extent::Some,
                        };
                    }
                }
            }
            _ => self
                .target
                .cover(sample, class, voxels, classes, y, covered),
        }
    }
}
