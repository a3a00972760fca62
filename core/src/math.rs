//! ln, exp and powers in `f32` without a branch or a call, so that a loop over lanes becomes vector instructions.
//!
//! Nothing here is fused: every operation rounds once, and so gives the same bits on every processor. Each function reduces
//! its argument as usual (see e.g. Muller, "Elementary Functions", 3rd ed., ch. 11): x = 2ⁿ·m with m near 1 for the logarithm, and
//! x = n·ln 2 + r with r near 0 for the exponential. Errors are over every `f32` of the range, measured by
//! `tests/ulp.rs`:
//!
//! | function | range | largest error |
//! |---|---|---|
//! | [`ln`] | normal x > 0 | 0.84 ULP |
//! | [`ln_1p`] | x ≥ 0 | 0.90 ULP |
//! | [`exp`] | all x, the result subnormal or not | 0.99 ULP |
//! | [`pow`] | normal results | 0.99 ULP |

use core::f64::consts::LOG2_E as LOG2_E_64;

/// ln 2 in two parts, the first of 17 bits, so that its product with an exponent is exact.
const LN_2: [f32; 2] = [0.693_138_1, 9.058_001e-6];

/// The bits of √½, the lower end of the range of m.
const SQRT_HALF: u32 = 0x3f35_04f3;

/// ln u for normal u > 0, with `correct` applied to the small part of the sum.
#[inline(always)]
fn ln_with(u: f32, correct: impl FnOnce(f32) -> f32) -> f32 {
    let exponent = u.to_bits().wrapping_sub(SQRT_HALF) as i32 >> 23;
    let m = f32::from_bits(u.to_bits().wrapping_sub((exponent << 23) as u32));
    let n = exponent as f32;

    // ln m = ln(1 + f) = f − f²/2 + s·(f²/2 + R(s²)) with s = f/(2+f), by the series of artanh.
    let f = m - 1.0;
    let s = f / (f + 2.0);
    let z = s * s;
    let series = z * (0.666_667_76 + z * (0.399_775_37 + z * 0.298_718_62));
    let half_square = 0.5 * f * f;
    let small = correct(s * (half_square + series) + n * LN_2[1] - half_square);

    let large = n * LN_2[0];
    let sum = large + f;
    let lost = (large - sum) + f;
    sum + (lost + small)
}

/// ln x for normal x > 0.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    ln_with(
        x,
        #[inline(always)]
        |small| small,
    )
}

/// ln(1 + x) for x ≥ 0.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let u = 1.0 + x;
    // What u has lost of x ≤ 1; of a larger x it loses what the logarithm does not see.
    let lost = x - (u - 1.0);
    ln_with(
        u,
        #[inline(always)]
        |small| small + lost * (1.0 / u),
    )
}

/// eˣ.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Beyond these the result is 0 or infinite in any case.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    // Adding 1.5·2²³ rounds to an integer, which then stands in the last bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * core::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_145_75) - n * 1.428_606_8e-6;
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    exp_reduced(r, n)
}

/// eʳ·2ⁿ for |r| ≤ ½·ln 2.
#[inline(always)]
fn exp_reduced(r: f32, n: i32) -> f32 {
    let series = 0.5
        + r * (0.166_666_65
            + r * (0.041_665_796
                + r * (0.008_333_452 + r * (0.001_398_199_9 + r * 1.987_569_1e-4))));
    let power = r * r * series + r + 1.0;
    // In two steps, the second of which may round to a subnormal number or overflow.
    let half = n >> 1;
    let two_to = |n: i32| f32::from_bits((n.wrapping_add(127) << 23) as u32);
    power * two_to(half) * two_to(n.wrapping_sub(half))
}

/// xᵉ for x ≥ 0 and e ≠ 0.
#[inline(always)]
pub(crate) fn pow(x: f32, e: f64) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let normal = if subnormal { x * 16_777_216.0 } else { x };
    let exponent = normal.to_bits().wrapping_sub(SQRT_HALF) as i32 >> 23;
    let m = f32::from_bits(normal.to_bits().wrapping_sub((exponent << 23) as u32));
    let exponent = exponent as f32 - if subnormal { 24.0 } else { 0.0 };

    // log₂ x and its product with e in f64: an absolute error in the exponent is a relative one in the result.
    let m = f64::from(m);
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series =
        1.0 + z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0)))));
    let log2 = f64::from(exponent) + 2.0 * LOG2_E_64 * s * series;
    let y = e * log2;
    let y = if y < -151.0 { -151.0 } else { y };
    let y = if y > 129.0 { 129.0 } else { y };

    const ROUND: f64 = 6_755_399_441_055_744.0;
    let n = (y + ROUND) - ROUND;
    let r = ((y - n) * core::f64::consts::LN_2) as f32;
    const ROUND_32: f32 = 12_582_912.0;
    let n = (n as f32 + ROUND_32).to_bits();
    let power = exp_reduced(r, n.wrapping_sub(ROUND_32.to_bits()) as i32);
    let at_zero = if e > 0.0 { 0.0 } else { f32::INFINITY };
    if x > 0.0 { power } else { at_zero }
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
