//! Shared by the fuzzing targets: drawing a case and checking its invariants.
//!
//! A target draws a case from the fuzzer's bytes and asserts what mathematics or the documentation guarantees for every such case.
//! Inputs with too few bytes for a case are skipped.

#[cfg(feature = "losses")]
pub mod arrays;
#[cfg(feature = "losses")]
pub mod case;
#[cfg(feature = "losses")]
mod draw;
#[cfg(feature = "losses")]
mod either;
#[cfg(feature = "losses")]
pub mod evaluate;
#[cfg(feature = "losses")]
pub mod functions;
#[cfg(feature = "losses")]
pub mod invariants;
#[cfg(feature = "losses")]
pub mod loss;
#[cfg(feature = "losses")]
pub mod numbers;
#[cfg(feature = "readers")]
pub mod reading;

/// Runs `check`, which draws its case from `data`.
#[cfg(feature = "losses")]
pub fn with(
    data: &[u8],
    check: impl FnOnce(&mut arbitrary::Unstructured<'_>) -> arbitrary::Result<()>,
) {
    // An error means that there were too few bytes for a case.
    let _ = check(&mut arbitrary::Unstructured::new(data));
}
