//! Integer labels.

use core::ops::Range;

use super::stretches::{count, for_each_stretch};
use super::{Content, Extent, Target};

use crate::stretch::{STRETCH, Stretch};

use crate::{Error, Field, Float, Position, Shape};

/// An integer type for class labels.
pub trait Label: Copy + PartialEq + Send + Sync {
    /// The class number.
    fn number(self) -> i64;

    /// The label with this number, if it is in the type's range.
    fn of(number: i64) -> Option<Self>;

    /// Whether the label is one of `classes` classes.
    fn is_class(self, classes: usize) -> bool;
}

macro_rules! label {
    ($($int:ident as $unsigned:ident)*) => {$(
        impl Label for $int {
            #[inline(always)]
            fn number(self) -> i64 {
                i64::from(self)
            }

            #[inline(always)]
            fn of(number: i64) -> Option<Self> {
                Self::try_from(number).ok()
            }

            #[inline(always)]
            fn is_class(self, classes: usize) -> bool {
                // In the label's own width, so that vectors hold as many labels as possible. As
                // unsigned numbers, negative labels are too large.
                let largest = $int::try_from(classes.saturating_sub(1)).unwrap_or($int::MAX);
                self as $unsigned <= largest as $unsigned
            }
        }
    )*};
}

label!(u8 as u8 u16 as u16 u32 as u32 i8 as u8 i16 as u16 i32 as u32 i64 as u64);

/// Integer labels, [N, spatial…]: y is 1 for the labelled class and 0 for the others.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, Labels, data::Target};
///
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1, 255], [1, 3])?).with_ignore_label(255);
/// assert_eq!(labels.get::<f32>(0, 1, 1, 2), 1.0);
/// assert_eq!(labels.check(0, 2, 2), Ok(false)); // does not count
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Labels<F> {
    labels: F,
    ignored: Option<i64>,
}

impl<F: Field<Item: Label>> Labels<F> {
    /// Takes labels, each of which must name a class.
    pub fn new(labels: F) -> Self {
        Self {
            labels,
            ignored: None,
        }
    }

    /// Ignores voxels with this label.
    pub fn with_ignore_label(self, label: impl Into<Option<i64>>) -> Self {
        let ignored = label.into();
        Self { ignored, ..self }
    }
}

impl<F: Field<Item: Label>> Target for Labels<F> {
    fn shape(&self) -> Shape {
        self.labels.shape()
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        prediction.without_channels()
    }

    #[inline(always)]
    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error> {
        let label = self.labels.get(sample, 0, voxel).number();
        if Some(label) == self.ignored {
            return Ok(false);
        }
        match usize::try_from(label) {
            Ok(class) if class < classes => Ok(true),
            _ => Err(Error::Label {
                found: label,
                classes,
                at: Position {
                    sample,
                    channel: 0,
                    voxel,
                },
            }),
        }
    }

    #[inline(always)]
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, _: usize) -> R {
        let label = self.labels.get(sample, 0, voxel).number();
        R::from_f64(if label == class as i64 { 1.0 } else { 0.0 })
    }

    #[inline(always)]
    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        let ignored = self.ignored.and_then(F::Item::of);
        let of_label = |label: F::Item| {
            if Some(label) == ignored {
                Content::Ignored
            } else if label.is_class(classes) {
                Content::Class(label.number() as usize)
            } else {
                Content::Unknown
            }
        };
        if let Some(label) = self.uniform(sample, &voxels) {
            return contents.fill(of_label(label));
        }
        for_each_stretch(
            &self.labels,
            sample,
            0,
            voxels,
            #[inline(always)]
            |index, labels| {
                let all = |count: usize| count == STRETCH;
                let first = labels[0];
                let alike = count(
                    labels,
                    #[inline(always)]
                    |label| label == first,
                );
                let valid = count(
                    labels,
                    #[inline(always)]
                    |label| label.is_class(classes),
                );
                let left_out = ignored.map_or(0, |ignored| {
                    count(
                        labels,
                        #[inline(always)]
                        |label| label == ignored,
                    )
                });
                contents[index] = if all(alike) {
                    of_label(first)
                } else if !all(valid) || left_out > 0 {
                    Content::Unknown
                } else if classes > 2 {
                    let mut bits = 0;
                    for label in labels {
                        bits |= 1_u64 << (label.number() % 64);
                    }
                    Content::Classes(bits)
                } else {
                    // It holds both classes.
                    Content::Counted
                };
            },
        );
    }

    #[inline(always)]
    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        _: usize,
        y: &mut [Stretch<R>],
        covered: &mut [Extent],
    ) {
        let Some(wanted) = i64::try_from(class).ok().and_then(F::Item::of) else {
            return covered.fill(Extent::None);
        };
        let [zero, one] = [R::from_f64(0.0), R::from_f64(1.0)];
        for_each_stretch(
            &self.labels,
            sample,
            0,
            voxels,
            #[inline(always)]
            |index, labels| {
                let inside = count(
                    labels,
                    #[inline(always)]
                    |label| label == wanted,
                );
                covered[index] = match inside {
                    0 => Extent::None,
                    STRETCH => Extent::All,
                    _ => Extent::Some,
                };
                if covered[index] == Extent::Some {
                    for i in 0..STRETCH {
                        y[index][i] = if labels[i] == wanted { one } else { zero };
                    }
                }
            },
        );
    }
}

impl<F: Field<Item: Label>> Labels<F> {
    /// The common label of these voxels, if they are contiguous in memory and all have the same
    /// label. In a mask, most runs do.
    #[inline(always)]
    fn uniform(&self, sample: usize, voxels: &Range<usize>) -> Option<F::Item> {
        let labels = self.labels.slice(sample, 0, voxels.clone())?;
        let first = *labels.first()?;
        let mut differs = false;
        for label in labels {
            differs |= *label != first;
        }
        (!differs).then_some(first)
    }
}
