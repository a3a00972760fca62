//! The fused route on the CPU: `unifocal-ndarray` over the memory of the tensors.

use half::{bf16, f16};
use ndarray::{ArrayViewD, IxDyn};
use tch::{Kind, Tensor};
use unifocal_core::{AnyLoss, ClassSums, Element, Label};
use unifocal_ndarray::{Evaluation, TargetArray};

use crate::memory::{self, Own, Stored};
use crate::tensors::{Target, Tensors};
use crate::threads::{self, OpenMp};
use crate::{Error, SegmentationLoss};

/// The sums of all terms, group by group, and within a group class by class.
pub(crate) fn sums(
    of: &SegmentationLoss,
    input: &Tensors,
) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let task = Sums {
        loss: &of.loss,
        prediction: &input.prediction,
    };
    dispatch(of, input, task)
}

/// The same, and what [`gradient`] makes the gradient of without computing everything again, in its memory.
pub(crate) fn forward(
    of: &SegmentationLoss,
    input: &Tensors,
) -> Result<(Vec<ClassSums<f64, 4>>, Own), Error> {
    let task = Forward {
        loss: &of.loss,
        prediction: &input.prediction,
    };
    dispatch(of, input, task)
}

/// The gradient of Σ slope·sum with respect to the prediction, of its kind; from what [`forward`] kept for it, if that is still there.
pub(crate) fn gradient(
    of: &SegmentationLoss,
    input: &Tensors,
    slopes: &[[f64; 4]],
    kept: Option<Own>,
) -> Result<Tensor, Error> {
    let task = Gradient {
        loss: &of.loss,
        slopes,
        prediction: &input.prediction,
        kept,
    };
    dispatch(of, input, task)
}

/// What is done with arrays of whichever type.
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

/// The kind of the arithmetic.
fn wide_kind(prediction: &Tensor) -> Result<Kind, Error> {
    Ok(match prediction.f_kind()? {
        Kind::Double => Kind::Double,
        _ => Kind::Float,
    })
}

/// Whether there is work for more than one thread.
fn is_divided(prediction: &Tensor) -> bool {
    prediction.numel() > 1 << 16
}

/// A gradient in the kind of the prediction; what is beyond the range of f16 is its largest number.
pub(crate) fn narrowed(mut gradient: Tensor, kind: Kind) -> Result<Tensor, Error> {
    if kind == Kind::Half {
        let most = f16::MAX.to_f64();
        gradient = gradient.f_clamp_(-most, most)?;
    }
    Ok(gradient.f_to_kind(kind)?)
}

/// Runs a task over the memory of the tensors.
fn dispatch<R: Task>(of: &SegmentationLoss, input: &Tensors, task: R) -> Result<R::Output, Error> {
    match input.prediction.f_kind()? {
        Kind::Half => beside_target::<f16, R>(of, input, task),
        Kind::BFloat16 => beside_target::<bf16, R>(of, input, task),
        Kind::Double => beside_target::<f64, R>(of, input, task),
        _ => beside_target::<f32, R>(of, input, task),
    }
}

fn beside_target<P, R: Task>(
    of: &SegmentationLoss,
    input: &Tensors,
    task: R,
) -> Result<R::Output, Error>
where
    P: Element<Real: Stored> + Stored,
{
    match &input.target {
        Target::Labels(labels) => match labels.f_kind()? {
            Kind::Int8 => beside_labels::<P, i8, R>(of, input, labels, task),
            Kind::Int16 => beside_labels::<P, i16, R>(of, input, labels, task),
            Kind::Int => beside_labels::<P, i32, R>(of, input, labels, task),
            Kind::Int64 => beside_labels::<P, i64, R>(of, input, labels, task),
            _ => beside_labels::<P, u8, R>(of, input, labels, task),
        },
        Target::Soft(target) => match target.f_kind()? {
            Kind::Bool | Kind::Uint8 => beside_soft::<P, u8, R>(of, input, target, task),
            Kind::Half => beside_soft::<P, f16, R>(of, input, target, task),
            Kind::BFloat16 => beside_soft::<P, bf16, R>(of, input, target, task),
            Kind::Float => beside_soft::<P, f32, R>(of, input, target, task),
            Kind::Double => beside_soft::<P, f64, R>(of, input, target, task),
            // One-hot in wider integers, as `one_hot` makes them. None that is neither 0 nor 1 becomes so.
            _ => beside_soft::<P, f32, R>(of, input, &target.f_to_kind(Kind::Float)?, task),
        },
    }
}

fn beside_labels<P, L, R: Task>(
    of: &SegmentationLoss,
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
    task.run(&with_settings(of, weights, evaluation))
}

fn beside_soft<P, S, R: Task>(
    of: &SegmentationLoss,
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
    task.run(&with_settings(of, weights, evaluation))
}

/// Voxel weights as the engine reads them.
fn wide(weights: Option<&Tensor>) -> Result<Option<Tensor>, Error> {
    let wide = weights.map(|weights| weights.f_to_kind(Kind::Double));
    Ok(wide.transpose()?)
}

/// The same evaluation with the settings of the loss, these weights, and libtorch's threads.
fn with_settings<'a, P: Element, T: TargetArray>(
    of: &SegmentationLoss,
    weights: Option<ArrayViewD<'a, f64>>,
    evaluation: Evaluation<'a, P, IxDyn, T>,
) -> Evaluation<'a, P, IxDyn, T> {
    let evaluation = evaluation.with_settings(of.settings.clone());
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
