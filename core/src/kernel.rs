//! The loops over the voxels: a formula over a run of stretches of one class, without branches.
//!
//! They are written over scalars, and the compiler vectorizes them. So only numbers may depend on
//! the voxel; whatever is the same for a whole stretch is decided outside.

use core::ops::Range;

use crate::form::Plan;
use crate::limits::ROUNDING;
use crate::share::Hard;
use crate::source::Source;
use crate::stretch::{LANES, STRETCH, Stretch};
use crate::{Class, ClassSums, Dual, Float, Input, Loss, Real, Share};

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
/// use unifocal_core::*;
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
/// let labels = Labels::new(Dense::labels(&[0_u8, 1], [1, 2])?);
/// let segmentation = Segmentation::new(probabilities, labels)?;
/// let (loss, classes, mut sums) = (Tversky::dice(), Classes::default(), [ClassSums::default(); 2]);
/// let value = segmentation.value(&loss, &classes, &mut sums)?;
/// assert_eq!(segmentation.with_vectors(Mine).value(&loss, &classes, &mut sums)?, value);
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

/// The target y of a class over a run of stretches.
pub(crate) trait Truth<T> {
    /// The type of y at a voxel.
    type Share: Share<T> + Share<Dual<T>>;

    /// y at position `i` of a stretch.
    fn share(&self, stretch: usize, i: usize) -> Self::Share;

    /// Whether a term is 0 at every voxel of the run.
    fn is_zero<const K: usize>(&self, plan: &Plan<K>, term: usize) -> bool;
}

/// y differs between voxels.
pub(crate) struct Soft<'a, T>(pub(crate) &'a [Stretch<T>]);

impl<T: Float> Truth<T> for Soft<'_, T> {
    type Share = T;

    #[inline(always)]
    fn share(&self, stretch: usize, i: usize) -> T {
        self.0[stretch][i]
    }

    #[inline(always)]
    fn is_zero<const K: usize>(&self, _: &Plan<K>, _: usize) -> bool {
        false
    }
}

/// y is 1 at every voxel.
#[derive(Clone, Copy)]
pub(crate) struct Inside;

impl<T: Float> Truth<T> for Inside {
    type Share = Hard;

    #[inline(always)]
    fn share(&self, _: usize, _: usize) -> Hard {
        Hard(true)
    }

    #[inline(always)]
    fn is_zero<const K: usize>(&self, plan: &Plan<K>, term: usize) -> bool {
        plan.is_zero_inside(term)
    }
}

/// y is 0 at every voxel.
#[derive(Clone, Copy)]
pub(crate) struct Outside;

impl<T: Float> Truth<T> for Outside {
    type Share = Hard;

    #[inline(always)]
    fn share(&self, _: usize, _: usize) -> Hard {
        Hard(false)
    }

    #[inline(always)]
    fn is_zero<const K: usize>(&self, plan: &Plan<K>, term: usize) -> bool {
        plan.is_zero_outside(term)
    }
}

/// Partial sums over voxels, one per vector lane.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T>([T; LANES]);

impl<T: Float> Lanes<T> {
    pub(crate) const ZERO: Self = Self([T::ZERO; LANES]);

    /// Adds the values of a stretch.
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

/// Sums pairwise, by halves.
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

    /// Adds terms and y to one lane.
    #[inline(always)]
    fn add(&mut self, lane: usize, (terms, y): ([T; K], T)) {
        for (lanes, term) in self.terms.iter_mut().zip(terms) {
            lanes.0[lane] = lanes.0[lane] + term;
        }
        self.target.0[lane] = self.target.0[lane] + y;
    }

    /// Adds the sums over all lanes to `sums`.
    #[inline(always)]
    pub(crate) fn add_to(&self, sums: &mut ClassSums<f64, K>) {
        for (sum, lanes) in sums.terms.iter_mut().zip(&self.terms) {
            *sum += lanes.sum();
        }
        sums.target += self.target.sum();
    }
}

/// Whether the sweep of the sums stores numbers for the gradient, in the gradient's memory.
pub(crate) trait Keep<T>: Copy {
    /// The stored numbers of these stretches.
    fn of(self, kept: &mut [Stretch<T>], run: Range<usize>) -> &mut [Stretch<T>];

    /// The stored numbers of one stretch.
    fn stretch(self, kept: &mut [Stretch<T>], stretch: usize) -> Option<&mut Stretch<T>>;

    /// The terms at position `i` of a stretch. Stores a number in `kept`, if this keeps any.
    #[expect(clippy::too_many_arguments, reason = "of what, from what, and where")]
    fn terms<const K: usize, Y: Truth<T>>(
        self,
        loss: &impl Loss<K>,
        class: &Class,
        source: &impl Source<T>,
        y: &Y,
        plan: &Plan<K>,
        kept: Option<&mut Stretch<T>>,
        stretch: usize,
        i: usize,
    ) -> [T; K];
}

/// Stores nothing.
#[derive(Clone, Copy)]
pub(crate) struct Nothing;

impl<T: Float> Keep<T> for Nothing {
    #[inline(always)]
    fn of(self, _: &mut [Stretch<T>], _: Range<usize>) -> &mut [Stretch<T>] {
        &mut []
    }

    #[inline(always)]
    fn stretch(self, _: &mut [Stretch<T>], _: usize) -> Option<&mut Stretch<T>> {
        None
    }

    #[inline(always)]
    fn terms<const K: usize, Y: Truth<T>>(
        self,
        loss: &impl Loss<K>,
        class: &Class,
        source: &impl Source<T>,
        y: &Y,
        _: &Plan<K>,
        _: Option<&mut Stretch<T>>,
        stretch: usize,
        i: usize,
    ) -> [T; K] {
        loss.terms(class, &source.probability(stretch, i), &y.share(stretch, i))
    }
}

/// Stores the derivatives of the one term whose derivatives are not constant.
#[derive(Clone, Copy)]
pub(crate) struct Derivatives;

impl<T: Float> Keep<T> for Derivatives {
    #[inline(always)]
    fn of(self, kept: &mut [Stretch<T>], run: Range<usize>) -> &mut [Stretch<T>] {
        &mut kept[run]
    }

    #[inline(always)]
    fn stretch(self, kept: &mut [Stretch<T>], stretch: usize) -> Option<&mut Stretch<T>> {
        Some(&mut kept[stretch])
    }

    #[inline(always)]
    fn terms<const K: usize, Y: Truth<T>>(
        self,
        loss: &impl Loss<K>,
        class: &Class,
        source: &impl Source<T>,
        y: &Y,
        plan: &Plan<K>,
        kept: Option<&mut Stretch<T>>,
        stretch: usize,
        i: usize,
    ) -> [T; K] {
        let terms = loss.terms(class, &source.dual(stretch, i), &y.share(stretch, i));
        let mut values = [T::ZERO; K];
        let mut derivative = T::ZERO;
        for k in 0..K {
            values[k] = terms[k].value;
            if plan.derivatives(k).is_none() {
                derivative = terms[k].derivative;
            }
        }
        if let Some(kept) = kept {
            kept[i] = derivative;
        }
        values
    }
}

/// Runs a body for each index of a stretch that belongs to a lane.
///
/// Unrolled by hand: an inner loop would keep the compiler from vectorizing the loop over the
/// lanes. Debug builds use the loop, because unrolling makes them compile four times as long.
macro_rules! for_each_quarter {
    ($lane:expr, $i:ident, $body:block) => {
        const { assert!(STRETCH == 4 * LANES) };
        if cfg!(debug_assertions) {
            for quarter in 0..4 {
                let $i = $lane + quarter * LANES;
                $body
            }
        } else {
            let $i = $lane;
            $body
            let $i = $lane + LANES;
            $body
            let $i = $lane + 2 * LANES;
            $body
            let $i = $lane + 3 * LANES;
            $body
        }
    };
}

// Everything that the loops read besides the voxels is passed by value or copied first. Behind a
// reference, the compiler could not assume that it stays the same while the loops write.
kernels! {
    /// Adds the terms of a run of stretches to their sums.
    fn add<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        run: usize,
        sums: &mut [Lanes<T>; K],
        worst: &mut Worst<T>,
    ) {
        let (mut lanes, mut seen) = (*sums, *worst);
        let plan = Plan::new(&loss, &class);
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                for s in 0..run {
                    let mut kept = keep.stretch(kept, s);
                    for lane in 0..LANES {
                        let mut stretch = [T::ZERO; K];
                        for_each_quarter!(lane, i, {
                            let terms = keep.terms(loss, &class, &source, &y, &plan, kept.as_deref_mut(), s, i);
                            seen.see_one(lane, source.given(s, i));
                            for k in 0..K {
                                if !y.is_zero(&plan, k) {
                                    stretch[k] = stretch[k] + terms[k];
                                }
                            }
                        });
                        for k in 0..K {
                            if !y.is_zero(&plan, k) {
                                lanes[k].0[lane] = lanes[k].0[lane] + stretch[k];
                            }
                        }
                    }
                }
            },
        );
        (*sums, *worst) = (lanes, seen);
    }

    /// Adds the terms of a run of stretches to their sums, each term times the weight of its voxel.
    fn add_weighted<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        weights: &[Stretch<f64>],
        sums: &mut [Lanes<f64>; K],
        worst: &mut Worst<T>,
    ) {
        let (mut lanes, mut seen) = (*sums, *worst);
        let plan = Plan::new(&loss, &class);
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                for (s, weights) in weights.iter().enumerate() {
                    let mut kept = keep.stretch(kept, s);
                    for lane in 0..LANES {
                        let mut stretch = [0.0; K];
                        for_each_quarter!(lane, i, {
                            let terms = keep.terms(loss, &class, &source, &y, &plan, kept.as_deref_mut(), s, i);
                            seen.see_one(lane, source.given(s, i));
                            for k in 0..K {
                                if !y.is_zero(&plan, k) {
                                    stretch[k] += weights[i] * terms[k].to_f64();
                                }
                            }
                        });
                        for k in 0..K {
                            if !y.is_zero(&plan, k) {
                                lanes[k].0[lane] += stretch[k];
                            }
                        }
                    }
                }
            },
        );
        (*sums, *worst) = (lanes, seen);
    }

    /// Adds the terms and y of one stretch to the weighted or the unweighted sums. The result has
    /// the same bits as the other kernels, with one copy of the formula, for devices where code
    /// size matters.
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

    /// Σ slope·derivative of the terms at each voxel of a run of stretches, with respect to the
    /// variable of the source.
    fn slope<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        slopes: Slopes<T, K>,
        out: &mut [Stretch<T>],
    ) {
        let Slopes { scaled, scale } = slopes;
        let plan = Plan::new(&loss, &class);
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                for (s, out) in out.iter_mut().enumerate() {
                    for (i, out) in out.iter_mut().enumerate() {
                        let terms = loss.terms(&class, &source.dual(s, i), &y.share(s, i));
                        let mut sum = T::ZERO;
                        for k in 0..K {
                            if !y.is_zero(&plan, k) {
                                sum = sum + terms[k].derivative * scaled[k];
                            }
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

    /// Stores the derivatives of a run of stretches.
    fn keep<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Truth<T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        run: usize,
    ) {
        let plan = Plan::new(&loss, &class);
        loss.specialize(
            &class,
            #[inline(always)]
            |loss| {
                for s in 0..run {
                    let mut kept = keep.stretch(kept, s);
                    for i in 0..STRETCH {
                        keep.terms(loss, &class, &source, &y, &plan, kept.as_deref_mut(), s, i);
                    }
                }
            },
        );
    }

    /// Fills stretches with one number.
    fn fill<T>(number: T, out: &mut [Stretch<T>]) {
        out.fill([number; STRETCH]);
    }

    /// Writes the gradient where all terms have constant derivatives.
    fn blend<T>(slopes: Finish<T>, y: &[Stretch<T>], out: &mut [Stretch<T>]) {
        for (y, out) in y.iter().zip(out) {
            for i in 0..STRETCH {
                out[i] = slopes.of(slopes.blend(y[i]));
            }
        }
    }

    /// Writes the gradient where the derivatives of one term were stored.
    fn finish<T>(slopes: Finish<T>, y: &[Stretch<T>], kept: &mut [Stretch<T>]) {
        for (y, kept) in y.iter().zip(kept) {
            for i in 0..STRETCH {
                kept[i] = slopes.of(slopes.blend(y[i]) + slopes.other * kept[i]);
            }
        }
    }

    /// [`finish`] inside the class.
    fn finish_inside<T>(slopes: Finish<T>, kept: &mut [Stretch<T>]) {
        for kept in kept.as_flattened_mut() {
            *kept = slopes.of(slopes.inside + slopes.other * *kept);
        }
    }

    /// Adds all stretches of a run to a sum.
    fn add_up<T>(run: &[Stretch<T>], sum: &mut Lanes<T>) {
        for stretch in run {
            sum.add(stretch);
        }
    }

    /// Multiplies values by the weights of their voxels.
    fn weigh<T>(weights: &[Stretch<f64>], values: &mut [Stretch<T>]) {
        for (weights, values) in weights.iter().zip(values) {
            for i in 0..STRETCH {
                values[i] = finite(values[i] * T::from_f64(weights[i]));
            }
        }
    }

    /// Adds weight·value to a sum.
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

/// The slopes of a class's sums, scaled down by a power of 2 so that their products with finite
/// derivatives stay finite.
#[derive(Clone, Copy)]
pub(crate) struct Slopes<T, const K: usize> {
    scaled: [T; K],
    /// The factor to multiply the result by, unless it is 1.
    scale: Option<T>,
}

impl<T: Float, const K: usize> Slopes<T, K> {
    #[inline(always)]
    pub(crate) fn new(slopes: &[f64; K]) -> Self {
        let mut size = 0.0;
        for slope in slopes {
            size += 4.0 * slope.abs();
        }
        // Round down to a power of 2.
        let scale = f64::from_bits(size.max(1.0).to_bits() & 0x7ff0_0000_0000_0000);
        let inverse = 1.0 / scale;
        Self {
            scaled: slopes.map(|slope| T::from_f64(slope * inverse)),
            scale: (scale > 1.0).then(|| T::from_f64(scale)),
        }
    }
}

/// The slopes of a class's sums, where at most one stored number per voxel is needed for the
/// gradient.
#[derive(Clone, Copy)]
pub(crate) struct Finish<T> {
    /// The sum over the terms with constant derivatives, inside and outside the class.
    inside: T,
    outside: T,
    /// The slope of the term with stored derivatives.
    other: T,
    scale: T,
}

impl<T: Float> Finish<T> {
    #[inline(always)]
    pub(crate) fn new<const K: usize>(slopes: &Slopes<T, K>, plan: &Plan<K>) -> Self {
        let [mut inside, mut outside, mut other] = [T::ZERO; 3];
        for (term, slope) in slopes.scaled.iter().enumerate() {
            match plan.derivatives(term) {
                Some([of_inside, of_outside]) => {
                    inside = inside + slope.scale(of_inside);
                    outside = outside + slope.scale(of_outside);
                }
                None => other = *slope,
            }
        }
        Self {
            inside,
            outside,
            other,
            scale: slopes.scale.unwrap_or(T::from_f64(1.0)),
        }
    }

    /// The gradient inside and outside the class, if nothing was stored.
    #[inline(always)]
    pub(crate) fn constants(&self) -> [T; 2] {
        [self.of(self.inside), self.of(self.outside)]
    }

    #[inline(always)]
    fn blend(&self, y: T) -> T {
        self.inside * y + self.outside * Real::complement(y)
    }

    #[inline(always)]
    fn of(&self, scaled: T) -> T {
        finite(scaled * self.scale)
    }
}

/// The largest value seen, compared by bits: negative numbers and NaN compare larger than all
/// others.
#[derive(Clone, Copy)]
pub(crate) struct Worst<T: Float>([T::Bits; LANES]);

impl<T: Float> Worst<T> {
    #[inline(always)]
    pub(crate) fn none() -> Self {
        Self([T::default().to_bits(); LANES])
    }

    /// Takes in a probability, if there is one to check.
    #[inline(always)]
    fn see_one(&mut self, lane: usize, given: Option<T>) {
        if let Some(p) = given {
            self.0[lane] = self.0[lane].max(p.to_bits());
        }
    }

    /// Takes in the magnitudes of logits.
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

    /// Whether all values were probabilities or finite logits. Conservative: `false` means that the
    /// values must be checked one by one.
    #[inline(always)]
    pub(crate) fn is_valid(&self, input: Input) -> bool {
        let most = match input {
            Input::Probabilities => 1.0 + ROUNDING,
            Input::Softmax | Input::Sigmoid => T::MAX,
        };
        let most = T::from_f64(most).to_bits();
        self.0.iter().all(|bits| *bits <= most)
    }
}

/// Clamps x so far below the largest number of the type that sums of a few such numbers stay
/// finite.
#[inline(always)]
pub(crate) fn finite<T: Float>(x: T) -> T {
    x.clip(T::MAX / -64.0, T::MAX / 64.0)
}
