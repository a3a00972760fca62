//! Labels as a prediction of certain classes.

use crate::{Error, Field, Label, Labels, Shape, Target};

/// Integer labels as a prediction: a hard segmentation with p = 1 for the labelled class.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, data::{Field, OneHot}};
///
/// let hard = OneHot::new(Dense::per_voxel(&[0_u8, 2], [1, 2])?, 3)?;
/// assert_eq!([hard.get(0, 0, 1), hard.get(0, 1, 1), hard.get(0, 2, 1)], [0.0, 0.0, 1.0]);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OneHot<F> {
    labels: F,
    classes: usize,
}

impl<F: Field<Item: Label>> OneHot<F> {
    /// Converts labels of `classes` classes.
    ///
    /// # Errors
    ///
    /// A label that names none of the classes, with its position.
    pub fn new(labels: F, classes: usize) -> Result<Self, Error> {
        let shape = labels.shape();
        let target = Labels::new(&labels);
        for sample in 0..shape.samples {
            for voxel in 0..shape.voxels {
                target.check(sample, voxel, classes)?;
            }
        }
        Ok(Self { labels, classes })
    }
}

impl<F: Field<Item: Label>> Field for OneHot<F> {
    type Item = f32;

    fn shape(&self) -> Shape {
        Shape {
            channels: self.classes,
            ..self.labels.shape()
        }
    }

    #[inline(always)]
    fn get(&self, sample: usize, channel: usize, voxel: usize) -> f32 {
        Labels::new(&self.labels).get(sample, channel, voxel, self.classes)
    }
}
