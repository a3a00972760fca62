//! The block sizes of the engine.

/// Whether the engine holds one stretch at a time and has one kernel for all of them, for devices
/// with a few kilobytes for code and stack. The results have the same bits.
pub(crate) const COMPACT: bool = cfg!(any(target_os = "none", feature = "compact"));

/// The length of a stretch: the number of neighbouring voxels that are classified together, as
/// ignored, counted, or all of one class.
pub const STRETCH: usize = 64;

/// The number of sums that run in parallel: the number of lanes of the widest vectors.
pub(crate) const LANES: usize = 16;

/// The values of a stretch.
pub(crate) type Stretch<T> = [T; STRETCH];
