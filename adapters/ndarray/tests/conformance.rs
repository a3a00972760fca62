//! Runs the conformance suite in both precisions, with every set of vector instructions.

use ndarray::{ArrayD, Axis, IxDyn};
use unifocal_conformance::{
    Backend, Case, DeeplySupervised, LevelsOutcome, Outcome, Precision, Target, VoxelOutcome,
    Voxelwise, checks,
};
use unifocal_core::{AnyLoss, LevelWeights, data::Element};
use unifocal_ndarray::{DeepSupervision, Error, Evaluation, Simd, TargetArray, nearest};

/// `unifocal-ndarray` with this element type and these vector instructions (the baseline if the processor lacks them).
struct Ndarray<P>(fn(f64) -> P, Simd);

/// Calls `$then` with the evaluation of a prediction beside the target of a case.
macro_rules! evaluation {
    ($self:ident, $prediction:expr, $case:ident, $evaluation:ident => $then:expr) => {
        match &$case.target {
            Target::Labels(labels) => {
                let $evaluation = $self.with(Evaluation::labels($prediction, labels.view()), $case);
                $then
            }
            Target::Soft(target) => {
                let $evaluation = $self.with(Evaluation::soft($prediction, target.view()), $case);
                $then
            }
        }
    };
}

impl<P: Element<Real = P> + Into<f64>> Ndarray<P> {
    fn with<'a, T: TargetArray>(
        &self,
        evaluation: Evaluation<'a, P, IxDyn, T>,
        case: &'a Case,
    ) -> Evaluation<'a, P, IxDyn, T> {
        let evaluation = evaluation
            .with_simd(self.1)
            .with_layout(case.layout)
            .with_settings(case.settings.clone());
        let evaluation = match &case.voxel_weights {
            Some(weights) => evaluation.with_voxel_weights(weights.view()),
            None => evaluation,
        };
        match &case.annotated {
            Some(mask) => evaluation.with_annotated(mask.view()),
            None => evaluation,
        }
    }

    fn levels<T: TargetArray>(
        loss: &AnyLoss,
        levels: DeepSupervision<'_, P, IxDyn, T>,
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, Error> {
        let levels = levels.with_level_weights(weights.clone());
        let (value, gradients) = levels.value_and_gradients(loss)?;
        assert_eq!(levels.value(loss)?, value);
        Ok(LevelsOutcome {
            value,
            gradients: gradients
                .into_iter()
                .map(|gradient| gradient.mapv(Into::into))
                .collect(),
        })
    }

    fn run_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, Error> {
        let prediction = full.prediction.mapv(self.0);
        let smaller: Vec<ArrayD<P>> = smaller.iter().map(|of| of.mapv(self.0)).collect();
        let views = smaller.iter().map(|of| of.view());
        let found = evaluation!(self, prediction.view(), full, evaluation => {
            let levels = evaluation.with_deep_supervision(views);
            levels.and_then(|levels| Self::levels(loss, levels, weights))
        });
        match (found, &full.target) {
            (Err(Error::Level { error, .. }), Target::Labels(labels))
                if matches!(*error, Error::Factor { .. }) =>
            {
                // Sizes that do not divide: a target of each level's own.
                let all = std::iter::once(&prediction).chain(&smaller);
                let targets: Vec<_> = all
                    .clone()
                    .map(|of| nearest(labels.view(), &of.shape()[2..]))
                    .collect::<Result<_, _>>()?;
                let levels = all.zip(&targets).map(|(prediction, target)| {
                    self.with(Evaluation::labels(prediction.view(), target.view()), full)
                });
                Self::levels(loss, DeepSupervision::new(levels), weights)
            }
            (found, _) => found,
        }
    }

    fn run_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, Error> {
        let prediction = case.prediction.mapv(self.0);
        evaluation!(self, prediction.view(), case, evaluation => {
            let (losses, derivatives) = evaluation.voxel_losses_and_derivatives(*loss)?;
            assert_eq!(losses.mapv(Into::into), evaluation.voxel_losses(*loss)?.mapv(Into::into));
            Ok(VoxelOutcome {
                losses: losses.mapv(Into::into),
                gradient: derivatives.mapv(Into::into) * upstream.view().insert_axis(Axis(1)),
            })
        })
    }
}

impl<P: Element<Real = P> + Into<f64>> Backend for Ndarray<P> {
    fn precision(&self) -> Precision {
        if size_of::<P>() == 4 {
            Precision::F32
        } else {
            Precision::F64
        }
    }

    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String> {
        let prediction = case.prediction.mapv(self.0);
        let found = evaluation!(self, prediction.view(), case, evaluation => evaluation.value_and_gradient(loss));
        let (value, gradient) = found.map_err(|error| error.to_string())?;
        Ok(Outcome {
            value,
            gradient: gradient.mapv(Into::into),
        })
    }
}

impl<P: Element<Real = P> + Into<f64>> DeeplySupervised for Ndarray<P> {
    fn evaluate_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, String> {
        self.run_levels(loss, full, smaller, weights)
            .map_err(|error| error.to_string())
    }
}

impl<P: Element<Real = P> + Into<f64>> Voxelwise for Ndarray<P> {
    fn evaluate_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, String> {
        self.run_voxels(loss, case, upstream)
            .map_err(|error| error.to_string())
    }
}

macro_rules! in_both_precisions {
    ($($name:ident $simd:ident)*) => {$(
        mod $name {
            use super::*;

            mod f64 {
                use super::*;
                checks!(Ndarray(|x| x, Simd::$simd) => goldens peers agreement hierarchy gradients invariances edges overlapping annotated bad_input);
                checks!(Ndarray(|x| x, Simd::$simd) => deep_supervision voxel_losses);
            }

            mod f32 {
                use super::*;
                checks!(Ndarray(|x| x as f32, Simd::$simd) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
                checks!(Ndarray(|x| x as f32, Simd::$simd) => deep_supervision voxel_losses);
            }
        }
    )*};
}

in_both_precisions!(baseline Baseline avx2 Avx2 avx512 Avx512);
