//! The loops that see every voxel: a formula over a stretch of one class, without a branch inside.
//!
//! They are written over scalars, and compilers turn them into vector instructions. So nothing in them may depend on the
//! voxel but numbers: what is the same for the whole stretch is decided outside.

use core::ops::Range;

use crate::segmentation::ROUNDING;
use crate::{Activation, Class, ClassSums, Dual, Float, Loss, Probability, Real, Share};

/// The vector instructions that a kernel is compiled for.
///
/// A compiler decides for which processor it compiles where a function begins. So each kernel is handed to
/// [`run`](Vectors::run), which an adapter implements by inlining it into functions for several processors. All give the same
/// bits.
///
/// # Examples
///
/// What an adapter does for a processor that the program need not run on, here with nothing to choose from:
///
/// ```
/// use unifocal_core::*;
///
/// #[derive(Clone, Copy)]
/// struct Mine;
///
/// impl Vectors for Mine {
///     #[inline(always)]
///     fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
///         kernel() // from within a function with `#[target_feature(enable = "…")]`, if the processor has it
///     }
/// }
///
/// let probabilities = Dense::channels_first(&[0.9_f32, 0.2, 0.1, 0.8], [1, 2, 2])?;
/// let labels = Labels::new(Dense::labels(&[0_u8, 1], [1, 2])?);
/// let segmentation = Segmentation::new(probabilities, labels)?;
/// let (loss, classes, mut sums) = (Tversky::dice(), Classes::default(), [ClassSums::default(); 2]);
/// let value = segmentation.value(&loss, &classes, &mut sums)?;
/// assert_eq!(segmentation.with_vectors(Mine).value(&loss, &classes, &mut sums)?, value);
/// # Ok::<(), Error>(())
/// ```
pub trait Vectors: Copy + Send + Sync {
    /// Calls the kernel, inlined.
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R;
}

/// The vector instructions that all of the program is compiled for.
#[derive(Clone, Copy, Debug)]
pub struct Baseline;

impl Vectors for Baseline {
    #[inline(always)]
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}

/// Makes of each function a kernel: one that is called with the vector instructions it is to be compiled for.
///
/// The function itself is inlined there, as a function: that its arguments do not overlap in memory is known of those of a
/// function only, and not of what a closure holds.
macro_rules! kernels {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident<$number:ident $(, const $count:ident)?>($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)?
            $body:block
    )*) => {$(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "of what, from what, and where to")]
        pub(crate) fn $name<$number: Float $(, const $count: usize)?>(
            vectors: impl crate::Vectors,
            $($argument: $type),*
        ) $(-> $output)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "of what, from what, and where to")]
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

/// Whether code and stack have a few kilobytes, as on a device without an operating system: loops stay loops there.
pub(crate) const SMALL: bool = cfg!(target_os = "none");

/// How many neighbouring voxels are looked at at once: whether they count, and whether they are all of one class.
pub const STRETCH: usize = 64;

/// How many sums run side by side: as many as the widest vectors have lanes.
pub(crate) const LANES: usize = 16;

/// What a stretch holds.
pub(crate) type Stretch<T> = [T; STRETCH];

/// Where the probabilities of a class come from, over a run of stretches.
pub(crate) trait Source<T>: Copy {
    /// Some of these stretches.
    fn run(&self, stretches: Range<usize>) -> Self;

    /// The probability at this place of this stretch.
    fn probability(&self, stretch: usize, i: usize) -> Probability<T>;

    /// The same as a dual number in the variable of the source.
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>>;

    /// The number that was given for it, if it has yet to be checked.
    fn given(&self, stretch: usize, i: usize) -> Option<T>;
}

/// Probabilities, each of which is its own variable.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a, T>(pub(crate) &'a [Stretch<T>]);

impl<T: Float> Source<T> for Given<'_, T> {
    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self(&self.0[stretches])
    }

    #[inline(always)]
    fn probability(&self, stretch: usize, i: usize) -> Probability<T> {
        Probability::new(self.0[stretch][i])
    }

    #[inline(always)]
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>> {
        Probability::new(Dual::variable(self.0[stretch][i]))
    }

    #[inline(always)]
    fn given(&self, stretch: usize, i: usize) -> Option<T> {
        Some(self.0[stretch][i])
    }
}

/// p, 1 − p and ln p, the last of which is the variable.
#[derive(Clone, Copy)]
pub(crate) struct FromLn<'a, T> {
    pub(crate) p: &'a [Stretch<T>],
    pub(crate) complement: &'a [Stretch<T>],
    pub(crate) ln: &'a [Stretch<T>],
}

impl<T: Float> Source<T> for FromLn<'_, T> {
    #[inline(always)]
    fn run(&self, stretches: Range<usize>) -> Self {
        Self {
            p: &self.p[stretches.clone()],
            complement: &self.complement[stretches.clone()],
            ln: &self.ln[stretches],
        }
    }

    #[inline(always)]
    fn probability(&self, stretch: usize, i: usize) -> Probability<T> {
        let [p, complement, ln] = [self.p, self.complement, self.ln].map(|part| part[stretch][i]);
        Probability::from_ln(p, complement, ln)
    }

    #[inline(always)]
    fn dual(&self, stretch: usize, i: usize) -> Probability<Dual<T>> {
        // ∂p = p, ∂(1−p) = −p, ∂ln p = 1.
        let dual = |value, derivative| Dual { value, derivative };
        let [p, complement, ln] = [self.p, self.complement, self.ln].map(|part| part[stretch][i]);
        Probability::from_ln(
            dual(p, p),
            dual(complement, p.scale(-1.0)),
            dual(ln, T::from_f64(1.0)),
        )
    }

    #[inline(always)]
    fn given(&self, _: usize, _: usize) -> Option<T> {
        None
    }
}

/// The target over a run of stretches.
pub(crate) trait Truth<T> {
    /// y at a voxel.
    type Share: Share<T> + Share<Dual<T>>;

    /// y at this place of this stretch.
    fn share(&self, stretch: usize, i: usize) -> Self::Share;
}

/// y of each voxel.
pub(crate) struct Soft<'a, T>(pub(crate) &'a [Stretch<T>]);

impl<T: Float> Truth<T> for Soft<'_, T> {
    type Share = T;

    #[inline(always)]
    fn share(&self, stretch: usize, i: usize) -> T {
        self.0[stretch][i]
    }
}

/// The same at every voxel: all of it, or nothing of it.
#[derive(Clone, Copy)]
pub(crate) struct Hard(pub(crate) bool);

impl<T: Float> Truth<T> for Hard {
    type Share = Hard;

    #[inline(always)]
    fn share(&self, _: usize, _: usize) -> Hard {
        *self
    }
}

impl<R: Real> Share<R> for Hard {
    #[inline(always)]
    fn of(&self, x: R) -> R {
        if self.0 { x } else { x.zero() }
    }

    #[inline(always)]
    fn complement(&self) -> Self {
        Self(!self.0)
    }
}

/// Sums over voxels, side by side.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T>([T; LANES]);

impl<T: Float> Lanes<T> {
    pub(crate) const ZERO: Self = Self([T::ZERO; LANES]);

    /// Adds all of a stretch.
    #[inline(always)]
    pub(crate) fn add(&mut self, values: &Stretch<T>) {
        for lane in 0..LANES {
            let mut sum = values[lane];
            for i in 1..STRETCH / LANES {
                sum = sum + values[i * LANES + lane];
            }
            self.0[lane] = self.0[lane] + sum;
        }
    }

    /// The sum of all lanes.
    #[inline(always)]
    pub(crate) fn sum(&self) -> f64 {
        by_halves(self.0.map(T::to_f64))
    }
}

/// The sum of these numbers, by halves.
#[cfg_attr(target_os = "none", inline(never))]
#[cfg_attr(not(target_os = "none"), inline(always))]
fn by_halves(mut sums: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] += sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}

/// The sums of a class's terms and of y.
pub(crate) struct Sums<T, const K: usize> {
    pub(crate) terms: [Lanes<T>; K],
    pub(crate) target: Lanes<T>,
}

impl<T: Float, const K: usize> Sums<T, K> {
    pub(crate) const ZERO: Self = Self {
        terms: [Lanes::ZERO; K],
        target: Lanes::ZERO,
    };

    /// Adds terms and y to those of a lane.
    #[inline(always)]
    fn add(&mut self, lane: usize, (terms, y): ([T; K], T)) {
        for (lanes, term) in self.terms.iter_mut().zip(terms) {
            lanes.0[lane] = lanes.0[lane] + term;
        }
        self.target.0[lane] = self.target.0[lane] + y;
    }

    /// Adds the sums of all lanes.
    #[inline(always)]
    pub(crate) fn add_to(&self, sums: &mut ClassSums<f64, K>) {
        for (sum, lanes) in sums.terms.iter_mut().zip(&self.terms) {
            *sum += lanes.sum();
        }
        sums.target += self.target.sum();
    }
}

// What the loops read beside the voxels is passed by value, or copied first: a compiler cannot know that it stays the same
// while they write.
kernels! {
    /// Adds the terms of a run of stretches to their sums.
    fn add<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        run: usize,
        sums: &mut [Lanes<T>; K],
        worst: &mut Worst<T>,
    ) {
        let (mut lanes, mut seen) = (*sums, *worst);
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                // Written out, since a loop inside would keep this one from becoming vectors where it is not unrolled.
                macro_rules! terms {
                    ($s:expr, $i:expr) => {
                        loss.terms(&class, &source.probability($s, $i), &y.share($s, $i))
                    };
                }
                const { assert!(STRETCH == 4 * LANES) };
                for s in 0..run {
                    for lane in 0..LANES {
                        let mut stretch = terms!(s, lane);
                        let others = [
                            terms!(s, lane + LANES),
                            terms!(s, lane + 2 * LANES),
                            terms!(s, lane + 3 * LANES),
                        ];
                        seen.see_one(lane, source.given(s, lane));
                        seen.see_one(lane, source.given(s, lane + LANES));
                        seen.see_one(lane, source.given(s, lane + 2 * LANES));
                        seen.see_one(lane, source.given(s, lane + 3 * LANES));
                        for k in 0..K {
                            stretch[k] = stretch[k] + others[0][k] + others[1][k] + others[2][k];
                            lanes[k].0[lane] = lanes[k].0[lane] + stretch[k];
                        }
                    }
                }
            },
        );
        (*sums, *worst) = (lanes, seen);
    }

    /// Adds the terms of a run of stretches, each times the weight of its voxel, to their sums.
    fn add_weighted<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        weights: &[Stretch<f64>],
        sums: &mut [Lanes<f64>; K],
        worst: &mut Worst<T>,
    ) {
        let (mut lanes, mut seen) = (*sums, *worst);
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                macro_rules! terms {
                    ($s:expr, $weights:expr, $i:expr) => {
                        loss.terms(&class, &source.probability($s, $i), &y.share($s, $i))
                            .map(|term| $weights[$i] * term.to_f64())
                    };
                }
                for (s, weights) in weights.iter().enumerate() {
                    for lane in 0..LANES {
                        let mut stretch = terms!(s, weights, lane);
                        let others = [
                            terms!(s, weights, lane + LANES),
                            terms!(s, weights, lane + 2 * LANES),
                            terms!(s, weights, lane + 3 * LANES),
                        ];
                        seen.see_one(lane, source.given(s, lane));
                        seen.see_one(lane, source.given(s, lane + LANES));
                        seen.see_one(lane, source.given(s, lane + 2 * LANES));
                        seen.see_one(lane, source.given(s, lane + 3 * LANES));
                        for k in 0..K {
                            stretch[k] = stretch[k] + others[0][k] + others[1][k] + others[2][k];
                            lanes[k].0[lane] += stretch[k];
                        }
                    }
                }
            },
        );
        (*sums, *worst) = (lanes, seen);
    }

    /// Adds the terms and y of one stretch to the sums, those with weights or those without: what the other kernels add, in their
    /// order, from one copy of the formula, for where code is counted.
    fn add_stretch<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: &Stretch<T>,
        weights: Option<&Stretch<f64>>,
        sums: (&mut Sums<T, K>, &mut Sums<f64, K>),
        worst: &mut Worst<T>,
    ) {
        let (plain, weighted) = sums;
        for lane in 0..LANES {
            let (mut stretch, mut products) = (([T::ZERO; K], T::ZERO), ([0.0; K], 0.0));
            for quarter in 0..STRETCH / LANES {
                let i = lane + quarter * LANES;
                let terms = loss.terms(&class, &source.probability(0, i), &y[i]);
                worst.see_one(lane, source.given(0, i));
                if let Some(weights) = weights {
                    for (sum, term) in products.0.iter_mut().zip(terms) {
                        *sum += weights[i] * term.to_f64();
                    }
                    products.1 += weights[i] * y[i].to_f64();
                } else {
                    for (sum, term) in stretch.0.iter_mut().zip(terms) {
                        *sum = *sum + term;
                    }
                    stretch.1 = stretch.1 + y[i];
                }
            }
            plain.add(lane, stretch);
            weighted.add(lane, products);
        }
    }

    /// Σ slope·derivative of the terms at each voxel of a run of stretches, by the variable of the source.
    fn slope<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        slopes: Slopes<T, K>,
        out: &mut [Stretch<T>],
    ) {
        let Slopes { scaled, scale } = slopes;
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                for (s, out) in out.iter_mut().enumerate() {
                    for (i, out) in out.iter_mut().enumerate() {
                        let terms = loss.terms(&class, &source.dual(s, i), &y.share(s, i));
                        let mut sum = terms[0].derivative * scaled[0];
                        for k in 1..K {
                            sum = sum + terms[k].derivative * scaled[k];
                        }
                        *out = sum;
                    }
                    if let Some(scale) = scale {
                        for out in out {
                            *out = finite(*out * scale);
                        }
                    }
                }
            },
        );
    }

    /// Adds all of these stretches to a sum.
    fn add_up<T>(run: &[Stretch<T>], sum: &mut Lanes<T>) {
        for stretch in run {
            sum.add(stretch);
        }
    }

    /// Multiplies stretches with the weights of their voxels.
    fn weigh<T>(weights: &[Stretch<f64>], values: &mut [Stretch<T>]) {
        for (weights, values) in weights.iter().zip(values) {
            for i in 0..STRETCH {
                values[i] = finite(values[i] * T::from_f64(weights[i]));
            }
        }
    }

    /// Adds weight·x to a sum.
    fn add_products<T>(weights: &[Stretch<f64>], values: &[Stretch<T>], sum: &mut Lanes<f64>) {
        for (weights, values) in weights.iter().zip(values) {
            let mut products = [0.0; STRETCH];
            for i in 0..STRETCH {
                products[i] = weights[i] * values[i].to_f64();
            }
            sum.add(&products);
        }
    }
}

/// The slopes of a class's sums, scaled by a power of 2 so that they can be multiplied with derivatives of any finite size.
#[derive(Clone, Copy)]
pub(crate) struct Slopes<T, const K: usize> {
    scaled: [T; K],
    /// What to multiply the result with, if it is not 1.
    scale: Option<T>,
}

impl<T: Float, const K: usize> Slopes<T, K> {
    #[inline(always)]
    pub(crate) fn new(slopes: &[f64; K]) -> Self {
        let mut size = 0.0;
        for slope in slopes {
            size += 4.0 * slope.abs();
        }
        // The power of 2 below.
        let scale = f64::from_bits(size.max(1.0).to_bits() & 0x7ff0_0000_0000_0000);
        let inverse = 1.0 / scale;
        Self {
            scaled: slopes.map(|slope| T::from_f64(slope * inverse)),
            scale: (scale > 1.0).then(|| T::from_f64(scale)),
        }
    }
}

/// The largest of the numbers that were given, by their bits: whatever is below 0 or not a number is larger than all others.
#[derive(Clone, Copy)]
pub(crate) struct Worst<T: Float>([T::Bits; LANES]);

impl<T: Float> Worst<T> {
    #[inline(always)]
    pub(crate) fn none() -> Self {
        Self([T::default().to_bits(); LANES])
    }

    /// Looks at a probability, if there is one.
    #[inline(always)]
    fn see_one(&mut self, lane: usize, given: Option<T>) {
        if let Some(p) = given {
            let bits = p.to_bits();
            self.0[lane] = if bits > self.0[lane] {
                bits
            } else {
                self.0[lane]
            };
        }
    }

    /// Looks at how large logits are.
    pub(crate) fn see(&mut self, vectors: impl Vectors, logits: &[Stretch<T>]) {
        vectors.run(
            #[inline(always)]
            || {
                let size = |z: T| if z < T::default() { z.scale(-1.0) } else { z };
                let mut seen = *self;
                for z in logits {
                    for lane in 0..LANES {
                        seen.see_one(lane, Some(size(z[lane])));
                        seen.see_one(lane, Some(size(z[lane + LANES])));
                        seen.see_one(lane, Some(size(z[lane + 2 * LANES])));
                        seen.see_one(lane, Some(size(z[lane + 3 * LANES])));
                    }
                }
                *self = seen;
            },
        );
    }

    /// Whether all were probabilities, or finite logits. Where it is not sure, it says no.
    #[inline(always)]
    pub(crate) fn is_valid(&self, activation: Activation) -> bool {
        let most = match activation {
            Activation::Identity => 1.0 + ROUNDING,
            Activation::Softmax | Activation::Sigmoid => T::MAX,
        };
        let most = T::from_f64(most).to_bits();
        self.0.iter().all(|bits| *bits <= most)
    }
}

/// x, far enough from the end of the type's range that a few of them can be added or subtracted.
#[inline(always)]
pub(crate) fn finite<T: Float>(x: T) -> T {
    x.clip(T::MAX / -64.0, T::MAX / 64.0)
}
