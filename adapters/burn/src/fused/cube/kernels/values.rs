//! `value` of the sums, and its slopes.

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use unifocal_core::formula::ClassSums;

use super::super::job::Job;
use super::super::trace::Traced;
use crate::plan::SUMS;

/// The value of each group, whether it counts, and the slopes of the value by the group's sums.
#[cfg_attr(test, cube(launch, create_dummy_kernel))]
#[cfg_attr(not(test), cube(launch))]
pub(in crate::fused::cube) fn value(
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

#[cube]
fn load(from: &Tensor<f32>, index: usize) -> f32 {
    from[index]
}

#[cube]
fn store(to: &mut Tensor<f32>, index: usize, value: f32) {
    to[index] = value;
}
