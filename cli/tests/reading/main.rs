//! How files are read, tried as people have them: each situation in small, in the program as a process.
//!
//! A file gives the score that the loss's definition gives of the data it was made from, or an error that says what to say.

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
