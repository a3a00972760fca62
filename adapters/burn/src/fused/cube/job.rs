//! What a kernel is compiled for.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use unifocal_core::{Settings, class_count};

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
    /// What the kernels over voxels depend on: nothing that only a class's score depends on.
    pub(super) fn of_voxels(plan: &Plan, channels: usize, soft: bool, weighted: bool) -> Self {
        Self {
            channels,
            classes: class_count(channels),
            soft,
            weighted,
            // Labels are compared as i32; another number is none of theirs.
            ignored: plan
                .settings
                .ignore_label
                .and_then(|label| i32::try_from(label).ok()),
            plan: with_settings(plan, |settings| {
                settings.input = plan.settings.input;
            }),
        }
    }

    /// What the kernel over sums depends on: nothing that only voxels depend on.
    pub(super) fn of_sums(plan: &Plan, classes: usize) -> Self {
        Self {
            channels: classes,
            classes,
            soft: false,
            weighted: false,
            ignored: None,
            plan: with_settings(plan, |settings| {
                settings
                    .class_weights
                    .clone_from(&plan.settings.class_weights);
                settings.class_alpha.clone_from(&plan.settings.class_alpha);
                settings.absent_class = plan.settings.absent_class;
            }),
        }
    }
}

/// The loss of a plan with its rare classes and these of its settings.
fn with_settings(plan: &Plan, set: impl FnOnce(&mut Settings)) -> Arc<Plan> {
    let mut settings = Settings::default();
    settings
        .rare_classes
        .clone_from(&plan.settings.rare_classes);
    set(&mut settings);
    Arc::new(Plan {
        settings,
        ..Plan::from(plan.loss)
    })
}

// No parameter of a loss is NaN.
impl Eq for Job {}

impl Hash for Job {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{self:?}").hash(state);
    }
}
