//! What a kernel is compiled for.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::plan::Plan;

/// All that a kernel's code depends on, besides types: there is a kernel per loss, parameters and number of classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) plan: Arc<Plan>,
    pub(super) channels: usize,
    pub(super) classes: usize,
    /// Whether the target is one-hot or soft.
    pub(super) soft: bool,
    /// Whether voxels have weights.
    pub(super) weighted: bool,
    /// The label of voxels that do not count, if it can occur.
    pub(super) ignored: Option<i32>,
}

// No parameter of a loss is NaN.
impl Eq for Job {}

impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{self:?}").hash(state);
    }
}
