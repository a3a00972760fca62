//! The sums on the host, and those of a hard segmentation, in which each voxel belongs to one class.

use std::sync::Arc;

use tch::{Kind, Tensor};
use unifocal_core::{Error as CoreError, Input, Tversky, formula::ClassSums};

use crate::plan::Plan;
use crate::tensors::{Beside, Tensors};
use crate::{Error, SegmentationLoss, Sums, Weighted, fused};

impl Sums {
    /// The sums as numbers, group by group, and within a group class by class: for [`Scores`](crate::core::Scores). Waits for the
    /// device.
    ///
    /// # Errors
    ///
    /// An error of libtorch.
    pub fn to_vec(&self) -> Result<Vec<ClassSums<f64, 4>>, Error> {
        fused::on_host(&self.tensor())
    }
}

impl SegmentationLoss {
    /// TP, FP and FN after each voxel was given to its most probable class: for [`Overlap`](crate::core::Overlap) scores. Of the loss,
    /// only the settings matter.
    ///
    /// A single channel, or each of several regions, is the foreground where p > ½. Of equal classes, libtorch's `argmax` chooses one. Nothing is differentiated.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](SegmentationLoss::forward).
    ///
    /// # Examples
    ///
    /// The Dice score of the lesion over two batches, in which 255 means "not annotated":
    ///
    /// ```
    /// use tch::Tensor;
    /// use unifocal_tch::{SegmentationLoss, core::{Input, Overlap, Pooling, Scores, Settings, Tversky}};
    ///
    /// let criterion = SegmentationLoss::new(Tversky::dice()).with_input(Input::Sigmoid).with_ignore_label(255);
    /// let mut dice = Scores::new(Overlap::Dice, 2, Settings::default().with_pooling(Pooling::Batch))?;
    /// // Logits [N, 1, M] of the lesion, labels [N, M].
    /// let logits = Tensor::from_slice(&[2.0_f32, -1.0, 0.5, -3.0, -1.0, 1.0, 1.0, -2.0, -0.1]).view([3, 1, 3]);
    /// let labels = Tensor::from_slice(&[1_u8, 0, 1, 0, 1, 255, 0, 0, 1]).view([3, 3]);
    /// for (first, count) in [(0, 2), (2, 1)] {
    ///     let (logits, labels) = (logits.narrow(0, first, count), labels.narrow(0, first, count));
    ///     dice.add(&criterion.hard_sums(&logits, &labels)?.to_vec()?)?;
    /// }
    /// assert_eq!(dice.per_class()[1], Some(2.0 * 2.0 / (3.0 + 4.0))); // 2·TP / (predicted + true)
    /// # Ok::<(), unifocal_tch::Error>(())
    /// ```
    pub fn hard_sums(&self, predictions: &Tensor, targets: &Tensor) -> Result<Sums, Error> {
        of_hard(&self.plan, predictions, targets, Beside::default())
    }
}

impl Weighted<'_> {
    /// [`SegmentationLoss::hard_sums`] with the voxel weights.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](Weighted::forward).
    pub fn hard_sums(&self, predictions: &Tensor, targets: &Tensor) -> Result<Sums, Error> {
        of_hard(&self.criterion.plan, predictions, targets, self.beside)
    }
}

/// TP, FP and FN of a hard segmentation.
fn of_hard(
    plan: &Plan,
    predictions: &Tensor,
    targets: &Tensor,
    beside: Beside<'_>,
) -> Result<Sums, Error> {
    // Checks shapes and kinds before libtorch sees them.
    let channels = Tensors::new(&plan.settings, predictions, targets, beside.weights)?.channels();
    let each_alone = channels == 1 || plan.settings.is_multilabel();
    if plan.settings.input == Input::Softmax && each_alone {
        return Err(CoreError::SoftmaxOfOneClass.into());
    }
    let hard = hardened(plan.settings.input, each_alone, &predictions.f_detach()?)?;
    let plan = Plan {
        loss: Tversky::dice().into(),
        settings: plan.settings.clone().with_input(Input::Probabilities),
        route: plan.route,
    };
    Sums::of(&Arc::new(plan), &hard, targets, beside)
}

/// 1 for the most probable class of each voxel, and 0 for the others; or 1 where p > ½, if each channel stands alone. Invalid numbers stay,
/// so that they are found where the voxel counts.
fn hardened(input: Input, each_alone: bool, predictions: &Tensor) -> Result<Tensor, Error> {
    let shape = predictions.size();
    let is_probability = input == Input::Probabilities;
    let is_predicted = if each_alone {
        predictions.f_gt(if is_probability { 0.5 } else { 0.0 })?
    } else {
        let classes = Tensor::f_arange(shape[1], (Kind::Int64, predictions.device()))?;
        let mut axes = vec![1; shape.len()];
        axes[1] = shape[1];
        predictions
            .f_argmax(1, true)?
            .f_eq_tensor(&classes.f_view(axes.as_slice())?)?
    };
    let is_valid = if is_probability {
        let at_least_0 = predictions.f_ge(0.0)?;
        at_least_0.f_logical_and(&predictions.f_le(1.0)?)?
    } else {
        predictions.f_isfinite()?
    };
    let hard = is_predicted.f_to_kind(predictions.kind())?;
    Ok(hard.f_where_self(&is_valid, predictions)?)
}
