//! One-hot and soft targets: y of each class.

use core::ops::Range;

use super::stretches::{count, for_each_stretch};
use super::{Content, Extent, Target};
use crate::stretch::{STRETCH, Stretch};
use crate::{Element, Error, Field, Float, Position, Shape, Valid};

/// A one-hot or soft target with the prediction's shape, each y in [0, 1].
///
/// A single channel is the foreground; the background is its complement.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, Soft, data::Target};
///
/// let annotators = [0.0_f32, 0.25, 1.0]; // the share of them that saw a lesion
/// let target = Soft(Dense::channels_first(&annotators, [1, 1, 3])?);
/// assert_eq!([0, 1].map(|class| target.get::<f32>(0, class, 1, 2)), [0.75, 0.25]);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Soft<F>(pub F);

impl<F: Field<Item: Element>> Target for Soft<F> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        prediction
    }

    #[inline(always)]
    fn check(&self, sample: usize, voxel: usize, _: usize) -> Result<bool, Error> {
        for channel in 0..self.0.shape().channels {
            let found = self.0.get(sample, channel, voxel).real().to_f64();
            if !(0.0..=1.0).contains(&found) {
                return Err(Error::Value {
                    expected: Valid::Target,
                    found,
                    at: Position {
                        sample,
                        channel,
                        voxel,
                    },
                });
            }
        }
        Ok(true)
    }

    #[inline(always)]
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R {
        let channels = self.0.shape().channels;
        let foreground = channels < classes;
        let channel = if foreground { 0 } else { class };
        let y = R::from_f64(self.0.get(sample, channel, voxel).real().to_f64());
        if foreground && class == 0 {
            y.complement()
        } else {
            y
        }
    }

    #[inline(always)]
    fn survey(&self, sample: usize, voxels: Range<usize>, _: usize, contents: &mut [Content]) {
        type Real<F> = <<F as Field>::Item as Element>::Real;
        contents.fill(Content::Counted);
        let one = Real::<F>::from_f64(1.0).to_bits();
        for channel in 0..self.0.shape().channels {
            for_each_stretch(
                &self.0,
                sample,
                channel,
                voxels.clone(),
                #[inline(always)]
                |index, values| {
                    let valid = count(
                        values,
                        #[inline(always)]
                        |y| y.real().to_bits() <= one,
                    );
                    if valid < STRETCH {
                        contents[index] = Content::Unknown;
                    }
                },
            );
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
        let foreground = self.0.shape().channels < classes;
        let channel = if foreground { 0 } else { class };
        let complement = foreground && class == 0;
        for_each_stretch(
            &self.0,
            sample,
            channel,
            voxels,
            #[inline(always)]
            |index, values| {
                let [zeros, ones] = [0.0, 1.0].map(|hard| {
                    count(
                        values,
                        #[inline(always)]
                        |y| y.real().to_f64() == hard,
                    )
                });
                let [none, all] = if complement {
                    [ones, zeros]
                } else {
                    [zeros, ones]
                };
                covered[index] = match (none, all) {
                    (STRETCH, _) => Extent::None,
                    (_, STRETCH) => Extent::All,
                    _ => Extent::Some,
                };
                if covered[index] == Extent::Some {
                    for i in 0..STRETCH {
                        let value = R::from_f64(values[i].real().to_f64());
                        y[index][i] = if complement {
                            value.complement()
                        } else {
                            value
                        };
                    }
                }
            },
        );
    }
}
