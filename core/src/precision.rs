//! Constants and bit operations of `f32` and `f64` for the functions in `math.rs`.
//!
//! Each polynomial interpolates its function at the Chebyshev points of the range. The coefficients
//! were computed with 320 bits and then rounded to the type. The errors are:
//!
//! | function | range | polynomial | error, relative to the result | rounded |
//! |---|---|---|---|---|
//! | (2·artanh(√z)/√z − 2)/z | 0 ≤ z ≤ 0.02944 | degree 2, f32 | 2⁻²⁸·⁴ of ln m | 2⁻²⁸·⁵ |
//! | | | degree 6, f64 | 2⁻⁵⁷·⁶ of ln m | 2⁻⁵⁷·⁶ |
//! | (eʳ − 1 − r)/r² | −0.2885 ≤ r ≤ 0.4055 | degree 5, f32 | 2⁻³²·⁵ of eʳ | 2⁻³¹·⁶ |
//! | | | degree 9, f64 | 2⁻⁵⁶·² of eʳ | 2⁻⁵⁶·² |

use core::f64::consts::SQRT_2;
use core::ops::{Add, Div, Mul, Sub};

/// The constants and operations that the functions in `math.rs` use.
pub(crate) trait Precision:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
    /// Coefficients of (2·artanh(√z)/√z − 2)/z, lowest first.
    const ARTANH: &'static [f64];

    /// Coefficients of (eʳ − 1 − r)/r², lowest first.
    const EXP: &'static [f64];

    /// ln 2 in two parts. Products of the first part with any exponent are exact.
    const LN_2: [f64; 2];

    /// The smallest positive normal number.
    const LEAST: f64;

    /// The smallest power of 2 above which neighbouring numbers are 1 apart.
    const INTEGERS: f64;

    /// The exponent bias.
    const BIAS: f64;

    /// Below it, eˣ is 0.
    const EXP_LOW: f64;

    /// An exponent n and 2ⁿ. The factor makes subnormal numbers normal, and keeps the exponents of
    /// results in range.
    const RESCUE: (f64, f64);

    /// How many bits a factor may have so that products are exact: with an exponent n, and with a
    /// number on the [grid](Precision::GRID).
    const FACTOR_BITS: [u32; 2];

    /// Adding and then subtracting it rounds a number below 1 to half of the type's bits.
    const GRID: f64;

    /// Rounds to the nearest number of the type.
    fn nearest(x: f64) -> Self;

    /// n and m of x = 2ⁿ·m, m from √½ to √2, for normal x > 0.
    fn split(self) -> (Self, Self);

    /// Shifts the bits of x left by the width of the mantissa: turns an integer into an exponent.
    fn exponent_up(self) -> Self;
}

/// The items that `f32` and `f64` share.
macro_rules! common {
    ($float:ident) => {
        const LEAST: f64 = $float::MIN_POSITIVE as f64;

        #[inline(always)]
        fn nearest(x: f64) -> Self {
            x as $float
        }

        #[inline(always)]
        fn exponent_up(self) -> Self {
            Self::from_bits(self.to_bits() << ($float::MANTISSA_DIGITS - 1))
        }
    };
}

impl Precision for f32 {
    common!(f32);

    const ARTANH: &'static [f64] = &[0.666_666_87, 0.399_887_8, 0.295_799_5];
    const EXP: &'static [f64] = &[
        0.5,
        0.166_666_69,
        0.041_666_55,
        0.008_332_332,
        0.001_392_118_9,
        0.000_207_841_45,
    ];
    const LN_2: [f64; 2] = [0.693_145_751_953_125, 1.428_606_8e-6];
    const INTEGERS: f64 = (1_u64 << 23) as f64;
    const BIAS: f64 = 127.0;
    const EXP_LOW: f64 = -104.0;
    const RESCUE: (f64, f64) = (32.0, (1_u64 << 32) as f64);
    const FACTOR_BITS: [u32; 2] = [15, 12];
    const GRID: f64 = 1.5 * (1 << 11) as f64;

    #[inline(always)]
    fn split(self) -> (f32, f32) {
        const LOWEST: u32 = (0.5 * SQRT_2 as f32).to_bits();
        let n = self.to_bits().wrapping_sub(LOWEST) as i32 >> 23;
        let m = self.to_bits().wrapping_sub((n << 23) as u32);
        (n as f32, f32::from_bits(m))
    }
}

impl Precision for f64 {
    common!(f64);

    const ARTANH: &'static [f64] = &[
        0.666_666_666_666_667,
        0.399_999_999_998_995_05,
        0.285_714_286_259_754_87,
        0.222_222_111_347_950_8,
        0.181_828_891_252_617_23,
        0.153_317_216_005_560_42,
        0.146_164_496_850_434_06,
    ];
    const EXP: &'static [f64] = &[
        0.5,
        0.166_666_666_666_669_8,
        0.041_666_666_666_671_8,
        0.008_333_333_332_888_755,
        0.001_388_888_888_798_293_9,
        0.000_198_412_715_751_869_12,
        2.480_157_697_249_511e-5,
        2.755_475_512_004_633e-6,
        2.758_751_393_907_506e-7,
        2.635_501_254_868_363_8e-8,
    ];
    const LN_2: [f64; 2] = [0.693_147_180_559_890_3, 5.497_923_018_708_371e-14];
    const INTEGERS: f64 = (1_u64 << 52) as f64;
    const BIAS: f64 = 1023.0;
    const EXP_LOW: f64 = -746.0;
    const RESCUE: (f64, f64) = (64.0, (1_u128 << 64) as f64);
    const FACTOR_BITS: [u32; 2] = [41, 26];
    const GRID: f64 = 1.5 * (1 << 26) as f64;

    // Few processors convert 64-bit integers in vectors. Instead: an integer in the last bits of
    // 2⁵² makes the number 2⁵² plus that integer.
    #[inline(always)]
    fn split(self) -> (f64, f64) {
        const LOWEST: u64 = (0.5 * SQRT_2).to_bits();
        const ONE: u64 = 1.0_f64.to_bits();
        let stored = (self.to_bits().wrapping_sub(LOWEST).wrapping_add(ONE)) >> 52;
        let n = f64::from_bits(stored | Self::INTEGERS.to_bits()) - (Self::INTEGERS + Self::BIAS);
        let m = self.to_bits().wrapping_sub(stored << 52).wrapping_add(ONE);
        (n, f64::from_bits(m))
    }
}
