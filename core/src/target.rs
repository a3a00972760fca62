//! The truth: integer labels, or a one-hot or soft target per class.

use crate::{Element, Error, Field, Float, Position, Shape};

/// y, by sample, class and voxel.
pub trait Target {
    /// How many samples, channels (1 for labels) and voxels there are.
    fn shape(&self) -> Shape;

    /// The shape that a target of this kind has beside a prediction of the shape `prediction`.
    fn expected_shape(&self, prediction: Shape) -> Shape;

    /// Whether this voxel counts.
    ///
    /// # Errors
    ///
    /// The voxel holds something that is no target for `classes` classes.
    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error>;

    /// y of `class`, one of `classes`, at a voxel that [counts](Target::check).
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R;
}

/// An integer that numbers a class.
pub trait Label: Copy {
    /// The number.
    fn number(self) -> i64;
}

macro_rules! label {
    ($($int:ident)*) => {$(
        impl Label for $int {
            #[inline(always)]
            fn number(self) -> i64 {
                i64::from(self)
            }
        }
    )*};
}

label!(u8 u16 u32 i8 i16 i32 i64);

/// Integer labels, [N, spatial…]: y is 1 for the class that the label numbers, and 0 for the others.
///
/// # Examples
///
/// ```
/// use unifocal_core::{Dense, Labels, Target};
///
/// let labels = Labels::new(Dense::labels(&[0_u8, 1, 255], [1, 3])?).ignoring(255);
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
    /// Labels, every one of which must number a class.
    pub fn new(labels: F) -> Self {
        Self {
            labels,
            ignored: None,
        }
    }

    /// Leaves voxels with this label out of every sum.
    pub fn ignoring(self, label: impl Into<Option<i64>>) -> Self {
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
}

/// A one-hot or soft target of the prediction's shape, each y in [0, 1].
///
/// With a single channel, that is the foreground, and the background its complement.
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
}

/// Integer labels as a prediction: a hard segmentation, p = 1 for the class that the label numbers.
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
    /// The one-hot form of labels of `classes` classes.
    ///
    /// # Errors
    ///
    /// A label that numbers none of them.
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
