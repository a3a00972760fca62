//! The compile-time key of a kernel.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use unifocal_core::{Settings, formula::class_count};

use crate::plan::Plan;

/// Up to this many classes, loops over them are unrolled and use registers.
pub(super) const UNROLLED: usize = 8;

/// All that a kernel's code depends on, apart from types. Each distinct job is compiled once, so settings that a kernel does not use
/// are left at their defaults.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) plan: Arc<Plan>,
    pub(super) channels: usize,
    pub(super) classes: usize,
    /// Whether the target is one-hot or soft.
    pub(super) soft: bool,
    /// Whether voxels have weights.
    pub(super) weighted: bool,
    /// The ignored label, if an i32 can hold it.
    pub(super) ignored: Option<i32>,
}

impl Job {
    /// The job of the kernels over voxels.
    pub(super) fn of_voxels(plan: &Plan, channels: usize, soft: bool, weighted: bool) -> Self {
        Self {
            channels,
            classes: class_count(channels),
            soft,
            weighted,
            // Labels are compared as i32, so a label outside its range never occurs.
            ignored: plan
                .settings
                .ignore_label
                .and_then(|label| i32::try_from(label).ok()),
            plan: with_settings(plan, |settings| {
                settings.input = plan.settings.input;
            }),
        }
    }

    /// The job of the kernel over sums.
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
                settings
                    .region_weights
                    .clone_from(&plan.settings.region_weights);
                settings.class_alpha.clone_from(&plan.settings.class_alpha);
                settings.absent_class = plan.settings.absent_class;
            }),
        }
    }
}

/// The plan's loss and rare classes, with default settings changed by `set`.
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
