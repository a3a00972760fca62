//! From what a network gives to p, 1 − p and ln p of every class, and back for the gradient.
//!
//! Derivatives are taken in the variable that is stable: in p for probabilities, in ln p for logits (∂p = p,
//! ∂(1−p) = −p, ∂ln p = 1), which is then carried to the logits without subtracting near-equal numbers.

use crate::{Dual, Element, Field, Float, Probability};

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

/// The classes of one voxel.
pub(crate) struct Voxel<'a, F> {
    prediction: &'a F,
    activation: Activation,
    sample: usize,
    voxel: usize,
}

/// The softmax of one voxel: its largest logit, and the sum of e^(z − largest) over all others.
#[derive(Clone, Copy)]
pub(crate) struct Normalizer<T> {
    largest: T,
    channel: usize,
    rest: T,
}

impl<'a, T: Float, F: Field<Item: Element<Real = T>>> Voxel<'a, F> {
    #[inline(always)]
    pub(crate) fn new(
        prediction: &'a F,
        activation: Activation,
        sample: usize,
        voxel: usize,
    ) -> Self {
        Self {
            prediction,
            activation,
            sample,
            voxel,
        }
    }

    #[inline(always)]
    fn given(&self, channel: usize) -> T {
        self.prediction.get(self.sample, channel, self.voxel).real()
    }

    /// Whether the two classes of this voxel are a channel and its complement.
    #[inline(always)]
    fn is_foreground(&self) -> bool {
        self.prediction.shape().channels == 1
    }

    /// What the probabilities of all classes have in common.
    #[inline(always)]
    pub(crate) fn normalizer(&self) -> Normalizer<T> {
        let zero = T::default();
        let mut normalizer = Normalizer {
            largest: self.given(0),
            channel: 0,
            rest: zero,
        };
        if self.activation != Activation::Softmax {
            return normalizer;
        }
        for channel in 1..self.prediction.shape().channels {
            let z = self.given(channel);
            let above = z - normalizer.largest;
            if above > zero {
                let old = (zero - above).exp();
                normalizer = Normalizer {
                    largest: z,
                    channel,
                    rest: normalizer.rest * old + old,
                };
            } else {
                normalizer.rest = normalizer.rest + above.exp();
            }
        }
        normalizer
    }

    /// The probability of a class.
    #[inline(always)]
    pub(crate) fn probability(&self, class: usize, normalizer: &Normalizer<T>) -> Probability<T> {
        match (self.activation, self.is_foreground()) {
            (Activation::Identity, false) => from_probability(self.given(class)),
            (Activation::Identity, true) => {
                let foreground = from_probability(self.given(0));
                if class == 1 {
                    foreground
                } else {
                    Probability::new(foreground.complement)
                }
            }
            (Activation::Sigmoid, false) => from_log_odds(self.given(class)),
            (Activation::Sigmoid, true) => {
                let z = self.given(0);
                from_log_odds(if class == 1 { z } else { z.scale(-1.0) })
            }
            (Activation::Softmax, _) => from_softmax(self.given(class), normalizer),
        }
    }

    /// The same as a dual number in p or ln p.
    #[inline(always)]
    pub(crate) fn dual(&self, class: usize, normalizer: &Normalizer<T>) -> Probability<Dual<T>> {
        let probability = self.probability(class, normalizer);
        match self.activation {
            Activation::Identity => Probability::new(Dual::variable(probability.p)),
            Activation::Softmax | Activation::Sigmoid => in_ln(&probability),
        }
    }

    /// The gradient with respect to what was given, from the slope in p or ln p of every class.
    #[inline(always)]
    pub(crate) fn gradient(
        &self,
        normalizer: &Normalizer<T>,
        slope: impl Fn(usize) -> T,
        mut write: impl FnMut(usize, T),
    ) {
        let channels = self.prediction.shape().channels;
        match (self.activation, self.is_foreground()) {
            (Activation::Identity, true) => write(0, slope(1) - slope(0)),
            (Activation::Identity, false) => (0..channels).for_each(|c| write(c, slope(c))),
            (Activation::Sigmoid, true) => {
                let [background, foreground] = [0, 1].map(|c| self.probability(c, normalizer));
                write(
                    0,
                    slope(1) * foreground.complement - slope(0) * background.complement,
                );
            }
            (Activation::Sigmoid, false) => (0..channels).for_each(|c| {
                write(c, slope(c) * self.probability(c, normalizer).complement);
            }),
            (Activation::Softmax, _) => {
                // g_k = h_k − p_k Σ_j h_j = h_k (1 − p_k) − p_k Σ_{j≠k} h_j, where the sum over the others is
                // taken without the likeliest class, whose h would drown theirs.
                let largest = normalizer.channel;
                let others = (0..channels)
                    .filter(|c| *c != largest)
                    .map(&slope)
                    .fold(T::default(), |sum, h| sum + h);
                let top = slope(largest);
                for channel in 0..channels {
                    let Probability { p, complement, .. } = self.probability(channel, normalizer);
                    let (h, rest) = if channel == largest {
                        (top, others)
                    } else {
                        let h = slope(channel);
                        (h, top + (others - h))
                    };
                    write(channel, h * complement - p * rest);
                }
            }
        }
    }
}

/// A probability as it is given, within rounding of [0, 1].
#[inline(always)]
fn from_probability<T: Float>(p: T) -> Probability<T> {
    Probability::new(p.clip(0.0, 1.0))
}

/// The sigmoid, from its logit.
#[inline(always)]
fn from_log_odds<T: Float>(z: T) -> Probability<T> {
    let zero = T::default();
    let positive = z > zero;
    let magnitude = if positive { z } else { zero - z };
    let e = (zero - magnitude).exp();
    let likely = e.shift(1.0);
    let [high, low] = [T::from_f64(1.0) / likely, e / likely];
    let ln_high = zero - e.ln_1p();
    if positive {
        Probability::from_ln(high, low, ln_high)
    } else {
        Probability::from_ln(low, high, saturate(ln_high - magnitude))
    }
}

/// A class of a softmax, from its logit.
#[inline(always)]
fn from_softmax<T: Float>(z: T, normalizer: &Normalizer<T>) -> Probability<T> {
    let Normalizer { largest, rest, .. } = *normalizer;
    let below = z - largest;
    let e = below.exp();
    let total = rest.shift(1.0);
    // Σ_{j≠k} e_j / Σ_j e_j: the rest holds e itself wherever e is not the largest, so nothing cancels.
    let complement = (rest + e.complement()) / total;
    Probability::from_ln(e / total, complement, saturate(below - rest.ln_1p()))
}

/// ln p, short of the range's end, so that sums of it are finite.
#[inline(always)]
fn saturate<T: Float>(ln: T) -> T {
    ln.clip(-T::LN_LIMIT, 0.0)
}

/// The dual numbers of a probability whose logarithm is the variable.
#[inline(always)]
fn in_ln<T: Float>(probability: &Probability<T>) -> Probability<Dual<T>> {
    let Probability { p, complement, .. } = *probability;
    let dual = |value, derivative| Dual { value, derivative };
    Probability::from_ln(
        dual(p, p),
        dual(complement, p.scale(-1.0)),
        dual(probability.ln(), T::from_f64(1.0)),
    )
}
