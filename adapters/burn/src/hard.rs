//! The sums on the host, and those of a hard segmentation, in which each voxel belongs to one class.

use std::sync::Arc;

use burn::tensor::{DType, Tensor, TensorReadError};
use unifocal_core::{Input, Settings, Tversky, formula::ClassSums};

use crate::inputs::{Inputs, Targets};
use crate::loss::unwrap;
use crate::plan::{Plan, Route, SUMS};
use crate::{Error, SegmentationLoss, Sums};

impl Sums {
    /// The sums as numbers, group by group, and within a group class by class: for [`Scores`](crate::core::Scores). Waits for the
    /// device.
    ///
    /// # Panics
    ///
    /// If the device fails.
    pub fn to_vec(&self) -> Vec<ClassSums<f64, 4>> {
        match self.try_to_vec() {
            Ok(sums) => sums,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`to_vec`](Self::to_vec), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// The device fails.
    pub fn try_to_vec(&self) -> Result<Vec<ClassSums<f64, 4>>, TensorReadError> {
        let numbers = self.tensor().try_into_vec_as::<f64>()?;
        let (sums, _) = numbers.as_chunks::<SUMS>();
        Ok(sums.iter().map(|sums| ClassSums::from(*sums)).collect())
    }
}

impl SegmentationLoss {
    /// TP, FP and FN after each voxel was given to its most probable class: for [`Overlap`](crate::core::Overlap) scores. Of the loss,
    /// only the settings matter.
    ///
    /// A single channel, or each of several regions, is the foreground where p > ½. Of equal classes, the device chooses one. Nothing is differentiated. Where sums are
    /// `f32`, they are exact up to 2²⁴ voxels per sample and class.
    ///
    /// # Example
    ///
    /// The Dice score of the lesion over two batches, in which 255 means "not annotated":
    ///
    /// ```
    /// use unifocal_burn::burn::tensor::{Device, Int, Tensor};
    /// use unifocal_burn::{DiceLossConfig, Input, Pooling, core::{Overlap, Scores, Settings}};
    ///
    /// let device = Device::flex();
    /// let loss = DiceLossConfig::new().with_input(Input::Sigmoid).with_ignore_label(255).init();
    /// let mut dice = Scores::new(Overlap::Dice, 2, Settings::default().with_pooling(Pooling::Batch))?;
    /// // Logits [N, 1, M] of the lesion, labels [N, M].
    /// let first = Tensor::<3>::from_data([[[2.0, -1.0, 0.5]], [[-3.0, -1.0, 1.0]]], &device);
    /// let last = Tensor::<3>::from_data([[[1.0, -2.0, -0.1]]], &device);
    /// let labels = Tensor::<2, Int>::from_data([[1, 0, 1], [0, 1, 255], [0, 0, 1]], &device);
    /// dice.add(&loss.hard_sums(first, labels.clone().narrow(0, 0, 2)).to_vec())?;
    /// dice.add(&loss.hard_sums(last, labels.narrow(0, 2, 1)).to_vec())?;
    /// assert_eq!(dice.per_class()[1], Some(2.0 * 2.0 / (3.0 + 4.0))); // 2·TP / (predicted + true)
    /// # Ok::<(), unifocal_burn::Error>(())
    /// ```
    pub fn hard_sums<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Sums {
        unwrap(self.try_hard_sums(predictions, targets))
    }

    /// [`hard_sums`](Self::hard_sums), but returns an error instead of panicking.
    ///
    /// # Errors
    ///
    /// See [`SegmentationLoss`].
    pub fn try_hard_sums<const D: usize>(
        &self,
        predictions: Tensor<D>,
        targets: impl Into<Targets>,
    ) -> Result<Sums, Error> {
        let Plan {
            settings, route, ..
        } = &*self.plan;
        let inputs = Inputs::new(settings, predictions, targets.into())?;
        of_hard(settings, *route, inputs)
    }
}

/// TP, FP and FN of a hard segmentation.
pub(crate) fn of_hard(settings: &Settings, route: Route, inputs: Inputs) -> Result<Sums, Error> {
    let plan = Plan {
        loss: Tversky::dice().into(),
        settings: settings.clone().with_input(Input::Probabilities),
        route,
    };
    let prediction = hardened(settings.input, inputs.prediction.clone());
    Sums::of(
        Arc::new(plan),
        Inputs {
            prediction,
            ..inputs
        },
    )
}

/// 1 for the most probable class of each voxel, and 0 for the others, [N, C, M]. Invalid numbers stay, so that they are found where the
/// voxel counts.
fn hardened(input: Input, prediction: Tensor<3>) -> Tensor<3> {
    let prediction = prediction.without_autodiff();
    let prediction = match prediction.dtype() {
        DType::F64 => prediction,
        _ => prediction.cast(DType::F32),
    };
    let is_probability = input == Input::Probabilities;
    let [_, channels, _] = prediction.dims();
    let hard = if channels == 1 {
        let half = if is_probability { 0.5 } else { 0.0 };
        prediction.clone().greater_elem(half).float()
    } else {
        let most = prediction.clone().argmax(1);
        let of_class = |class| most.clone().equal_elem(class as i64).float();
        Tensor::cat((0..channels).map(of_class).collect(), 1)
    };
    let is_invalid = if is_probability {
        let is_valid = prediction.clone().greater_equal_elem(0.0);
        is_valid
            .bool_and(prediction.clone().lower_equal_elem(1.0))
            .bool_not()
    } else {
        prediction.clone().is_finite().bool_not()
    };
    hard.cast(prediction.dtype())
        .mask_where(is_invalid, prediction)
}
