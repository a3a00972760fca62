//! Activations: from a network's output to p, 1 − p and ln p of every class, and back for the
//! gradient.
//!
//! Derivatives are taken with respect to the stable variable: p for probabilities, ln p for logits
//! (∂p = p, ∂(1−p) = −p, ∂ln p = 1). The chain rule then carries them to the logits without
//! subtracting near-equal numbers.

use crate::Float;
use crate::fold::{fold, is_above_half, of_exponential, saturate, unfold};
use crate::kernel::kernels;
use crate::stretch::{STRETCH, Stretch};

/// A difference of logits, clamped so far below the largest number of the type that sums of a few
/// such numbers stay finite.
#[inline(always)]
fn difference_of<T: Float>(z: T, other: T) -> T {
    (z - other).clip(T::MAX / -64.0, T::MAX / 64.0)
}

// All kernels loop over stretches of known length. Their arguments have the same number of
// stretches.
//
// A softmax has four numbers per voxel:
// - the largest logit,
// - the rest: Σ e^(z − largest) over all other classes,
// - the probability of the likeliest class, 1/(1 + rest),
// - ln(1 + rest).
kernels! {
    /// Updates the largest logit with those of one more class.
    fn raise<T>(z: &[Stretch<T>], largest: &mut [Stretch<T>]) {
        for (z, largest) in z.iter().zip(largest) {
            for i in 0..STRETCH {
                largest[i] = largest[i].larger(z[i]);
            }
        }
    }

    /// e^(z − largest).
    fn exponentials<T>(z: &[Stretch<T>], largest: &[Stretch<T>], e: &mut [Stretch<T>]) {
        for ((z, largest), e) in z.iter().zip(largest).zip(e) {
            for i in 0..STRETCH {
                e[i] = (z[i] - largest[i]).exp();
            }
        }
    }

    /// Adds one more class to the rest, or counts it in `tops` if its logit is the largest.
    fn add_exponentials<T>(e: &[Stretch<T>], rest: &mut [Stretch<T>], tops: &mut [Stretch<T>]) {
        let [zero, one] = [0.0, 1.0].map(T::from_f64);
        for ((e, rest), tops) in e.iter().zip(rest).zip(tops) {
            for i in 0..STRETCH {
                let is_top = e[i] == one;
                rest[i] = rest[i] + if is_top { zero } else { e[i] };
                tops[i] = tops[i] + if is_top { one } else { zero };
            }
        }
    }

    /// Completes the numbers that the classes share, after all classes were added. `top` holds
    /// the count of the likeliest classes on entry, and the probability of one of them on return.
    fn complete<T>(
        rest: &mut [Stretch<T>],
        top: &mut [Stretch<T>],
        ln_total: &mut [Stretch<T>],
    ) {
        for ((rest, top), ln_total) in rest.iter_mut().zip(top).zip(ln_total) {
            for i in 0..STRETCH {
                let sum = rest[i] + top[i].shift(-1.0);
                rest[i] = sum;
                top[i] = T::from_f64(1.0) / sum.shift(1.0);
                ln_total[i] = sum.ln_1p();
            }
        }
    }

    /// Softmax: the [folded](fold) probabilities of a class.
    fn fold_softmax<T>(
        e: &[Stretch<T>],
        rest: &[Stretch<T>],
        of_top: &[Stretch<T>],
        folded: &mut [Stretch<T>],
    ) {
        for s in 0..e.len() {
            let (e, rest, of_top, folded) = (&e[s], &rest[s], &of_top[s], &mut folded[s]);
            for i in 0..STRETCH {
                let [p, complement] = of_exponential(e[i], rest[i], of_top[i]);
                folded[i] = fold(p, complement);
            }
        }
    }

    /// The sum of two numbers.
    fn add<T>(a: &[Stretch<T>], b: &[Stretch<T>], sum: &mut [Stretch<T>]) {
        for s in 0..a.len() {
            let (a, b, sum) = (&a[s], &b[s], &mut sum[s]);
            for i in 0..STRETCH {
                sum[i] = a[i] + b[i];
            }
        }
    }

    /// The part of the gradient of several classes together that belongs to one of them.
    fn share<T>(
        e: &[Stretch<T>],
        of_top: &[Stretch<T>],
        of_all: &[Stretch<T>],
        out: &mut [Stretch<T>],
    ) {
        for s in 0..e.len() {
            let (e, of_top, of_all, out) = (&e[s], &of_top[s], &of_all[s], &mut out[s]);
            for i in 0..STRETCH {
                out[i] = of_all[i] * (e[i] * of_top[i]);
            }
        }
    }

    /// Adds the slopes h of a class with respect to ln p to `most` where the class has p > ½, and
    /// to `others` elsewhere.
    fn collect<T>(
        folded: &[Stretch<T>],
        h: &[Stretch<T>],
        most: &mut [Stretch<T>],
        others: &mut [Stretch<T>],
    ) {
        let zero = T::ZERO;
        for s in 0..folded.len() {
            let (folded, h, most, others) = (&folded[s], &h[s], &mut most[s], &mut others[s]);
            for i in 0..STRETCH {
                let of_both = if is_above_half(folded[i]) { [h[i], zero] } else { [zero, h[i]] };
                most[i] = most[i] + of_both[0];
                others[i] = others[i] + of_both[1];
            }
        }
    }

    /// Turns the slopes h of a class with respect to ln p into the gradient with respect to its
    /// logits. The gradient replaces the folded probabilities.
    ///
    /// g_k = h_k − p_k Σ_j h_j = h_k (1 − p_k) − p_k Σ_{j≠k} h_j. The sum over the other classes is
    /// kept separate from the class with p > ½, whose h would drown theirs. There is at most one such
    /// class, so `most` is its h.
    fn carry<T>(
        h: &[Stretch<T>],
        most: &[Stretch<T>],
        others: &[Stretch<T>],
        folded: &mut [Stretch<T>],
    ) {
        for s in 0..folded.len() {
            let (h, most, others, folded) = (&h[s], &most[s], &others[s], &mut folded[s]);
            for i in 0..STRETCH {
                let [p, complement] = unfold(folded[i]);
                // Load both first; otherwise the compiler selects between addresses.
                let (is_above_half, own) = (is_above_half(folded[i]), h[i]);
                let [of_most, of_other] = [others[i], most[i] + (others[i] - own)];
                folded[i] = own * complement - p * if is_above_half { of_most } else { of_other };
            }
        }
    }

    /// Sigmoid: p, 1 − p, ln p and ln(1 − p) from logits.
    ///
    /// Three loops, each with a dependency chain short enough for the processor to overlap several
    /// iterations.
    fn sigmoid<T>(
        z: &[Stretch<T>],
        p: &mut [Stretch<T>],
        complement: &mut [Stretch<T>],
        ln: &mut [Stretch<T>],
        ln_complement: &mut [Stretch<T>],
    ) {
        let one = T::from_f64(1.0);
        let zero = T::default();
        for s in 0..z.len() {
            let (z, p, complement) = (&z[s], &mut p[s], &mut complement[s]);
            let (ln, ln_complement) = (&mut ln[s], &mut ln_complement[s]);
            let mut e = [zero; STRETCH];
            for i in 0..STRETCH {
                e[i] = if z[i] > zero { z[i].scale(-1.0) } else { z[i] }.exp();
            }
            for i in 0..STRETCH {
                let high = one / e[i].shift(1.0);
                let low = e[i] * high;
                p[i] = if z[i] > zero { high } else { low };
                complement[i] = if z[i] > zero { low } else { high };
            }
            for i in 0..STRETCH {
                let magnitude = if z[i] > zero { z[i] } else { z[i].scale(-1.0) };
                let high = e[i].ln_1p().scale(-1.0);
                let low = saturate(high - magnitude);
                ln[i] = if z[i] > zero { high } else { low };
                ln_complement[i] = if z[i] > zero { low } else { high };
            }
        }
    }

    /// z − other, in place.
    fn subtract<T>(z: &mut [Stretch<T>], other: &[Stretch<T>]) {
        for (z, other) in z.iter_mut().zip(other) {
            for i in 0..STRETCH {
                z[i] = difference_of(z[i], other[i]);
            }
        }
    }

    /// z − other, into a third buffer.
    fn difference<T>(z: &[Stretch<T>], other: &[Stretch<T>], difference: &mut [Stretch<T>]) {
        for s in 0..z.len() {
            let (z, other, difference) = (&z[s], &other[s], &mut difference[s]);
            for i in 0..STRETCH {
                difference[i] = difference_of(z[i], other[i]);
            }
        }
    }

    /// 1 − p, for p within rounding of [0, 1].
    fn complement<T>(p: &[Stretch<T>], complement: &mut [Stretch<T>]) {
        for (p, complement) in p.iter().zip(complement) {
            for i in 0..STRETCH {
                complement[i] = p[i].clip(0.0, 1.0).complement();
            }
        }
    }

    /// [Folds](fold) p, given p and 1 − p.
    fn fold_pair<T>(p: &[Stretch<T>], complement: &[Stretch<T>], folded: &mut [Stretch<T>]) {
        for s in 0..p.len() {
            let (p, complement, folded) = (&p[s], &complement[s], &mut folded[s]);
            for i in 0..STRETCH {
                folded[i] = fold(p[i], complement[i]);
            }
        }
    }

    /// [Folds](fold) 1 − p.
    fn fold_complements<T>(folded: &[Stretch<T>], complements: &mut [Stretch<T>]) {
        for (folded, complements) in folded.iter().zip(complements) {
            for i in 0..STRETCH {
                let [p, complement] = unfold(folded[i]);
                complements[i] = fold(complement, p);
            }
        }
    }

    /// Turns the slopes h with respect to ln p of a class with a logit of its own into the gradient
    /// with respect to that logit. The gradient replaces the folded
    /// probabilities.
    fn carry_one<T>(h: &[Stretch<T>], folded: &mut [Stretch<T>]) {
        for (h, folded) in h.iter().zip(folded) {
            for i in 0..STRETCH {
                let [_, complement] = unfold(folded[i]);
                folded[i] = h[i] * complement;
            }
        }
    }

    /// Turns the slopes with respect to ln p of class 1 and ln(1 − p) of class 0 into the gradient
    /// with respect to the logit of class 1, which replaces the folded probabilities, and that of class 0, if
    /// there is one.
    fn carry_pair<T>(
        h: &[Stretch<T>],
        of_other: &[Stretch<T>],
        folded: &mut [Stretch<T>],
        other: &mut [Stretch<T>],
    ) {
        for s in 0..h.len() {
            let (h, of_other, folded, other) = (&h[s], &of_other[s], &mut folded[s], &mut other[s]);
            for i in 0..STRETCH {
                let [p, complement] = unfold(folded[i]);
                folded[i] = h[i] * complement - of_other[i] * p;
                other[i] = folded[i].scale(-1.0);
            }
        }
    }
}
