//! The value of a fused loss from its sums. The core computes it on the host, together with its slopes.

use std::sync::Arc;

use tch::{Kind, Reduction, Tensor};
use unifocal_core::formula::{ClassSums, Dual, Real};

use crate::Error;
use crate::ffi::attach::{Backward, attach};
use crate::plan::Plan;
use crate::reduction::reduced;

/// A quantity that is computed from the sums.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    /// The loss, `[]`, or `[G]` without a reduction.
    Value(Reduction),
    /// The loss of each class, [G, C].
    PerClass,
}

/// Sums on the host, and the quantity that is computed from them.
struct Evaluation {
    plan: Arc<Plan>,
    sums: Arc<[ClassSums<f64, 4>]>,
    /// The number of classes.
    count: usize,
    output: Output,
}

/// The output in this kind, as a function of the sums [G, C, 6], which are `on_host`, too.
pub(crate) fn output(
    plan: &Arc<Plan>,
    sums: &Tensor,
    on_host: &Arc<[ClassSums<f64, 4>]>,
    output: Output,
    kind: Kind,
) -> Result<Tensor, Error> {
    let evaluation = Evaluation {
        plan: Arc::clone(plan),
        sums: Arc::clone(on_host),
        count: sums.size()[1] as usize,
        output,
    };
    let output = evaluation.output()?.f_to_kind(kind)?.f_to(sums.device())?;
    if sums.requires_grad() {
        Ok(attach(&output, &[sums], evaluation)?)
    } else {
        Ok(output)
    }
}

impl Evaluation {
    /// The output, in f64 on the host.
    fn output(&self) -> Result<Tensor, Error> {
        match self.output {
            Output::Value(reduction) => {
                let by_group = [self.by_group()?, self.counts()];
                let by_group = by_group.map(|of| Tensor::from_slice(&of));
                Ok(reduced(by_group, reduction)?)
            }
            Output::PerClass => {
                let score = |(index, sums)| self.plan.score(index, self.count, sums);
                let scores: Vec<f64> = self.sums.iter().enumerate().map(score).collect();
                Ok(Tensor::from_slice(&scores).f_reshape([-1, self.count as i64])?)
            }
        }
    }

    /// The loss of each group.
    fn by_group(&self) -> Result<Vec<f64>, Error> {
        let Plan { loss, settings, .. } = &*self.plan;
        let value = |(group, sums)| {
            let classes = settings.classes().of_group(group, self.count);
            unifocal_core::formula::mean(loss, &classes, self.count, sums)
        };
        let groups = self.sums.chunks(self.count).enumerate();
        Ok(groups.map(value).collect::<Result<_, _>>()?)
    }

    /// Whether each group counts: 1 or 0.
    fn counts(&self) -> Vec<f64> {
        let classes = self.plan.settings.classes();
        let groups = self.sums.chunks(self.count);
        groups.filter_map(|sums| classes.counts(sums)).collect()
    }

    /// The derivatives of the output by the sums of the terms. If there are several outputs, each sum affects the one of its group and class.
    fn slopes(&self) -> Result<Vec<[f64; 4]>, Error> {
        let Plan { loss, settings, .. } = &*self.plan;
        let Output::Value(reduction) = self.output else {
            let slopes = |(index, sums)| score_slopes(&self.plan, index, self.count, sums);
            return Ok(self.sums.iter().enumerate().map(slopes).collect());
        };
        let mut slopes = vec![[0.0; 4]; self.sums.len()];
        unifocal_core::formula::slopes(
            loss,
            &settings.classes(),
            self.count,
            &self.sums,
            &mut slopes,
        )?;
        if reduction != Reduction::Mean {
            // `slopes` are those of the mean.
            let counted: f64 = self.counts().iter().sum();
            for slope in slopes.as_flattened_mut() {
                *slope *= counted.max(1.0);
            }
        }
        Ok(slopes)
    }
}

/// The derivatives of a class's loss by its sums.
fn score_slopes(plan: &Plan, index: usize, count: usize, sums: &ClassSums<f64, 4>) -> [f64; 4] {
    std::array::from_fn(|k| {
        let mut terms = sums.terms.map(Dual::constant);
        terms[k] = Dual::variable(sums.terms[k]);
        let sums = ClassSums {
            terms,
            target: Dual::constant(sums.target),
            voxels: Dual::constant(sums.voxels),
        };
        // (1 − TI)^−γ can be infinite near a perfect score.
        let most = 1e-3 / f64::TINY;
        plan.score(index, count, &sums).derivative.clip(-most, most)
    })
}

impl Backward for Evaluation {
    fn gradient(&self, saved: &[Tensor], upstream: &Tensor) -> Result<Tensor, Error> {
        let shape = saved[0].size();
        let columns = match self.output {
            Output::Value(_) => 1,
            Output::PerClass => shape[1],
        };
        // `upstream` has one number for all groups or one per group, and likewise for classes.
        let upstream = upstream
            .f_to_kind(Kind::Double)?
            .f_reshape([-1, columns, 1])?;
        // Σ v·y and Σ v do not depend on the prediction.
        let slopes = self.slopes()?;
        let slopes = slopes
            .iter()
            .flat_map(|[tp, fp, fn_, f]| [*tp, *fp, *fn_, *f, 0.0, 0.0]);
        let slopes = Tensor::from_slice(&slopes.collect::<Vec<_>>()).f_reshape(shape)?;
        Ok(slopes.f_to(upstream.device())?.f_mul(&upstream)?)
    }
}
