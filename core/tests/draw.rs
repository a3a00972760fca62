//! Strategies for losses with any parameters, and for numbers that are often at the ends of their
//! range.

use proptest::prelude::*;
use proptest::sample::select;
use unifocal_core::{
    AnyLoss, Parameter,
    catalogue::{LossError, Name},
};

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

fn smooth_numerator() -> impl Strategy<Value = Option<f64>> {
    select(vec![
        None,
        None,
        Some(0.0),
        Some(1e-30),
        Some(1e-6),
        Some(1.0),
    ])
}

fn order() -> impl Strategy<Value = Option<f64>> {
    select(vec![None, None, Some(1.0), Some(2.0)])
}

fn volume_exponent() -> impl Strategy<Value = Option<f64>> {
    select(vec![None, Some(0.0), Some(1.0), Some(2.0)])
}

fn label_smoothing() -> impl Strategy<Value = f64> {
    select(vec![0.0, 0.0, 0.1, 1e-300, 1.0])
}

fn threshold() -> impl Strategy<Value = f64> {
    select(vec![1e-30, 0.3, 0.7, 1.0])
}

fn poly() -> impl Strategy<Value = f64> {
    select(vec![0.0, -1.0, -0.5, 2.0, 1e30])
}

/// δ, and the weights of false positives and false negatives.
fn weights() -> impl Strategy<Value = (f64, [f64; 2])> {
    let weight = || select(vec![0.0, 1e-30, 0.3, 1.0, 1e30]);
    (unit(), [weight(), weight()])
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
    let smooth = (smooth(), smooth_numerator());
    let coefficients = (poly(), threshold());
    let target = (order(), label_smoothing(), volume_exponent(), coefficients);
    (name, shares, weights(), exponent(), target, smooth, clip()).prop_map(
        |(name, (lambda, alpha, beta), weights, gamma, target, (smooth, numerator), clip)| {
            let (order, smoothing, exponent, (poly, threshold)) = target;
            let (delta, [fp_weight, fn_weight]) = weights;
            let drawn = |parameter| match parameter {
                Parameter::Lambda => lambda,
                Parameter::Delta => Some(delta),
                Parameter::FpWeight => Some(fp_weight),
                Parameter::FnWeight => Some(fn_weight),
                Parameter::Gamma => Some(gamma),
                Parameter::Alpha => alpha,
                Parameter::Beta => beta,
                Parameter::VolumeExponent => exponent,
                Parameter::Order => order,
                Parameter::Smooth => Some(smooth),
                Parameter::SmoothNumerator => numerator,
                Parameter::LabelSmoothing => Some(smoothing),
                Parameter::Threshold => Some(threshold),
                Parameter::Poly => Some(poly),
                Parameter::Clip => clip,
            };
            build(name, drawn).expect("parameters in range")
        },
    )
}

/// The loss called `name` with the drawn parameters. Numbers outside a range are moved to its end;
/// where none is drawn but the range does not allow it, the default stays.
fn build(name: Name, drawn: impl Fn(Parameter) -> Option<f64>) -> Result<AnyLoss, LossError> {
    name.parameters()
        .iter()
        .try_fold(name.loss(), |loss, parameter| {
            let range = name.range(*parameter)?;
            match drawn(*parameter) {
                None if !range.allows_none() => Ok(loss),
                value => loss.with(
                    *parameter,
                    value.map(|number| number.clamp(range.least(), range.most())),
                ),
            }
        })
}
