//! What a kernel is compiled for.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::plan::Plan;

/// All that a kernel's code depends on, besides types: there is a kernel per loss, parameters and number of classes. What a kernel
/// does not depend on has its default here.
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

impl Job {
    /// What the kernels over voxels depend on: nothing that is said of a class's score.
    pub(super) fn of_voxels(plan: &Plan, channels: usize, soft: bool, weighted: bool) -> Self {
        Self {
            channels,
            classes: channels.max(2),
            soft,
            weighted,
            // Labels are compared as i32; another number is none of theirs.
            ignored: plan.ignored.and_then(|label| i32::try_from(label).ok()),
            plan: Arc::new(Plan {
                activation: plan.activation,
                rare: plan.rare.clone(),
                ..Plan::from(plan.loss)
            }),
        }
    }

    /// What the kernel over sums depends on: nothing that is said of a voxel.
    pub(super) fn of_sums(plan: &Plan, classes: usize) -> Self {
        Self {
            channels: classes,
            classes,
            soft: false,
            weighted: false,
            ignored: None,
            plan: Arc::new(Plan {
                class_weights: plan.class_weights.clone(),
                alpha: plan.alpha.clone(),
                rare: plan.rare.clone(),
                absent: plan.absent,
                ..Plan::from(plan.loss)
            }),
        }
    }
}

// No parameter of a loss is NaN.
impl Eq for Job {}

impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{self:?}").hash(state);
    }
}
