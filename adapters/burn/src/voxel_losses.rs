//! The loss of each voxel, for maps and for weighing voxels by their losses.

#[cfg(feature = "flex")]
mod by_engine;

use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorData};
use unifocal_core::{
    engine::{Factors, VoxelLoss},
    formula::{Loss, Real, class_count},
};

use crate::annotated::Annotated;
use crate::composed::{Operands, runs};
use crate::inputs::{Inputs, Targets};
use crate::loss::unwrap;
use crate::plan::Plan;
use crate::{Elementwise, Error, SegmentationLoss};

impl SegmentationLoss {
    /// The loss of each voxel, [N, spatial…] for predictions [N, C, spatial…]: PyTorch's `reduction="none"`. `f64` for `f64` predictions,
    /// otherwise `f32`.
    ///
    /// It is the distribution-based part of the loss at the voxel, times the voxel's weight; 0 for a voxel that does not count. So in
    /// each sample, the sum over the voxels divided by the sum of their weights is the distribution-based part of the sample's loss:
    /// without weights and ignored voxels, the mean. A compound loss is its region-based part plus that. With
    /// [`with_multilabel`](Self::with_multilabel), it is the mean over the regions. Neither the reduction, nor
    /// [`Pooling`](crate::Pooling), nor [`AbsentClass`](crate::AbsentClass) affects it.
    ///
    /// Gradients flow through it, so you can train on any function of it. On `flex`, the engine computes it and its gradient. On other
    /// devices, with [`Route::Composed`](crate::Route::Composed), with [annotated classes](Targets::with_annotated) and with α per region,
    /// it is composed of Burn's tensor operations, and invalid data give NaN at their voxels.
    ///
    /// # Panics
    ///
    /// See [`SegmentationLoss`]; also for a loss without a distribution-based part.
    ///
    /// # Example
    ///
    /// The mean over the hardest quarter of the voxels:
    ///
    /// ```
    /// use unifocal_burn::burn::tensor::{Device, Distribution, Int, Tensor};
    /// use unifocal_burn::{CrossEntropyLossConfig, Input};
    ///
    /// let device = Device::flex().autodiff();
    /// let logits = Tensor::<4>::random([2, 3, 8, 8], Distribution::Default, &device).require_grad();
    /// let labels = Tensor::<3, Int>::zeros([2, 8, 8], &device);
    ///
    /// let loss = CrossEntropyLossConfig::new().with_input(Input::Softmax).init();
    /// let losses: Tensor<3> = loss.voxel_losses(logits.clone(), labels);
    /// assert_eq!(losses.dims(), [2, 8, 8]);
    /// let hardest: Tensor<1> = losses.reshape([-1]).topk(32, 0);
    /// let gradients = hardest.mean().backward();
    /// assert!(logits.grad(&gradients).is_some());
    /// ```
    pub fn voxel_losses<const D: usize, const K: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Tensor<K> {
        unwrap(self.try_voxel_losses(predictions, targets))
    }

    /// [`voxel_losses`](Self::voxel_losses), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`]; also for a loss without a distribution-based part.
    pub fn try_voxel_losses<const D: usize, const K: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Tensor<K>, Error> {
        const {
            assert!(
                K + 1 == D,
                "the losses of the voxels have one axis less than the predictions, that of the classes"
            );
        }
        let loss = VoxelLoss::new(self.plan.loss)?;
        let mut shape = predictions.dims().to_vec();
        let settings = &self.plan.settings;
        let mut inputs = Inputs::new(settings, predictions, targets.into())?;
        let (regions, annotated) = (inputs.regions, inputs.annotated.take());
        if let Some(annotated) = &annotated {
            inputs = annotated.merged(inputs, settings);
        }
        let plan = match settings.is_multilabel() {
            true => self.plan.of_one_region(),
            false => Arc::clone(&self.plan),
        };
        let [samples, channels, _] = inputs.prediction.dims();
        let (size, mask) = (
            [samples, class_count(channels)],
            annotated.as_ref().map(Annotated::mask),
        );
        let factors = loss.factors(&settings.classes(), size, mask);
        let each = losses(&plan, &loss, &factors, inputs);
        let each = each.map_err(|error| error.of_regions(regions))?;
        let [samples, voxels] = each.dims();
        let by_region = each.reshape([samples / regions, regions, voxels]);
        shape.remove(1);
        let shape: [usize; K] = std::array::from_fn(|axis| shape[axis]);
        Ok(by_region.mean_dim(1).reshape(shape))
    }
}

/// The losses of the voxels, [N, M].
fn losses(
    plan: &Plan,
    loss: &VoxelLoss,
    factors: &Factors,
    inputs: Inputs,
) -> Result<Tensor<2>, Error> {
    #[cfg(feature = "flex")]
    if plan.route == crate::Route::Auto
        && factors.are_alike()
        && by_engine::is_possible(&inputs.prediction.device())
    {
        return by_engine::losses(plan, loss, inputs);
    }
    Ok(composed(plan, loss, factors, inputs))
}

/// The losses of the voxels, [N, M], composed of Burn's tensor operations.
fn composed(plan: &Plan, loss: &VoxelLoss, factors: &Factors, inputs: Inputs) -> Tensor<2> {
    let operands = Operands::new(plan, inputs);
    let (classes, count) = (plan.settings.classes(), operands.count);
    let focal = loss.focal();
    let kind = |index| {
        (
            classes.class(index, count).rare,
            factors.of_class(index).collect(),
        )
    };
    let of_run = |((_, factors), run): ((bool, Vec<f64>), Range<usize>)| {
        let class = classes.class(run.start, count);
        let [term] = focal.terms(&class, &operands.probability(&run), &operands.target(&run));
        let most = greatest(term.0.dtype());
        let by_sample: Vec<f64> = factors.iter().map(|of| of.min(most / 64.0)).collect();
        let weighted = match by_sample[..] {
            [factor] => term.scale(factor).0,
            _ => {
                let data = TensorData::new(by_sample, [factors.len(), 1, 1]);
                let device = term.0.device().inner();
                term.0.clone() * Tensor::from_data(data, (&device, term.0.dtype()))
            }
        };
        weighted.sum_dim(1).squeeze_dim::<2>(1)
    };
    let sum = runs(count, kind)
        .into_iter()
        .map(of_run)
        .reduce(|a, b| a + b);
    let sum = sum.expect("there is at least one class");
    let weights = operands.weights.cast(sum.dtype());
    let most = greatest(sum.dtype());
    Elementwise(sum * weights).clip(-most, most).0
}

/// The greatest number of a type.
fn greatest(dtype: DType) -> f64 {
    match dtype {
        DType::F64 => f64::MAX,
        _ => f64::from(f32::MAX),
    }
}
