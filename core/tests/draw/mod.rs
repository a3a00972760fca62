//! Losses of any parameters, and numbers that are at the ends of their range more often than not.

mod build;

use proptest::prelude::*;
use proptest::sample::select;
use unifocal_core::AnyLoss;

use self::build::build;

/// A number of [0, 1], more often than not at an end of it.
pub(crate) fn unit() -> impl Strategy<Value = f64> {
    prop_oneof![
        0.0..=1.0_f64,
        select(vec![
            0.0,
            1.0,
            0.5,
            1e-7,
            1e-30,
            1e-45,
            1e-310,
            1.0 - 1e-7,
            1.0 - 1e-16
        ]),
    ]
}

fn exponent() -> impl Strategy<Value = f64> {
    prop_oneof![unit(), select(vec![0.01, 0.99, 1.5, 2.0, 5.0, 100.0])]
}

fn smooth() -> impl Strategy<Value = f64> {
    select(vec![1e-30, 1e-12, 1e-7, 1e-6, 1.0, 1e6])
}

fn clip() -> impl Strategy<Value = Option<f64>> {
    select(vec![
        None,
        Some(1e-300),
        Some(1e-7),
        Some(0.1),
        Some(0.499_999_999_9),
    ])
}

/// Any loss with any parameters.
pub(crate) fn any_loss() -> impl Strategy<Value = AnyLoss> {
    let kind = 0..9_usize;
    (kind, unit(), unit(), exponent(), smooth(), clip()).prop_map(
        |(kind, lambda, delta, gamma, smooth, clip)| {
            build(kind, lambda, delta, gamma, smooth, clip).expect("parameters in range")
        },
    )
}
