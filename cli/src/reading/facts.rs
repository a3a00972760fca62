//! The facts about an input that are known before all of its numbers are read.

use crate::read::Geometry;

/// The order of axes, as far as a format fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The format does not fix it.
    Free,
    /// x, y, z, then time, then classes, as in NIfTI, NRRD and MetaImage.
    XyzFirst,
    /// Rows and columns, preceded by pages if there are several.
    Picture,
    /// c, z, y, x, as in the `.npz` files of nnU-Net.
    ClassFirst,
}

/// The facts about an input.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) shape: &'a [usize],
    pub(crate) order: Order,
    pub(crate) geometry: Option<Geometry>,
    /// Whether the numbers along an axis sum to 1 everywhere.
    pub(crate) sums_to_one: &'a dyn Fn(usize) -> bool,
    /// Whether all numbers are in [0, 1].
    pub(crate) is_unit: &'a dyn Fn() -> bool,
}
