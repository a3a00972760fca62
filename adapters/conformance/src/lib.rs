//! What every adapter of unifocal has to give, in one suite and with one table of tolerances.
//!
//! An adapter implements [`Backend`] for a type of its tests, and names the checks it runs:
//!
//! ```ignore
//! unifocal_conformance::checks!(Ndarray64: goldens hierarchy gradients invariances edges bad_input);
//! ```

mod backend;
mod checks;
mod core_f64;
mod golden;
mod random;
pub mod tolerance;

pub use backend::{Backend, Case, Outcome, Precision, Truth};
pub use checks::{agreement, bad_input, edges, goldens, gradients, hierarchy, invariances};
pub use core_f64::CoreF64;

/// One test per check, each by its own name.
#[macro_export]
macro_rules! checks {
    ($backend:expr => $($check:ident)*) => {$(
        #[test]
        fn $check() {
            $crate::$check(&$backend);
        }
    )*};
}
