//! Functions that devices compute less exactly than the losses need.

use burn_cubecl::cubecl;
use cubecl::prelude::*;

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
