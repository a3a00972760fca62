//! The types of values, and the precision in which they are evaluated.

use crate::Float;

/// A value of a prediction, a soft target or a voxel weight.
pub trait Element: Copy + Send + Sync {
    /// The type that it is evaluated in.
    type Real: Float;

    /// Converts the value exactly.
    fn real(self) -> Self::Real;

    /// The values as they are, if they already have the type [`Real`](Element::Real).
    #[inline(always)]
    fn reals(values: &[Self]) -> Option<&[Self::Real]> {
        let _ = values;
        None
    }
}

impl Element for f32 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        self
    }

    #[inline(always)]
    fn reals(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
}

impl Element for f64 {
    type Real = f64;

    #[inline(always)]
    fn real(self) -> f64 {
        self
    }

    #[inline(always)]
    fn reals(values: &[f64]) -> Option<&[f64]> {
        Some(values)
    }
}

/// Converted to `f32`.
#[cfg(feature = "half")]
impl Element for half::f16 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        // Move the exponent to its place in f32, and correct its bias by a product, which is exact
        // and turns subnormal numbers into normal ones.
        let bits = u32::from(self.to_bits());
        let magnitude = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits(0x7780_0000);
        let finite = bits & 0x7c00 != 0x7c00;
        let bits_of_magnitude = magnitude.to_bits() | if finite { 0 } else { 0x7f80_0000 };
        f32::from_bits(bits_of_magnitude | (bits & 0x8000) << 16)
    }
}

/// Converted to `f32`.
#[cfg(feature = "half")]
impl Element for half::bf16 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

/// 0 or 1: a hard mask or a one-hot target.
impl Element for u8 {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        f32::from(self)
    }
}

/// 0 or 1: a hard mask or a one-hot target.
impl Element for bool {
    type Real = f32;

    #[inline(always)]
    fn real(self) -> f32 {
        if self { 1.0 } else { 0.0 }
    }
}
