//! The vector instructions that kernels are compiled for.

/// The vector instructions that the kernels are compiled for.
///
/// The compiler chooses the instruction set per function. So each kernel is passed to
/// [`run`](Vectors::run), which an adapter inlines into functions for several instruction sets. All
/// of them give the same bits.
///
/// # Examples
///
/// An adapter for an instruction set beyond the program's baseline, without the detection of the
/// processor:
///
/// ```
/// use unifocal_core::{Buffers, Classes, Dense, Error, Labels, Segmentation, Tversky, engine::Vectors};
///
/// #[derive(Clone, Copy)]
/// struct Mine;
///
/// impl Vectors for Mine {
///     #[inline(always)]
///     fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
///         kernel() // in a function with `#[target_feature(enable = "…")]`, if the CPU has it
///     }
/// }
///
/// let probabilities = Dense::channels_first(&[0.9_f32, 0.2, 0.1, 0.8], [1, 2, 2])?;
/// let labels = Labels::new(Dense::per_voxel(&[0_u8, 1], [1, 2])?);
/// let segmentation = Segmentation::new(probabilities, labels)?;
/// let (loss, classes, mut buffers) = (Tversky::dice(), Classes::default(), Buffers::with_len::<2>());
/// let value = segmentation.evaluate(&loss, &classes, &mut buffers)?.value();
/// let mine = segmentation.with_vectors(Mine);
/// assert_eq!(mine.evaluate(&loss, &classes, &mut buffers)?.value(), value);
/// # Ok::<(), Error>(())
/// ```
pub trait Vectors: Copy + Send + Sync {
    /// Calls the kernel. The implementation must inline it.
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R;
}

/// The vector instructions that the whole program is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct Baseline;

impl Vectors for Baseline {
    #[inline(always)]
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

/// Turns each function into a kernel, which takes the vector instructions to compile for as its
/// first argument.
///
/// The body stays a function inside, because only for the arguments of a function does the compiler
/// know that they do not alias; for the captures of a closure it does not.
macro_rules! kernels {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident<$number:ident $(, const $count:ident)?>($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)?
            $body:block
    )*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "kernels take their operands one by one")]
        pub(crate) fn $name<$number: Float $(, const $count: usize)?>(
            vectors: impl crate::Vectors,
            $($argument: $type),*
        ) $(-> $output)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "kernels take their operands one by one")]
            fn inlined<$number: Float $(, const $count: usize)?>($($argument: $type),*) $(-> $output)?
                $body

            vectors.run(
                #[inline(always)]
                || inlined($($argument),*),
            )
        }
    )*};
}

pub(crate) use kernels;
