//! What the fuzzing targets share: how a case is drawn, and what must hold of it.
//!
//! A target draws a case from the fuzzer's bytes and asserts what mathematics or the documentation says of any such case. Bytes that
//! are too few for a case make none.

pub mod arrays;
pub mod case;
pub mod functions;
pub mod invariants;
pub mod loss;
pub mod reading;

/// The table of tolerances that every test uses.
#[path = "../../adapters/conformance/src/tolerance.rs"]
pub mod tolerance;

use arbitrary::{Result, Unstructured};

/// Draws from all of `data` and lets `check` look at what was drawn.
pub fn with(data: &[u8], check: impl FnOnce(&mut Unstructured<'_>) -> Result<()>) {
    // Too few bytes are no case, and no finding.
    let _ = check(&mut Unstructured::new(data));
}
