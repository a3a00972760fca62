//! The four kernels: `sum` over voxels, `merge` of the cubes' partial sums, `value` of the sums, and `gradient`.

#![allow(
    clippy::collapsible_if,
    clippy::manual_range_contains,
    clippy::semicolon_if_nothing_returned,
    reason = "CubeCL's language lacks the alternatives"
)]

mod formula;
mod gradients;
mod merger;
mod prediction;
mod sums;
mod target;
mod values;

pub(super) use gradients::gradient;
pub(super) use merger::{THREADS, merge};
pub(super) use sums::sum;
pub(super) use values::value;
