//! Reproducible numbers for tests.

/// Numbers in [0, 1); the same seed gives the same numbers.
pub(crate) fn numbers(mut seed: u32) -> impl FnMut() -> f64 {
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 8) / f64::from(1 << 24)
    }
}
