//! The sums of a loss, and what they are worth.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{DType, Tensor};
use unifocal_core::{ClassSums, Loss, Parts, Pooling};

use crate::composed::runs;
use crate::elementwise::Elementwise;
use crate::fused;
use crate::plan::{Plan, SUMS};
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
        let tensor = match plan.settings.pooling {
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
        if self.plan.settings.pooling == Pooling::PerSample {
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
            let classes = self.plan.settings.classes();
            let weight = classes.normalized();
            // Classes that are alike at once: of operations on each by itself, Burn would keep a chain as long as there are classes.
            let kind = |index| {
                let class = classes.class(index);
                (class.rare, class.alpha, weight(index))
            };
            let parts = runs(self.tensor.dims()[1], kind)
                .into_iter()
                .filter_map(|((.., weight), run)| {
                    let sums = of_classes(&self.tensor, &run);
                    let part = classes.part(&self.plan.loss, run.start, weight, &sums)?;
                    Some(part.map(|of| Elementwise(of.0.sum_dim(1).squeeze_dim::<1>(1))))
                })
                .reduce(Parts::merge)
                .expect("a class at least");
            [parts.clone().value(), parts.counts()].map(|of| of.0.cast(self.dtype))
        })
    }

    /// What each class scores in each group, [G, C]: its part of the mean over the classes plus its part of the sum over them,
    /// each before class weights.
    pub fn per_class(self) -> Tensor<2> {
        let classes = self.plan.settings.classes();
        let kind = |index| (classes.class(index).rare, classes.class(index).alpha);
        let scores = runs(self.tensor.dims()[1], kind)
            .into_iter()
            .map(|(_, run)| {
                let sums = of_classes(&self.tensor, &run);
                let score = self.plan.loss.finalize(&classes.class(run.start), &sums);
                score.total().0
            });
        Tensor::cat(scores.collect(), 1).cast(self.dtype)
    }
}

/// The sums of a run of classes, [G, run].
fn of_classes(tensor: &Tensor<3>, run: &Range<usize>) -> ClassSums<Elementwise<2>, 4> {
    let of_run = tensor.clone().narrow(1, run.start, run.len());
    let sum = |k| Elementwise(of_run.clone().narrow(2, k, 1).squeeze_dim(2));
    ClassSums::from(std::array::from_fn::<_, SUMS, _>(sum))
}
