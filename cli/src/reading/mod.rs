//! The reading layer turns shapes, formats, values and options into named axes and a list of classes, or into an error that lists
//! the readings that fit, each with the option that selects it.
//!
//! Nothing here reads a file or a whole array. The values are looked at through [`Facts`], and only if the shapes allow more than
//! one reading. No later step guesses.

mod axes;
mod candidates;
mod choose;
pub(crate) mod classes;
mod facts;
mod fault;
pub(crate) mod numbers;
mod options;
mod stated;
mod turn;
mod unstated;

#[cfg(test)]
mod tests;

pub(crate) use axes::{Axes, Axis};
pub(crate) use choose::read;
pub(crate) use facts::{Facts, Order};
pub(crate) use fault::Reading;
pub(crate) use options::{ClassAxis, Options};
pub(crate) use turn::Turn;
