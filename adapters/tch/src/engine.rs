//! The fused route on the CPU: runs `unifocal-ndarray` directly on the tensors' memory.

use half::{bf16, f16};
use ndarray::{ArrayViewD, IxDyn};
use tch::{Kind, Tensor};
use unifocal_core::{
    AnyLoss,
    data::{Element, Label},
    formula::ClassSums,
};
use unifocal_ndarray::{Evaluation, TargetArray};

use crate::Error;
use crate::ffi::memory::{self, Own, Stored};
use crate::ffi::threads::{self, OpenMp};
use crate::plan::Plan;
use crate::tensors::{Target, Tensors};

/// The sums of all terms, ordered by group, then class.
pub(crate) fn sums(plan: &Plan, input: &Tensors) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let task = Sums {
        loss: &plan.loss,
        prediction: &input.prediction,
    };
    dispatch(plan, input, task)
}

/// The sums, and the gradient's memory with intermediate results that save [`gradient`] a second computation.
pub(crate) fn forward(
    plan: &Plan,
    input: &Tensors,
) -> Result<(Vec<ClassSums<f64, 4>>, Own), Error> {
    let task = Forward {
        loss: &plan.loss,
        prediction: &input.prediction,
    };
    dispatch(plan, input, task)
}

/// The gradient of Σ slope·sum with respect to the prediction, in its kind. Uses what [`forward`] kept, if it is still there.
pub(crate) fn gradient(
    plan: &Plan,
    input: &Tensors,
    slopes: &[[f64; 4]],
    kept: Option<Own>,
) -> Result<Tensor, Error> {
    let task = Gradient {
        loss: &plan.loss,
        slopes,
        prediction: &input.prediction,
        kept,
    };
    dispatch(plan, input, task)
}

/// The losses of the voxels, [N, spatial…].
pub(crate) fn voxel_losses(plan: &Plan, input: &Tensors) -> Result<Tensor, Error> {
    let task = VoxelLosses {
        loss: &plan.loss,
        prediction: &input.prediction,
    };
    dispatch(plan, input, task)
}

/// A computation on arrays of any element types.
trait Task {
    type Output;

    fn run<P: Element<Real: Stored>, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Self::Output, Error>;
}

struct Sums<'t> {
    loss: &'t AnyLoss,
    prediction: &'t Tensor,
}

impl Task for Sums<'_> {
    type Output = Vec<ClassSums<f64, 4>>;

    fn run<P: Element<Real: Stored>, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Self::Output, Error> {
        let divided = is_divided(self.prediction);
        Ok(threads::root(divided, || evaluation.sums(self.loss))?)
    }
}

struct Forward<'t> {
    loss: &'t AnyLoss,
    prediction: &'t Tensor,
}

impl Task for Forward<'_> {
    type Output = (Vec<ClassSums<f64, 4>>, Own);

    fn run<P: Element<Real: Stored>, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Self::Output, Error> {
        let mut kept = Own::like(self.prediction, wide_kind(self.prediction)?)?;
        let gradient = kept.view_mut::<P::Real>()?;
        let divided = is_divided(self.prediction);
        let sums = threads::root(divided, || evaluation.forward(self.loss, gradient))?;
        Ok((sums, kept))
    }
}

struct Gradient<'t> {
    loss: &'t AnyLoss,
    slopes: &'t [[f64; 4]],
    prediction: &'t Tensor,
    kept: Option<Own>,
}

impl Task for Gradient<'_> {
    type Output = Tensor;

    fn run<P: Element<Real: Stored>, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Tensor, Error> {
        let Self {
            loss,
            slopes,
            prediction,
            kept,
        } = self;
        let divided = is_divided(prediction);
        let gradient = if let Some(mut kept) = kept {
            let gradient = kept.view_mut::<P::Real>()?;
            threads::root(divided, || evaluation.backward(loss, slopes, gradient))?;
            kept
        } else {
            let mut own = Own::like(prediction, wide_kind(prediction)?)?;
            let gradient = own.view_mut::<P::Real>()?;
            threads::root(divided, || evaluation.gradient_by(loss, slopes, gradient))?;
            own
        };
        narrowed(gradient.into_tensor(), prediction.f_kind()?)
    }
}

struct VoxelLosses<'t> {
    loss: &'t AnyLoss,
    prediction: &'t Tensor,
}

impl Task for VoxelLosses<'_> {
    type Output = Tensor;

    fn run<P: Element<Real: Stored>, T: TargetArray>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Tensor, Error> {
        let divided = is_divided(self.prediction);
        let losses = threads::root(divided, || evaluation.voxel_losses(*self.loss))?;
        let of_channel = self.prediction.f_select(1, 0)?;
        let mut own = Own::like(&of_channel, wide_kind(self.prediction)?)?;
        own.view_mut::<P::Real>()?.assign(&losses);
        Ok(own.into_tensor())
    }
}

/// The kind of the gradient before it is narrowed.
fn wide_kind(prediction: &Tensor) -> Result<Kind, Error> {
    Ok(match prediction.f_kind()? {
        Kind::Double => Kind::Double,
        _ => Kind::Float,
    })
}

/// Whether the work is worth dividing among threads.
fn is_divided(prediction: &Tensor) -> bool {
    prediction.numel() > 1 << 16
}

/// Casts a gradient to the prediction's kind, clamping to the range of f16.
pub(crate) fn narrowed(mut gradient: Tensor, kind: Kind) -> Result<Tensor, Error> {
    if kind == Kind::Half {
        let most = f16::MAX.to_f64();
        gradient = gradient.f_clamp_(-most, most)?;
    }
    Ok(gradient.f_to_kind(kind)?)
}

/// Runs a task on the tensors' memory.
fn dispatch<R: Task>(plan: &Plan, input: &Tensors, task: R) -> Result<R::Output, Error> {
    match input.prediction.f_kind()? {
        Kind::Half => with_target::<f16, R>(plan, input, task),
        Kind::BFloat16 => with_target::<bf16, R>(plan, input, task),
        Kind::Double => with_target::<f64, R>(plan, input, task),
        _ => with_target::<f32, R>(plan, input, task),
    }
}

fn with_target<P, R: Task>(plan: &Plan, input: &Tensors, task: R) -> Result<R::Output, Error>
where
    P: Element<Real: Stored> + Stored,
{
    match &input.target {
        Target::Labels(labels) => match labels.f_kind()? {
            Kind::Int8 => with_labels::<P, i8, R>(plan, input, labels, task),
            Kind::Int16 => with_labels::<P, i16, R>(plan, input, labels, task),
            Kind::Int => with_labels::<P, i32, R>(plan, input, labels, task),
            Kind::Int64 => with_labels::<P, i64, R>(plan, input, labels, task),
            _ => with_labels::<P, u8, R>(plan, input, labels, task),
        },
        Target::Soft(target) => match target.f_kind()? {
            Kind::Bool | Kind::Uint8 => with_soft::<P, u8, R>(plan, input, target, task),
            Kind::Half => with_soft::<P, f16, R>(plan, input, target, task),
            Kind::BFloat16 => with_soft::<P, bf16, R>(plan, input, target, task),
            Kind::Float => with_soft::<P, f32, R>(plan, input, target, task),
            Kind::Double => with_soft::<P, f64, R>(plan, input, target, task),
            // One-hot targets in wider integers, such as those of `one_hot`. The cast turns no invalid value into 0 or 1.
            _ => with_soft::<P, f32, R>(plan, input, &target.f_to_kind(Kind::Float)?, task),
        },
    }
}

fn with_labels<P, L, R: Task>(
    plan: &Plan,
    input: &Tensors,
    labels: &Tensor,
    task: R,
) -> Result<R::Output, Error>
where
    P: Element<Real: Stored> + Stored,
    L: Label + Stored,
{
    let weights = wide(input.weights.as_ref())?;
    let weights = weights.as_ref().map(memory::view).transpose()?;
    let prediction = memory::view::<P>(&input.prediction)?;
    let evaluation = Evaluation::labels(prediction, memory::view::<L>(labels)?);
    task.run(&with_settings(plan, weights, evaluation))
}

fn with_soft<P, S, R: Task>(
    plan: &Plan,
    input: &Tensors,
    target: &Tensor,
    task: R,
) -> Result<R::Output, Error>
where
    P: Element<Real: Stored> + Stored,
    S: Element + Stored,
{
    let weights = wide(input.weights.as_ref())?;
    let weights = weights.as_ref().map(memory::view).transpose()?;
    let prediction = memory::view::<P>(&input.prediction)?;
    let evaluation = Evaluation::soft(prediction, memory::view::<S>(target)?);
    task.run(&with_settings(plan, weights, evaluation))
}

/// Voxel weights in f64, as the engine reads them.
fn wide(weights: Option<&Tensor>) -> Result<Option<Tensor>, Error> {
    let wide = weights.map(|weights| weights.f_to_kind(Kind::Double));
    Ok(wide.transpose()?)
}

/// Adds the settings of the loss, the weights and libtorch's threads to an evaluation.
fn with_settings<'a, P: Element, T: TargetArray>(
    plan: &Plan,
    weights: Option<ArrayViewD<'a, f64>>,
    evaluation: Evaluation<'a, P, IxDyn, T>,
) -> Evaluation<'a, P, IxDyn, T> {
    let evaluation = evaluation.with_settings(plan.settings.clone());
    let evaluation = if cfg!(unifocal_openmp) {
        evaluation.with_threads(&OpenMp)
    } else {
        evaluation
    };
    match weights {
        Some(weights) => evaluation.with_voxel_weights(weights),
        None => evaluation,
    }
}
