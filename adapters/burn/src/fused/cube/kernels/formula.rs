//! The formulas of a loss for one voxel and class, traced from the core.

use burn_cubecl::cubecl;
use cubecl::prelude::*;
use unifocal_core::{
    Input,
    formula::{Class, Dual, Loss, Probability},
};

use super::super::job::Job;
use super::super::trace::Traced;
use super::prediction::ClassProbability;

/// The terms TP, FP, FN and F of a voxel.
#[derive(CubeType, Clone, Copy)]
pub(super) struct Terms {
    pub(super) tp: f32,
    pub(super) fp: f32,
    pub(super) fn_: f32,
    pub(super) f: f32,
}

/// [`Loss::terms`] of a rare or a common class.
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
pub(super) fn terms(
    prob: &ClassProbability,
    y: f32,
    #[comptime] rare: bool,
    #[comptime] job: Job,
) -> Terms {
    intrinsic!(|scope| {
        let number = |value| Traced::new(scope, value);
        let probability = match job.plan.settings.input {
            Input::Probabilities => Probability::new(number(prob.p)),
            Input::Softmax | Input::Sigmoid => {
                Probability::from_ln(number(prob.p), number(prob.complement), number(prob.ln))
            }
        };
        let terms = job
            .plan
            .loss
            .terms(&class(rare, job.classes), &probability, &number(y));
        let [tp, fp, fn_, f] = terms.map(|term| term.value);
        TermsExpand { tp, fp, fn_, f }
    })
}

/// Σ slope·derivative of the terms, with respect to p (probabilities) or ln p (logits).
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
pub(super) fn slope(
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
        let terms = job
            .plan
            .loss
            .terms(&class(rare, job.classes), &probability, &number(y));
        let by = [by.tp, by.fp, by.fn_, by.f].map(number);
        let [a, b, c, d]: [Traced<'_>; 4] = std::array::from_fn(|k| terms[k].derivative * by[k]);
        (a + b + c + d).value
    })
}

/// A class as the terms see it: `index` and `alpha` do not matter to them.
fn class(rare: bool, count: usize) -> Class {
    Class {
        index: usize::from(rare),
        count,
        rare,
        alpha: 1.0,
    }
}

/// Whether a class is rare.
#[cube]
#[allow(unused_variables, reason = "used where the kernel is built")]
pub(super) fn is_rare(index: usize, #[comptime] job: Job) -> bool {
    intrinsic!(|scope| {
        let equals = |class: usize| {
            let class = NativeExpand::<usize>::from_lit(scope, class);
            index.__expand_eq_method(scope, &class)
        };
        let classes = job.plan.settings.classes();
        let rare = (0..job.classes).filter(|class| classes.class(*class, job.classes).rare);
        rare.map(equals)
            .reduce(|a, b| a.__expand_or_method(scope, b))
            .unwrap_or_else(|| NativeExpand::from_lit(scope, false))
    })
}
