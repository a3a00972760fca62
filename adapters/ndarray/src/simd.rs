//! Selects the processor's vector instructions at run time.
//!
//! The compiler vectorizes the core's loops for the instructions of the function that they are inlined into. So each loop is
//! compiled once per [`Simd`], inlined into a function with those target features. All give the same bits, since no operation
//! is fused or reordered.
//!
//! This file has all `unsafe` of the crate.

use unifocal_core::engine::Vectors;

/// A set of vector instructions.
///
/// # Examples
///
/// ```
/// use unifocal_ndarray::Simd;
///
/// assert!(Simd::available().any(|simd| simd == Simd::best()));
/// println!("{:?}", Simd::best());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Simd {
    /// The instructions that the program was compiled for: SSE2 on x86-64, NEON on AArch64, SIMD128 on wasm if enabled.
    #[default]
    Baseline,
    /// AVX2, 8 lanes of `f32`.
    Avx2,
    /// AVX-512 F, BW, VL and DQ, 16 lanes of `f32`. Needs the feature `avx512`.
    Avx512,
}

impl Simd {
    /// The sets that this processor supports, the widest last.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Baseline, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|simd| simd.is_available())
    }

    /// The widest set that this processor supports.
    pub fn best() -> Self {
        Self::available().last().unwrap_or_default()
    }

    /// Whether this processor supports the set.
    pub fn is_available(self) -> bool {
        match self {
            Self::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
            }
            #[allow(
                unreachable_patterns,
                reason = "a set that is compiled has its arm above"
            )]
            Self::Avx2 | Self::Avx512 => false,
        }
    }
}

/// A set that this processor is known to support.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked(Simd);

impl Checked {
    /// This set if the processor supports it, otherwise the baseline.
    pub(crate) fn new(simd: Simd) -> Self {
        Self(if simd.is_available() {
            simd
        } else {
            Simd::Baseline
        })
    }
}

impl Vectors for Checked {
    #[inline]
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: only `new` makes a `Checked`, and it has detected every feature of the function.
            Simd::Avx2 => unsafe { avx2::run(kernel) },
            #[cfg(all(target_arch = "x86_64", feature = "avx512"))]
            // SAFETY: as above.
            Simd::Avx512 => unsafe { avx512::run(kernel) },
            _ => baseline::run(kernel),
        }
    }
}

// One module each: the compiler makes a unit of each module and compiles units in parallel.

mod baseline {
    // Inlined, all kernels of a sweep would be one function, which takes longer to compile.
    #[inline(never)]
    pub(super) fn run<R>(kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    #[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
    pub(super) fn run<R>(kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

#[cfg(all(target_arch = "x86_64", feature = "avx512"))]
mod avx512 {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi1,bmi2,popcnt")]
    pub(super) fn run<R>(kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}
