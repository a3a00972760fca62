//! The input of the reading layer, from options and files.

use crate::args::{Batch, Data, LayoutArg};
use crate::input::Input;
use crate::read::{AxisOrder, Format, Volume};
use crate::reading::{ClassAxis, Facts, Options, Order};

/// The options that name axes.
pub(super) fn options(data: &Data) -> Options {
    Options {
        axes: data.axes.clone(),
        target_axes: data.target_axes.clone(),
        class_axis: data.layout.map(|layout| match layout {
            LayoutArg::ChannelsFirst => ClassAxis::First,
            LayoutArg::ChannelsLast => ClassAxis::Last,
        }),
        batch: match data.batch {
            Batch::Auto => None,
            Batch::Yes => Some(true),
            Batch::No => Some(false),
        },
        foreground: data.foreground,
        labels: data.input == Input::Labels,
        logits: data.input.is_logits(),
        labels_target: !data.regions.is_empty() || data.labels.is_some(),
        ignore_geometry: data.ignore_geometry,
    }
}

/// The key of nnU-Net's archives.
const PROBABILITIES: &str = "probabilities";

/// The facts about a file. Its values are only looked at through the functions.
pub(super) fn facts<'a>(
    volume: &'a Volume,
    sums_to_one: &'a dyn Fn(usize) -> bool,
    is_unit: &'a dyn Fn() -> bool,
) -> Facts<'a> {
    let is_archive = volume.format == Format::Npz && volume.key.as_deref() == Some(PROBABILITIES);
    Facts {
        shape: volume.shape(),
        order: match volume.format.axes() {
            _ if is_archive => Order::ClassFirst,
            AxisOrder::Free => Order::Free,
            AxisOrder::XyzFirst => Order::XyzFirst,
            AxisOrder::Picture => Order::Picture,
        },
        geometry: volume.geometry,
        sums_to_one,
        is_unit,
    }
}
