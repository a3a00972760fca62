//! The conformance suite, in both precisions.

use ndarray::IxDyn;
use unifocal_conformance::{Backend, Case, Outcome, Precision, Truth, checks};
use unifocal_core::{AnyLoss, Element};
use unifocal_ndarray::{Error, Evaluation, Simd, Truth as TruthArray};

/// `unifocal-ndarray` on arrays of this element, with these vectors (or the baseline's where the processor has none).
struct Ndarray<P>(fn(f64) -> P, Simd);

impl<P: Element<Real = P> + Into<f64>> Backend for Ndarray<P> {
    fn precision(&self) -> Precision {
        if size_of::<P>() == 4 {
            Precision::F32
        } else {
            Precision::F64
        }
    }

    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String> {
        self.run(loss, case).map_err(|error| error.to_string())
    }
}

impl<P: Element<Real = P> + Into<f64>> Ndarray<P> {
    fn run(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, Error> {
        let prediction = case.prediction.mapv(self.0);
        match &case.truth {
            Truth::Labels(labels, ignored) => {
                let evaluation = Evaluation::labels(prediction.view(), labels.view());
                told(evaluation.ignoring(*ignored).simd(self.1), loss, case)
            }
            Truth::Soft(target) => told(
                Evaluation::soft(prediction.view(), target.view()).simd(self.1),
                loss,
                case,
            ),
        }
    }
}

/// The outcome of an evaluation that is told all that the case says.
fn told<'a, P: Element<Real: Into<f64>>, T: TruthArray>(
    evaluation: Evaluation<'a, P, IxDyn, T>,
    loss: &AnyLoss,
    case: &'a Case,
) -> Result<Outcome, Error> {
    let mut evaluation = evaluation
        .layout(case.layout)
        .activation(case.activation)
        .pooling(case.pooling)
        .classes(case.classes());
    if let Some(weights) = &case.voxel_weights {
        evaluation = evaluation.voxel_weights(weights.view());
    }
    let (value, gradient) = evaluation.value_and_gradient(loss)?;
    Ok(Outcome {
        value,
        gradient: gradient.mapv(Into::into),
    })
}

macro_rules! in_both_precisions {
    ($($name:ident $simd:ident)*) => {$(
        mod $name {
            use super::*;

            mod f64 {
                use super::*;
                checks!(Ndarray(|x| x, Simd::$simd) => goldens peers agreement hierarchy gradients invariances edges bad_input);
            }

            mod f32 {
                use super::*;
                checks!(Ndarray(|x| x as f32, Simd::$simd) => goldens peers agreement hierarchy invariances edges bad_input);
            }
        }
    )*};
}

in_both_precisions!(baseline Baseline avx2 Avx2 avx512 Avx512);
