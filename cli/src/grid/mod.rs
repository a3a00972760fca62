//! Losses on a grid of parameters: their means over cases (`sweep`), and their curves (`curve`).

pub(crate) mod args;
mod axis;
mod curve;
mod sweep;

pub(crate) use curve::{curve, picture as curve_picture};
pub(crate) use sweep::{check as check_sweep, report as report_sweep};
