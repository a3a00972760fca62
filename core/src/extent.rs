//! How much of a stretch a class covers.

/// How many voxels of a stretch a class covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// None of them.
    None,
    /// Some of them; possibly all or none.
    Some,
    /// All of them.
    All,
}
