//! Strategies for losses with any parameters, and for numbers that are often at the ends of their
//! range.

mod build;

use proptest::prelude::*;
use proptest::sample::select;
use unifocal_core::{AnyLoss, Name, Parameter};

use self::build::build;

/// A number in [0, 1], often at one of the ends.
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

/// A number in [0, 1], or none.
fn share() -> impl Strategy<Value = Option<f64>> {
    proptest::option::weighted(0.8, unit())
}

/// Any loss with any parameters.
pub(crate) fn any_loss() -> impl Strategy<Value = AnyLoss> {
    let name = select(Name::ALL.to_vec());
    let shares = (share(), share(), share());
    (name, shares, unit(), exponent(), smooth(), clip()).prop_map(
        |(name, (lambda, alpha, beta), delta, gamma, smooth, clip)| {
            let drawn = |parameter| match parameter {
                Parameter::Lambda => lambda,
                Parameter::Delta => Some(delta),
                Parameter::Gamma => Some(gamma),
                Parameter::Alpha => alpha,
                Parameter::Beta => beta,
                Parameter::Smooth => Some(smooth),
                Parameter::Clip => clip,
            };
            build(name, drawn).expect("parameters in range")
        },
    )
}
