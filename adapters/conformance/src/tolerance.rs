//! All tolerances of the tests, each with its reason.

/// f64 values and gradients against the PyTorch port in f64: both round some 2048 terms, in different orders.
pub const F64_GOLDEN: f64 = 1e-10;

/// The same where the score is perfect: the port's 1 − TI cancels all but 8 digits there.
pub const F64_PERFECT: f64 = 1e-8;

/// f64 against the core's f64: the same terms in a different order.
pub const F64_OURS: f64 = 1e-12;

/// f32 against our own f64: the terms are rounded to f32, their sums are not.
pub const F32_OURS: f64 = 2e-6;

/// f32 gradients against our own f64, relative to the largest entry. From logits, each entry is a difference of products,
/// which can cancel one more digit in samples of few voxels.
pub const F32_GRADIENT: f64 = 2e-5;

/// The absolute error of 1 − x for a loss x near 1 that is returned in f32: half a unit in the last place of 1.
pub const F32_VALUE: f64 = 6e-8;

/// The reference's f32: its sums of 1024 terms and its 1 − TI round at every step.
pub const F32_REFERENCE: f64 = 2e-5;

/// The reference's f32 gradients, which inherit the rounding of TF's sums, powers and quotients; relative to the
/// largest entry.
pub const F32_REFERENCE_GRADIENT: f64 = 2e-5;

/// Other libraries in f64: the same sums, with s = 10⁻³⁰ where theirs is 0.
pub const F64_PEERS: f64 = 1e-11;

/// Other libraries that cast to f32 internally.
pub const F32_PEERS: f64 = 5e-7;

/// Identities between losses in f64: a handful of roundings.
pub const F64_IDENTITY: f64 = 1e-13;

/// Identities between losses in f32.
pub const F32_IDENTITY: f64 = 1e-6;

/// The step of central differences in f64, near the cube root of its rounding unit.
pub const STEP: f64 = 6e-6;

/// Central differences in f64 at that step, relative to the largest entry of the gradient.
pub const CENTRAL_DIFFERENCE: f64 = 1e-7;
