//! The four kernels: `sum` over voxels, `merge` of the cubes' partial sums, `value` of the sums, and `gradient`.

#![allow(
    clippy::collapsible_if,
    clippy::manual_range_contains,
    clippy::semicolon_if_nothing_returned,
    reason = "CubeCL's language lacks the alternatives"
)]

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use unifocal_core::{Class, ClassSums, Dual, Input, Loss, Probability, limits};

use super::job::Job;
use super::math;
use super::trace::Traced;
use crate::plan::SUMS;

/// Threads per cube.
pub(super) const THREADS: u32 = 256;

/// Tolerance for probabilities outside [0, 1], to allow for rounding.
const ROUNDING: f32 = limits::ROUNDING as f32;

/// Bound on intermediate values, so that sums over the classes stay finite.
const LARGEST: f32 = f32::MAX / 64.0;

/// The largest valid voxel weight.
const LARGEST_WEIGHT: f32 = limits::LARGEST_WEIGHT as f32;

/// Up to this many classes, loops over them are unrolled and use registers.
const UNROLLED: usize = 8;

/// The softmax normalizer of a voxel: the largest logit, and Σ e^(z − largest) over the other classes.
#[derive(CubeType, Clone, Copy)]
struct Normalizer {
    largest: f32,
    /// The class of the largest logit.
    class: usize,
    others: f32,
}

/// p, 1 − p and ln p of a class; only p if the prediction is a probability.
#[derive(CubeType, Clone, Copy)]
#[allow(dead_code, reason = "the fields are read where the kernel is built")]
struct ClassProbability {
    p: f32,
    complement: f32,
    ln: f32,
    /// Whether the prediction is a probability or a finite logit.
    valid: bool,
}

/// The terms TP, FP, FN and F of a voxel.
#[derive(CubeType, Clone, Copy)]
struct Terms {
    tp: f32,
    fp: f32,
    fn_: f32,
    f: f32,
}

/// [`Loss::terms`] of a rare or a common class.
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
fn terms(prob: &ClassProbability, y: f32, #[comptime] rare: bool, #[comptime] job: Job) -> Terms {
    intrinsic!(|scope| {
        let number = |value| Traced::new(scope, value);
        let probability = match job.plan.settings.input {
            Input::Probabilities => Probability::new(number(prob.p)),
            Input::Softmax | Input::Sigmoid => {
                Probability::from_ln(number(prob.p), number(prob.complement), number(prob.ln))
            }
        };
        let terms = job.plan.loss.terms(&class(rare), &probability, &number(y));
        let [tp, fp, fn_, f] = terms.map(|term| term.value);
        TermsExpand { tp, fp, fn_, f }
    })
}

/// Σ slope·derivative of the terms, with respect to p (probabilities) or ln p (logits).
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
fn slope(
    prob: &ClassProbability,
    y: f32,
    by: &Terms,
    #[comptime] rare: bool,
    #[comptime] job: Job,
) -> f32 {
    intrinsic!(|scope| {
        let number = |value| Traced::new(scope, value);
        let p = number(prob.p);
        let probability = match job.plan.settings.input {
            Input::Probabilities => Probability::new(Dual::variable(p)),
            Input::Softmax | Input::Sigmoid => {
                Probability::by_ln(p, number(prob.complement), number(prob.ln))
            }
        };
        let terms = job.plan.loss.terms(&class(rare), &probability, &number(y));
        let by = [by.tp, by.fp, by.fn_, by.f].map(number);
        let [a, b, c, d]: [Traced<'_>; 4] = std::array::from_fn(|k| terms[k].derivative * by[k]);
        (a + b + c + d).value
    })
}

/// A class as the terms see it: only `rare` matters to them.
fn class(rare: bool) -> Class {
    Class {
        index: usize::from(rare),
        rare,
        alpha: 1.0,
    }
}

/// Whether a class is rare.
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
fn is_rare(index: usize, #[comptime] job: Job) -> bool {
    intrinsic!(|scope| {
        let equals = |class: usize| {
            let class = NativeExpand::<usize>::from_lit(scope, class);
            index.__expand_eq_method(scope, &class)
        };
        let rare = (0..job.classes).filter(|class| job.plan.settings.classes().class(*class).rare);
        rare.map(equals)
            .reduce(|a, b| a.__expand_or_method(scope, b))
            .unwrap_or_else(|| NativeExpand::from_lit(scope, false))
    })
}

/// x, or NaN if `wrong`.
#[cube]
fn poisoned(x: f32, wrong: bool) -> f32 {
    select(wrong, f32::from_bits(0x7fc0_0000u32), x)
}

/// The weight of a voxel: 0 if it is ignored, NaN if its weight or label is invalid.
#[cube]
fn weight<I: Int, W: Float>(
    labels: &Tensor<I>,
    weights: &Tensor<W>,
    at: usize,
    #[comptime] job: Job,
) -> f32 {
    let mut weight = f32::new(1.0);
    if comptime!(job.weighted) {
        weight = f32::cast_from(weights[at]);
        weight = poisoned(weight, weight < 0.0 || weight > LARGEST_WEIGHT);
    }
    if comptime!(!job.soft) {
        let stored = labels[at];
        let label = i32::cast_from(stored);
        // The cast may wrap a wide label into a class: compare after casting back.
        let held = I::cast_from(label) == stored;
        let is_class = held && label >= 0 && label < comptime!(job.classes as i32);
        let counts = weight != 0.0;
        weight = poisoned(weight, counts && !is_class);
        if comptime!(job.ignored.is_some()) {
            let ignored = held && label == comptime!(job.ignored.unwrap_or(0));
            weight = select(ignored, 0.0, weight);
        }
    }
    weight
}

/// Whether a voxel of this weight counts. A NaN weight must count, but `!=` is false for NaN in WGSL and SPIR-V.
#[cube]
#[allow(clippy::nonminimal_bool, reason = "see above")]
fn counts(weight: f32) -> bool {
    !(weight == 0.0)
}

/// The target y of a class.
#[cube]
fn target_of<I: Int, Y: Float>(
    labels: &Tensor<I>,
    target: &Tensor<Y>,
    at: usize,
    first: usize,
    voxels: usize,
    class: usize,
    #[comptime] job: Job,
) -> f32 {
    let mut y = f32::new(0.0);
    if comptime!(!job.soft) {
        if usize::cast_from(labels[at]) == class {
            y = 1.0;
        }
    } else if comptime!(job.channels == 1) {
        y = f32::cast_from(target[first]);
        if class == 0 {
            y = 1.0 - y;
        }
    } else {
        y = f32::cast_from(target[first + class * voxels]);
    }
    y
}

/// The softmax normalizer of the voxel whose first channel is at `first`.
#[cube]
fn normalizer<F: Float>(
    prediction: &Tensor<F>,
    first: usize,
    voxels: usize,
    #[comptime] job: Job,
) -> Normalizer {
    let mut largest = f32::cast_from(prediction[first]);
    let mut class = 0usize;
    let mut others = f32::new(0.0);
    if comptime!(job.plan.settings.input == Input::Softmax) {
        #[unroll(job.classes <= UNROLLED)]
        for index in 1..job.classes {
            let z = f32::cast_from(prediction[first + index * voxels]);
            if z > largest {
                others = (others + 1.0) * math::exp(largest - z);
                largest = z;
                class = index;
            } else {
                others += math::exp(z - largest);
            }
        }
    }
    Normalizer {
        largest,
        class,
        others,
    }
}

/// The probability of a class.
#[cube]
fn class_probability<F: Float>(
    prediction: &Tensor<F>,
    first: usize,
    voxels: usize,
    normalizer: &Normalizer,
    class: usize,
    #[comptime] job: Job,
) -> ClassProbability {
    let channel = class * comptime!(usize::from(job.channels > 1));
    let x = f32::cast_from(prediction[first + channel * voxels]);
    let mut p = x;
    let mut complement = f32::new(0.0);
    let mut ln = f32::new(0.0);
    let mut valid = x.abs() <= f32::MAX;
    match comptime!(job.plan.settings.input) {
        Input::Probabilities => {
            valid = p >= -ROUNDING && p <= 1.0 + ROUNDING;
            if comptime!(job.channels == 1) {
                if class == 0 {
                    p = 1.0 - p;
                }
            }
        }
        Input::Sigmoid => {
            let mut z = x;
            if comptime!(job.channels == 1) {
                if class == 0 {
                    z = -z;
                }
            }
            let e = math::exp(-z.abs());
            let large = 1.0 / (1.0 + e);
            let small = e * large;
            p = select(z < 0.0, small, large);
            complement = select(z < 0.0, large, small);
            ln = select(z < 0.0, z, 0.0) - math::ln_1p(e);
        }
        Input::Softmax => {
            let below = x - normalizer.largest;
            let sum = 1.0 + normalizer.others;
            p = math::exp(below) / sum;
            complement = select(class == normalizer.class, normalizer.others / sum, 1.0 - p);
            ln = below - math::ln_1p(normalizer.others);
        }
    }
    // Keep ln p finite, so that 0·ln p is 0. NaN passes through.
    ln = select(ln < -LARGEST, -LARGEST, ln);
    ClassProbability {
        p,
        complement,
        ln,
        valid,
    }
}

/// Sums each stretch of a sample's voxels, [N, stretches, C, 6].
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(super) fn sum<F: Float, I: Int, Y: Float, W: Float>(
    prediction: &Tensor<F>,
    labels: &Tensor<I>,
    target: &Tensor<Y>,
    weights: &Tensor<W>,
    partial: &mut Tensor<f32>,
    samples: usize,
    voxels: usize,
    stretches: usize,
    stretch: usize,
    #[comptime] job: Job,
    #[define(F, I, Y, W)] _types: [ElemType; 4],
) {
    let cube = CUBE_POS;
    let sample = cube / stretches;
    // CubeCL may launch extra cubes. They must not return early, because of the barriers below.
    let in_range = sample < samples;
    let start = (cube % stretches) * stretch;
    let end = select(in_range, min(start + stretch, voxels), 0);
    let mut sums = Array::<f32>::new(job.classes * SUMS);
    #[unroll(job.classes <= UNROLLED)]
    for index in 0..job.classes * SUMS {
        sums[index] = 0.0;
    }

    let mut voxel = start + UNIT_POS as usize;
    while voxel < end {
        let at = sample * voxels + voxel;
        let weight = weight::<I, W>(labels, weights, at, job.clone());
        if counts(weight) {
            let first = sample * job.channels * voxels + voxel;
            let normalizer = normalizer::<F>(prediction, first, voxels, job.clone());
            #[unroll(job.classes <= UNROLLED)]
            for class in 0..job.classes {
                let prob = class_probability::<F>(
                    prediction,
                    first,
                    voxels,
                    &normalizer,
                    class,
                    job.clone(),
                );
                let y = target_of::<I, Y>(labels, target, at, first, voxels, class, job.clone());
                // Poison the weight, not the terms: clamping the terms could hide NaN.
                let valid = prob.valid && y >= 0.0 && y <= 1.0;
                let weight = poisoned(weight, !valid);
                let base = class * SUMS;
                if is_rare(class, job.clone()) {
                    add(&mut sums, base, terms(&prob, y, true, job.clone()), weight);
                } else {
                    add(&mut sums, base, terms(&prob, y, false, job.clone()), weight);
                }
                sums[base + 4] += weight * y;
                sums[base + 5] += weight;
            }
        }
        voxel += THREADS as usize;
    }

    let base = cube * job.classes * SUMS;
    let unit = UNIT_POS as usize;
    let mut shared = Shared::new_slice(comptime!(SUMS * THREADS as usize));
    #[unroll(job.classes <= UNROLLED)]
    for class in 0..job.classes {
        let first = class * SUMS;
        #[unroll]
        for k in 0..SUMS {
            shared[k * comptime!(THREADS as usize) + unit] = sums[first + k];
        }
        add_up(&mut shared, SUMS);
        if in_range && unit < SUMS {
            partial[base + first + unit] = shared[unit * comptime!(THREADS as usize)];
        }
        sync_cube();
    }
}

/// Adds the terms of a voxel to the sums of its class, which begin at `base`.
#[cube]
fn add(sums: &mut Array<f32>, base: usize, terms: Terms, weight: f32) {
    sums[base] += weight * terms.tp;
    sums[base + 1] += weight * terms.fp;
    sums[base + 2] += weight * terms.fn_;
    sums[base + 3] += weight * terms.f;
}

/// Tree reduction over the threads of a cube, `count` numbers each, in a fixed order.
#[cube]
fn add_up(shared: &mut Shared<[f32]>, #[comptime] count: usize) {
    sync_cube();
    let mut half = CUBE_DIM / 2;
    while half > 0 {
        if UNIT_POS < half {
            #[unroll]
            for k in 0..count {
                let first = k * comptime!(THREADS as usize);
                shared[first + UNIT_POS as usize] += shared[first + (UNIT_POS + half) as usize];
            }
        }
        sync_cube();
        half /= 2;
    }
}

/// Merges the sums of a sample's stretches, [N, C, 6].
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(super) fn merge(
    partial: &Tensor<f32>,
    sums: &mut Tensor<f32>,
    samples: usize,
    stretches: usize,
    count: usize,
) {
    let cube = CUBE_POS;
    let sample = cube / count;
    let in_range = sample < samples;
    let end = select(in_range, stretches, 0);
    let mut total = f32::new(0.0);
    let mut stretch = UNIT_POS as usize;
    while stretch < end {
        total += partial[(sample * stretches + stretch) * count + cube % count];
        stretch += THREADS as usize;
    }
    let mut shared = Shared::new_slice(THREADS as usize);
    shared[UNIT_POS as usize] = total;
    add_up(&mut shared, 1usize);
    if in_range && UNIT_POS == 0 {
        sums[cube] = shared[0];
    }
}

#[cube]
fn load(from: &Tensor<f32>, index: usize) -> f32 {
    from[index]
}

#[cube]
fn store(to: &mut Tensor<f32>, index: usize, value: f32) {
    to[index] = value;
}

/// The value of each group, whether it counts, and the slopes of the value by the group's sums.
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(super) fn value(
    sums: &Tensor<f32>,
    values: &mut Tensor<f32>,
    counts: &mut Tensor<f32>,
    slopes: &mut Tensor<f32>,
    groups: usize,
    #[comptime] job: Job,
) {
    let group = ABSOLUTE_POS;
    if group < groups {
        group_value(sums, values, counts, slopes, group, job);
    }
}

/// [`Classes::value`](unifocal_core::Classes::value), [`Classes::counts`](unifocal_core::Classes::counts) and
/// [`Classes::slopes`](unifocal_core::Classes::slopes).
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
fn group_value(
    sums: &Tensor<f32>,
    values: &mut Tensor<f32>,
    counts: &mut Tensor<f32>,
    slopes: &mut Tensor<f32>,
    group: usize,
    #[comptime] job: Job,
) {
    intrinsic!(|scope| {
        let number = |value: usize| NativeExpand::<usize>::from_lit(scope, value);
        let base = group.__expand_mul_method(scope, number(job.classes * SUMS));
        let index =
            |class: usize, k: usize| base.__expand_add_method(scope, number(class * SUMS + k));
        let of_classes: Vec<_> = (0..job.classes)
            .map(|class| {
                let sum = |k| Traced::new(scope, load::expand(scope, sums, index(class, k)));
                ClassSums::from(std::array::from_fn::<_, SUMS, _>(sum))
            })
            .collect();
        let classes = job.plan.settings.classes();
        let zero = Traced::constant(scope, 0.0);
        let value = classes.value(&job.plan.loss, &of_classes).unwrap_or(zero);
        store::expand(scope, values, group, value.value);
        let counted = classes.counts(&of_classes).unwrap_or(zero);
        store::expand(scope, counts, group, counted.value);
        let mut by_sums = vec![[zero; 4]; job.classes];
        classes.slopes(&job.plan.loss, &of_classes, &mut by_sums);
        for (class, by_sums) in by_sums.into_iter().enumerate() {
            let all = by_sums.into_iter().chain([zero; SUMS - 4]);
            for (k, slope) in all.enumerate() {
                store::expand(scope, slopes, index(class, k), slope.value);
            }
        }
    })
}

/// The gradient of Σ slope·sum at each voxel.
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(super) fn gradient<F: Float, I: Int, Y: Float, W: Float>(
    prediction: &Tensor<F>,
    labels: &Tensor<I>,
    target: &Tensor<Y>,
    weights: &Tensor<W>,
    slopes: &Tensor<f32>,
    gradient: &mut Tensor<F>,
    samples: usize,
    voxels: usize,
    #[comptime] job: Job,
    #[define(F, I, Y, W)] _types: [ElemType; 4],
) {
    let at = ABSOLUTE_POS;
    if at >= samples * voxels {
        terminate!();
    }
    let sample = at / voxels;
    let voxel = at % voxels;
    let first = sample * job.channels * voxels + voxel;
    let weight = weight::<I, W>(labels, weights, at, job.clone());
    if !counts(weight) {
        #[unroll(job.channels <= UNROLLED)]
        for channel in 0..job.channels {
            gradient[first + channel * voxels] = F::new(0.0);
        }
        terminate!();
    }

    let normalizer = normalizer::<F>(prediction, first, voxels, job.clone());
    // Slopes with respect to p or ln p: of each class, of the likeliest, and the sum over the others.
    let mut by = Array::<f32>::new(job.classes);
    let mut by_likeliest = f32::new(0.0);
    let mut by_others = f32::new(0.0);
    #[unroll(job.classes <= UNROLLED)]
    for class in 0..job.classes {
        let prob =
            class_probability::<F>(prediction, first, voxels, &normalizer, class, job.clone());
        let y = target_of::<I, Y>(labels, target, at, first, voxels, class, job.clone());
        let base = (sample * job.classes + class) * SUMS;
        let a = slopes[base];
        let b = slopes[base + 1];
        let c = slopes[base + 2];
        let d = slopes[base + 3];
        // Scale the slopes down, so that their products with large derivatives stay finite.
        let scale = max(4.0 * (a.abs() + b.abs() + c.abs() + d.abs()), 1.0);
        let slopes_of = Terms {
            tp: a / scale,
            fp: b / scale,
            fn_: c / scale,
            f: d / scale,
        };
        let mut slope_of = slope(&prob, y, &slopes_of, false, job.clone());
        if is_rare(class, job.clone()) {
            slope_of = slope(&prob, y, &slopes_of, true, job.clone());
        }
        slope_of = finite(slope_of * scale);
        by[class] = slope_of;
        if class == normalizer.class {
            by_likeliest = slope_of;
        } else {
            by_others += slope_of;
        }
    }

    #[unroll(job.channels <= UNROLLED)]
    for channel in 0..job.channels {
        let class = channel + comptime!(usize::from(job.channels == 1));
        let own = by[class];
        let prob =
            class_probability::<F>(prediction, first, voxels, &normalizer, class, job.clone());
        let mut by_input = own;
        match comptime!(job.plan.settings.input) {
            Input::Probabilities => {
                if comptime!(job.channels == 1) {
                    by_input = own - by[0];
                }
            }
            Input::Sigmoid => {
                by_input = own * prob.complement;
                if comptime!(job.channels == 1) {
                    by_input -= by[0] * prob.p;
                }
            }
            Input::Softmax => {
                // h_c − p_c·Σ h, arranged to avoid cancellation where p_c is near 1.
                by_input = select(
                    class == normalizer.class,
                    own * prob.complement - prob.p * by_others,
                    own - prob.p * (by_likeliest + by_others),
                );
            }
        }
        gradient[first + channel * voxels] = narrowed::<F>(finite(by_input * weight));
    }
}

/// Clamps x to ±`LARGEST`; NaN passes through.
#[cube]
fn finite(x: f32) -> f32 {
    let x = select(x > LARGEST, LARGEST, x);
    select(x < -LARGEST, -LARGEST, x)
}

/// Casts to a narrower type, clamping to its range; NaN passes through.
#[cube]
fn narrowed<F: Float>(x: f32) -> F {
    let most = f32::cast_from(F::max_value());
    let x = select(x > most, most, x);
    F::cast_from(select(x < -most, -most, x))
}
