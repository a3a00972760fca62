//! All tests in one program, so that the engine is compiled once. `ulp` is separate, because it
//! needs a release build.

mod annotated;
mod by_name;
mod composed;
mod draw;
mod evaluated;
mod finite;
mod merging;
mod monotone;
mod multiple_precision;
mod numbers;
mod own_types;
mod parameters;
mod quantized;
mod refused;
#[cfg(feature = "alloc")]
mod scores;
#[cfg(feature = "serde")]
mod serialization;
mod sweep;
mod voxel_losses;
