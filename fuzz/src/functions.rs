//! Compares ln, exp, sqrt and powers of f32 with `libm` in f64.

use arbitrary::{Result, Unstructured};
use unifocal_core::formula::{Float, Real};

/// The unit in the last place of an `f32` at x.
fn ulp(x: f64) -> f64 {
    let size = (x.abs() as f32).max(f32::MIN_POSITIVE);
    let binade = f32::from_bits(size.to_bits() & 0x7f80_0000);
    f64::from(binade) * f64::from(f32::EPSILON)
}

#[track_caller]
fn assert_near(found: f32, exact: f64, ulps: f64, what: &str, x: f32, e: f64) {
    if exact.abs() > f64::from(f32::MAX) {
        assert!(
            found >= f32::MAX,
            "{what} of {x:e} and {e:e}: {found:e}, beyond the range"
        );
        return;
    }
    let error = (f64::from(found) - exact).abs() / ulp(exact);
    assert!(
        error <= ulps,
        "{what} of {x:e} and {e:e}: {found:e} is {error} ULP from {exact:e}"
    );
}

/// Any f32, any exponent: the results are accurate to within a few ULP.
pub fn functions(u: &mut Unstructured<'_>) -> Result<()> {
    let x = f32::from_bits(u.arbitrary()?);
    let e = match u.int_in_range(0..=15)? {
        0 => 0.0,
        1 => 0.5,
        2 => 1.0,
        3 => 1.5,
        4 => 2.0,
        5 => 100.0 * f64::from(u.arbitrary::<u16>()?) / 65_535.0,
        _ => f64::from(u.arbitrary::<u16>()?.max(1)) / 8192.0,
    };
    if x.is_nan() {
        return Ok(());
    }
    let wide = f64::from(x);
    if x >= f32::MIN_POSITIVE && x.is_finite() {
        assert_near(Real::ln(x), libm::log(wide), 1.0, "ln", x, e);
    } else {
        // Smaller and negative numbers count as the smallest normal one.
        let found = Real::ln(if x.is_finite() { x } else { f32::MAX });
        assert!(found.is_finite(), "ln of {x:e}: {found:e}");
    }
    if x.is_finite() {
        let negative = -x.abs();
        let exact = libm::exp(f64::from(negative));
        // For subnormal results, the ULP is that of the smallest normal number.
        assert_near(Float::exp(negative), exact, 1.0, "exp", negative, e);
        if x >= 0.0 {
            assert_near(Real::ln_1p(x), libm::log1p(wide), 1.0, "ln_1p", x, e);
            assert_eq!(Float::sqrt(x), libm::sqrt(wide) as f32, "sqrt of {x:e}");
            let exact = libm::pow(wide, e);
            // x·√x rounds twice.
            let bound = if e == 1.5 { 1.5 } else { 1.0 };
            if exact >= f64::from(f32::MIN_POSITIVE) {
                assert_near(Real::powf(x, e.into()), exact, bound, "powf", x, e);
            } else {
                // Subnormal results round a second time.
                assert_near(Real::powf(x, e.into()), exact, 1.5, "powf", x, e);
            }
        }
    }
    Ok(())
}
