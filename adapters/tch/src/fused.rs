//! The fused routes: the forward pass computes the sums, and libtorch's backward computes the gradient from them.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Reduction, Tensor};
use unifocal_core::formula::{ClassSums, Dual, Real, class_count};

use crate::attach::{Backward, attach, is_recording, is_tracing};
use crate::extremes::Extremes;
use crate::memory::Own;
use crate::tensors::Tensors;
use crate::{Error, Route, SegmentationLoss, engine, operations};

/// The state of a fused evaluation that its backward needs, besides the tensors.
pub(crate) struct Fused {
    criterion: SegmentationLoss,
    sums: Vec<ClassSums<f64, 4>>,
    /// The number of classes.
    count: usize,
    /// The range of the values; `None` if the engine checks them itself.
    extremes: Option<Extremes>,
    /// The gradient's memory, in which the engine keeps intermediate results for the backward pass.
    kept: Mutex<Option<Own>>,
    output: Output,
}

/// The output that is computed from the sums.
#[derive(Clone, Copy, Debug)]
enum Output {
    /// The loss, `[]`, or `[G]` without a reduction.
    Value,
    /// The loss of each class, [G, C].
    PerClass,
}

/// The loss as a function of the first of the `saved` tensors, which belong to `input`.
pub(crate) fn value(
    criterion: &SegmentationLoss,
    input: &Tensors,
    saved: &[&Tensor],
) -> Result<Tensor, Error> {
    let fused = Fused::new(criterion, input, Output::Value)?;
    let by_group = [fused.by_group()?, fused.counts()].map(|of| Tensor::from_slice(&of));
    fused.attached(&criterion.reduced(by_group)?, input, saved)
}

/// The loss of each class, [G, C], as a function of the first of the `saved` tensors, which belong to `input`.
pub(crate) fn per_class(
    criterion: &SegmentationLoss,
    input: &Tensors,
    saved: &[&Tensor],
) -> Result<Tensor, Error> {
    let fused = Fused::new(criterion, input, Output::PerClass)?;
    let score = |(index, sums)| criterion.score(index % fused.count, sums);
    let scores: Vec<f64> = fused.sums.iter().enumerate().map(score).collect();
    let scores = Tensor::from_slice(&scores).f_reshape([-1, fused.count as i64])?;
    fused.attached(&scores, input, saved)
}

impl Fused {
    fn new(criterion: &SegmentationLoss, input: &Tensors, output: Output) -> Result<Self, Error> {
        if is_tracing() {
            return Err(Error::Traced);
        }
        let by_engine = criterion.route == Route::Fused && input.prediction.device() == Device::Cpu;
        let extremes = if by_engine {
            None
        } else {
            Some(Extremes::new(criterion, input)?)
        };
        let (sums, kept) = match &extremes {
            Some(extremes) => (operations::sums(criterion, input, extremes)?, None),
            None if input.prediction.requires_grad() && is_recording() => {
                let (sums, kept) = engine::forward(criterion, input)?;
                (sums, Some(kept))
            }
            None => (engine::sums(criterion, input)?, None),
        };
        Ok(Self {
            criterion: criterion.clone(),
            sums,
            count: class_count(input.channels() as usize),
            extremes,
            kept: Mutex::new(kept),
            output,
        })
    }

    /// Converts the output, f64 on the host, to the prediction's kind and device, and attaches its gradient.
    fn attached(
        self,
        output: &Tensor,
        input: &Tensors,
        saved: &[&Tensor],
    ) -> Result<Tensor, Error> {
        let output = output
            .f_to_kind(input.arithmetic())?
            .f_to(input.prediction.device())?;
        if input.prediction.requires_grad() {
            Ok(attach(&output, saved, self)?)
        } else {
            Ok(output)
        }
    }

    /// The loss of each group.
    fn by_group(&self) -> Result<Vec<f64>, Error> {
        let Self {
            criterion, count, ..
        } = self;
        let value = |sums| {
            unifocal_core::formula::mean(&criterion.loss, &criterion.settings.classes(), *count, sums)
        };
        Ok(self
            .sums
            .chunks(*count)
            .map(value)
            .collect::<Result<_, _>>()?)
    }

    /// Whether each group counts: 1 or 0.
    fn counts(&self) -> Vec<f64> {
        let classes = self.criterion.settings.classes();
        let groups = self.sums.chunks(self.count);
        groups.filter_map(|sums| classes.counts(sums)).collect()
    }

    /// The derivatives of the output by the sums. If there are several outputs, each sum affects the one of its group and class.
    fn slopes(&self) -> Result<Vec<[f64; 4]>, Error> {
        let criterion = &self.criterion;
        if let Output::PerClass = self.output {
            let slopes = |(index, sums)| score_slopes(criterion, index % self.count, sums);
            return Ok(self.sums.iter().enumerate().map(slopes).collect());
        }
        let mut slopes = vec![[0.0; 4]; self.sums.len()];
        unifocal_core::formula::slopes(
            &criterion.loss,
            &criterion.settings.classes(),
            self.count,
            &self.sums,
            &mut slopes,
        )?;
        if criterion.reduction != Reduction::Mean {
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
fn score_slopes(criterion: &SegmentationLoss, class: usize, sums: &ClassSums<f64, 4>) -> [f64; 4] {
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
        criterion.score(class, &sums).derivative.clip(-most, most)
    })
}

impl Backward for Fused {
    fn gradient(&self, saved: &[Tensor], upstream: &Tensor) -> Result<Tensor, Error> {
        let criterion = &self.criterion;
        let input = Tensors::new(criterion, &saved[0], &saved[1], saved.get(2))?;
        let mut slopes = self.slopes()?;
        let count = self.count as i64;
        let groups = slopes.len() as i64 / count;
        let columns = match self.output {
            Output::Value => 1,
            Output::PerClass => count,
        };
        // `upstream` has one number for all groups or one per group, and likewise for classes.
        let upstream = upstream
            .f_to_kind(Kind::Double)?
            .f_reshape([-1, columns])?
            .f_expand([groups, count], false)?;
        if let Some(extremes) = &self.extremes {
            return operations::gradient(criterion, &input, extremes, &slopes, &upstream);
        }
        let upstream = Vec::<f64>::try_from(upstream.f_reshape([-1])?)?;
        for (slopes, upstream) in slopes.iter_mut().zip(upstream) {
            *slopes = slopes.map(|slope| slope * upstream);
        }
        // If the graph is retained, the first gradient uses up this memory; later ones start from the prediction.
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        engine::gradient(criterion, &input, &slopes, kept)
    }
}
