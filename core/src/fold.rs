//! p and 1 − p of logits, each as exact as the other, and both in one number.

use crate::Float;

/// Clamps ln p to a range in which sums of it stay finite.
#[inline(always)]
pub(crate) fn saturate<T: Float>(ln: T) -> T {
    ln.clip(-T::LN_LIMIT, 0.0)
}

/// Softmax: p and 1 − p of a class, from e = e^(z − largest), the rest and the probability of the
/// likeliest class.
#[inline(always)]
pub(crate) fn of_exponential<T: Float>(e: T, rest: T, top: T) -> [T; 2] {
    // 1 − p = Σ_{j≠k} e_j / Σ_j e_j. The rest contains e itself unless e is the largest, so nothing
    // cancels.
    [e * top, (rest + e.complement()) * top]
}

/// Stores p in one number from which p and 1 − p are equally exact: p if p ≤ ½, else p − 1, with −0
/// instead of 0.
#[inline(always)]
pub(crate) fn fold<T: Float>(p: T, complement: T) -> T {
    if p > T::from_f64(0.5) {
        complement.scale(-1.0)
    } else {
        p
    }
}

/// Whether a [folded](fold) number means p > ½.
#[inline(always)]
pub(crate) fn is_above_half<T: Float>(folded: T) -> bool {
    folded.to_bits() >= T::ZERO.scale(-1.0).to_bits()
}

/// p and 1 − p from a [folded](fold) number.
#[inline(always)]
pub(crate) fn unfold<T: Float>(folded: T) -> [T; 2] {
    let one = T::from_f64(1.0);
    if is_above_half(folded) {
        [one + folded, folded.scale(-1.0)]
    } else {
        [folded, one - folded]
    }
}
