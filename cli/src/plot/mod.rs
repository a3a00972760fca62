//! Pictures of numbers, as SVG.

mod frame;
mod heat_map;
mod lines;
mod strips;

pub(crate) use frame::{Titles, save};
pub(crate) use heat_map::heat_map;
pub(crate) use lines::{Line, lines};
pub(crate) use strips::{Strip, strips};
