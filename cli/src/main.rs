//! The command line.
#![allow(dead_code)]

mod read;

fn main() {}
