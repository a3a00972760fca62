//! Losses on a grid of parameters: their means over cases (`sweep`), and their curves (`curve`).

pub(crate) mod args;
mod axis;
mod curve;
mod plot;
mod sweep;

pub(crate) use curve::curve;
pub(crate) use sweep::{check as check_sweep, report as report_sweep};
