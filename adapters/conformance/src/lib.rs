//! The test suite of all adapters of unifocal, with one table of tolerances.
//!
//! An adapter's tests implement [`Backend`] and list the checks to run:
//!
//! ```text
//! unifocal_conformance::checks!(MyAdapter => goldens peers hierarchy gradients invariances edges bad_input);
//! ```

#[cfg(feature = "suite")]
mod backend;
#[cfg(feature = "suite")]
mod checks;
#[cfg(feature = "suite")]
mod core_f64;
#[cfg(feature = "suite")]
mod golden;
#[cfg(feature = "suite")]
mod random;
#[cfg(feature = "suite")]
mod readme;
#[cfg(feature = "suite")]
mod small_golden;

pub mod tolerance;

#[cfg(feature = "suite")]
pub use {
    backend::{Backend, Case, Outcome, Precision, Target},
    checks::{DeeplySupervised, LevelsOutcome, VoxelOutcome, Voxelwise},
    checks::{agreement, bad_input, edges, goldens, gradients, hierarchy, invariances, peers},
    checks::{annotated, deep_supervision, voxel_losses},
    checks::{overlapping, scores, seam, seam_cases, seam_with_gradient},
    core_f64::CoreF64,
    readme::repository_shows_example_of,
};

/// Defines a test for each check, named after it.
#[cfg(feature = "suite")]
#[macro_export]
macro_rules! checks {
    ($backend:expr => $($check:ident)*) => {$(
        #[test]
        fn $check() {
            $crate::$check(&$backend);
        }
    )*};
}

/// Compiles and runs the examples of the documentation.
#[cfg(doctest)]
mod documentation {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/adding-a-loss.md")]
    mod adding_a_loss {}
    #[doc = include_str!("../../../docs/architecture.md")]
    mod architecture {}
    #[doc = include_str!("../../../docs/choosing.md")]
    mod choosing {}
    #[doc = include_str!("../../../docs/formulas.md")]
    mod formulas {}
    #[doc = include_str!("../../../docs/metrics.md")]
    mod metrics {}
    #[doc = include_str!("../../../docs/migrating.md")]
    mod migrating {}
    #[doc = include_str!("../../../docs/numerics.md")]
    mod numerics {}
}
