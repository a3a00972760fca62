//! Elementary functions that devices compute too inaccurately for the losses.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Below this x, eˣ is subnormal.
const LOWEST: f32 = -87.0;

/// e⁻¹, e⁻², e⁻⁴ to e⁻⁶⁴.
const POWERS: [f32; 7] = [
    0.367_879_44,
    0.135_335_28,
    0.018_315_64,
    3.354_626_3e-4,
    1.125_351_7e-7,
    1.266_416_6e-14,
    1.603_811e-28,
];

/// eˣ for x ≤ 0; 0 where the result would be subnormal.
///
/// A device's exponential may be off by 2·|x| units in the last place, and its compiler may undo the usual two-part reduction by ln 2.
/// Instead, write x = f − n with an integer n and build e⁻ⁿ as a product over the bits of n.
// `#[cube]` can only unroll ranges.
#[allow(clippy::needless_range_loop)]
#[cube]
pub(super) fn exp(x: f32) -> f32 {
    // NaN passes through.
    let normal = select(x < LOWEST, LOWEST, x);
    let whole = normal.round();
    let f = normal - whole;
    let mut power = 1.0
        + f * (1.0
            + f * (0.5
                + f * (0.166_666_67
                    + f * (0.041_666_668
                        + f * (0.008_333_334
                            + f * (0.001_388_889 + f * (1.984_127e-4 + f * 2.480_159e-5)))))));
    let n = u32::cast_from(-whole);
    #[unroll]
    for bit in 0..7 {
        let has = n & comptime!(1u32 << bit as u32) != 0;
        power *= select(has, f32::new(comptime!(POWERS[bit])), f32::new(1.0));
    }
    select(x < LOWEST, f32::new(0.0), power)
}

/// ln x for normal x > 0.
///
/// A device's logarithm may be off by 5·10⁻⁷ near x = 1, where ln x vanishes. There, use the series of ln x = 2·artanh s with
/// s = (x−1)/(x+1).
#[cube]
pub(super) fn ln(x: f32) -> f32 {
    let s = (x - 1.0) / (x + 1.0);
    let z = s * s;
    let series =
        2.0 * s * (1.0 + z * (0.333_333_34 + z * (0.2 + z * (0.142_857_15 + z * 0.111_111_11))));
    // The series covers 1/2 < x < 2.
    select(z < 0.111_112, series, x.ln())
}

/// ln(1 + x) for x ≥ 0.
#[cube]
pub(super) fn ln_1p(x: f32) -> f32 {
    let s = x / (x + 2.0);
    let z = s * s;
    let series =
        2.0 * s * (1.0 + z * (0.333_333_34 + z * (0.2 + z * (0.142_857_15 + z * 0.111_111_11))));
    select(z < 0.111_112, series, (1.0 + x).ln())
}
