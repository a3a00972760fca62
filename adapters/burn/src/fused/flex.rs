//! On Burn's CPU backend: `unifocal-ndarray`'s engine on the memory of the tensors.

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
        let found = evaluated(prediction, target, weights, &plan, Sums { keep });
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
        let question = Gradient {
            slopes: &slopes,
            kept,
        };
        let gradient = evaluated(prediction, target, weights, &plan, question);
        let gradient = gradient.unwrap_or_else(|error| unreachable!("the sums were fine: {error}"));
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

/// Numbers in this type, the last of its range in place of those beyond.
fn narrowed(tensor: FlexTensor, dtype: FloatDType) -> FlexTensor {
    let most = dtype.finfo().max;
    Flex::float_cast(
        Flex::float_clamp(tensor, (-most).into(), most.into()),
        dtype,
    )
}

/// What is asked of the engine, of whatever types the arrays are.
trait Question {
    type Answer;

    fn ask<P: Scalar>(
        self,
        plan: &Plan,
        evaluation: &Evaluation<'_, P, Ix3, impl TargetArray>,
        shape: Shape,
    ) -> Result<Self::Answer, unifocal_ndarray::Error>;
}

/// An element whose arithmetic is a tensor's.
trait Scalar:
    Element<Real: burn::tensor::Element + bytemuck::Pod> + burn::tensor::Element + bytemuck::Pod
{
}

impl<
    P: Element<Real: burn::tensor::Element + bytemuck::Pod> + burn::tensor::Element + bytemuck::Pod,
> Scalar for P
{
}

/// The sums, and what the gradient takes if that is to be kept.
struct Sums {
    keep: bool,
}

impl Question for Sums {
    type Answer = (Vec<ClassSums<f64, 4>>, Kept);

    fn ask<P: Scalar>(
        self,
        plan: &Plan,
        evaluation: &Evaluation<'_, P, Ix3, impl TargetArray>,
        shape: Shape,
    ) -> Result<Self::Answer, unifocal_ndarray::Error> {
        if !self.keep {
            return Ok((evaluation.sums(&plan.loss)?, Kept::Nothing));
        }
        let mut memory = empty_gradient::<P>(&shape);
        let sums = evaluation.forward(&plan.loss, view_mut::<P::Real>(&mut memory, &shape))?;
        Ok((sums, Kept::Flex(memory)))
    }
}

/// The gradient by these slopes, from what was kept for it, if anything was.
struct Gradient<'a> {
    slopes: &'a [[f64; 4]],
    kept: Option<FlexTensor>,
}

impl Question for Gradient<'_> {
    type Answer = FlexTensor;

    fn ask<P: Scalar>(
        self,
        plan: &Plan,
        evaluation: &Evaluation<'_, P, Ix3, impl TargetArray>,
        shape: Shape,
    ) -> Result<FlexTensor, unifocal_ndarray::Error> {
        let (loss, slopes) = (&plan.loss, self.slopes);
        if let Some(mut kept) = self.kept {
            // If another graph holds it as well, this is a copy.
            evaluation.backward(loss, slopes, view_mut::<P::Real>(&mut kept, &shape))?;
            return Ok(kept);
        }
        let mut gradient = empty_gradient::<P>(&shape);
        evaluation.gradient_by(loss, slopes, view_mut::<P::Real>(&mut gradient, &shape))?;
        Ok(gradient)
    }
}

/// Memory for the gradient of a prediction of this shape.
fn empty_gradient<P: Scalar>(shape: &Shape) -> FlexTensor {
    FlexTensor::zeros(shape.clone(), <P::Real as burn::tensor::Element>::dtype())
}

/// The answer to a question about tensors of any types.
fn evaluated<Q: Question>(
    prediction: FlexTensor,
    target: Target<Flex>,
    weights: Weights<Flex>,
    plan: &Plan,
    question: Q,
) -> Result<Q::Answer, Error> {
    // What is narrower is widened once, for both sweeps: the engine could read it as it is, but is compiled for each type.
    let prediction = match prediction.dtype() {
        DType::F16 | DType::BF16 => Flex::float_cast(prediction, FloatDType::F32),
        _ => prediction,
    };
    let prediction = prediction.to_contiguous();
    let weights = match weights {
        Weights::One => None,
        Weights::Given(weights) => Some(Flex::float_cast(weights, FloatDType::F64).to_contiguous()),
    };
    let asked = Asked {
        plan,
        prediction: &prediction,
        weights: weights.as_ref(),
        question,
    };
    match prediction.dtype() {
        DType::F64 => asked.of::<f64>(target),
        _ => asked.of::<f32>(target),
    }
    .map_err(|error| match error {
        unifocal_ndarray::Error::Core(error) => Error::Core(error),
        other => unreachable!("shapes were checked: {other}"),
    })
}

/// A question, and what it is about but for the target.
struct Asked<'a, Q> {
    plan: &'a Plan,
    prediction: &'a FlexTensor,
    weights: Option<&'a FlexTensor>,
    question: Q,
}

impl<Q: Question> Asked<'_, Q> {
    /// The answer for a prediction of this type.
    fn of<P: Scalar>(self, target: Target<Flex>) -> Result<Q::Answer, unifocal_ndarray::Error> {
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
                    // What i64 does not hold becomes a number below 0, which is no class either.
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

    /// The answer of an evaluation with the plan's settings and these weights.
    fn with_plan<'a, P: Scalar, T: TargetArray>(
        self,
        evaluation: Evaluation<'a, P, Ix3, T>,
        shape: Shape,
    ) -> Result<Q::Answer, unifocal_ndarray::Error>
    where
        Self: 'a,
    {
        // Burn adds up the sums of a batch.
        let settings = self.plan.settings.clone().with_pooling(Pooling::PerSample);
        let evaluation = evaluation.with_settings(settings);
        let [samples, voxels] = [shape[0], shape[2]];
        match self.weights {
            None => self.question.ask(self.plan, &evaluation, shape),
            Some(weights) => {
                let weights = matrix::<f64>(weights, [samples, voxels]);
                let evaluation = evaluation.with_voxel_weights(weights);
                self.question.ask(self.plan, &evaluation, shape)
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
        .unwrap_or_else(|error| unreachable!("contiguous: {error}"))
}

/// The same to write to: a copy of what another tensor holds, too.
fn view_mut<'a, T: burn::tensor::Element + bytemuck::Pod>(
    tensor: &'a mut FlexTensor,
    shape: &Shape,
) -> ArrayViewMut3<'a, T> {
    ArrayViewMut3::from_shape([shape[0], shape[1], shape[2]], tensor.storage_mut())
        .unwrap_or_else(|error| unreachable!("contiguous: {error}"))
}

/// A contiguous tensor as an array.
fn matrix<T: burn::tensor::Element + bytemuck::Pod>(
    tensor: &FlexTensor,
    shape: [usize; 2],
) -> ArrayView2<'_, T> {
    let values = tensor.as_slice().unwrap_or_default();
    ArrayView2::from_shape(shape, values)
        .unwrap_or_else(|error| unreachable!("contiguous: {error}"))
}
