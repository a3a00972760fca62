//! The vector functions of `f64` against 320-bit numbers, on dense samples of their ranges.

use fastrand::Rng;
use unifocal_core::formula::{Float, Real};

use super::exact::Exact;

/// How many numbers of each range are tested.
const SAMPLE: usize = 2000;

/// The largest error of `f` over these numbers, in units in the last place of the result, and where
/// it occurs.
fn largest_error(
    numbers: impl Iterator<Item = f64>,
    f: impl Fn(f64) -> f64,
    exact: impl Fn(&Exact) -> Exact,
) -> (f64, f64) {
    numbers
        .map(|x| {
            let (found, expected) = (f(x), exact(&Exact::new(x)));
            let nearest = expected.to_f64();
            let size = nearest.abs().max(f64::MIN_POSITIVE);
            // The spacing of `f64` at this size; for subnormal results, their common spacing.
            let ulp = f64::from_bits(size.to_bits() & 0x7ff0_0000_0000_0000) * f64::EPSILON;
            (expected.error_of(found, &Exact::new(ulp)), x)
        })
        .fold(
            (0.0, 0.0),
            |a, b| if b.0 > a.0 || b.0.is_nan() { b } else { a },
        )
}

#[track_caller]
fn assert_within(bound: f64, what: &str, (error, x): (f64, f64)) {
    println!("{what}: {error:.3} ULP, at {x:e}");
    assert!(
        error <= bound,
        "{what}: {error} ULP at {x:e}, expected {bound}"
    );
}

/// Random numbers in a range, uniform in their bits: equally many in each binade.
fn by_bits(low: f64, high: f64) -> impl Iterator<Item = f64> {
    let mut rng = Rng::with_seed(1);
    let (low, high) = (low.to_bits(), high.to_bits());
    (0..SAMPLE).map(move |_| f64::from_bits(rng.u64(low..=high)))
}

/// Random numbers in a range, uniform in value.
fn between(low: f64, high: f64) -> impl Iterator<Item = f64> {
    let mut rng = Rng::with_seed(2);
    (0..SAMPLE).map(move |_| low + (high - low) * rng.f64())
}

#[test]
fn ln() {
    let numbers = by_bits(f64::MIN_POSITIVE, f64::MAX)
        .chain(by_bits(0.5, 2.0))
        .chain(between(1.0 - 1e-3, 1.0 + 1e-3));
    assert_within(1.0, "ln", largest_error(numbers, Real::ln, Exact::ln_exact));
}

#[test]
fn ln_1p() {
    let exact = |x: &Exact| (Exact::new(1.0) + x.clone()).ln_exact();
    let numbers = by_bits(1e-60, f64::MAX).chain(by_bits(1e-3, 8.0));
    assert_within(1.0, "ln_1p", largest_error(numbers, Real::ln_1p, exact));
    assert_eq!([0.0, 1e-200].map(Real::ln_1p), [0.0, 1e-200]);
}

#[test]
fn exp() {
    let numbers = between(-745.0, 0.0)
        .chain(between(-745.0, -708.0))
        .chain(between(-2.0, 0.0))
        .chain(by_bits(1e-20, 1.0).map(|x| -x));
    assert_within(1.0, "exp", largest_error(numbers, Float::exp, Exact::exp));
    assert_eq!(
        [f64::MIN, -800.0, -0.0, 0.0].map(Float::exp),
        [0.0, 0.0, 1.0, 1.0]
    );
}

/// `math.rs` computes powers with |exponent| ≤ 1, `libm` the others.
#[test]
fn powf() {
    for e in [0.2, 0.25, 0.3, 0.75, 0.999, -0.4, -1e-3, 1e-9, 1.2, 3.7] {
        let exact = |x: &Exact| (x.ln_exact() * Exact::new(e)).exp();
        let numbers = by_bits(f64::from_bits(1), 2.0).chain(between(0.0, 1.0));
        let numbers = numbers.step_by(4).filter(|x| {
            // Only where the result is a normal number.
            (e * x.ln()).abs() < 700.0 && *x > 0.0
        });
        let error = largest_error(numbers, |x| Real::powf(x, e.into()), exact);
        assert_within(1.0, &format!("powf {e}"), error);
    }
    for e in [0.2, 3.7] {
        assert_eq!([0.0, 1.0].map(|x| Real::powf(x, e.into())), [0.0, 1.0]);
    }
    assert_eq!(Real::powf(0.0, (-0.5).into()), f64::INFINITY);
}
