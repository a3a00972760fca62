//! From what a network gives to p, 1 − p and ln p of every class, and back for the gradient.
//!
//! Derivatives are taken in the variable that is stable: in p for probabilities, in ln p for logits (∂p = p,
//! ∂(1−p) = −p, ∂ln p = 1), which is then carried to the logits without subtracting near-equal numbers.

use crate::Float;
use crate::kernel::{STRETCH, Stretch, finite, kernels};

/// What the numbers of a prediction are.
///
/// # Examples
///
/// A single logit z and the two logits (0, z) are the same prediction:
///
/// ```
/// use unifocal_core::*;
///
/// let labels = [1_u8];
/// let target = Labels::new(Dense::labels(&labels, [1, 1])?);
/// let mut sums = [ClassSums::default(); 2];
/// let (loss, classes) = (Focal::cross_entropy(), Classes::default());
///
/// let one = Segmentation::new(Dense::channels_first(&[-3.0], [1, 1, 1])?, target)?
///     .with_activation(Activation::Sigmoid)?
///     .value(&loss, &classes, &mut sums)?;
/// let two = Segmentation::new(Dense::channels_first(&[0.0, -3.0], [1, 2, 1])?, target)?
///     .with_activation(Activation::Softmax)?
///     .value(&loss, &classes, &mut sums)?;
/// assert!((one - two).abs() < 1e-15);
/// # Ok::<(), unifocal_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Activation {
    /// Probabilities. A single channel is the foreground, and the background its complement.
    #[default]
    Identity,
    /// Logits of a softmax over the class axis.
    Softmax,
    /// Logits of a sigmoid per channel. A single channel is the foreground, and the background its complement.
    Sigmoid,
}

/// What the logits of each voxel of a stretch have in common: the largest, its rest (the sum of e^(z − largest) over all
/// others), 1/(1 + rest), and ln(1 + rest).
pub(crate) type Normalizers<T> = [Stretch<T>; 4];

/// p and 1 − p of a class from its logit, by softmax.
#[inline(always)]
fn share_of<T: Float>(below: T, rest: T, share: T) -> [T; 2] {
    let e = below.exp();
    // Σ_{j≠k} e_j / Σ_j e_j: the rest holds e itself wherever e is not the largest, so nothing cancels.
    [e * share, (rest + e.complement()) * share]
}

/// ln p, short of the range's end, so that sums of it are finite.
#[inline(always)]
fn saturate<T: Float>(ln: T) -> T {
    ln.clip(-T::LN_LIMIT, 0.0)
}

// Everything is copied in and out: a compiler cannot know that what is read stays the same while something is written.
kernels! {
    /// Takes the logits of one more class into the largest and the rest.
    fn normalize<T>(z: &Stretch<T>, normalizers: &mut Normalizers<T>) {
        let z = *z;
        let [mut largest, mut rest, ..] = *normalizers;
        for i in 0..STRETCH {
            let above = z[i] - largest[i];
            let is_above = above > T::default();
            let e = if is_above { above.scale(-1.0) } else { above }.exp();
            let kept = rest[i];
            largest[i] = if is_above { z[i] } else { largest[i] };
            rest[i] = if is_above { kept * e + e } else { kept + e };
        }
        normalizers[0] = largest;
        normalizers[1] = rest;
    }

    /// Completes the normalizers, once all classes are in.
    fn complete<T>(normalizers: &mut Normalizers<T>) {
        let [_, rest, mut share, mut ln_total] = *normalizers;
        for i in 0..STRETCH {
            share[i] = T::from_f64(1.0) / rest[i].shift(1.0);
            ln_total[i] = rest[i].ln_1p();
        }
        normalizers[2] = share;
        normalizers[3] = ln_total;
    }

    /// p, 1 − p and ln p of a class from its logits, by softmax.
    fn softmax<T>(z: &Stretch<T>, normalizers: &Normalizers<T>, parts: &mut [Stretch<T>; 4]) {
        let z = *z;
        let [largest, rest, share, ln_total] = *normalizers;
        let [mut p, mut complement, mut ln] = [[T::default(); STRETCH]; 3];
        for i in 0..STRETCH {
            let below = z[i] - largest[i];
            [p[i], complement[i]] = share_of(below, rest[i], share[i]);
            ln[i] = saturate(below - ln_total[i]);
        }
        *parts = [p, complement, ln, [T::default(); STRETCH]];
    }

    /// Adds the slopes h by ln p of a class to those of the likeliest class of each voxel, if it is that, or to those of all
    /// others.
    fn collect<T>(
        z: &Stretch<T>,
        normalizers: &Normalizers<T>,
        h: &Stretch<T>,
        slopes: &mut [Stretch<T>; 2],
    ) {
        let (z, h, largest) = (*z, *h, normalizers[0]);
        let [mut top, mut others] = *slopes;
        let zero = T::default();
        for i in 0..STRETCH {
            let is_top = z[i] == largest[i];
            top[i] = top[i] + if is_top { h[i] } else { zero };
            others[i] = finite(others[i] + if is_top { zero } else { h[i] });
        }
        *slopes = [top, others];
    }

    /// From the slopes h by ln p of a class to the gradient by its logits, given the sums of the slopes of all classes.
    ///
    /// g_k = h_k − p_k Σ_j h_j = h_k (1 − p_k) − p_k Σ_{j≠k} h_j, where the sum over the others is taken without the
    /// likeliest class, whose h would drown theirs.
    fn carry<T>(
        z: &Stretch<T>,
        normalizers: &Normalizers<T>,
        slopes: &[Stretch<T>; 2],
        h: &mut Stretch<T>,
    ) {
        let (z, slope) = (*z, *h);
        let ([largest, rest, share, _], [top, others]) = (*normalizers, *slopes);
        for i in 0..STRETCH {
            let [p, complement] = share_of(z[i] - largest[i], rest[i], share[i]);
            let others = if z[i] == largest[i] {
                others[i] + (top[i] - slope[i])
            } else {
                top[i] + (others[i] - slope[i])
            };
            h[i] = slope[i] * complement - p * others;
        }
    }

    /// p, 1 − p, ln p and ln(1 − p) from a stretch of logits, by sigmoid.
    ///
    /// In three loops: each is a chain of operations that is short enough for a processor to have several under way.
    fn sigmoid<T>(z: &Stretch<T>, parts: &mut [Stretch<T>; 4]) {
        let z = *z;
        let one = T::from_f64(1.0);
        let zeros = [T::default(); STRETCH];
        let (mut e, mut p, mut complement) = (zeros, zeros, zeros);
        for i in 0..STRETCH {
            let positive = z[i] > T::default();
            e[i] = if positive { z[i].scale(-1.0) } else { z[i] }.exp();
        }
        for i in 0..STRETCH {
            let positive = z[i] > T::default();
            let high = one / e[i].shift(1.0);
            let low = e[i] * high;
            p[i] = if positive { high } else { low };
            complement[i] = if positive { low } else { high };
        }
        let (mut ln, mut ln_complement) = (zeros, zeros);
        for i in 0..STRETCH {
            let positive = z[i] > T::default();
            let magnitude = if positive { z[i] } else { z[i].scale(-1.0) };
            let high = e[i].ln_1p().scale(-1.0);
            let low = saturate(high - magnitude);
            ln[i] = if positive { high } else { low };
            ln_complement[i] = if positive { low } else { high };
        }
        *parts = [p, complement, ln, ln_complement];
    }

    /// z − other.
    fn difference<T>(z: &mut Stretch<T>, other: &Stretch<T>) {
        let other = *other;
        for i in 0..STRETCH {
            z[i] = finite(z[i] - other[i]);
        }
    }

    /// 1 − p, for p within rounding of [0, 1].
    fn complement<T>(p: &Stretch<T>, complement: &mut Stretch<T>) {
        let p = *p;
        for i in 0..STRETCH {
            complement[i] = p[i].clip(0.0, 1.0).complement();
        }
    }

    /// From the slopes by ln p of class 1 and by ln(1 − p) of class 0 to the gradient by the logit of class 1, and by that of
    /// class 0, if it has one.
    fn carry_pair<T>(parts: &[Stretch<T>; 4], slopes: &mut [Stretch<T>; 2]) {
        let [p, complement, ..] = *parts;
        let [mut h, mut other] = *slopes;
        for i in 0..STRETCH {
            h[i] = h[i] * complement[i] - other[i] * p[i];
            other[i] = h[i].scale(-1.0);
        }
        *slopes = [h, other];
    }
}
