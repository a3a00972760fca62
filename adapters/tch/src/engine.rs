//! The fused route on the CPU: `unifocal-ndarray` over the memory of the tensors.

use half::{bf16, f16};
use ndarray::{ArrayViewD, IxDyn};
use tch::{Kind, Tensor};
use unifocal_core::{AnyLoss, ClassSums, Element, Label};
use unifocal_ndarray::{Evaluation, Truth};

use crate::input::{Input, Target};
use crate::memory::{self, Stored};
use crate::threads::{self, OpenMp};
use crate::{Error, SegmentationLoss};

/// The sums of all terms, group by group, and within a group class by class.
pub(crate) fn sums(of: &SegmentationLoss, input: &Input) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let task = Sums {
        loss: &of.loss,
        prediction: &input.prediction,
    };
    dispatch(of, input, task)
}

/// The gradient of Σ slope·sum with respect to the prediction, of its kind.
pub(crate) fn gradient(
    of: &SegmentationLoss,
    input: &Input,
    slopes: &[[f64; 4]],
) -> Result<Tensor, Error> {
    let task = Gradient {
        loss: &of.loss,
        slopes,
        prediction: &input.prediction,
    };
    dispatch(of, input, task)
}

/// What is done with arrays of whichever type.
trait Task {
    type Output;

    fn run<P: Element<Real: Stored>, T: Truth>(
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

    fn run<P: Element<Real: Stored>, T: Truth>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Self::Output, Error> {
        let divided = is_divided(self.prediction);
        Ok(threads::root(divided, || evaluation.sums(self.loss))?)
    }
}

struct Gradient<'t> {
    loss: &'t AnyLoss,
    slopes: &'t [[f64; 4]],
    prediction: &'t Tensor,
}

impl Task for Gradient<'_> {
    type Output = Tensor;

    fn run<P: Element<Real: Stored>, T: Truth>(
        self,
        evaluation: &Evaluation<'_, P, IxDyn, T>,
    ) -> Result<Tensor, Error> {
        let kind = self.prediction.f_kind()?;
        let wide = if kind == Kind::Double {
            kind
        } else {
            Kind::Float
        };
        let gradient = memory::filled::<P::Real>(self.prediction, wide, |gradient| {
            let write = || evaluation.gradient_by(self.loss, self.slopes, gradient);
            Ok(threads::root(is_divided(self.prediction), write)?)
        })?;
        narrowed(gradient, kind)
    }
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
fn dispatch<R: Task>(of: &SegmentationLoss, input: &Input, task: R) -> Result<R::Output, Error> {
    match input.prediction.f_kind()? {
        Kind::Half => beside_target::<f16, R>(of, input, task),
        Kind::BFloat16 => beside_target::<bf16, R>(of, input, task),
        Kind::Double => beside_target::<f64, R>(of, input, task),
        _ => beside_target::<f32, R>(of, input, task),
    }
}

fn beside_target<P, R: Task>(
    of: &SegmentationLoss,
    input: &Input,
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
    input: &Input,
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
    task.run(&told(of, weights, evaluation.ignoring(of.ignored)))
}

fn beside_soft<P, S, R: Task>(
    of: &SegmentationLoss,
    input: &Input,
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
    task.run(&told(of, weights, evaluation))
}

/// Voxel weights as the engine reads them.
fn wide(weights: Option<&Tensor>) -> Result<Option<Tensor>, Error> {
    let wide = weights.map(|weights| weights.f_to_kind(Kind::Double));
    Ok(wide.transpose()?)
}

/// The same evaluation, told all that there is to say.
fn told<'a, P: Element, T: Truth>(
    of: &'a SegmentationLoss,
    weights: Option<ArrayViewD<'a, f64>>,
    evaluation: Evaluation<'a, P, IxDyn, T>,
) -> Evaluation<'a, P, IxDyn, T> {
    let evaluation = evaluation
        .activation(of.activation)
        .pooling(of.pooling)
        .classes(of.classes());
    let evaluation = if cfg!(unifocal_openmp) {
        evaluation.threads(&OpenMp)
    } else {
        evaluation
    };
    match weights {
        Some(weights) => evaluation.voxel_weights(weights),
        None => evaluation,
    }
}
