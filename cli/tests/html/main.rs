//! `report`: the page, as a parser reads it and as a browser shows it.

#[path = "../program/mod.rs"]
mod program;

mod browser;
mod document;
mod numbers;
mod pictures;
mod refused;
mod run;
mod safe;
