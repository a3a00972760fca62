//! Nearest voxels of another size.

/// The voxel of an axis of length `of` that covers the middle of voxel `index` of an axis of `length`,
/// if both axes have the same extent: ⌊(index + ½)·of/length⌋.
///
/// It is PyTorch's `nearest-exact`, with which nnU-Net and MONAI reduce targets for deep supervision.
///
/// # Panics
///
/// If `length` is 0.
///
/// # Examples
///
/// ```
/// use unifocal_core::data::nearest;
///
/// assert_eq!([0, 1, 2, 3].map(|index| nearest(index, 4, 8)), [1, 3, 5, 7]);
/// assert_eq!([0, 1, 2].map(|index| nearest(index, 3, 5)), [0, 2, 4]);
/// ```
pub const fn nearest(index: usize, length: usize, of: usize) -> usize {
    ((2 * index as u64 + 1) * of as u64 / (2 * length as u64)) as usize
}
