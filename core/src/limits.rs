//! The bounds of what losses take.

/// How far outside of [0, 1] a probability can lie and still count as rounded.
pub const ROUNDING: f64 = 1e-6;

/// The largest weight of a voxel or a class: products of a few such weights, a logarithm and a number of voxels are finite in `f64`.
pub const LARGEST_WEIGHT: f64 = 1e30;
