//! The sums of a loss, and what they are worth.

use std::sync::Arc;

use burn::tensor::{DType, Tensor};
use unifocal_core::{ClassSums, Loss, Pooling};

use crate::elementwise::Elementwise;
use crate::fused;
use crate::plan::Plan;
use crate::{AllReduce, Error};

/// The sums of a loss over the voxels of each group (a sample, or the batch) and class: all that a loss knows of its
/// tensors, differentiable with respect to the prediction.
///
/// Between these sums and their value is the place to add up those of other devices: see [`all_reduce`](Sums::all_reduce).
#[derive(Clone, Debug)]
pub struct Sums {
    plan: Arc<Plan>,
    /// [G, C, 6].
    tensor: Tensor<3>,
    /// What their value is to be.
    dtype: DType,
}

impl Sums {
    pub(crate) fn new(plan: Arc<Plan>, per_sample: Tensor<3>, dtype: DType) -> Self {
        let tensor = match plan.pooling {
            Pooling::PerSample => per_sample,
            Pooling::Batch => per_sample.sum_dim(0),
        };
        // What is narrower would lose the sums, which are f32 or f64.
        let dtype = match dtype {
            DType::F64 => DType::F64,
            _ => DType::F32,
        };
        Self {
            plan,
            tensor,
            dtype,
        }
    }

    /// The sums, [G, C, 6]: TP, FP, FN and F as far as the loss has them, Σ v·y and Σ v.
    ///
    /// In `f64` where the device has it and the loss is fused, in `f32` elsewhere.
    pub fn tensor(&self) -> Tensor<3> {
        self.tensor.clone()
    }

    /// The same with the sums of all ranks in place of this one's, for a loss over a batch that is spread over several
    /// devices, processes or machines.
    ///
    /// Every rank gets the value of the whole batch. Its gradient is that with respect to the rank's own predictions, times the number
    /// of ranks: averaged over the ranks, as data-parallel training does, the gradients with respect to the parameters are those of the
    /// whole batch. What each rank does with its value must be the same.
    ///
    /// # Errors
    ///
    /// Sums per sample, which have no counterpart elsewhere.
    pub fn all_reduce(self, ranks: &impl AllReduce) -> Result<Self, Error> {
        if self.plan.pooling == Pooling::PerSample {
            return Err(Error::PerSample);
        }
        let own = self.tensor;
        let constant = own.clone().detach();
        let all = ranks.sum(constant.clone()).detach();
        // The value of all, the slope of this rank's own, as often as there are ranks.
        let tensor = all + (own - constant).mul_scalar(ranks.ranks() as f64);
        Ok(Self { tensor, ..self })
    }

    /// The loss of each group, `[G]`: of each sample, or of the batch. It is 0 where nothing counts.
    pub fn values(self) -> Tensor<1> {
        let [values, _] = self.values_and_counts();
        values
    }

    /// The mean of the losses of the groups in which something counts, `[1]`; 0 if there is none.
    pub fn mean(self) -> Tensor<1> {
        let [groups, ..] = self.tensor.dims();
        let [values, counts] = self.values_and_counts();
        match groups {
            1 => values,
            _ => values.sum() / counts.sum().clamp_min(1.0),
        }
    }

    /// The loss of each group, and 1 where something counts, or 0.
    fn values_and_counts(self) -> [Tensor<1>; 2] {
        fused::values(&self.plan, &self.tensor, self.dtype).unwrap_or_else(|| {
            let (classes, sums) = (self.plan.classes(), of_classes(&self.tensor));
            [classes.value(&self.plan.loss, &sums), classes.counts(&sums)]
                .map(|of| of.expect("a class at least").0.cast(self.dtype))
        })
    }

    /// What each class scores in each group, [G, C]: its part of the mean over the classes plus its part of the sum over them,
    /// each before class weights.
    pub fn per_class(self) -> Tensor<2> {
        let classes = self.plan.classes();
        let of_class = of_classes(&self.tensor).into_iter().enumerate();
        let scores = of_class.map(|(index, sums)| {
            let score = self.plan.loss.finalize(&classes.class(index), &sums);
            score.total().0
        });
        Tensor::stack(scores.collect(), 1).cast(self.dtype)
    }
}

/// The sums of each class, with one entry per group.
fn of_classes(tensor: &Tensor<3>) -> Vec<ClassSums<Elementwise<1>, 4>> {
    let [groups, count, _] = tensor.dims();
    let sum = |class, k| {
        let sum = tensor
            .clone()
            .slice([0..groups, class..class + 1, k..k + 1]);
        Elementwise(sum.reshape([groups]))
    };
    let of_class = |class| ClassSums {
        terms: std::array::from_fn(|k| sum(class, k)),
        target: sum(class, 4),
        voxels: sum(class, 5),
    };
    (0..count).map(of_class).collect()
}
