//! The losses of the voxels by `unifocal-ndarray`'s engine, on Burn's CPU backend.

use burn::backend::DispatchDevice;
use burn::tensor::{DType, Device, Tensor, TensorData};
use ndarray::{Array, Array2, ArrayView, Dimension, Ix2, Ix3};
use unifocal_core::{data::Element, engine::VoxelLoss};
use unifocal_ndarray::{Evaluation, TargetArray};

use crate::Error;
use crate::inputs::{Inputs, TargetTensor};
use crate::plan::Plan;

/// Whether a device's tensors are in memory that the engine reads.
pub(super) fn is_possible(device: &Device) -> bool {
    fn is_flex(device: &DispatchDevice) -> bool {
        match device {
            DispatchDevice::Autodiff(device) => is_flex(device),
            DispatchDevice::Flex(_) => true,
            #[allow(unreachable_patterns, reason = "there may be other backends")]
            _ => false,
        }
    }
    is_flex(device.as_dispatch())
}

/// The losses, [N, M].
pub(super) fn losses(plan: &Plan, loss: &VoxelLoss, inputs: Inputs) -> Result<Tensor<2>, Error> {
    match inputs.prediction.dtype() {
        DType::F64 => of_type::<f64>(plan, loss, inputs),
        _ => of_type::<f32>(plan, loss, inputs),
    }
}

/// A type of predictions.
trait Number: Element<Real = Self> + burn::tensor::Element {}

impl Number for f32 {}
impl Number for f64 {}

fn of_type<P: Number>(plan: &Plan, loss: &VoxelLoss, inputs: Inputs) -> Result<Tensor<2>, Error> {
    let given = inputs.prediction.cast(P::dtype());
    let shape @ [samples, _, voxels] = given.dims();
    let numbers = vec_of::<P>(given.clone().inner().into_data());
    let prediction = ArrayView::from_shape(shape, &numbers);
    let prediction = prediction.unwrap_or_else(|error| unreachable!("{error}"));
    let weights = inputs.weights.map(|weights| {
        Array2::from_shape_vec([samples, voxels], vec_of::<f64>(weights.into_data()))
            .unwrap_or_else(|error| unreachable!("{error}"))
    });
    let found = match inputs.target {
        TargetTensor::Labels(labels) => {
            let labels = vec_of::<i64>(labels.into_data());
            let labels = ArrayView::from_shape([samples, voxels], &labels);
            let labels = labels.unwrap_or_else(|error| unreachable!("{error}"));
            let evaluation = Evaluation::labels(prediction, labels);
            evaluate(plan, loss, evaluation, weights.as_ref(), &given)
        }
        TargetTensor::Soft(target) => {
            let target = vec_of::<P>(target.into_data());
            let target = ArrayView::from_shape(shape, &target);
            let target = target.unwrap_or_else(|error| unreachable!("{error}"));
            let evaluation = Evaluation::soft(prediction, target);
            evaluate(plan, loss, evaluation, weights.as_ref(), &given)
        }
    };
    found.map_err(|error| match error {
        unifocal_ndarray::Error::Core(error) => Error::Core(error),
        other => unreachable!("shapes were checked: {other}"),
    })
}

fn evaluate<'a, P: Number, T: TargetArray>(
    plan: &Plan,
    loss: &VoxelLoss,
    evaluation: Evaluation<'a, P, Ix3, T>,
    weights: Option<&'a Array2<f64>>,
    prediction: &Tensor<3>,
) -> Result<Tensor<2>, unifocal_ndarray::Error> {
    let evaluation = evaluation.with_settings(plan.settings.clone());
    let evaluation = match weights {
        Some(weights) => evaluation.with_voxel_weights(weights.view()),
        None => evaluation,
    };
    let loss = loss.loss();
    let device = prediction.device().inner();
    if !prediction.is_tracked() {
        return Ok(tensor(evaluation.voxel_losses(loss)?, &device));
    }
    let (losses, derivatives) = evaluation.voxel_losses_and_derivatives(loss)?;
    // A sum that is 0, and whose gradient is that of the losses: the loss of a voxel depends on its own numbers alone.
    let zero = prediction.clone() - prediction.clone().detach();
    // Voxels that do not count may hold NaN or infinity.
    let is_not = zero.clone().detach().not_equal_elem(0.0);
    let zero = zero.mask_fill(is_not, 0.0) * tensor::<P, Ix3, 3>(derivatives, &device);
    Ok(tensor::<P, Ix2, 2>(losses, &device) + zero.sum_dim(1).squeeze_dim(1))
}

/// The numbers of a tensor.
fn vec_of<P: burn::tensor::Element>(data: TensorData) -> Vec<P> {
    data.iter::<P>().collect()
}

/// An array as a tensor.
fn tensor<P: Number, A: Dimension, const D: usize>(
    array: Array<P, A>,
    device: &Device,
) -> Tensor<D> {
    let shape = array.shape().to_vec();
    let numbers: Vec<P> = array.into_iter().collect();
    Tensor::from_data(TensorData::new(numbers, shape), (device, P::dtype()))
}
