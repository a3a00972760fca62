//! The loss of each voxel, for maps and for weighing voxels by their losses.

use ndarray::{Array, ArrayD, ArrayViewMutD, Axis, Dimension};
use unifocal_core::{
    AnyLoss, Error as CoreError,
    data::Element,
    engine::{Kept, VoxelLoss},
    formula::{Float, Real},
};

use crate::halves::{Half, Task};
use crate::{Error, Evaluation, TargetArray, target, workspace};

impl<P, D, T> Evaluation<'_, P, D, T>
where
    P: Element,
    D: Dimension,
    T: TargetArray,
{
    /// The loss of each voxel, [N, spatial…]: PyTorch's `reduction="none"`.
    ///
    /// It is the distribution-based part of the loss at the voxel, times the voxel's weight; 0 for a voxel that does not count. So in
    /// each sample, the sum over the voxels divided by the sum of their weights is the distribution-based part of the sample's loss:
    /// without weights and ignored voxels, the mean. A compound loss is its region-based part plus that. With
    /// [`with_multilabel`](Self::with_multilabel), it is the mean over the regions.
    ///
    /// [`Pooling`](crate::core::Pooling) does not affect it, nor does [`AbsentClass`](crate::core::AbsentClass): smoothed labels have terms of
    /// absent classes at each voxel.
    ///
    /// # Examples
    ///
    /// The mean over the hardest half of the voxels:
    ///
    /// ```
    /// use ndarray::array;
    /// use unifocal_ndarray::{Evaluation, core::Focal};
    ///
    /// let probabilities = array![[[0.9, 0.6, 0.3, 0.8], [0.1, 0.4, 0.7, 0.2]]]; // [N, C, M]
    /// let labels = array![[0_u8, 1, 1, 0]];
    /// let evaluation = Evaluation::labels(probabilities.view(), labels.view());
    /// let losses = evaluation.voxel_losses(Focal::cross_entropy())?;
    /// let mut hardest = losses.iter().copied().collect::<Vec<f64>>();
    /// hardest.sort_by(f64::total_cmp);
    /// let mean = hardest[2..].iter().sum::<f64>() / 2.0;
    /// assert!((mean - -(f64::ln(0.4) + f64::ln(0.7)) / 2.0).abs() < 1e-12);
    ///
    /// let value = evaluation.value(&Focal::cross_entropy())?;
    /// assert!((value - losses.sum() / 4.0).abs() < 1e-12);
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`value`](Evaluation::value), and a loss without a distribution-based part.
    pub fn voxel_losses(
        &self,
        loss: impl Into<AnyLoss>,
    ) -> Result<Array<P::Real, D::Smaller>, Error> {
        self.losses_of(&VoxelLoss::new(loss)?)
    }

    /// The [`voxel_losses`](Evaluation::voxel_losses), and their derivatives with respect to the prediction, in its shape.
    ///
    /// The loss of a voxel depends on the prediction at that voxel alone. So the gradient of Σ g·loss, with a number g for each voxel, is
    /// g times these derivatives.
    ///
    /// # Examples
    ///
    /// A loss of your own from the losses of the voxels, here the half of their squares, whose derivative is g:
    ///
    /// ```
    /// use ndarray::{Axis, array};
    /// use unifocal_ndarray::{Evaluation, core::{Focal, Input}};
    ///
    /// let logits = array![[[1.0, -0.5], [0.0, 2.0]]]; // [N, C, M]
    /// let labels = array![[0_u8, 0]];
    /// let evaluation = Evaluation::labels(logits.view(), labels.view()).with_input(Input::Softmax);
    /// let (losses, derivatives) = evaluation.voxel_losses_and_derivatives(Focal::cross_entropy())?;
    /// let gradient = derivatives * losses.view().insert_axis(Axis(1)); // [N, C, M] · [N, 1, M]
    /// assert!(gradient[[0, 0, 1]] < 0.0 && gradient[[0, 1, 1]] > 0.0);
    /// # Ok::<(), unifocal_ndarray::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`voxel_losses`](Evaluation::voxel_losses).
    #[expect(clippy::type_complexity, reason = "two arrays")]
    pub fn voxel_losses_and_derivatives(
        &self,
        loss: impl Into<AnyLoss>,
    ) -> Result<(Array<P::Real, D::Smaller>, Array<P::Real, D>), Error> {
        let loss = VoxelLoss::new(loss)?;
        let losses = self.losses_of(&loss)?;
        let (focal, classes) = (loss.focal(), self.settings.classes());
        let task = self.task(&focal, classes)?;
        let share = 1.0 / task.options.regions as f64;
        let factors = loss.factors(&classes, [task.groups, task.count], None);
        let factors = factors.all().iter().cycle().take(task.groups * task.count);
        let slopes: Vec<[f64; 1]> = factors.map(|factor| [share * factor]).collect();
        let mut derivatives = self.empty_gradient();
        let view = derivatives.view_mut();
        self.write_gradient(&focal, classes, &slopes, Kept::Nothing, view)?;
        Ok((losses, derivatives))
    }

    fn losses_of(&self, loss: &VoxelLoss) -> Result<Array<P::Real, D::Smaller>, Error> {
        let task = self.task(loss, self.settings.classes())?;
        let whole = self.whole(3)?;
        let mut shape = whole.prediction.shape().to_vec();
        shape[1] = task.options.regions;
        let mut losses = ArrayD::from_elem(shape, P::Real::ZERO);
        whole.voxel_losses(&task, losses.view_mut())?;

        let share = 1.0 / task.options.regions as f64;
        let mean = losses.map_axis(Axis(1), |of_regions| match of_regions.len() {
            1 => of_regions[0],
            _ => of_regions.fold(P::Real::ZERO, |sum, loss| sum + loss.scale(share)),
        });
        let shape = target::without_channels(self.prediction.shape(), self.layout);
        Ok(mean
            .into_shape_with_order(shape)
            .and_then(Array::into_dimensionality)
            .expect("there is a loss for each voxel"))
    }
}

impl<P: Element, T: TargetArray> Half<'_, P, T> {
    /// Writes the losses of the half's voxels, [N, R, rows…, voxels].
    fn voxel_losses(
        self,
        task: &Task<'_, VoxelLoss>,
        mut losses: ArrayViewMutD<'_, P::Real>,
    ) -> Result<(), CoreError> {
        let Some((axis, index)) = self.middle() else {
            return workspace::with(|workspace| {
                self.for_each_row(task, |outer, segmentation| {
                    let mut row = task.row_mut(losses.view_mut(), outer);
                    segmentation.voxel_losses(task.loss, &task.classes, &mut row, workspace)
                })
            });
        };
        let (first, second) = self.split(axis, index);
        let (losses, others) = losses.split_at(axis, index);
        let (left, right) = task.join(
            || first.voxel_losses(task, losses),
            || second.voxel_losses(task, others),
        );
        left.and(right)
    }
}
