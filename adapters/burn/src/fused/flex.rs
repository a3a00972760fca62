//! Burn's CPU backend: runs `unifocal-ndarray`'s engine directly on the tensors' memory.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, FloatDType, IntDType, Shape, TensorData};
use burn_flex::FlexTensor;
use ndarray::{ArrayView2, ArrayView3, ArrayViewMut3, Ix3};
use unifocal_core::{ClassSums, Element, Pooling, class_count};
use unifocal_ndarray::{Evaluation, TargetArray};

use super::{Fused, Kept, Summed, Target, Valued, Weights};
use crate::Error;
use crate::plan::{Plan, SUMS};

impl Fused for Flex {
    fn sums(
        prediction: FloatTensor<Self>,
        target: Target<Self>,
        weights: Weights<Self>,
        plan: Arc<Plan>,
        keep: bool,
    ) -> Summed<Self> {
        let shape = prediction.shape();
        let [samples, classes] = [shape[0], class_count(shape[1])];
        let found = run(prediction, target, weights, &plan, Sums { keep });
        let ((sums, kept), error) = match found {
            Ok(found) => (found, None),
            Err(error) => {
                let none = vec![ClassSums::default(); samples * classes];
                ((none, Kept::Nothing), Some(error))
            }
        };
        let flat: Vec<f64> = sums.into_iter().flat_map(<[f64; SUMS]>::from).collect();
        Summed {
            sums: FlexTensor::from_data(TensorData::new(flat, [samples, classes, SUMS])),
            kept,
            error,
        }
    }

    fn gradient(
        prediction: FloatTensor<Self>,
        target: Target<Self>,
        weights: Weights<Self>,
        slopes: FloatTensor<Self>,
        plan: Arc<Plan>,
        kept: Kept,
    ) -> FloatTensor<Self> {
        let dtype = prediction.dtype();
        let slopes = Self::float_cast(slopes, FloatDType::F64).to_contiguous();
        let slopes: Vec<[f64; 4]> = slopes
            .as_slice::<f64>()
            .unwrap_or_default()
            .chunks_exact(SUMS)
            .map(|of_class| std::array::from_fn(|k| of_class[k]))
            .collect();
        let kept = match kept {
            Kept::Flex(kept) => Some(kept),
            _ => None,
        };
        let operation = Gradient {
            slopes: &slopes,
            kept,
        };
        let gradient = run(prediction, target, weights, &plan, operation);
        let gradient = gradient
            .unwrap_or_else(|error| unreachable!("the forward pass has checked the data: {error}"));
        match dtype {
            DType::F16 | DType::BF16 => narrowed(gradient, dtype.into()),
            _ => gradient,
        }
    }

    fn values(sums: FloatTensor<Self>, plan: Arc<Plan>, dtype: DType) -> Valued<Self> {
        let shape = sums.shape();
        let [groups, count] = [shape[0], shape[1]];
        let sums = Self::float_cast(sums, FloatDType::F64).to_contiguous();
        let sums: Vec<ClassSums<f64, 4>> = sums
            .as_slice::<f64>()
            .unwrap_or_default()
            .as_chunks()
            .0
            .iter()
            .map(|of_class: &[f64; SUMS]| ClassSums::from(*of_class))
            .collect();
        let classes = plan.settings.classes();
        let mut slopes = vec![[0.0; 4]; sums.len()];
        let groups_of = sums.chunks(count).zip(slopes.chunks_mut(count));
        let (values, counts): (Vec<f64>, Vec<f64>) = groups_of
            .filter_map(|(sums, slopes)| {
                classes.slopes(&plan.loss, sums, slopes);
                Some((classes.value(&plan.loss, sums)?, classes.counts(sums)?))
            })
            .unzip();
        let slopes: Vec<f64> = slopes
            .iter()
            .flat_map(|of_class| of_class.iter().copied().chain([0.0; SUMS - 4]))
            .collect();
        let of_groups = |of: Vec<f64>| {
            let of = FlexTensor::from_data(TensorData::new(of, [groups]));
            match dtype {
                DType::F64 => of,
                _ => Self::float_cast(of, FloatDType::F32),
            }
        };
        Valued {
            values: of_groups(values),
            counts: of_groups(counts),
            slopes: FlexTensor::from_data(TensorData::new(slopes, [groups, count, SUMS])),
        }
    }
}

/// Casts to a narrower type, clamping to its range.
fn narrowed(tensor: FlexTensor, dtype: FloatDType) -> FlexTensor {
    let most = dtype.finfo().max;
    Flex::float_cast(
        Flex::float_clamp(tensor, (-most).into(), most.into()),
        dtype,
    )
}

/// An operation of the engine, for arrays of any element types.
trait Operation {
    type Output;

    fn apply<P: Scalar>(
        self,
        plan: &Plan,
        evaluation: &Evaluation<'_, P, Ix3, impl TargetArray>,
        shape: Shape,
    ) -> Result<Self::Output, unifocal_ndarray::Error>;
}

/// An element type shared by Burn and the engine.
trait Scalar:
    Element<Real: burn::tensor::Element + bytemuck::Pod> + burn::tensor::Element + bytemuck::Pod
{
}

impl<
    P: Element<Real: burn::tensor::Element + bytemuck::Pod> + burn::tensor::Element + bytemuck::Pod,
> Scalar for P
{
}

/// Computes the sums; with `keep`, also what the gradient needs later.
struct Sums {
    keep: bool,
}

impl Operation for Sums {
    type Output = (Vec<ClassSums<f64, 4>>, Kept);

    fn apply<P: Scalar>(
        self,
        plan: &Plan,
        evaluation: &Evaluation<'_, P, Ix3, impl TargetArray>,
        shape: Shape,
    ) -> Result<Self::Output, unifocal_ndarray::Error> {
        if !self.keep {
            return Ok((evaluation.sums(&plan.loss)?, Kept::Nothing));
        }
        let mut memory = empty_gradient::<P>(&shape);
        let sums = evaluation.forward(&plan.loss, view_mut::<P::Real>(&mut memory, &shape))?;
        Ok((sums, Kept::Flex(memory)))
    }
}

/// Computes the gradient for these slopes, from what the forward pass kept, if anything.
struct Gradient<'a> {
    slopes: &'a [[f64; 4]],
    kept: Option<FlexTensor>,
}

impl Operation for Gradient<'_> {
    type Output = FlexTensor;

    fn apply<P: Scalar>(
        self,
        plan: &Plan,
        evaluation: &Evaluation<'_, P, Ix3, impl TargetArray>,
        shape: Shape,
    ) -> Result<FlexTensor, unifocal_ndarray::Error> {
        let (loss, slopes) = (&plan.loss, self.slopes);
        if let Some(mut kept) = self.kept {
            // `view_mut` copies if another graph shares this memory.
            evaluation.backward(loss, slopes, view_mut::<P::Real>(&mut kept, &shape))?;
            return Ok(kept);
        }
        let mut gradient = empty_gradient::<P>(&shape);
        evaluation.gradient_by(loss, slopes, view_mut::<P::Real>(&mut gradient, &shape))?;
        Ok(gradient)
    }
}

/// Allocates the gradient of a prediction of this shape.
fn empty_gradient<P: Scalar>(shape: &Shape) -> FlexTensor {
    FlexTensor::zeros(shape.clone(), <P::Real as burn::tensor::Element>::dtype())
}

/// Runs an operation on tensors of any types.
fn run<O: Operation>(
    prediction: FlexTensor,
    target: Target<Flex>,
    weights: Weights<Flex>,
    plan: &Plan,
    operation: O,
) -> Result<O::Output, Error> {
    // Widen f16 and bf16: the engine could read them, but would be compiled once more for each type.
    let prediction = match prediction.dtype() {
        DType::F16 | DType::BF16 => Flex::float_cast(prediction, FloatDType::F32),
        _ => prediction,
    };
    let prediction = prediction.to_contiguous();
    let weights = match weights {
        Weights::One => None,
        Weights::Given(weights) => Some(Flex::float_cast(weights, FloatDType::F64).to_contiguous()),
    };
    let call = Call {
        plan,
        prediction: &prediction,
        weights: weights.as_ref(),
        operation,
    };
    match prediction.dtype() {
        DType::F64 => call.run::<f64>(target),
        _ => call.run::<f32>(target),
    }
    .map_err(|error| match error {
        unifocal_ndarray::Error::Core(error) => Error::Core(error),
        other => unreachable!("shapes were checked: {other}"),
    })
}

/// An operation with its inputs, except the target.
struct Call<'a, O> {
    plan: &'a Plan,
    prediction: &'a FlexTensor,
    weights: Option<&'a FlexTensor>,
    operation: O,
}

impl<O: Operation> Call<'_, O> {
    /// Runs the operation on a prediction of this type.
    fn run<P: Scalar>(self, target: Target<Flex>) -> Result<O::Output, unifocal_ndarray::Error> {
        let shape = self.prediction.shape();
        let [samples, channels, voxels] = [shape[0], shape[1], shape[2]];
        let prediction = view::<P>(self.prediction, [samples, channels, voxels]);
        macro_rules! labels {
            ($labels:ident as $int:ty) => {{
                let labels = matrix::<$int>(&$labels, [samples, voxels]);
                let evaluation = Evaluation::labels(prediction, labels);
                self.with_plan(evaluation, shape)
            }};
        }
        match target {
            Target::Labels(labels) => {
                let labels = labels.to_contiguous();
                match labels.dtype() {
                    DType::U8 => labels!(labels as u8),
                    DType::I32 => labels!(labels as i32),
                    DType::I64 => labels!(labels as i64),
                    // Labels beyond the range of i64 become negative, so they are still rejected.
                    _ => {
                        let labels = Flex::int_cast(labels, IntDType::I64);
                        labels!(labels as i64)
                    }
                }
            }
            Target::Soft(target) => {
                let target = match self.prediction.dtype() {
                    DType::F64 => Flex::float_cast(target, FloatDType::F64),
                    _ => Flex::float_cast(target, FloatDType::F32),
                };
                let target = target.to_contiguous();
                let target = view::<P>(&target, [samples, channels, voxels]);
                self.with_plan(Evaluation::soft(prediction, target), shape)
            }
        }
    }

    /// Runs the operation with the plan's settings and the weights.
    fn with_plan<'a, P: Scalar, T: TargetArray>(
        self,
        evaluation: Evaluation<'a, P, Ix3, T>,
        shape: Shape,
    ) -> Result<O::Output, unifocal_ndarray::Error>
    where
        Self: 'a,
    {
        // Burn pools the sums over the batch.
        let settings = self.plan.settings.clone().with_pooling(Pooling::PerSample);
        let evaluation = evaluation.with_settings(settings);
        let [samples, voxels] = [shape[0], shape[2]];
        match self.weights {
            None => self.operation.apply(self.plan, &evaluation, shape),
            Some(weights) => {
                let weights = matrix::<f64>(weights, [samples, voxels]);
                let evaluation = evaluation.with_voxel_weights(weights);
                self.operation.apply(self.plan, &evaluation, shape)
            }
        }
    }
}

/// A contiguous tensor as an array.
fn view<T: burn::tensor::Element + bytemuck::Pod>(
    tensor: &FlexTensor,
    shape: [usize; 3],
) -> ArrayView3<'_, T> {
    let values = tensor.as_slice().unwrap_or_default();
    ArrayView3::from_shape(shape, values)
        .unwrap_or_else(|error| unreachable!("the tensor is contiguous: {error}"))
}

/// A contiguous tensor as a mutable array; copies memory that is shared with another tensor.
fn view_mut<'a, T: burn::tensor::Element + bytemuck::Pod>(
    tensor: &'a mut FlexTensor,
    shape: &Shape,
) -> ArrayViewMut3<'a, T> {
    ArrayViewMut3::from_shape([shape[0], shape[1], shape[2]], tensor.storage_mut())
        .unwrap_or_else(|error| unreachable!("the tensor is contiguous: {error}"))
}

/// A contiguous tensor as an array.
fn matrix<T: burn::tensor::Element + bytemuck::Pod>(
    tensor: &FlexTensor,
    shape: [usize; 2],
) -> ArrayView2<'_, T> {
    let values = tensor.as_slice().unwrap_or_default();
    ArrayView2::from_shape(shape, values)
        .unwrap_or_else(|error| unreachable!("the tensor is contiguous: {error}"))
}
