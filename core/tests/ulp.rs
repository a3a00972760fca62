//! The vector functions of `f32` against `f64`, on every number of their ranges in release builds,
//! and on a sample in debug builds.

use std::thread;

use unifocal_core::formula::{Float, Real};

/// The step between tested numbers.
const STRIDE: usize = if cfg!(debug_assertions) { 4099 } else { 1 };

/// Below it, the functions equal the first terms of their series.
const TINY: f64 = 1.0 / (1 << 25) as f64;

/// How many numbers are computed at a time, so that the compiler vectorizes.
const BLOCK: usize = 64;

/// The largest error of `f` in units in the last place, over the numbers with bits from `first` to
/// `last`, and where it occurs.
fn largest_error(
    first: f32,
    last: f32,
    stride: usize,
    f: impl Fn(f32) -> f32 + Sync,
    exact: impl Fn(f64) -> f64 + Sync,
) -> (f64, f32) {
    let (first, last, stride) = (first.to_bits(), last.to_bits(), stride as u32);
    let count = (last - first) / stride + 1;
    let larger_in_block = |most: (f64, f32), start: u32| {
        // The block may be partial: its rest repeats the last number.
        let mut x = [f32::from_bits(last); BLOCK];
        for (index, x) in (start..count).zip(&mut x) {
            *x = f32::from_bits(first + index * stride);
        }
        let (found, expected) = (x.map(&f), x.map(|x| exact(f64::from(x))));
        let mut errors = [0.0; BLOCK];
        for ((error, found), expected) in errors.iter_mut().zip(found).zip(expected) {
            *error = (f64::from(found) - expected).abs() / ulp(expected);
        }
        // Skip the search in blocks without a new maximum or NaN: nearly all of them.
        if errors
            .iter()
            .fold(true, |all, error| all & (*error <= most.0))
        {
            return most;
        }
        errors.into_iter().zip(x).fold(most, larger)
    };
    // One range of numbers per thread.
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let stretch = count.div_ceil(threads as u32);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count)
            .step_by(stretch as usize)
            .map(|start| {
                let blocks = (start..count.min(start + stretch)).step_by(BLOCK);
                scope.spawn(move || blocks.fold((0.0, 0.0), larger_in_block))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"))
            .fold((0.0, 0.0), larger)
    })
}

/// The larger of two errors; NaN is larger than all.
fn larger(a: (f64, f32), b: (f64, f32)) -> (f64, f32) {
    if b.0 > a.0 || b.0.is_nan() { b } else { a }
}

/// The spacing of `f32` at x.
fn ulp(x: f64) -> f64 {
    let size = (x.abs() as f32).max(f32::MIN_POSITIVE);
    let binade = f32::from_bits(size.to_bits() & 0x7f80_0000);
    f64::from(binade) * f64::from(f32::EPSILON)
}

#[track_caller]
fn assert_within(bound: f64, what: &str, (error, x): (f64, f32)) {
    println!("{what}: {error:.3} ULP, at {x:e}");
    assert!(
        error <= bound,
        "{what}: {error} ULP at {x:e}, expected {bound}"
    );
}

#[test]
fn ln() {
    let error = largest_error(f32::MIN_POSITIVE, f32::MAX, STRIDE, Real::ln, f64::ln);
    assert_within(1.0, "ln", error);
}

#[test]
fn ln_1p() {
    // For tiny numbers, two terms of the series are exact to 2⁻⁵⁰ and faster.
    let exact = |x: f64| if x < TINY { x - x * x / 2.0 } else { x.ln_1p() };
    let error = largest_error(0.0, f32::MAX, STRIDE, Real::ln_1p, exact);
    assert_within(1.0, "ln_1p", error);
}

#[test]
fn exp() {
    let exact = |x: f64| if x.abs() < TINY { 1.0 + x } else { x.exp() };
    let error = largest_error(-0.0, -104.0, STRIDE, Float::exp, exact);
    assert_within(1.0, "exp", error);
    assert_eq!(
        [f32::MIN, -200.0, -0.0, 0.0].map(Float::exp),
        [0.0, 0.0, 1.0, 1.0]
    );
}

/// The default exponents of the losses, and those of the derivatives, on [0, 1] and a little
/// beyond.
#[test]
fn powf() {
    for e in [0.2, 0.25, 0.3, 0.75, 0.8, 1.2, 3.0, 5.0] {
        let exact = |x: f64| f64::powf(x, e);
        // Only where the result is a normal number.
        let first = (f64::powf(f64::from(f32::MIN_POSITIVE), 1.0 / e) as f32)
            .max(f32::MIN_POSITIVE)
            * 1.001;
        let error = largest_error(
            first,
            2.0,
            16 * STRIDE + 1,
            |x| Real::powf(x, e.into()),
            exact,
        );
        assert_within(1.0, &format!("powf {e}"), error);
    }
    for e in [0.2, 3.0] {
        assert_eq!([0.0_f32, 1.0].map(|x| Real::powf(x, e.into())), [0.0, 1.0]);
    }
}

/// The shortcuts round once; products round twice.
#[test]
fn shortcuts() {
    for e in [0.0, 0.5, 1.0, 1.5, 2.0] {
        // x·√x rounds twice.
        let bound = if e == 1.5 { 1.5 } else { 0.5 + 1e-6 };
        let error = largest_error(
            1e-12,
            2.0,
            16 * STRIDE + 1,
            |x| Real::powf(x, e.into()),
            |x| f64::powf(x, e),
        );
        assert_within(bound, &format!("powf {e}"), error);
    }
}
