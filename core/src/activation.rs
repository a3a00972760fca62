//! From what a network gives to p, 1 − p and ln p of every class, and back for the gradient.
//!
//! Derivatives are taken in the variable that is stable: in p for probabilities, in ln p for logits (∂p = p,
//! ∂(1−p) = −p, ∂ln p = 1), which is then carried to the logits without subtracting near-equal numbers.

use crate::Float;
use crate::kernel::{finite, kernels};
use crate::source::{is_most, parts_of, share};
use crate::stretch::{STRETCH, Stretch};

/// ln p, short of the range's end, so that sums of it are finite.
#[inline(always)]
pub(crate) fn saturate<T: Float>(ln: T) -> T {
    ln.clip(-T::LN_LIMIT, 0.0)
}

/// p and 1 − p of a class by softmax, from e = e^(z − largest).
#[inline(always)]
pub(crate) fn share_of<T: Float>(e: T, rest: T, share: T) -> [T; 2] {
    // Σ_{j≠k} e_j / Σ_j e_j: the rest holds e itself wherever e is not the largest, so nothing cancels.
    [e * share, (rest + e.complement()) * share]
}

// All of them are loops over stretches of known length; their arguments have the same number of stretches.
//
// A softmax knows four numbers of each voxel: the largest logit, the rest (the sum of e^(z − largest) over all other classes), the
// share of the likeliest class, 1/(1 + rest), and ln(1 + rest).
kernels! {
    /// Takes the logits of one more class into the largest.
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

    /// Adds one more class to the rest, or, where it is as likely as any, to the number of those that are.
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

    /// Completes what the classes have in common, once all of them are in: the number of the likeliest gives way to the share of
    /// one of them.
    fn complete<T>(
        rest: &mut [Stretch<T>],
        share: &mut [Stretch<T>],
        ln_total: &mut [Stretch<T>],
    ) {
        for ((rest, share), ln_total) in rest.iter_mut().zip(share).zip(ln_total) {
            for i in 0..STRETCH {
                let sum = rest[i] + share[i].shift(-1.0);
                rest[i] = sum;
                share[i] = T::from_f64(1.0) / sum.shift(1.0);
                ln_total[i] = sum.ln_1p();
            }
        }
    }

    /// The [shares](share) of a class, by softmax.
    fn shares<T>(
        e: &[Stretch<T>],
        rest: &[Stretch<T>],
        of_top: &[Stretch<T>],
        shares: &mut [Stretch<T>],
    ) {
        for s in 0..e.len() {
            let (e, rest, of_top, shares) = (&e[s], &rest[s], &of_top[s], &mut shares[s]);
            for i in 0..STRETCH {
                let [p, complement] = share_of(e[i], rest[i], of_top[i]);
                shares[i] = share(p, complement);
            }
        }
    }

    /// Adds the slopes h by ln p of a class to those of the class above ½ at each voxel, if it is that, or to those of all
    /// others.
    fn collect<T>(
        shares: &[Stretch<T>],
        h: &[Stretch<T>],
        most: &mut [Stretch<T>],
        others: &mut [Stretch<T>],
    ) {
        let zero = T::ZERO;
        for s in 0..shares.len() {
            let (shares, h, most, others) = (&shares[s], &h[s], &mut most[s], &mut others[s]);
            for i in 0..STRETCH {
                let of_both = if is_most(shares[i]) { [h[i], zero] } else { [zero, h[i]] };
                most[i] = finite(most[i] + of_both[0]);
                others[i] = finite(others[i] + of_both[1]);
            }
        }
    }

    /// From the slopes h by ln p of a class to the gradient by its logits, which takes the place of its shares, given the sums of
    /// the slopes of all classes.
    ///
    /// g_k = h_k − p_k Σ_j h_j = h_k (1 − p_k) − p_k Σ_{j≠k} h_j, where the sum over the others is taken without the
    /// class above ½, whose h would drown theirs.
    fn carry<T>(
        h: &[Stretch<T>],
        most: &[Stretch<T>],
        others: &[Stretch<T>],
        shares: &mut [Stretch<T>],
    ) {
        for s in 0..shares.len() {
            let (h, most, others, shares) = (&h[s], &most[s], &others[s], &mut shares[s]);
            for i in 0..STRETCH {
                let [p, complement] = parts_of(shares[i]);
                // Both at first, or a compiler chooses between addresses.
                let (is_most, own) = (is_most(shares[i]), h[i]);
                let [of_most, of_other] = [
                    others[i] + (most[i] - own),
                    most[i] + (others[i] - own),
                ];
                shares[i] = own * complement - p * if is_most { of_most } else { of_other };
            }
        }
    }

    /// p, 1 − p, ln p and ln(1 − p) from logits, by sigmoid.
    ///
    /// In three loops: each is a chain of operations that is short enough for a processor to have several under way.
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

    /// z − other.
    fn subtract<T>(z: &mut [Stretch<T>], other: &[Stretch<T>]) {
        for (z, other) in z.iter_mut().zip(other) {
            for i in 0..STRETCH {
                z[i] = finite(z[i] - other[i]);
            }
        }
    }

    /// z − other, elsewhere.
    fn difference<T>(z: &[Stretch<T>], other: &[Stretch<T>], difference: &mut [Stretch<T>]) {
        for s in 0..z.len() {
            let (z, other, difference) = (&z[s], &other[s], &mut difference[s]);
            for i in 0..STRETCH {
                difference[i] = finite(z[i] - other[i]);
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

    /// The [shares](share) of p beside 1 − p.
    fn pair_shares<T>(p: &[Stretch<T>], complement: &[Stretch<T>], shares: &mut [Stretch<T>]) {
        for s in 0..p.len() {
            let (p, complement, shares) = (&p[s], &complement[s], &mut shares[s]);
            for i in 0..STRETCH {
                shares[i] = share(p[i], complement[i]);
            }
        }
    }

    /// The [shares](share) of 1 − p.
    fn complements<T>(shares: &[Stretch<T>], complements: &mut [Stretch<T>]) {
        for (shares, complements) in shares.iter().zip(complements) {
            for i in 0..STRETCH {
                let [p, complement] = parts_of(shares[i]);
                complements[i] = share(complement, p);
            }
        }
    }

    /// From the slopes h by ln p of a class that has the logit to itself to the gradient by that, which takes the place of its shares.
    fn carry_one<T>(h: &[Stretch<T>], shares: &mut [Stretch<T>]) {
        for (h, shares) in h.iter().zip(shares) {
            for i in 0..STRETCH {
                let [_, complement] = parts_of(shares[i]);
                shares[i] = h[i] * complement;
            }
        }
    }

    /// From the slopes by ln p of class 1 and by ln(1 − p) of class 0 to the gradient by the logit of class 1, which takes the
    /// place of its shares, and by that of class 0, if it has one.
    fn carry_pair<T>(
        h: &[Stretch<T>],
        of_other: &[Stretch<T>],
        shares: &mut [Stretch<T>],
        other: &mut [Stretch<T>],
    ) {
        for s in 0..h.len() {
            let (h, of_other, shares, other) = (&h[s], &of_other[s], &mut shares[s], &mut other[s]);
            for i in 0..STRETCH {
                let [p, complement] = parts_of(shares[i]);
                shares[i] = h[i] * complement - of_other[i] * p;
                other[i] = shares[i].scale(-1.0);
            }
        }
    }
}
