//! How the program reads files: each situation that occurs in practice, with small files.
//!
//! A file gives the score that the definition of the loss gives for its data, or an error that names the option to use.

#[path = "../build/mod.rs"]
mod build;
#[path = "../formula/mod.rs"]
mod formula;

mod axes;
mod classes;
mod files;
mod numbers;
mod pictures;
mod report;
