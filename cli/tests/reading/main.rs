//! How files are read, tried as people have them: each situation in small, in the program as a process.
//!
//! What a file means is written twice: as people write it, and as plainly as it can be. Both must give the same number, or the
//! first an error that says what to say.

#[path = "../build/mod.rs"]
mod build;

mod axes;
mod classes;
mod files;
mod numbers;
mod report;
