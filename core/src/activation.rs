//! From what a network gives to p, 1 − p and ln p of every class, and back for the gradient.
//!
//! Derivatives are taken in the variable that is stable: in p for probabilities, in ln p for logits (∂p = p,
//! ∂(1−p) = −p, ∂ln p = 1), which is then carried to the logits without subtracting near-equal numbers.

use crate::Float;
use crate::kernel::{STRETCH, Stretch};

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
pub enum Activation {
    /// Probabilities. A single channel is the foreground, and the background its complement.
    #[default]
    Identity,
    /// Logits of a softmax over the class axis.
    Softmax,
    /// Logits of a sigmoid per channel. A single channel is the foreground, and the background its complement.
    Sigmoid,
}

/// Takes one more logit of a voxel into the largest of them and the sum of e^(z − largest) over all others, its rest.
#[inline(always)]
pub(crate) fn normalize<T: Float>([largest, rest]: [T; 2], z: T) -> [T; 2] {
    let above = z - largest;
    let is_above = above > T::default();
    let e = if is_above { above.scale(-1.0) } else { above }.exp();
    if is_above {
        [z, rest * e + e]
    } else {
        [largest, rest + e]
    }
}

/// What the logits of a voxel have in common: the largest, its rest, 1/(1 + rest), and ln(1 + rest).
pub(crate) type Normalizer<T> = [T; 4];

/// Completes the largest and the rest to a normalizer.
#[inline(always)]
pub(crate) fn normalizer<T: Float>([largest, rest]: [T; 2]) -> Normalizer<T> {
    let share = T::from_f64(1.0) / rest.shift(1.0);
    [largest, rest, share, rest.ln_1p()]
}

/// p, 1 − p and ln p of a class from its logit, by softmax.
#[inline(always)]
pub(crate) fn softmax<T: Float>([largest, rest, share, ln_total]: Normalizer<T>, z: T) -> [T; 3] {
    let below = z - largest;
    let e = below.exp();
    // Σ_{j≠k} e_j / Σ_j e_j: the rest holds e itself wherever e is not the largest, so nothing cancels.
    let complement = (rest + e.complement()) * share;
    [e * share, complement, saturate(below - ln_total)]
}

/// The gradient by a logit of a softmax, from the slope h by ln p of its class and the sums of the slopes of the likeliest
/// class and of all others.
///
/// g_k = h_k − p_k Σ_j h_j = h_k (1 − p_k) − p_k Σ_{j≠k} h_j, where the sum over the others is taken without the
/// likeliest class, whose h would drown theirs.
#[inline(always)]
pub(crate) fn carry<T: Float>(normalizer: Normalizer<T>, z: T, h: T, [top, others]: [T; 2]) -> T {
    let [p, complement, _] = softmax(normalizer, z);
    let rest = if z == normalizer[0] {
        others + (top - h)
    } else {
        top + (others - h)
    };
    h * complement - p * rest
}

/// p, 1 − p, ln p and ln(1 − p) from a stretch of logits, by sigmoid.
///
/// In three loops: each is a chain of operations that is short enough for a processor to have several under way.
#[inline(always)]
pub(crate) fn sigmoid<T: Float>(
    z: &Stretch<T>,
    [p, complement, ln, ln_complement]: &mut [Stretch<T>; 4],
) {
    let one = T::from_f64(1.0);
    let mut e = [one; STRETCH];
    for (e, z) in e.iter_mut().zip(z) {
        let positive = *z > T::default();
        *e = if positive { z.scale(-1.0) } else { *z }.exp();
    }
    for i in 0..STRETCH {
        let positive = z[i] > T::default();
        let high = one / e[i].shift(1.0);
        let low = e[i] * high;
        p[i] = if positive { high } else { low };
        complement[i] = if positive { low } else { high };
    }
    for i in 0..STRETCH {
        let positive = z[i] > T::default();
        let magnitude = if positive { z[i] } else { z[i].scale(-1.0) };
        let high = e[i].ln_1p().scale(-1.0);
        let low = saturate(high - magnitude);
        ln[i] = if positive { high } else { low };
        ln_complement[i] = if positive { low } else { high };
    }
}

/// ln p, short of the range's end, so that sums of it are finite.
#[inline(always)]
fn saturate<T: Float>(ln: T) -> T {
    ln.clip(-T::LN_LIMIT, 0.0)
}
