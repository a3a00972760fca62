//! Runs two halves of the work in parallel.

use std::fmt;

/// Threads to use in place of rayon's, for programs whose threads belong to another library.
///
/// The result has the same bits with any threads.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use unifocal_ndarray::{Evaluation, Join, core::Tversky};
///
/// #[derive(Debug)]
/// struct OneAfterTheOther;
///
/// impl Join for OneAfterTheOther {
///     fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
///         a();
///         b();
///     }
/// }
///
/// let (prediction, target) = (array![[[0.9, 0.2], [0.1, 0.8]]], array![[0_u8, 1]]);
/// let evaluation = Evaluation::labels(prediction.view(), target.view());
/// let elsewhere = evaluation.clone().with_threads(&OneAfterTheOther);
/// assert_eq!(elsewhere.value(&Tversky::dice()), evaluation.value(&Tversky::dice()));
/// ```
pub trait Join: fmt::Debug + Sync {
    /// Calls both closures exactly once each, and returns when both have returned.
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send));
}

/// rayon's threads, or the caller's only.
#[derive(Debug)]
struct ByDefault;

impl Join for ByDefault {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        #[cfg(feature = "rayon")]
        rayon::join(a, b);
        #[cfg(not(feature = "rayon"))]
        {
            a();
            b();
        }
    }
}

/// Runs both closures on these threads, or on the default ones.
pub(crate) fn join<A: Send, B: Send>(
    threads: Option<&dyn Join>,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (mut a, mut b) = (Some(a), Some(b));
    let (mut left, mut right) = (None, None);
    let mut run_a = || left = a.take().map(|a| a());
    let mut run_b = || right = b.take().map(|b| b());
    let threads = threads.unwrap_or(&ByDefault);
    threads.join(&mut run_a, &mut run_b);
    let called = "`Join::join` must call both closures";
    (left.expect(called), right.expect(called))
}
