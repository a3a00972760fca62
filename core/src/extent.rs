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

impl Extent {
    pub(crate) const fn is_none(self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) const fn is_partial(self) -> bool {
        matches!(self, Self::Some)
    }
}
