//! Invariants that mathematics and the documentation guarantee for every case, one file for each target.

mod degenerate;
mod gradient;
mod invariance;
mod outcomes;
mod parameters;
mod precision;
mod values;

pub use degenerate::degenerate;
pub use gradient::gradient;
pub use invariance::invariance;
pub use parameters::parameters;
pub use precision::precision;
pub use values::values;
