//! All tests in one program, which compiles the engine once for what they share; `threads` counts what is allocated in one of its own.

mod conformance;
#[cfg(feature = "half")]
mod elements;
mod strides;
