//! The classes and their labels.

mod channels;
mod fault;
mod labels;
mod name;
mod options;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use fault::Fault;
pub(crate) use name::Name;
pub(crate) use options::{Options, Region};
pub(crate) use table::Classes;
