//! The vectors of the processor at hand, chosen when the program runs.
//!
//! The sweeps of the core are loops that a compiler turns into vector instructions. Which ones is decided where they are
//! compiled; so each is compiled once per [`Simd`], by inlining it into a function that may use those instructions. All give
//! the same bits: no operation is fused or reordered.
//!
//! All `unsafe` of this crate is here.

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
    /// What the program was compiled for: SSE2 on x86-64, NEON on AArch64, SIMD128 on wasm if it is switched on.
    #[default]
    Baseline,
    /// AVX2, 8 lanes of `f32`.
    Avx2,
    /// AVX-512 F, BW, VL and DQ, 16 lanes of `f32`.
    Avx512,
}

impl Simd {
    /// Those of this processor, the widest last.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Baseline, Self::Avx2, Self::Avx512]
            .into_iter()
            .filter(|simd| simd.is_available())
    }

    /// The widest of this processor.
    pub fn best() -> Self {
        Self::available().last().unwrap_or_default()
    }

    /// Whether this processor has them.
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
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Runs a kernel with these instructions, or with the baseline's where the processor has none of them.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if self.is_available() => {
                // SAFETY: the processor has just been found to have every feature of the function.
                unsafe { avx2(kernel) }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 if self.is_available() => {
                // SAFETY: as above.
                unsafe { avx512(kernel) }
            }
            _ => kernel.run(),
        }
    }
}

/// What is compiled once for each [`Simd`].
pub(crate) trait Kernel {
    /// What it gives.
    type Output;

    /// Does it. Must be `#[inline(always)]`, with everything in it.
    fn run(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi1,bmi2,popcnt")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
