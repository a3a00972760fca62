//! What the fuzzing targets share: how a case is drawn, and what must hold of it.
//!
//! A target draws a case from the fuzzer's bytes and asserts what mathematics or the documentation says of any such case. Bytes that
//! are too few for a case make none.

#[cfg(feature = "losses")]
pub mod arrays;
#[cfg(feature = "losses")]
pub mod case;
#[cfg(feature = "losses")]
pub mod functions;
#[cfg(feature = "losses")]
pub mod invariants;
#[cfg(feature = "losses")]
pub mod loss;
#[cfg(feature = "readers")]
pub mod reading;

/// The table of tolerances that every test uses.
#[cfg(feature = "losses")]
#[path = "../../adapters/conformance/src/tolerance.rs"]
pub mod tolerance;

/// Draws from all of `data` and lets `check` look at what was drawn.
#[cfg(feature = "losses")]
pub fn with(
    data: &[u8],
    check: impl FnOnce(&mut arbitrary::Unstructured<'_>) -> arbitrary::Result<()>,
) {
    // Too few bytes are no case, and no finding.
    let _ = check(&mut arbitrary::Unstructured::new(data));
}
