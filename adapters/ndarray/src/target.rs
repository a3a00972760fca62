//! Target arrays: labels, or a one-hot or soft target.

use ndarray::{ArrayViewD, Axis};
use unifocal_core::{
    Error, Labels, Layout, Soft,
    data::{Element, Label, Target},
};

use crate::rows::{self, Row};

/// A target array: [`LabelArray`] or [`SoftArray`].
pub trait TargetArray: sealed::Sealed {}

pub(crate) mod sealed {
    use super::{Axis, Error, Layout, Target};

    pub trait Sealed: Clone + Send + Sync {
        /// A row of the target.
        type Row<'r>: Target
        where
            Self: 'r;

        /// Leaves out the voxels with this label.
        fn with_ignore_label(self, label: Option<i64>) -> Result<Self, Error>;

        /// Its shape.
        fn shape(&self) -> Vec<usize>;

        /// The shape it should have for a prediction of this shape.
        fn expected_shape(&self, prediction: &[usize], layout: Layout) -> Vec<usize>;

        /// Moves the class axis, if there is one, in front of the spatial axes.
        #[must_use]
        fn channels_first(self, layout: Layout) -> Self;

        /// Merges the last axes for a prediction of `axes` axes, if they are contiguous in memory.
        fn merged(self, axes: usize) -> Option<Self>;

        /// Splits the target at this index of an axis of the prediction.
        fn split(self, axis: Axis, index: usize) -> (Self, Self);

        /// The row at this index of all spatial axes but the last.
        fn row(&self, outer: &[usize]) -> Self::Row<'_>;
    }
}

/// Integer labels [N, spatial…], with an optional ignored label.
#[derive(Clone, Debug)]
pub struct LabelArray<'a, L> {
    pub(crate) labels: ArrayViewD<'a, L>,
    pub(crate) ignored: Option<i64>,
}

impl<L: Label> TargetArray for LabelArray<'_, L> {}

impl<L: Label> sealed::Sealed for LabelArray<'_, L> {
    type Row<'r>
        = Labels<Row<'r, L>>
    where
        Self: 'r;

    fn with_ignore_label(self, label: Option<i64>) -> Result<Self, Error> {
        Ok(Self {
            ignored: label,
            ..self
        })
    }

    fn shape(&self) -> Vec<usize> {
        self.labels.shape().to_vec()
    }

    fn expected_shape(&self, prediction: &[usize], layout: Layout) -> Vec<usize> {
        without_channels(prediction, layout)
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
        };
        (half(first), half(second))
    }

    fn row(&self, outer: &[usize]) -> Self::Row<'_> {
        let row = rows::row(self.labels.view(), 1, outer);
        Labels::new(Row::new(row)).with_ignore_label(self.ignored)
    }
}

/// A one-hot or soft target of the prediction's shape.
#[derive(Clone, Debug)]
pub struct SoftArray<'a, S>(pub(crate) ArrayViewD<'a, S>);

impl<S: Element> TargetArray for SoftArray<'_, S> {}

impl<S: Element> sealed::Sealed for SoftArray<'_, S> {
    type Row<'r>
        = Soft<Row<'r, S>>
    where
        Self: 'r;

    fn with_ignore_label(self, label: Option<i64>) -> Result<Self, Error> {
        match label {
            None => Ok(self),
            Some(found) => Err(Error::IgnoreLabel { found }),
        }
    }

    fn shape(&self) -> Vec<usize> {
        self.0.shape().to_vec()
    }

    fn expected_shape(&self, prediction: &[usize], _: Layout) -> Vec<usize> {
        prediction.to_vec()
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

    fn row(&self, outer: &[usize]) -> Self::Row<'_> {
        Soft(Row::new(rows::row(self.0.view(), 2, outer)))
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
