//! `overlay`: pictures, by their pixels.

#[path = "../build/mod.rs"]
mod build;
#[path = "../program/mod.rs"]
mod program;

mod errors;
mod maps;
mod pixels;
mod refused;
mod volumes;
