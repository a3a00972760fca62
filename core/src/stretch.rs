//! The block sizes of the engine.

/// Whether the device has only a few kilobytes for code and stack, as devices without an operating
/// system do. Loops are not unrolled there.
pub(crate) const SMALL: bool = cfg!(target_os = "none");

/// The length of a stretch: the number of neighbouring voxels that are classified together, as
/// ignored, counted, or all of one class.
pub const STRETCH: usize = 64;

/// The number of sums that run in parallel: the number of lanes of the widest vectors.
pub(crate) const LANES: usize = 16;

/// The values of a stretch.
pub(crate) type Stretch<T> = [T; STRETCH];
