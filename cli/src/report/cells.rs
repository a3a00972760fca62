//! Tables of numbers, and how their cells show them.

use comfy_table::{CellAlignment, Table, presets};

/// A table with this head, whose columns are numbers but for the first.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Six decimals; empty without a value.
pub(crate) fn digits(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value != 0.0 && value.abs() < 1e-4 => format!("{value:.3e}"),
        Some(value) => format!("{value:.6}"),
    }
}

pub(crate) fn voxels(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.1}"))
}
