//! The loops over the voxels: a formula over a run of stretches of one class, without branches.
//!
//! They are written over scalars, and the compiler vectorizes them. So only numbers may depend on
//! the voxel; whatever is the same for a whole stretch is decided outside.

mod keep;
mod lanes;
mod slopes;
mod targets;
mod vectors;
mod worst;

pub use self::vectors::{Baseline, Vectors};

pub(crate) use self::keep::{Derivatives, Keep, Nothing};
pub(crate) use self::lanes::{Lanes, Sums};
use self::slopes::bounded;
pub(crate) use self::slopes::{Finish, Slopes};
pub(crate) use self::targets::{Inside, Outside, Soft, Targets};
pub(crate) use self::vectors::kernels;
pub(crate) use self::worst::Worst;
use crate::form::Plan;
use crate::source::Source;
use crate::stretch::{LANES, STRETCH, Stretch};
use crate::{Class, Float, Loss};

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
        y: impl Targets<T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        run: usize,
        sums: &mut [Lanes<T>; K],
        worst: &mut Worst<T>,
    ) {
        let (mut lanes, mut seen) = (*sums, *worst);
        let plan = Plan::new(&loss, &class);
        for s in 0..run {
            let mut kept = keep.stretch(kept, s);
            for lane in 0..LANES {
                let mut stretch = [T::ZERO; K];
                for_each_quarter!(lane, i, {
                    let terms = keep.terms(&loss, &class, &source, &y, &plan, kept.as_deref_mut(), s, i);
                    seen.see_one(lane, source.unchecked(s, i));
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
        (*sums, *worst) = (lanes, seen);
    }

    /// Computes the terms of one stretch, without those that are 0 at every voxel.
    fn terms<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: impl Targets<T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        out: &mut [Stretch<T>; K],
    ) {
        let plan = Plan::new(&loss, &class);
        let mut kept = keep.stretch(kept, 0);
        for i in 0..STRETCH {
            let terms = keep.terms(&loss, &class, &source, &y, &plan, kept.as_deref_mut(), 0, i);
            for (k, (out, term)) in out.iter_mut().zip(terms).enumerate() {
                if !y.is_zero(&plan, k) {
                    out[i] = term;
                }
            }
        }
    }

    /// Checks the given values of a run of stretches.
    fn see<T>(source: impl Source<T>, run: usize, worst: &mut Worst<T>) {
        let mut seen = *worst;
        for s in 0..run {
            for lane in 0..LANES {
                for_each_quarter!(lane, i, {
                    seen.see_one(lane, source.unchecked(s, i));
                });
            }
        }
        *worst = seen;
    }

    /// Adds the terms and y of one stretch to the weighted or the unweighted sums. The result has
    /// the same bits as the other kernels, with one copy of the formula, for devices where code
    /// size matters.
    fn add_stretch<T, const K>(
        loss: impl Loss<K>,
        class: Class,
        source: impl Source<T>,
        y: Soft<'_, T>,
        keep: impl Keep<T>,
        kept: &mut [Stretch<T>],
        weights: Option<&Stretch<f64>>,
        sums: (&mut Sums<T, K>, &mut Sums<f64, K>),
        worst: &mut Worst<T>,
    ) {
        let (plain, weighted) = sums;
        let plan = Plan::new(&loss, &class);
        let mut kept = keep.stretch(kept, 0);
        for lane in 0..LANES {
            let (mut stretch, mut products) = (([T::ZERO; K], T::ZERO), ([0.0; K], 0.0));
            for quarter in 0..STRETCH / LANES {
                let i = lane + quarter * LANES;
                let terms = keep.terms(&loss, &class, &source, &y, &plan, kept.as_deref_mut(), 0, i);
                let y = y.share(0, i);
                worst.see_one(lane, source.unchecked(0, i));
                if let Some(weights) = weights {
                    for (sum, term) in products.0.iter_mut().zip(terms) {
                        *sum += weights[i] * term.to_f64();
                    }
                    products.1 += weights[i] * y.to_f64();
                } else {
                    for (sum, term) in stretch.0.iter_mut().zip(terms) {
                        *sum = *sum + term;
                    }
                    stretch.1 = stretch.1 + y;
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
        y: impl Targets<T>,
        slopes: Slopes<T, K>,
        out: &mut [Stretch<T>],
    ) {
        let Slopes { scaled, scale, most } = slopes;
        let plan = Plan::new(&loss, &class);
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
                    *out = bounded(*out * scale, most);
                }
            }
        }
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

    /// Multiplies values by the weights of their voxels, up to a limit.
    fn weigh<T>(weights: &[Stretch<f64>], values: &mut [Stretch<T>], most: T) {
        for (weights, values) in weights.iter().zip(values) {
            for i in 0..STRETCH {
                values[i] = bounded(values[i] * T::from_f64(weights[i]), most);
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
