//! Regions: sets of labels that may overlap.

use core::ops::Range;

use super::labels::Label;
use super::stretches::{count, for_each_stretch};
use super::{Content, Extent, Target};
use crate::stretch::{STRETCH, Stretch};
use crate::{Error, Field, Float, Position, Shape};

/// Regions of a label map, [N, spatial…]: each is a set of labels, and they may overlap, as the
/// whole tumour, its core and its enhancing part.
///
/// The regions of a sample are samples of their own, each the foreground of two classes: sample
/// n·R + r is region r of sample n, [N·R, 1, M]. So it belongs to a prediction whose
/// [channels](crate::data::Channels) are samples, too. Labels in no region are outside of all of
/// them. The labels are read where they are, without a copy.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Focal, Input, Pooling, Regions, Segmentation, data::Channels};
///
/// // Two regions with a logit each on three voxels, and their labels.
/// let logits = Dense::channels_first(&[3.0, 2.0, -4.0, -3.0, 1.0, -5.0], [1, 2, 3])?;
/// let labels = Dense::per_voxel(&[1_u8, 2, 0], [1, 3])?;
/// let regions: [&[i64]; 2] = [&[1, 2], &[2]]; // the whole tumour, its core
/// let target = Regions::new(labels, &regions);
///
/// let segmentation = Segmentation::new(Channels::new(logits), target)?.with_input(Input::Sigmoid)?;
/// let mut buffers = Buffers::with_len::<4>(); // two classes for each region
/// let (loss, classes) = (Focal::cross_entropy(), Classes::default());
/// let value = segmentation.evaluate(&loss, &classes, &mut buffers)?.value();
///
/// // The binary cross entropy, averaged over voxels and regions.
/// let each = [-3.0, -2.0, -4.0, -3.0, -1.0, -5.0].map(|z: f64| z.exp().ln_1p());
/// assert!((value - each.iter().sum::<f64>() / 6.0).abs() < 1e-12);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Regions<'a, F, R> {
    labels: F,
    regions: &'a [R],
    ignored: Option<i64>,
    classes: Option<usize>,
}

impl<'a, F: Field<Item: Label>, R: AsRef<[i64]>> Regions<'a, F, R> {
    /// Takes labels, and the labels of each region.
    pub fn new(labels: F, regions: &'a [R]) -> Self {
        Self {
            labels,
            regions,
            ignored: None,
            classes: None,
        }
    }

    /// Ignores voxels with this label.
    pub fn with_ignore_label(self, label: impl Into<Option<i64>>) -> Self {
        let ignored = label.into();
        Self { ignored, ..self }
    }

    /// Expects labels below `classes`. By default any label is valid.
    pub fn with_classes(self, classes: impl Into<Option<usize>>) -> Self {
        let classes = classes.into();
        Self { classes, ..self }
    }

    /// The sample of the label map, and the labels of the region.
    #[inline(always)]
    fn place(&self, sample: usize) -> (usize, &'a [i64]) {
        let count = self.regions.len();
        (sample / count, self.regions[sample % count].as_ref())
    }

    /// Marks the labels of a stretch that are in a region.
    #[inline(always)]
    fn mark(region: &[i64], labels: &[F::Item; STRETCH]) -> [bool; STRETCH] {
        let mut inside = [false; STRETCH];
        for wanted in region.iter().copied().filter_map(F::Item::of) {
            for i in 0..STRETCH {
                inside[i] |= labels[i] == wanted;
            }
        }
        inside
    }
}

impl<F: Field<Item: Label>, R: AsRef<[i64]>> Target for Regions<'_, F, R> {
    fn shape(&self) -> Shape {
        let shape = self.labels.shape();
        Shape {
            samples: shape.samples * self.regions.len(),
            ..shape
        }
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        prediction
    }

    #[inline(always)]
    fn check(&self, sample: usize, voxel: usize, _: usize) -> Result<bool, Error> {
        let (of_map, _) = self.place(sample);
        let found = self.labels.get(of_map, 0, voxel).number();
        if Some(found) == self.ignored {
            return Ok(false);
        }
        match self.classes {
            Some(classes) if usize::try_from(found).map_or(true, |found| found >= classes) => {
                let at = Position {
                    sample,
                    channel: 0,
                    voxel,
                };
                Err(Error::Label { found, classes, at })
            }
            _ => Ok(true),
        }
    }

    #[inline(always)]
    fn get<T: Float>(&self, sample: usize, class: usize, voxel: usize, _: usize) -> T {
        let (sample, region) = self.place(sample);
        let label = self.labels.get(sample, 0, voxel).number();
        let is_of_class = region.contains(&label) == (class == 1);
        T::from_f64(if is_of_class { 1.0 } else { 0.0 })
    }

    #[inline(always)]
    fn survey(&self, sample: usize, voxels: Range<usize>, _: usize, contents: &mut [Content]) {
        let (sample, _) = self.place(sample);
        let ignored = self.ignored.and_then(F::Item::of);
        let classes = self.classes;
        for_each_stretch(
            &self.labels,
            sample,
            0,
            voxels,
            #[inline(always)]
            |index, labels| {
                let left_out = ignored.map_or(0, |ignored| {
                    count(
                        labels,
                        #[inline(always)]
                        |label| label == ignored,
                    )
                });
                let valid = classes.map_or(STRETCH, |classes| {
                    count(
                        labels,
                        #[inline(always)]
                        |label| label.is_class(classes),
                    )
                });
                contents[index] = match (left_out, valid) {
                    (STRETCH, _) => Content::Ignored,
                    (0, STRETCH) => Content::Counted,
                    _ => Content::Unknown,
                };
            },
        );
    }

    #[inline(always)]
    fn cover<T: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        _: usize,
        y: &mut [Stretch<T>],
        covered: &mut [Extent],
    ) {
        let (sample, region) = self.place(sample);
        let [outside, inside] = if class == 1 { [0.0, 1.0] } else { [1.0, 0.0] }.map(T::from_f64);
        for_each_stretch(
            &self.labels,
            sample,
            0,
            voxels,
            #[inline(always)]
            |index, labels| {
                let marks = Self::mark(region, labels);
                let marked = count(
                    &marks,
                    #[inline(always)]
                    |mark| mark,
                );
                let of_class = if class == 1 { marked } else { STRETCH - marked };
                covered[index] = match of_class {
                    0 => Extent::None,
                    STRETCH => Extent::All,
                    _ => Extent::Some,
                };
                if covered[index] == Extent::Some {
                    for i in 0..STRETCH {
                        y[index][i] = if marks[i] { inside } else { outside };
                    }
                }
            },
        );
    }
}
