//! The loss of each voxel, for maps and for weighing voxels by their losses.

#[cfg(feature = "flex")]
mod by_engine;

use std::sync::Arc;

use burn::tensor::{DType, Tensor};
use unifocal_core::{
    engine::VoxelLoss,
    formula::{Loss, Real},
};

use crate::composed::{Operands, runs};
use crate::inputs::{Inputs, Targets};
use crate::loss::unwrap;
use crate::plan::Plan;
use crate::{Error, SegmentationLoss};

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
    /// Gradients flow through it, so you can train on any function of it. On `flex`, the engine computes it and its gradient; on other
    /// devices, and with [`Route::Composed`](crate::Route::Composed), it is composed of Burn's tensor operations. There invalid data give NaN at their voxels.
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
        let inputs = Inputs::new(&self.plan.settings, predictions, targets.into())?;
        let regions = inputs.regions;
        let plan = match self.plan.settings.is_multilabel() {
            true => self.plan.of_one_region(),
            false => Arc::clone(&self.plan),
        };
        let each = losses(&plan, &loss, inputs).map_err(|error| error.of_regions(regions))?;
        let [samples, voxels] = each.dims();
        let by_region = each.reshape([samples / regions, regions, voxels]);
        shape.remove(1);
        let shape: [usize; K] = std::array::from_fn(|axis| shape[axis]);
        Ok(by_region.mean_dim(1).reshape(shape))
    }
}

/// The losses of the voxels, [N, M].
fn losses(plan: &Plan, loss: &VoxelLoss, inputs: Inputs) -> Result<Tensor<2>, Error> {
    #[cfg(feature = "flex")]
    if plan.route == crate::Route::Auto && by_engine::is_possible(&inputs.prediction.device()) {
        return by_engine::losses(plan, loss, inputs);
    }
    Ok(composed(plan, loss, inputs))
}

/// The losses of the voxels, [N, M], composed of Burn's tensor operations.
fn composed(plan: &Plan, loss: &VoxelLoss, inputs: Inputs) -> Tensor<2> {
    let dtype = inputs.prediction.dtype();
    let operands = Operands::new(plan, inputs);
    let (classes, count) = (plan.settings.classes(), operands.count);
    let focal = loss.focal();
    let most = match dtype {
        DType::F64 => f64::MAX,
        _ => f64::from(f32::MAX),
    };
    let kind = |index| {
        let factor = loss.factor(&classes, index, count).min(most / 64.0);
        (classes.class(index, count).rare, factor)
    };
    let of_run = |((_, factor), run): (_, std::ops::Range<usize>)| {
        let class = classes.class(run.start, count);
        let [term] = focal.terms(&class, &operands.probability(&run), &operands.target(&run));
        term.scale(factor).0.sum_dim(1).squeeze_dim::<2>(1)
    };
    let sum = runs(count, kind)
        .into_iter()
        .map(of_run)
        .reduce(|a, b| a + b);
    let sum = sum.expect("there is at least one class");
    let weights = operands.weights.cast(sum.dtype());
    crate::Elementwise(sum * weights).clip(-most, most).0
}
