//! All tests in one program, which compiles the engine once for what they share; `ulp` is one of its own, for a release build.

mod by_name;
mod composed;
mod draw;
mod finite;
mod merging;
mod monotone;
mod multiple_precision;
mod own_types;
mod parameters;
mod refused;
#[cfg(feature = "serde")]
mod serialization;
mod sweep;
