//! Targets: integer labels, or a one-hot or soft target per class.

use core::ops::Range;

use crate::stretch::STRETCH;
use crate::{Element, Error, Field, Float, Position, Shape};

/// How many voxels of a stretch a class covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// None of them.
    None,
    /// Some of them; possibly all or none.
    Some,
    /// All of them.
    All,
}

impl Extent {
    /// The extent of `count` out of `of` voxels.
    #[inline(always)]
    fn of(count: usize, of: usize) -> Self {
        if count == of {
            Self::All
        } else if count == 0 {
            Self::None
        } else {
            Self::Some
        }
    }
}

/// The content of a stretch of the target, as far as [`Target::survey`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// Not known: each voxel must be [checked](Target::check).
    Unknown,
    /// No voxel counts.
    Ignored,
    /// All voxels count.
    Counted,
    /// All voxels count and belong to this class.
    Class(usize),
}

/// The target y, by sample, class and voxel.
pub trait Target {
    /// The shape, with one channel for labels.
    fn shape(&self) -> Shape;

    /// The shape that this kind of target must have for a prediction of shape `prediction`.
    fn expected_shape(&self, prediction: Shape) -> Shape;

    /// Whether a voxel counts.
    ///
    /// # Errors
    ///
    /// The voxel holds no valid target for `classes` classes.
    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error>;

    /// y of `class`, one of `classes`, at a voxel that [counts](Target::check).
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R;

    /// Classifies each stretch of [`STRETCH`] voxels; the last one may be shorter.
    ///
    /// [`Content::Unknown`] is always correct. Any other content guarantees that every voxel of the
    /// stretch passes the [check](Target::check).
    #[inline(always)]
    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        let _ = (sample, voxels, classes);
        contents.fill(Content::Unknown);
    }

    /// Finds how much of each stretch of [`STRETCH`] voxels a class covers. Where that is
    /// [`Extent::Some`], fills `y` with y of at least the voxels that count.
    #[inline(always)]
    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
        y: &mut [R],
        covered: &mut [Extent],
    ) {
        for (voxel, y) in voxels.zip(y) {
            *y = self.get(sample, class, voxel, classes);
        }
        covered.fill(Extent::Some);
    }
}

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
/// use unifocal_core::{Dense, Labels, Target};
///
/// let labels = Labels::new(Dense::labels(&[0_u8, 1, 255], [1, 3])?).with_ignore_label(255);
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
                let all = |count: usize| count == labels.len();
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
                } else if all(valid) && left_out == 0 {
                    Content::Counted
                } else {
                    Content::Unknown
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
        y: &mut [R],
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
                covered[index] = Extent::of(inside, labels.len());
                if covered[index] == Extent::Some {
                    for (y, label) in y[index * STRETCH..].iter_mut().zip(labels) {
                        *y = if *label == wanted { one } else { zero };
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

/// The number of values in a stretch for which `holds` is true.
#[inline(always)]
fn count<T: Copy>(stretch: &[T], holds: impl Fn(T) -> bool) -> usize {
    const { assert!(STRETCH < 256) };
    let mut count = 0_u8;
    for x in stretch {
        count += u8::from(holds(*x));
    }
    usize::from(count)
}

/// Calls `visit` with the index and the values of each stretch of a channel. The compiler knows the
/// length of full stretches.
#[inline(always)]
fn for_each_stretch<F: Field>(
    field: &F,
    sample: usize,
    channel: usize,
    voxels: Range<usize>,
    mut visit: impl FnMut(usize, &[F::Item]),
) {
    let stretches = voxels.len().div_ceil(STRETCH);
    let slice = field.slice(sample, channel, voxels.clone());
    for index in 0..stretches {
        let at = index * STRETCH;
        if let Some(slice) = slice
            && let Some(full) = slice[at..].first_chunk::<STRETCH>()
        {
            visit(index, full);
        } else {
            let start = voxels.start + at;
            let len = STRETCH.min(voxels.end - start);
            let mut gathered = [field.get(sample, channel, start); STRETCH];
            let voxels = start..start + len;
            field.read(sample, channel, voxels, &mut gathered[..len], |value| value);
            visit(index, &gathered[..len]);
        }
    }
}

/// A one-hot or soft target with the prediction's shape, each y in [0, 1].
///
/// A single channel is the foreground; the background is its complement.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, Soft, Target};
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
                    what: "target",
                    found,
                    expected: "a number in [0, 1]",
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
                    if valid < values.len() {
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
        y: &mut [R],
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
                covered[index] = match values.len() {
                    len if none == len => Extent::None,
                    len if all == len => Extent::All,
                    _ => Extent::Some,
                };
                if covered[index] == Extent::Some {
                    for (y, value) in y[index * STRETCH..].iter_mut().zip(values) {
                        let value = R::from_f64(value.real().to_f64());
                        *y = if complement {
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

/// Integer labels as a prediction: a hard segmentation with p = 1 for the labelled class.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, Field, OneHot};
///
/// let hard = OneHot::new(Dense::labels(&[0_u8, 2], [1, 2])?, 3)?;
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
