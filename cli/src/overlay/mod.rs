//! `overlay`: pictures of a case: where prediction and target differ, the loss of each voxel, or the gradient.

pub(crate) mod args;
mod cases;
mod check;
mod colour;
mod draw;
mod maps;
mod marks;
mod picture;
mod place;
mod planes;
mod report;
mod shades;
mod window;

pub(crate) use cases::draw_all;
pub(crate) use check::check;
pub(crate) use colour::LEGEND;
pub(crate) use draw::{Drawn, draw};
pub(crate) use report::report;
