//! Runs the conformance suite in both precisions, with every set of vector instructions.

use ndarray::IxDyn;
use unifocal_conformance::{Backend, Case, Outcome, Precision, Target, checks};
use unifocal_core::{AnyLoss, data::Element};
use unifocal_ndarray::{Error, Evaluation, Simd, TargetArray};

/// `unifocal-ndarray` with this element type and these vector instructions (the baseline if the processor lacks them).
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
        match &case.target {
            Target::Labels(labels) => self.outcome(
                Evaluation::labels(prediction.view(), labels.view()),
                loss,
                case,
            ),
            Target::Soft(target) => self.outcome(
                Evaluation::soft(prediction.view(), target.view()),
                loss,
                case,
            ),
        }
    }

    /// Runs an evaluation with the settings of the case.
    fn outcome<'a, T: TargetArray>(
        &self,
        evaluation: Evaluation<'a, P, IxDyn, T>,
        loss: &AnyLoss,
        case: &'a Case,
    ) -> Result<Outcome, Error> {
        let mut evaluation = evaluation
            .with_simd(self.1)
            .with_layout(case.layout)
            .with_settings(case.settings.clone());
        if let Some(weights) = &case.voxel_weights {
            evaluation = evaluation.with_voxel_weights(weights.view());
        }
        if let Some(mask) = &case.annotated {
            evaluation = evaluation.with_annotated(mask.view());
        }
        let (value, gradient) = evaluation.value_and_gradient(loss)?;
        Ok(Outcome {
            value,
            gradient: gradient.mapv(Into::into),
        })
    }
}

macro_rules! in_both_precisions {
    ($($name:ident $simd:ident)*) => {$(
        mod $name {
            use super::*;

            mod f64 {
                use super::*;
                checks!(Ndarray(|x| x, Simd::$simd) => goldens peers agreement hierarchy gradients invariances edges overlapping annotated bad_input);
            }

            mod f32 {
                use super::*;
                checks!(Ndarray(|x| x as f32, Simd::$simd) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
            }
        }
    )*};
}

in_both_precisions!(baseline Baseline avx2 Avx2 avx512 Avx512);
