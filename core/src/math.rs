//! ln, ln(1 + x), exp and powers of `f32` and `f64`. They have no branches and no calls, so that
//! loops over lanes become vector instructions.
//!
//! Nothing is fused: every operation rounds once, so every processor gives the same bits. The
//! functions reduce their argument as usual (see for example Muller, "Elementary Functions", 3rd
//! ed., ch. 11): x = 2ⁿ·m with m from √½ to √2 for the logarithm, and x = n·ln 2 + r with r from
//! −0.2885 to 0.4055 for the exponential. A polynomial approximates the rest; [`Precision`] has the
//! coefficients.
//!
//! Every error is below 1 ULP: `tests/ulp.rs` measures every `f32` of the ranges, and
//! `tests/multiple_precision/functions.rs` measures samples of `f64` against 320 bits.

use core::f64::consts::{LN_2, LOG2_E};

use crate::precision::Precision;

/// The larger number, y if either is NaN.
#[inline(always)]
fn larger<T: Precision>(x: T, y: T) -> T {
    if x > y { x } else { y }
}

/// The smaller number, y if either is NaN.
#[inline(always)]
fn smaller<T: Precision>(x: T, y: T) -> T {
    if x < y { x } else { y }
}

/// Evaluates a polynomial; coefficients lowest first.
#[inline(always)]
fn polynomial<T: Precision>(x: T, coefficients: &[f64]) -> T {
    let pair = |even: T, odd: f64| x * T::nearest(odd) + even;
    match *coefficients {
        [a, b, c] => x * pair(T::nearest(b), c) + T::nearest(a),
        // By pairs: half the dependency chain of Horner's scheme, for one more operation.
        _ => {
            let square = x * x;
            let (pairs, rest) = coefficients.as_chunks();
            let mut sum = rest.first().map(|last| T::nearest(*last));
            for [even, odd] in pairs.iter().rev() {
                let pair = pair(T::nearest(*even), *odd);
                sum = Some(match sum {
                    Some(sum) => sum * square + pair,
                    None => pair,
                });
            }
            sum.unwrap_or(T::nearest(0.0))
        }
    }
}

/// n and m of x = 2ⁿ·m, m from √½ to √2, for x > 0 including subnormal numbers.
#[inline(always)]
fn split<T: Precision>(x: T) -> (T, T) {
    let is_subnormal = x < T::nearest(T::LEAST);
    let (exponent, factor) = T::RESCUE;
    let normal = if is_subnormal {
        x * T::nearest(factor)
    } else {
        x
    };
    let (n, m) = normal.split();
    let moved = T::nearest(if is_subnormal { exponent } else { 0.0 });
    (n - moved, m)
}

/// xᵉ for x ≥ 0, given `power`, the result for x > 0.
#[inline(always)]
fn power_or_at_zero<T: Precision>(x: T, e: f64, power: T) -> T {
    let at_zero = T::nearest(if e > 0.0 { 0.0 } else { f64::INFINITY });
    if x > T::nearest(0.0) { power } else { at_zero }
}

/// ln m = f + small for m from √½ to √2.
#[inline(always)]
fn ln_parts<T: Precision>(m: T) -> (T, T) {
    // ln(1 + f) = f − f²/2 + s·(f²/2 + R(s²)) with s = f/(2 + f), by the series of artanh.
    let f = m - T::nearest(1.0);
    let s = f / (f + T::nearest(2.0));
    let z = s * s;
    let half_square = T::nearest(0.5) * f * f;
    let series = z * polynomial(z, T::ARTANH);
    (f, s * (half_square + series) - half_square)
}

/// ln(u + lost·u) for normal u > 0.
#[inline(always)]
fn ln_with<T: Precision>(u: T, lost: Option<T>) -> T {
    let (n, m) = u.split();
    let (f, small) = ln_parts(m);
    let small = match lost {
        Some(lost) => small + lost,
        None => small,
    };
    let [high, low] = T::LN_2;
    let small = small + n * T::nearest(low);
    let large = n * T::nearest(high);
    let sum = large + f;
    let rest = (large - sum) + f;
    sum + (rest + small)
}

/// ln x for normal x > 0.
#[inline(always)]
pub(crate) fn ln<T: Precision>(x: T) -> T {
    ln_with(x, None)
}

/// ln(1 + x) for x ≥ 0.
#[inline(always)]
pub(crate) fn ln_1p<T: Precision>(x: T) -> T {
    let one = T::nearest(1.0);
    let u = one + x;
    // The rounding error of u for x ≤ 1. For larger x the error is too small to matter.
    let lost = x - (u - one);
    ln_with(u, Some(lost * (one / u)))
}

/// eˣ for x ≤ 0.
#[inline(always)]
pub(crate) fn exp<T: Precision>(x: T) -> T {
    let x = larger(x, T::nearest(T::EXP_LOW));
    let n = whole(x * T::nearest(LOG2_E));
    let [high, low] = T::LN_2;
    let r = (x - n * T::nearest(high)) - n * T::nearest(low);
    let (rescue, factor) = T::RESCUE;
    let [rescue, factor] = [rescue, 1.0 / factor].map(T::nearest);
    rescued(exp_reduced(r), n, rescue, factor)
}

/// The integer n with x − n from −0.416 to 0.584, for numbers that are small compared to the type's
/// [integers](Precision::INTEGERS).
///
/// Not the nearest integer: where eʳ < 1, neighbouring numbers are half as far apart, and each
/// rounding counts twice. So the range of r reaches less far below 0, and above only as far as eʳ −
/// 1 < ½; beyond that, the roundings of eʳ − 1 would count twice, too.
#[inline(always)]
fn whole<T: Precision>(x: T) -> T {
    let integers = T::nearest(1.5 * T::INTEGERS);
    (x - T::nearest(0.0848) + integers) - integers
}

/// eʳ for r from −0.2885 to 0.4055.
#[inline(always)]
fn exp_reduced<T: Precision>(r: T) -> T {
    (r * r * polynomial(r, T::EXP) + r) + T::nearest(1.0)
}

/// e^(r + low)·2ⁿ, corrected for the rounding of 1 + r.
#[inline(always)]
fn exp_reduced_with<T: Precision>(r: T, low: T, n: T) -> T {
    let one = T::nearest(1.0);
    let sum = one + r;
    let lost = (one - sum) + r;
    times_power_of_two(sum + ((r * r * polynomial(r, T::EXP) + low) + lost), n)
}

/// x·2ⁿ for x near 1.
#[inline(always)]
fn times_power_of_two<T: Precision>(x: T, n: T) -> T {
    let is_above = n > T::nearest(0.0);
    let (rescue, factor) = T::RESCUE;
    let [rescue, factor] = if is_above {
        [T::nearest(-rescue), T::nearest(factor)]
    } else {
        [T::nearest(rescue), T::nearest(1.0 / factor)]
    };
    rescued(x, n, rescue, factor)
}

/// x·2ⁿ for x near 1, in two steps: by 2ⁿ⁺ʳᵉˢᶜᵘᵉ, and by the factor 2⁻ʳᵉˢᶜᵘᵉ, which may round to a
/// subnormal number or overflow.
#[inline(always)]
fn rescued<T: Precision>(x: T, n: T, rescue: T, factor: T) -> T {
    let stored = n + rescue + T::nearest(T::INTEGERS + T::BIAS);
    x * stored.exponent_up() * factor
}

/// x with only its first `bits` significant bits.
#[inline(always)]
fn leading(x: f64, bits: u32) -> f64 {
    f64::from_bits(x.to_bits() & !((1 << (53 - bits)) - 1))
}

/// xᵉ for x ≥ 0 and 0 < |e| ≤ 1.
///
/// An absolute error of the exponent is a relative error of the result. So e·log₂ x is computed in
/// two parts: an exact leading part and a small rest.
#[inline(always)]
pub(crate) fn root<T: Precision>(x: T, e: f64) -> T {
    let (n, m) = split(x);
    let (f, small) = ln_parts(m);

    let [bits_by_n, bits_by_f] = T::FACTOR_BITS;
    let e_high = leading(e, bits_by_n);
    let factor = e * LOG2_E;
    let factor_high = leading(factor, bits_by_f);
    // log₂ e minus its nearest f64.
    const LOG2_E_REST: f64 = 2.035_527_374_093_103_3e-17;
    let (e_lead, log_lead) = (leading(e, 26), leading(LOG2_E, 26));
    let (e_rest, log_rest) = (e - e_lead, LOG2_E - log_lead);
    let factor_low = (e_lead * log_lead - factor_high)
        + (e_lead * log_rest + e_rest * log_lead)
        + (e_rest * log_rest + e * LOG2_E_REST);

    let grid = T::nearest(T::GRID);
    let f_high = (f + grid) - grid;
    let f_low = f - f_high;
    let of_n = n * T::nearest(e_high);
    let of_f = f_high * T::nearest(factor_high);
    let rest = (f_low * T::nearest(factor_high) + f * T::nearest(factor_low))
        + (small * T::nearest(factor) + n * T::nearest(e - e_high));
    let k = whole(of_n + (of_f + rest));
    let sum = (of_n - k) + of_f;
    let low = (((of_n - k) - sum) + of_f) + rest;
    let t = sum + low;
    let ln_2 = T::nearest(LN_2);
    let power = exp_reduced_with(t * ln_2, ((sum - t) + low) * ln_2, k);
    power_or_at_zero(x, e, power)
}

/// Functions of `f64`. In debug builds they are not inlined: nothing is vectorized there, and
/// inlining only costs compile time.
macro_rules! of_f64 {
    ($($(#[$doc:meta])* $name:ident($($x:ident),*) $body:expr;)*) => {$(
        $(#[$doc])*
        #[cfg_attr(debug_assertions, inline(never))]
        #[cfg_attr(not(debug_assertions), inline(always))]
        pub(crate) fn $name($($x: f64),*) -> f64 {
            $body
        }
    )*};
}

of_f64! {
    /// ln x for normal x > 0.
    ln_f64(x) ln(x);

    /// ln(1 + x) for x ≥ 0.
    ln_1p_f64(x) ln_1p(x);

    /// eˣ for x ≤ 0.
    exp_f64(x) exp(x);

    /// xᵉ for x ≥ 0, e ≠ 0, and |e| ≤ 1.
    root_f64(x, e) root(x, e);

    /// xᵉ for x ≥ 0.
    pow_f64(x, e) libm::pow(x, e);
}

/// xᵉ for x ≥ 0 and any e ≠ 0, computed in `f64`.
#[inline(always)]
pub(crate) fn pow(x: f32, e: f64) -> f32 {
    let (n, m) = split(x);
    // log₂ x by six terms of the artanh series; the seventh is 2⁻³⁹ of the sum.
    let m = f64::from(m);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series =
        1.0 + z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0)))));
    let y = e * (f64::from(n) + 2.0 * LOG2_E * s * series);
    let y = smaller(larger(y, -151.0), 129.0);
    let n = whole(y);
    let power = times_power_of_two(exp_reduced(((y - n) * LN_2) as f32), n as f32);
    power_or_at_zero(x, e, power)
}

/// √x, rounded correctly.
#[inline(always)]
pub(crate) fn sqrt(x: f32) -> f32 {
    #[cfg(feature = "std")]
    return x.sqrt();
    #[cfg(not(feature = "std"))]
    return libm::sqrtf(x);
}

/// √x, rounded correctly.
#[inline(always)]
pub(crate) fn sqrt_f64(x: f64) -> f64 {
    #[cfg(feature = "std")]
    return x.sqrt();
    #[cfg(not(feature = "std"))]
    return libm::sqrt(x);
}
