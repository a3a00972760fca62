//! The slab of a case that this process holds.

use std::ops::Range;

use ndarray::{ArrayViewD, Slice};
use unifocal_ndarray::Slabs;

use crate::arrange::without_classes;
use crate::listed::listed;
use crate::read::Whole;
use crate::reading::{Axes, Axis, Reading, Turn};
use crate::team::Team;

/// The part of a prediction and its target that this process holds: some samples, and a range of the axis of space that changes slowest in
/// the file of the prediction. The others have the rest.
#[derive(Clone, Debug)]
pub(crate) struct Slab {
    pub(crate) reading: Reading,
    pub(crate) slabs: Slabs,
    index: usize,
    /// The axis that the slabs divide; `None` without axes of space.
    axis: Option<Axis>,
    /// The lengths of the sample axis and of the axes of space of the whole prediction, in its file's order.
    voxels: Vec<usize>,
}

impl Slab {
    /// `None` if the prediction has no voxels.
    pub(crate) fn of(reading: &Reading, prediction: &Whole, team: &Team) -> Option<Self> {
        let axes = &reading.prediction;
        let length = |axis: &Axis| {
            let place = axes.position(*axis);
            place.map_or(1, |place| prediction.shape[place])
        };
        let mut space = axes.space();
        if prediction.fortran {
            space.reverse();
        }
        let mut shape = vec![length(&Axis::Sample), length(&Axis::Class)];
        shape.extend(space.iter().map(length));
        Some(Self {
            reading: reading.clone(),
            slabs: Slabs::new(&shape, team.count()).ok()?,
            index: team.index(),
            axis: space.first().copied(),
            voxels: without_classes(axes).iter().map(length).collect(),
        })
    }

    /// How the slabs divide the case.
    pub(crate) fn note(&self, name: &str) -> String {
        let count = self.slabs.count().get();
        let own = |index| -> usize {
            let samples = 0..self.voxels[0];
            samples
                .map(|sample| self.slabs.own(index, sample).len())
                .sum()
        };
        let sizes: Vec<usize> = (0..count).map(own).collect();
        let all: usize = sizes.iter().sum();
        let along = self
            .axis
            .map_or(String::new(), |axis| format!(" along {}", Axes(vec![axis])));
        format!(
            "{count} processes shared each case by slabs; those of {name} have {} of the {all} slices{along}",
            listed(&sizes)
        )
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// The window of a file of this shape, whose axes have these names.
    pub(crate) fn window(&self, axes: &Axes, turn: &Turn, shape: &[usize]) -> Vec<Range<usize>> {
        let [samples, slices] = self.slabs.range(self.index);
        let mut turned = turn.along.iter().zip(turn.flipped);
        let is_flipped = turned.any(|(along, flipped)| Some(*along) == self.axis && flipped);
        let range = |(axis, length): (&Axis, &usize)| match axis {
            Axis::Sample => samples.clone(),
            axis if Some(*axis) == self.axis && is_flipped => {
                length - slices.end..length - slices.start
            }
            axis if Some(*axis) == self.axis => slices.clone(),
            _ => 0..*length,
        };
        axes.0.iter().zip(shape).map(range).collect()
    }

    /// The voxels of a sample of the slab, [voxels…], that no other slab counts.
    pub(crate) fn own<'a, T>(&self, array: &ArrayViewD<'a, T>, sample: usize) -> ArrayViewD<'a, T> {
        let [samples, slices] = self.slabs.range(self.index);
        let own = self.slabs.own(self.index, samples.start + sample);
        let array = array.clone().index_axis_move(ndarray::Axis(0), sample);
        // Another slab's slices would begin before this slab.
        let held = |slice: usize| slice.saturating_sub(slices.start);
        let own = held(own.start)..held(own.end);
        let (mut array, axis) = match self.place() {
            Some(place) => (array, place - 1),
            None => (array.insert_axis(ndarray::Axis(0)), 0),
        };
        array.slice_axis_inplace(ndarray::Axis(axis), Slice::from(own));
        array
    }

    /// The voxels of an array [sample, voxels…] that no other slab counts, sample by sample.
    pub(crate) fn own_parts<'a, T>(
        &self,
        array: ArrayViewD<'a, T>,
    ) -> impl Iterator<Item = ArrayViewD<'a, T>> {
        (0..array.len_of(ndarray::Axis(0))).map(move |sample| self.own(&array, sample))
    }

    /// The first sample of the slab, and the number of samples of the whole.
    pub(crate) fn samples(&self) -> [usize; 2] {
        let [samples, _] = self.slabs.range(self.index);
        [samples.start, self.voxels[0]]
    }

    /// The sample and the voxel, in the order of the prediction's file, of a voxel of the slab.
    pub(crate) fn whole_place(&self, sample: usize, mut voxel: usize) -> [usize; 2] {
        let [samples, slices] = self.slabs.range(self.index);
        let place = self.place();
        let (mut whole, mut step) = (0, 1);
        for (axis, length) in self.voxels.iter().enumerate().skip(1).rev() {
            let (held, first) = match place {
                Some(place) if place == axis => (slices.len(), slices.start),
                _ => (*length, 0),
            };
            whole += (voxel % held + first) * step;
            voxel /= held;
            step *= length;
        }
        [samples.start + sample, whole]
    }

    /// The place of the divided axis in [sample, voxels…].
    fn place(&self) -> Option<usize> {
        let axes = without_classes(&self.reading.prediction);
        axes.iter().position(|axis| Some(*axis) == self.axis)
    }
}
