//! The limits of valid inputs.

/// How far a probability may lie outside [0, 1] and still be accepted as a rounding error.
pub const ROUNDING: f64 = 1e-6;

/// The largest weight of a voxel or a class. Products of a few such weights, a logarithm and a
/// number of voxels are finite in `f64`.
pub const LARGEST_WEIGHT: f64 = 1e30;
