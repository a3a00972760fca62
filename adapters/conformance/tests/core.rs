//! Runs the suite on the core itself, in f64 on slices.

use unifocal_conformance::{CoreF64, checks};

checks!(CoreF64 => goldens peers hierarchy gradients invariances edges bad_input);
