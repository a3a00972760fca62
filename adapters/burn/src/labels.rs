//! Compares labels with numbers that their type may not hold: Burn cannot compare with such a number.

use burn::tensor::{Bool, Int, Tensor};

use crate::plan::range;

/// Where labels are outside of 0..`count`.
pub(crate) fn beyond(labels: &Tensor<2, Int>, count: usize) -> Tensor<2, Bool> {
    let held = range(labels.dtype());
    let mut wrong = match *held.start() {
        0 => nowhere(labels),
        _ => labels.clone().lower_elem(0),
    };
    if held.contains(&(count as i64)) {
        wrong = wrong.bool_or(labels.clone().greater_equal_elem(count as i64));
    }
    wrong
}

/// Where labels are in a set.
pub(crate) fn is_any(labels: &Tensor<2, Int>, set: &[i64]) -> Tensor<2, Bool> {
    let held = range(labels.dtype());
    set.iter()
        .filter(|label| held.contains(label))
        .map(|label| labels.clone().equal_elem(*label))
        .reduce(Tensor::bool_or)
        .unwrap_or_else(|| nowhere(labels))
}

fn nowhere(labels: &Tensor<2, Int>) -> Tensor<2, Bool> {
    labels.zeros_like().bool()
}
