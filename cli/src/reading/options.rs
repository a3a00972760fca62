//! The options about axes.

use super::axes::Axes;

/// The position of the class axis that the user sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassAxis {
    First,
    Last,
}

/// The options about axes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) axes: Option<Axes>,
    pub(crate) target_axes: Option<Axes>,
    pub(crate) class_axis: Option<ClassAxis>,
    pub(crate) batch: Option<bool>,
    pub(crate) foreground: bool,
    /// Both files hold labels.
    pub(crate) labels: bool,
    /// The numbers are logits, whose sums have no meaning.
    pub(crate) logits: bool,
    /// The target holds labels, which determine the classes.
    pub(crate) labels_target: bool,
    pub(crate) ignore_geometry: bool,
}
