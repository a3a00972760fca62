//! How many voxels are looked at at once.

/// Whether code and stack have a few kilobytes, as on a device without an operating system: loops stay loops there.
pub(crate) const SMALL: bool = cfg!(target_os = "none");

/// How many neighbouring voxels are looked at at once: whether they count, and whether they are all of one class.
pub const STRETCH: usize = 64;

/// How many sums run side by side: as many as the widest vectors have lanes.
pub(crate) const LANES: usize = 16;

/// The numbers of a stretch.
pub(crate) type Stretch<T> = [T; STRETCH];
