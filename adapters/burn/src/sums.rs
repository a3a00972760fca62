//! The sums of a loss, and the loss as a function of them.

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{DType, Device, Tensor};
use unifocal_core::{
    Pooling,
    formula::{ClassSums, Loss, Parts},
};

use crate::composed::{self, runs};
use crate::elementwise::Elementwise;
use crate::fused;
use crate::inputs::{Inputs, TargetTensor};
use crate::plan::{Plan, Route, SUMS};
use crate::{AllReduce, Error};

/// The sums of a loss over the voxels of each group (a sample, or the batch; each region of them, if the channels are regions) and class. The loss depends on its tensors only through
/// these sums. They are differentiable with respect to the prediction.
///
/// To share a batch between devices, add up their sums with [`all_reduce`](Sums::all_reduce) before computing the value.
#[derive(Clone, Debug)]
pub struct Sums {
    plan: Arc<Plan>,
    /// [G, C, 6].
    tensor: Tensor<3>,
    /// The type of the value.
    dtype: DType,
}

impl Sums {
    /// The sums of a loss over these inputs, by the route of the plan.
    pub(crate) fn of(plan: Arc<Plan>, inputs: Inputs) -> Result<Self, Error> {
        let annotated = inputs.annotated.clone();
        let inputs = match &annotated {
            Some(annotated) => annotated.merged(inputs, &plan.settings),
            None => inputs,
        };
        let (dtype, regions) = (inputs.prediction.dtype(), inputs.regions);
        let beside = match &inputs.target {
            _ if plan.settings.is_multilabel() => plan.of_one_region(),
            TargetTensor::Labels(labels) => plan.beside(labels.dtype()),
            TargetTensor::Soft(_) => Arc::clone(&plan),
        };
        let per_sample = if is_fused(&plan, &inputs.prediction.device(), dtype) {
            fused::sums(&beside, inputs).map_err(|error| error.of_regions(regions))?
        } else {
            composed::sums(&beside, inputs)
        };
        let per_sample = match annotated {
            Some(annotated) => annotated.masked(per_sample),
            None => per_sample,
        };
        let tensor = match plan.settings.pooling {
            Pooling::PerSample => per_sample,
            Pooling::Batch => {
                let [samples, classes, _] = per_sample.dims();
                let by_region = per_sample.reshape([samples / regions, regions, classes, SUMS]);
                by_region.sum_dim(0).squeeze_dim(0)
            }
        };
        // f16 and bf16 would lose the precision of the sums.
        let dtype = match dtype {
            DType::F64 => DType::F64,
            _ => DType::F32,
        };
        Ok(Self {
            plan,
            tensor,
            dtype,
        })
    }

    /// The same without a graph.
    #[cfg(feature = "train")]
    pub(crate) fn without_autodiff(self) -> Self {
        Self {
            tensor: self.tensor.without_autodiff(),
            ..self
        }
    }

    /// The sums of each class, each with an entry per group.
    pub(crate) fn by_class(&self) -> Vec<ClassSums<Elementwise<1>, 4>> {
        let of_class = |index| {
            let sums: [Elementwise<2>; SUMS] = of_classes(&self.tensor, &(index..index + 1)).into();
            ClassSums::from(sums.map(|sum| Elementwise(sum.0.squeeze_dim(1))))
        };
        (0..self.tensor.dims()[1]).map(of_class).collect()
    }

    /// The sums, [G, C, 6]: TP, FP, FN and F (0 for those that the loss does not use), Σ v·y and Σ v.
    ///
    /// `f64` if the loss is fused on a device with `f64`, otherwise `f32`.
    pub fn tensor(&self) -> Tensor<3> {
        self.tensor.clone()
    }

    /// Adds up the sums of all ranks, for a batch that is spread over devices, processes or machines.
    ///
    /// Every rank gets the value of the whole batch. Its gradient is the gradient with respect to the rank's own predictions, times the
    /// number of ranks. Data-parallel training averages gradients over the ranks, which then gives the gradient of the whole batch. Every
    /// rank must use its value in the same way.
    ///
    /// # Errors
    ///
    /// Sums per sample: they cannot be added to those of other samples.
    pub fn all_reduce(self, ranks: &impl AllReduce) -> Result<Self, Error> {
        if self.plan.settings.pooling == Pooling::PerSample {
            return Err(Error::PerSample);
        }
        let own = self.tensor;
        let constant = own.clone().detach();
        let all = ranks.sum(constant.clone()).detach();
        // The value is that of all ranks; the gradient flows to this rank's sums only, times the number of ranks.
        let tensor = all + (own - constant).mul_scalar(ranks.ranks() as f64);
        Ok(Self { tensor, ..self })
    }

    /// The loss of each group (a sample, or the batch), `[G]`: 0 where no voxel counts.
    pub fn values(self) -> Tensor<1> {
        let [values, _] = self.values_and_counts();
        values
    }

    /// The mean loss of the groups in which at least one voxel counts, `[1]`; 0 if there is none.
    pub fn mean(self) -> Tensor<1> {
        let [groups, ..] = self.tensor.dims();
        let [values, counts] = self.values_and_counts();
        match groups {
            1 => values,
            _ => values.sum() / counts.sum().clamp_min(1.0),
        }
    }

    /// The sums of each region, if the regions differ in α.
    fn by_region(&self) -> Option<impl Iterator<Item = Self>> {
        let [groups, count, _] = self.tensor.dims();
        let regions = self.plan.settings.classes().region_count(count);
        let each = [groups / regions, regions, count, SUMS];
        let of_region = move |region| {
            let mut plan = (*self.plan).clone();
            let alpha = self.plan.settings.class_alpha.as_ref()?.chunks(count);
            plan.settings.class_alpha = alpha.map(Vec::from).nth(region);
            Some(Self {
                plan: Arc::new(plan),
                tensor: self
                    .tensor
                    .clone()
                    .reshape(each)
                    .narrow(1, region, 1)
                    .squeeze_dim(1),
                dtype: self.dtype,
            })
        };
        (regions > 1).then(|| (0..regions).filter_map(of_region))
    }

    /// The loss of each group, and whether the group counts (1) or not (0).
    fn values_and_counts(self) -> [Tensor<1>; 2] {
        if let Some(each) = self.by_region() {
            let (values, counts) = each.map(|sums| sums.values_and_counts().into()).unzip();
            return [values, counts].map(|each: Vec<_>| Tensor::stack::<2>(each, 1).reshape([-1]));
        }
        if is_fused(&self.plan, &self.tensor.device(), self.dtype) {
            return fused::values(&self.plan, &self.tensor, self.dtype);
        }
        let classes = self.plan.settings.classes();
        let weight = classes.normalized();
        // Classes of one kind are computed together: one by one, Burn's graph would grow with the number of classes.
        let [_, count, _] = self.tensor.dims();
        let kind = |index| {
            let class = classes.class(index, count);
            (class.rare, class.alpha, weight(index))
        };
        let parts = runs(count, kind)
            .into_iter()
            .filter_map(|((.., weight), run)| {
                let sums = of_classes(&self.tensor, &run);
                let class = classes.class(run.start, count);
                let part = classes.part(&self.plan.loss, &class, weight, &sums)?;
                Some(part.map(|of| Elementwise(of.0.sum_dim(1).squeeze_dim::<1>(1))))
            })
            .reduce(Parts::merge)
            .expect("there is at least one class");
        [parts.clone().value(), parts.counts()].map(|of| of.0.cast(self.dtype))
    }

    /// The loss of each class in each group, [G, C]: its region-based part plus its distribution-based part, both before class weights.
    pub fn per_class(self) -> Tensor<2> {
        if let Some(each) = self.by_region() {
            let [groups, count, _] = self.tensor.dims();
            let each: Vec<_> = each.map(Sums::per_class).collect();
            return Tensor::stack::<3>(each, 1).reshape([groups, count]);
        }
        let classes = self.plan.settings.classes();
        let [_, count, _] = self.tensor.dims();
        let kind = |index| {
            let class = classes.class(index, count);
            (class.rare, class.alpha)
        };
        let scores = runs(count, kind).into_iter().map(|(_, run)| {
            let sums = of_classes(&self.tensor, &run);
            let class = classes.class(run.start, count);
            let score = self.plan.loss.finalize(&class, &sums);
            score.total().0
        });
        Tensor::cat(scores.collect(), 1).cast(self.dtype)
    }
}

/// Whether the plan is to be fused, and the device can.
fn is_fused(plan: &Plan, device: &Device, dtype: DType) -> bool {
    plan.route == Route::Auto && fused::is_fused(device, dtype)
}

/// The sums of a run of classes, [G, run].
fn of_classes(tensor: &Tensor<3>, run: &Range<usize>) -> ClassSums<Elementwise<2>, 4> {
    let of_run = tensor.clone().narrow(1, run.start, run.len());
    let sum = |k| Elementwise(of_run.clone().narrow(2, k, 1).squeeze_dim(2));
    ClassSums::from(std::array::from_fn::<_, SUMS, _>(sum))
}
