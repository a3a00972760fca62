//! The planes of a volume, as pictures show them.
//!
//! With a geometry, planes are those of the body: front and top are at the top of a picture, and the right side and the front are at
//! its left, as radiologists look at it. Without one, indices grow downwards and to the right.

use ndarray::{ArrayBase, IxDyn, RawData};

use super::place::Place;
use crate::case::{Grid, GridAxis};
use crate::reading::Axis;

/// A plane: the axes that are its rows and columns.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    pub(super) name: &'static str,
    /// Their places among the axes of space; `None` for an axis that PRED does not have.
    rows: Option<usize>,
    columns: Option<usize>,
    flipped: [bool; 2],
    /// The distances between rows and between columns.
    pub(super) steps: [f64; 2],
}

/// The three planes of a volume, or the only one of fewer axes.
pub(super) fn of(grid: &Grid) -> Vec<Plane> {
    let place = |axis| grid.0.iter().position(|own| own.along == axis);
    let plane = |name, rows: Option<usize>, columns: Option<usize>| {
        let axes = [rows, columns].map(|place| place.map(|place| grid.0[place]));
        Plane {
            name,
            rows,
            columns,
            flipped: axes.map(|axis| axis.is_some_and(|axis| axis.positive == Some(true))),
            steps: axes.map(|axis: Option<GridAxis>| axis.map_or(1.0, |axis| axis.spacing)),
        }
    };
    let (x, y, z) = (place(Axis::X), place(Axis::Y), place(Axis::Z));
    if x.is_some() && y.is_some() && z.is_some() {
        return vec![
            plane("axial", y, x),
            plane("coronal", z, x),
            plane("sagittal", z, y),
        ];
    }
    let present = [place(Axis::Time), z, y, x].into_iter().flatten();
    let present: Vec<usize> = present.collect();
    let (rows, columns) = match present[..] {
        [.., rows, columns] => (Some(rows), Some(columns)),
        [columns] => (None, Some(columns)),
        [] => (None, None),
    };
    vec![plane("picture", rows, columns)]
}

impl Plane {
    /// The plane of an array [sample, `lead` axes…, space…], as [lead…, rows, columns].
    pub(super) fn cut<S: RawData>(
        &self,
        array: ArrayBase<S, IxDyn>,
        lead: usize,
        place: &Place,
    ) -> ArrayBase<S, IxDyn> {
        let axis = ndarray::Axis;
        let mut array = array.index_axis_move(axis(0), place.sample);
        let mut kept = [self.rows, self.columns];
        for (own, index) in place.voxel.iter().enumerate().rev() {
            if kept.contains(&Some(own)) {
                continue;
            }
            array = array.index_axis_move(axis(lead + own), *index);
            for kept in kept.iter_mut().flatten() {
                *kept -= usize::from(*kept > own);
            }
        }
        let order = (0..lead).chain(kept.into_iter().flatten().map(|own| lead + own));
        let order: Vec<usize> = order.collect();
        array = array.permuted_axes(IxDyn(&order));
        for (place, kept) in kept.into_iter().enumerate() {
            if kept.is_none() {
                array = array.insert_axis(axis(lead + place));
            }
        }
        for (place, flipped) in self.flipped.into_iter().enumerate() {
            if flipped {
                array.invert_axis(axis(lead + place));
            }
        }
        array
    }

    /// The axes of space that it is at an index of, and these indices.
    pub(super) fn fixed<'a>(
        &'a self,
        place: &'a Place,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let voxel = place.voxel.iter().copied().enumerate();
        voxel.filter(|(own, _)| ![self.rows, self.columns].contains(&Some(*own)))
    }
}
