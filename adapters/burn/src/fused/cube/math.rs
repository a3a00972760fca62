//! Functions that devices compute less exactly than the losses need.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

/// Below it eˣ is no normal number.
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

/// eˣ for x ≤ 0, and 0 where it is not a normal number.
///
/// A device's own exponential may be off by 2·|x| units of the last place, and its compiler may undo the usual reduction by two parts
/// of ln 2. Here, x = f − n with an integer n, whose power is a product over its bits.
// `#[cube]` unrolls ranges alone.
#[allow(clippy::needless_range_loop)]
#[cube]
pub(super) fn exp(x: f32) -> f32 {
    // What is not a number stays so.
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
/// A device's own logarithm may be off by 5·10⁻⁷ near x = 1, where ln x vanishes. There, it is artanh's series in s = (x−1)/(x+1),
/// ln x = 2·artanh s.
#[cube]
pub(super) fn ln(x: f32) -> f32 {
    let s = (x - 1.0) / (x + 1.0);
    let z = s * s;
    let series =
        2.0 * s * (1.0 + z * (0.333_333_34 + z * (0.2 + z * (0.142_857_15 + z * 0.111_111_11))));
    // Up to x = 2 and 1 / 2.
    select(z < 0.111_112, series, x.ln())
}

/// ln(1 + x) for 0 ≤ x.
#[cube]
pub(super) fn ln_1p(x: f32) -> f32 {
    let s = x / (x + 2.0);
    let z = s * s;
    let series =
        2.0 * s * (1.0 + z * (0.333_333_34 + z * (0.2 + z * (0.142_857_15 + z * 0.111_111_11))));
    select(z < 0.111_112, series, (1.0 + x).ln())
}
