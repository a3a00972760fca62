//! Shared by the routes over tensor operations: class probabilities and targets as operands of the formulas, and the sums of the terms.

use tch::{Device, Kind, Tensor};
use unifocal_core::{
    Classes, Input, Pooling, Settings,
    formula::{ClassSums, Dual, Float, Loss, Probability, Real, class_count},
};

use crate::Error;
use crate::class_target::ClassTarget;
use crate::extremes::Extremes;
use crate::ffi::attach::widened;
use crate::labels::equal;
use crate::plan::Plan;
use crate::tensors::{Target, Tensors};
use crate::values::{Outcome, Values};

/// An input as [N, C, M], with checked values.
#[derive(Debug)]
pub(crate) struct Operands<const WIDE: bool, const GRAPH: bool> {
    source: Source,
    target: Target,
    /// Whether the single channel is the foreground of two classes.
    foreground: bool,
    /// The weight of each voxel in f64, [N, M].
    weights: Option<Tensor>,
    pooling: Pooling,
    samples: i64,
    voxels: i64,
    classes: i64,
    device: Device,
}

/// The source of the probabilities, one [N, M] tensor per channel. The channels are unbound in one operation: the backward of a single
/// `select` would allocate a gradient of the whole prediction.
#[derive(Debug)]
enum Source {
    Probabilities(Vec<Tensor>),
    /// Logits.
    Sigmoid(Vec<Tensor>),
    Softmax {
        /// z − z_max.
        below: Vec<Tensor>,
        /// Σ e^(z − z_max) over all classes except the likeliest, [N, M].
        rest: Tensor,
        /// The likeliest class, [N, 1, M].
        top: Tensor,
    },
}

/// The probability of a class: p alone, or p, 1 − p and ln p.
#[derive(Debug)]
pub(crate) enum ClassProbability<V> {
    /// The variable is p.
    Linear(V),
    /// The variable is ln p.
    Logarithm { p: V, complement: V, ln: V },
}

impl<V: Real> ClassProbability<V> {
    pub(crate) fn probability(self) -> Probability<V> {
        match self {
            Self::Linear(p) => Probability::new(p),
            Self::Logarithm { p, complement, ln } => Probability::from_ln(p, complement, ln),
        }
    }

    /// As dual numbers in the variable.
    pub(crate) fn dual(&self) -> Probability<Dual<V>> {
        match self {
            Self::Linear(p) => Probability::new(Dual::variable(p.clone())),
            Self::Logarithm { p, complement, ln } => {
                Probability::by_ln(p.clone(), complement.clone(), ln.clone())
            }
        }
    }
}

impl<const WIDE: bool, const GRAPH: bool> Operands<WIDE, GRAPH> {
    /// Prepares what all classes share. `extremes` is the range of the input's values.
    pub(crate) fn new(
        settings: &Settings,
        input: &Tensors,
        extremes: &Extremes,
    ) -> Result<Self, Error> {
        let (samples, channels) = (input.samples(), input.channels());
        let flat = |tensor: &Tensor| tensor.f_reshape([samples, -1]);
        let mut target = match &input.target {
            Target::Labels(labels) => Target::Labels(flat(labels)?),
            Target::Soft(target) => Target::Soft(target.f_reshape([samples, channels, -1])?),
        };
        let given = input.weights.as_ref().map(flat).transpose()?;
        let counted = match (&target, settings.ignore_label) {
            (Target::Labels(labels), Some(ignored)) => {
                Some(equal(labels, ignored)?.f_logical_not_()?)
            }
            _ => None,
        };
        let mut prediction = input.prediction.f_reshape([samples, channels, -1])?;
        prediction = match prediction.f_kind()? {
            Kind::Half if GRAPH => widened(&prediction)?,
            _ => prediction.f_to_kind(input.arithmetic())?,
        };
        let weights = match (given, &counted) {
            (Some(weights), None) => Some(weights.f_to_kind(Kind::Double)?),
            // Not a product: an ignored voxel may have the weight NaN.
            (Some(weights), Some(counted)) => Some(
                weights
                    .f_to_kind(Kind::Double)?
                    .f_where_scalarother(counted, 0.0)?,
            ),
            (None, Some(counted)) => Some(counted.f_to_kind(Kind::Double)?),
            (None, None) => None,
        };
        if extremes.uncounted_out_of_range
            && let Some(weights) = &weights
        {
            let counts = weights.f_gt(0.0)?.f_unsqueeze(1)?;
            prediction = prediction.f_where_scalarother(&counts, 0.5)?;
            if let Target::Soft(soft) = &mut target {
                *soft = soft.f_where_scalarother(&counts, 0.0)?;
            }
        }

        // Clip logits and their differences so that sums stay finite. Differences of halves cannot overflow.
        let limit = if WIDE { f64::LN_LIMIT } else { f32::LN_LIMIT };
        let is_small = extremes.largest <= limit / 2.0;
        let bounded = |of: Tensor, low: f64, high: f64| {
            tensor_of(&Values::<WIDE, GRAPH>::given(of).clip(low, high))
        };
        let source = match settings.input {
            Input::Probabilities => Source::Probabilities(prediction.f_unbind(1)?),
            Input::Sigmoid if is_small => Source::Sigmoid(prediction.f_unbind(1)?),
            Input::Sigmoid => Source::Sigmoid(bounded(prediction, -limit, limit)?.f_unbind(1)?),
            Input::Softmax => {
                let (largest, top) = prediction.f_max_dim(1, true)?;
                // Cut the likeliest class out of the graph: its derivatives would only cancel.
                let cleared = |mut of: Tensor| match GRAPH {
                    true => of.f_scatter_value(1, &top, 0.0),
                    false => of.f_scatter_value_(1, &top, 0.0),
                };
                let below = if is_small {
                    prediction.f_sub(&largest)?
                } else {
                    let half = prediction
                        .f_mul_scalar(0.5)?
                        .f_sub(&largest.f_mul_scalar(0.5)?)?;
                    bounded(half, -limit / 2.0, 0.0)?.f_mul_scalar(2.0)?
                };
                let below = cleared(below)?;
                let others = cleared(below.f_exp()?)?;
                let rest = others.f_sum_dim_intlist([1_i64].as_slice(), false, None)?;
                Source::Softmax {
                    below: below.f_unbind(1)?,
                    rest,
                    top,
                }
            }
        };
        let voxels = input.prediction.numel() as i64 / (samples * channels);
        Ok(Self {
            source,
            target,
            foreground: channels == 1,
            weights,
            pooling: settings.pooling,
            samples,
            voxels,
            classes: class_count(channels as usize) as i64,
            device: input.prediction.device(),
        })
    }

    /// The number of classes.
    pub(crate) fn class_count(&self) -> i64 {
        self.classes
    }

    /// The number of groups.
    fn group_count(&self) -> i64 {
        match self.pooling {
            Pooling::PerSample => self.samples,
            Pooling::Batch => 1,
        }
    }

    /// The voxel weights, [N, M].
    pub(crate) fn weights(&self) -> Option<&Tensor> {
        self.weights.as_ref()
    }

    /// The likeliest class of each voxel, [N, 1, M]; softmax only.
    pub(crate) fn top(&self) -> Option<&Tensor> {
        match &self.source {
            Source::Softmax { top, .. } => Some(top),
            _ => None,
        }
    }

    /// The probability of a class, [N, M].
    pub(crate) fn class_probability(
        &self,
        class: i64,
    ) -> Result<ClassProbability<Values<WIDE, GRAPH>>, Error> {
        let background = self.foreground && class == 0;
        Ok(match &self.source {
            Source::Probabilities(prediction) => {
                let channel = if self.foreground { 0 } else { class as usize };
                let p = Values::given(prediction[channel].shallow_clone());
                ClassProbability::Linear(if background {
                    p.clip(0.0, 1.0).complement()
                } else {
                    p
                })
            }
            Source::Sigmoid(logits) => {
                let channel = if self.foreground { 0 } else { class as usize };
                let z = logits[channel].shallow_clone();
                let opposite = z.f_neg()?;
                let (z, opposite) = if background {
                    (opposite, z)
                } else {
                    (z, opposite)
                };
                let ln = Values::later(move || z.f_log_sigmoid());
                let ln_complement = Values::later(move || opposite.f_log_sigmoid());
                ClassProbability::Logarithm {
                    p: ln.clone().exp(),
                    complement: ln_complement.exp(),
                    ln,
                }
            }
            Source::Softmax { below, rest, .. } => {
                let total = Values::given(rest.shallow_clone()).shift(1.0);
                let of_rest = rest.shallow_clone();
                let ln_total = Values::later(move || of_rest.f_log1p());
                let below = Values::given(below[class as usize].shallow_clone());
                // 1 − p = (rest + 1 − e^below) / total. For the likeliest class, 1 − e^below is exactly 0; nothing cancels.
                let complement = Values::given(rest.shallow_clone()) - below.clone().expm1();
                ClassProbability::Logarithm {
                    p: below.clone().exp() / total.clone(),
                    complement: complement / total,
                    ln: below - ln_total,
                }
            }
        })
    }

    /// The target y of a class, [N, M].
    pub(crate) fn class_target(&self, class: i64) -> Result<ClassTarget, Error> {
        Ok(ClassTarget::new(match &self.target {
            Target::Labels(labels) => equal(labels, class)?,
            Target::Soft(target) => {
                let channel = if self.foreground { 0 } else { class };
                let kind = if WIDE { Kind::Double } else { Kind::Float };
                let y = target.f_select(1, channel)?.f_to_kind(kind)?;
                if self.foreground && class == 0 {
                    y.f_rsub_scalar(1.0)?
                } else {
                    y
                }
            }
        }))
    }

    /// The sums of a loss's terms for each class, `[G]` in f64.
    fn sums<const K: usize>(
        &self,
        loss: &impl Loss<K>,
        classes: &Classes<'_>,
    ) -> Result<Vec<ClassSums<Values<true, GRAPH>, K>>, Error> {
        let voxels = match &self.weights {
            Some(weights) => Values::given(self.total(weights)?),
            None => Values::constant(match self.pooling {
                Pooling::PerSample => self.voxels as f64,
                Pooling::Batch => (self.voxels * self.samples) as f64,
            }),
        };
        (0..self.classes)
            .map(|index| {
                let y = self.class_target(index)?;
                let target = Values::given(self.sum(y.tensor())?);
                let probability = self.class_probability(index)?.probability();
                let class = classes.class(index as usize, self.classes as usize);
                let mut failed = None;
                let terms = loss.terms(&class, &probability, &y).map(|term| {
                    let sum = match term.outcome() {
                        Ok(Outcome::Constant(value)) => return voxels.clone().scale(value),
                        Ok(Outcome::Tensor(term)) => self.sum(&term),
                        Err(error) => Err(error.into()),
                    };
                    sum.map_or_else(
                        |error| {
                            failed = Some(error);
                            Values::constant(f64::NAN)
                        },
                        Values::given,
                    )
                });
                match failed {
                    Some(error) => Err(error),
                    None => Ok(ClassSums {
                        terms,
                        target,
                        voxels: voxels.clone(),
                    }),
                }
            })
            .collect()
    }

    /// Σ weight·x of each group, `[G]` in f64.
    fn sum(&self, x: &Tensor) -> Result<Tensor, Error> {
        match &self.weights {
            Some(weights) => self.total(&x.f_mul(weights)?),
            None => self.total(x),
        }
    }

    /// Σ x of each group, `[G]` in f64. Within a row, libtorch's own summation (by tree or by blocks) is accurate enough.
    fn total(&self, x: &Tensor) -> Result<Tensor, Error> {
        let rows = x.f_sum_dim_intlist([1_i64].as_slice(), false, None)?;
        let rows = rows.f_to_kind(Kind::Double)?;
        Ok(match self.pooling {
            Pooling::PerSample => rows,
            Pooling::Batch => rows.f_sum(Kind::Double)?.f_reshape([1])?,
        })
    }

    /// The sums of all terms as a tensor, [G, C, 6].
    pub(crate) fn stacked(&self, plan: &Plan) -> Result<Tensor, Error> {
        let groups = self.group_count();
        let mut all = Vec::new();
        for sums in self.sums(&plan.loss, &plan.settings.classes())? {
            for sum in <[_; 6]>::from(sums) {
                all.push(sum.filled(groups, self.device)?);
            }
        }
        Ok(Tensor::f_stack(&all, 1)?.f_reshape([groups, self.classes, 6])?)
    }
}

/// The tensor of an expression that is not constant.
fn tensor_of<const WIDE: bool, const GRAPH: bool>(
    values: &Values<WIDE, GRAPH>,
) -> Result<Tensor, Error> {
    match values.outcome()? {
        Outcome::Tensor(tensor) => Ok(tensor),
        Outcome::Constant(_) => unreachable!("the expression contains a tensor"),
    }
}
