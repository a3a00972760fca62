//! Burn's CPU backend: runs `unifocal-ndarray`'s engine directly on the tensors' memory.

use std::sync::Arc;

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, FloatDType, IntDType, Shape, TensorData};
use burn_flex::FlexTensor;
use ndarray::{ArrayView, ArrayViewMut3, Ix3, ShapeBuilder};
use unifocal_core::{
    AnyLoss, Pooling,
    data::{Element, Label},
    formula::{ClassSums, class_count},
};
use unifocal_ndarray::{Evaluation, TargetArray};

use super::Fused;
use super::data::{Kept, Summed, Target, Valued, Weights};
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
        let task = Sums {
            loss: &plan.loss,
            shape: &shape,
            keep,
        };
        let ((sums, kept), error) = match dispatch(prediction, target, weights, &plan, task) {
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
        let (shape, dtype) = (prediction.shape(), prediction.dtype());
        let slopes = Self::float_cast(slopes, FloatDType::F64).to_contiguous();
        let slopes: Vec<[f64; 4]> = numbers::<f64>(&slopes)
            .chunks_exact(SUMS)
            .map(|of_class| std::array::from_fn(|k| of_class[k]))
            .collect();
        let kept = match kept {
            Kept::Flex(kept) => Some(kept),
            _ => None,
        };
        let task = Gradient {
            loss: &plan.loss,
            shape: &shape,
            slopes: &slopes,
            kept,
        };
        let gradient = dispatch(prediction, target, weights, &plan, task)
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
        let sums: Vec<ClassSums<f64, 4>> = numbers::<f64>(&sums)
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

/// A computation on arrays of any element types.
trait Task {
    type Output;

    fn run<P: Scalar, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, Ix3, T>,
    ) -> Result<Self::Output, unifocal_ndarray::Error>;
}

/// A type of a tensor's numbers.
trait Stored: burn::tensor::Element + bytemuck::Pod {}

impl<T: burn::tensor::Element + bytemuck::Pod> Stored for T {}

/// A type of predictions.
trait Scalar: Element<Real: Stored> + Stored {}

impl<P: Element<Real: Stored> + Stored> Scalar for P {}

/// Computes the sums; with `keep`, also what the gradient needs later.
struct Sums<'t> {
    loss: &'t AnyLoss,
    shape: &'t Shape,
    keep: bool,
}

impl Task for Sums<'_> {
    type Output = (Vec<ClassSums<f64, 4>>, Kept);

    fn run<P: Scalar, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, Ix3, T>,
    ) -> Result<Self::Output, unifocal_ndarray::Error> {
        if !self.keep {
            return Ok((evaluation.sums(self.loss)?, Kept::Nothing));
        }
        let mut memory = empty_gradient::<P>(self.shape);
        let gradient = view_mut::<P::Real>(&mut memory, self.shape);
        let sums = evaluation.forward(self.loss, gradient)?;
        Ok((sums, Kept::Flex(memory)))
    }
}

/// Computes the gradient for these slopes, from what the forward pass kept, if anything.
struct Gradient<'t> {
    loss: &'t AnyLoss,
    shape: &'t Shape,
    slopes: &'t [[f64; 4]],
    kept: Option<FlexTensor>,
}

impl Task for Gradient<'_> {
    type Output = FlexTensor;

    fn run<P: Scalar, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, Ix3, T>,
    ) -> Result<FlexTensor, unifocal_ndarray::Error> {
        let Self {
            loss,
            shape,
            slopes,
            kept,
        } = self;
        if let Some(mut kept) = kept {
            // `view_mut` copies if another graph shares this memory.
            evaluation.backward(loss, slopes, view_mut::<P::Real>(&mut kept, shape))?;
            return Ok(kept);
        }
        let mut gradient = empty_gradient::<P>(shape);
        evaluation.gradient_by(loss, slopes, view_mut::<P::Real>(&mut gradient, shape))?;
        Ok(gradient)
    }
}

/// Allocates the gradient of a prediction of this shape.
fn empty_gradient<P: Scalar>(shape: &Shape) -> FlexTensor {
    FlexTensor::zeros(shape.clone(), <P::Real as burn::tensor::Element>::dtype())
}

/// A plan with contiguous tensors, besides the target.
struct Inputs<'a> {
    plan: &'a Plan,
    prediction: FlexTensor,
    /// In f64.
    weights: Option<FlexTensor>,
}

impl Inputs<'_> {
    /// [N, C, M].
    fn shape(&self) -> [usize; 3] {
        let shape = self.prediction.shape();
        [shape[0], shape[1], shape[2]]
    }
}

/// Runs a task on tensors of any types.
fn dispatch<R: Task>(
    prediction: FlexTensor,
    target: Target<Flex>,
    weights: Weights<Flex>,
    plan: &Plan,
    task: R,
) -> Result<R::Output, Error> {
    // Widen f16 and bf16: the engine could read them, but would be compiled once more for each type.
    let prediction = match prediction.dtype() {
        DType::F16 | DType::BF16 => Flex::float_cast(prediction, FloatDType::F32),
        _ => prediction,
    };
    let weights = match weights {
        Weights::One => None,
        Weights::PerVoxel(weights) => {
            Some(Flex::float_cast(weights, FloatDType::F64).to_contiguous())
        }
    };
    let inputs = Inputs {
        plan,
        prediction: prediction.to_contiguous(),
        weights,
    };
    match inputs.prediction.dtype() {
        DType::F64 => with_target::<f64, R>(&inputs, target, task),
        _ => with_target::<f32, R>(&inputs, target, task),
    }
    .map_err(|error| match error {
        unifocal_ndarray::Error::Core(error) => Error::Core(error),
        other => unreachable!("shapes were checked: {other}"),
    })
}

fn with_target<P: Scalar, R: Task>(
    inputs: &Inputs<'_>,
    target: Target<Flex>,
    task: R,
) -> Result<R::Output, unifocal_ndarray::Error> {
    match target {
        Target::Labels(labels) => match labels.dtype() {
            DType::U8 => with_labels::<P, u8, R>(inputs, &labels, task),
            DType::I32 => with_labels::<P, i32, R>(inputs, &labels, task),
            DType::I64 => with_labels::<P, i64, R>(inputs, &labels, task),
            // Labels beyond the range of i64 become negative, so they are still rejected.
            _ => with_labels::<P, i64, R>(inputs, &Flex::int_cast(labels, IntDType::I64), task),
        },
        Target::Soft(target) => {
            let dtype = <P as burn::tensor::Element>::dtype().into();
            with_soft::<P, R>(inputs, &Flex::float_cast(target, dtype), task)
        }
    }
}

fn with_labels<P: Scalar, L: Label + Stored, R: Task>(
    inputs: &Inputs<'_>,
    labels: &FlexTensor,
    task: R,
) -> Result<R::Output, unifocal_ndarray::Error> {
    let shape @ [samples, _, voxels] = inputs.shape();
    let labels = labels.to_contiguous();
    let evaluation = Evaluation::labels(
        view::<P, _>(&inputs.prediction, shape),
        view::<L, _>(&labels, [samples, voxels]),
    );
    task.run(&with_settings(inputs, evaluation))
}

fn with_soft<P: Scalar, R: Task>(
    inputs: &Inputs<'_>,
    target: &FlexTensor,
    task: R,
) -> Result<R::Output, unifocal_ndarray::Error> {
    let shape = inputs.shape();
    let target = target.to_contiguous();
    let evaluation = Evaluation::soft(
        view::<P, _>(&inputs.prediction, shape),
        view::<P, _>(&target, shape),
    );
    task.run(&with_settings(inputs, evaluation))
}

/// Adds the settings of the plan and the weights to an evaluation.
fn with_settings<'a, P: Element, T: TargetArray>(
    inputs: &'a Inputs<'_>,
    evaluation: Evaluation<'a, P, Ix3, T>,
) -> Evaluation<'a, P, Ix3, T> {
    // Burn pools the sums over the batch.
    let settings = inputs.plan.settings.clone();
    let evaluation = evaluation.with_settings(settings.with_pooling(Pooling::PerSample));
    let [samples, _, voxels] = inputs.shape();
    match &inputs.weights {
        Some(weights) => evaluation.with_voxel_weights(view(weights, [samples, voxels])),
        None => evaluation,
    }
}

/// The numbers of a contiguous tensor.
fn numbers<T: Stored>(tensor: &FlexTensor) -> &[T] {
    tensor
        .as_slice()
        .unwrap_or_else(|| unreachable!("the tensor is contiguous and holds these numbers"))
}

/// A contiguous tensor as an array.
fn view<T: Stored, S: ShapeBuilder>(tensor: &FlexTensor, shape: S) -> ArrayView<'_, T, S::Dim> {
    ArrayView::from_shape(shape, numbers(tensor))
        .unwrap_or_else(|error| unreachable!("the shape is that of the tensor: {error}"))
}

/// A contiguous tensor as a mutable array; copies memory that is shared with another tensor.
fn view_mut<'a, T: Stored>(tensor: &'a mut FlexTensor, shape: &Shape) -> ArrayViewMut3<'a, T> {
    ArrayViewMut3::from_shape([shape[0], shape[1], shape[2]], tensor.storage_mut())
        .unwrap_or_else(|error| unreachable!("the shape is that of the tensor: {error}"))
}
