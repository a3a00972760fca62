//! Target arrays: labels, or a one-hot or soft target.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{ArrayViewD, Axis};
use unifocal_core::{
    Error, Labels, Layout, Regions, Settings, Soft,
    data::{Channels, Content, Element, Extent, Label, STRETCH, Shape, Target},
    engine::LabelSets,
    formula::Float,
};

use crate::nearest::strided;
use crate::rows::{self, Row};

/// A target array: [`LabelArray`] or [`SoftArray`].
pub trait TargetArray: sealed::Sealed {}

pub(crate) mod sealed {
    use super::{Axis, Error, Layout, Settings, Target};

    pub trait Sealed: Clone + Send + Sync {
        /// A row of the target.
        type Row<'r>: Target
        where
            Self: 'r;

        /// Leaves out the voxels with this label.
        fn with_ignore_label(self, label: Option<i64>) -> Result<Self, Error>;

        /// Prepares it for channels that are regions.
        fn with_regions(self, settings: &Settings, channels: usize) -> Result<Self, Error>;

        /// Its shape.
        fn shape(&self) -> Vec<usize>;

        /// The shape it should have for a prediction of this shape.
        fn expected_shape(&self, prediction: &[usize], layout: Layout) -> Vec<usize>;

        /// The target at a smaller size, which divides its own: every so many voxels, without a copy.
        fn at_size(self, size: &[usize], layout: Layout) -> Option<Self>;

        /// Moves the class axis, if there is one, in front of the spatial axes.
        #[must_use]
        fn channels_first(self, layout: Layout) -> Self;

        /// Merges the last axes for a prediction of `axes` axes, if they are contiguous in memory.
        fn merged(self, axes: usize) -> Option<Self>;

        /// Splits the target at this index of an axis of the prediction.
        fn split(self, axis: Axis, index: usize) -> (Self, Self);

        /// The row at this index of all spatial axes but the last. If the channels are regions, they are
        /// samples of the row.
        fn row(&self, outer: &[usize], multilabel: bool) -> Self::Row<'_>;
    }
}

/// Integer labels [N, spatial…], with an optional ignored label. They name a class each, or are in regions.
#[derive(Clone, Debug)]
pub struct LabelArray<'a, L> {
    pub(crate) labels: ArrayViewD<'a, L>,
    pub(crate) ignored: Option<i64>,
    pub(crate) regions: Option<Arc<LabelSets>>,
}

/// A row of labels.
pub enum LabelRow<'r, L> {
    /// Each label names a class.
    Classes(Labels<Row<'r, L>>),
    /// Each region is a set of labels.
    Regions(Regions<'r, Row<'r, L>, Vec<i64>>),
}

impl<L: Label> TargetArray for LabelArray<'_, L> {}

impl<L: Label> sealed::Sealed for LabelArray<'_, L> {
    type Row<'r>
        = LabelRow<'r, L>
    where
        Self: 'r;

    fn with_ignore_label(self, label: Option<i64>) -> Result<Self, Error> {
        Ok(Self {
            ignored: label,
            ..self
        })
    }

    fn with_regions(self, settings: &Settings, channels: usize) -> Result<Self, Error> {
        let regions = Some(settings.label_sets(channels)?.into());
        Ok(Self { regions, ..self })
    }

    fn shape(&self) -> Vec<usize> {
        self.labels.shape().to_vec()
    }

    fn expected_shape(&self, prediction: &[usize], layout: Layout) -> Vec<usize> {
        without_channels(prediction, layout)
    }

    fn at_size(self, size: &[usize], _: Layout) -> Option<Self> {
        let labels = strided(self.labels, 1, size)?;
        Some(Self { labels, ..self })
    }

    fn channels_first(self, _: Layout) -> Self {
        let labels = rows::with_voxel_axis(self.labels, 1);
        Self { labels, ..self }
    }

    fn merged(self, axes: usize) -> Option<Self> {
        let labels = rows::merged(self.labels, axes - 1)?;
        Some(Self { labels, ..self })
    }

    fn split(self, axis: Axis, index: usize) -> (Self, Self) {
        let (first, second) = self.labels.split_at(without_class_axis(axis), index);
        let half = |labels| Self {
            labels,
            ignored: self.ignored,
            regions: self.regions.clone(),
        };
        (half(first), half(second))
    }

    fn row(&self, outer: &[usize], _: bool) -> Self::Row<'_> {
        let row = Row::new(rows::row(self.labels.view(), 1, outer));
        match &self.regions {
            None => LabelRow::Classes(Labels::new(row).with_ignore_label(self.ignored)),
            Some(regions) => LabelRow::Regions(
                Regions::new(row, &regions.sets)
                    .with_ignore_label(self.ignored)
                    .with_classes(regions.classes),
            ),
        }
    }
}

/// Calls a method of either kind of row.
macro_rules! of_row {
    ($row:expr, $labels:ident => $call:expr) => {
        match $row {
            LabelRow::Classes($labels) => $call,
            LabelRow::Regions($labels) => $call,
        }
    };
}

impl<L: Label> Target for LabelRow<'_, L> {
    fn shape(&self) -> Shape {
        of_row!(self, labels => labels.shape())
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        of_row!(self, labels => labels.expected_shape(prediction))
    }

    #[inline(always)]
    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error> {
        of_row!(self, labels => labels.check(sample, voxel, classes))
    }

    #[inline(always)]
    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R {
        of_row!(self, labels => labels.get(sample, class, voxel, classes))
    }

    #[inline(always)]
    fn survey(
        &self,
        sample: usize,
        voxels: Range<usize>,
        classes: usize,
        contents: &mut [Content],
    ) {
        of_row!(self, labels => labels.survey(sample, voxels, classes, contents));
    }

    #[inline(always)]
    fn cover<R: Float>(
        &self,
        sample: usize,
        class: usize,
        voxels: Range<usize>,
        classes: usize,
        y: &mut [[R; STRETCH]],
        covered: &mut [Extent],
    ) {
        of_row!(self, labels => labels.cover(sample, class, voxels, classes, y, covered));
    }
}

/// A one-hot or soft target of the prediction's shape.
#[derive(Clone, Debug)]
pub struct SoftArray<'a, S>(pub(crate) ArrayViewD<'a, S>);

impl<S: Element> TargetArray for SoftArray<'_, S> {}

impl<S: Element> sealed::Sealed for SoftArray<'_, S> {
    type Row<'r>
        = Soft<Channels<Row<'r, S>>>
    where
        Self: 'r;

    fn with_ignore_label(self, label: Option<i64>) -> Result<Self, Error> {
        match label {
            None => Ok(self),
            Some(found) => Err(Error::IgnoreLabel { found }),
        }
    }

    fn with_regions(self, settings: &Settings, _: usize) -> Result<Self, Error> {
        match settings.regions {
            None => Ok(self),
            Some(_) => Err(Error::Regions),
        }
    }

    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    fn expected_shape(&self, prediction: &[usize], _: Layout) -> Vec<usize> {
        prediction.to_vec()
    }

    fn at_size(self, size: &[usize], layout: Layout) -> Option<Self> {
        let first = match layout {
            Layout::ChannelsFirst => 2,
            Layout::ChannelsLast => 1,
        };
        strided(self.0, first, size).map(Self)
    }

    fn channels_first(self, layout: Layout) -> Self {
        Self(rows::channels_first(self.0, layout))
    }

    fn merged(self, axes: usize) -> Option<Self> {
        rows::merged(self.0, axes).map(Self)
    }

    fn split(self, axis: Axis, index: usize) -> (Self, Self) {
        let (first, second) = self.0.split_at(axis, index);
        (Self(first), Self(second))
    }

    fn row(&self, outer: &[usize], multilabel: bool) -> Self::Row<'_> {
        let row = Row::new(rows::row(self.0.view(), 2, outer));
        Soft(match multilabel {
            true => Channels::new(row),
            false => Channels::together(row),
        })
    }
}

/// The shape of labels and voxel weights for a prediction of this shape.
pub(crate) fn without_channels(prediction: &[usize], layout: Layout) -> Vec<usize> {
    let mut shape = prediction.to_vec();
    shape.remove(match layout {
        Layout::ChannelsFirst => 1,
        Layout::ChannelsLast => prediction.len() - 1,
    });
    shape
}

/// An axis of a channels-first prediction as an axis of an array without the class axis.
pub(crate) fn without_class_axis(axis: Axis) -> Axis {
    Axis(axis.0.saturating_sub(1))
}
