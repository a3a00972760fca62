//! `report`: a run as a page of HTML, without scripts and without anything from the network.

pub(crate) mod args;
mod cases;
mod content;
mod facts;
mod page;
mod tables;
mod write;

pub(crate) use write::report;
