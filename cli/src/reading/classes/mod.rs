//! The classes and their labels.

mod asked;
mod channels;
mod fault;
mod labels;
mod name;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use asked::{Asked, Region};
pub(crate) use fault::Fault;
pub(crate) use name::Name;
pub(crate) use table::Classes;
