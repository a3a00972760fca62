//! How the voxels of a case lie in space, from the headers of its files.

use crate::case::{Grid, GridAxis};
use crate::read::{Geometry, Volume};
use crate::reading::{Axes, Axis, Reading};

const SPACE: [Axis; 3] = [Axis::X, Axis::Y, Axis::Z];

/// The grid of PRED's voxels: by PRED's header, else by TARGET's, else by the names of the axes alone.
pub(super) fn of(reading: &Reading, prediction: &Volume, target: &Volume) -> Grid {
    let ours = described(&reading.prediction, prediction.geometry);
    // Without a geometry of PRED there is no turn, so TARGET's axes have the same names.
    let theirs = described(&reading.target, target.geometry);
    let space = reading.prediction.space();
    let axis = |axis: &Axis| {
        let is_it = |(own, _): &&(Axis, GridAxis)| own == axis;
        let found = ours.iter().find(is_it).or_else(|| match ours.is_empty() {
            true => theirs.iter().find(is_it),
            false => None,
        });
        let plain = GridAxis {
            along: *axis,
            positive: None,
            spacing: 1.0,
        };
        found.map_or(plain, |(_, described)| *described)
    };
    Grid(space.iter().map(axis).collect())
}

/// The axes of a file that a geometry describes, which are its first three.
fn described(axes: &Axes, geometry: Option<Geometry>) -> Vec<(Axis, GridAxis)> {
    let first = axes.0.iter().take(3);
    let spatial = |axis: &Axis| SPACE.contains(axis) || *axis == Axis::Single;
    let Some(geometry) = geometry.filter(|_| first.clone().all(spatial)) else {
        return Vec::new();
    };
    let Some(directions) = geometry.directions() else {
        return Vec::new();
    };
    let axes = first.zip(directions);
    let axes = axes.map(|(axis, direction)| {
        let described = GridAxis {
            along: SPACE[direction.along],
            positive: Some(direction.positive),
            spacing: direction.spacing,
        };
        (*axis, described)
    });
    axes.filter(|(axis, _)| *axis != Axis::Single).collect()
}
