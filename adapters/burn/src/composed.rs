//! The sums of a loss, composed of Burn's tensor operations.

use std::ops::Range;

use burn::tensor::{Bool, DType, Int, Tensor, activation};
use unifocal_core::limits::{LARGEST_WEIGHT, ROUNDING};
use unifocal_core::{
    Input,
    formula::{Float, Loss, Probability, Real, class_count},
};

use crate::elementwise::Elementwise;
use crate::fused::is_fused;
use crate::inputs::{Inputs, TargetTensor};
use crate::labels::beyond;
use crate::plan::{Plan, SUMS};

/// The sums of each sample and class, [N, C, 6].
pub(crate) fn sums(plan: &Plan, inputs: Inputs) -> Tensor<3> {
    let operands = Operands::new(plan, inputs);
    let classes = plan.settings.classes();
    let of_run = |(rare, run): (bool, Range<usize>)| {
        let y = operands.target(&run);
        let class = classes.class(run.start, operands.count);
        debug_assert_eq!(class.rare, rare);
        let terms = plan.loss.terms(&class, &operands.probability(&run), &y);
        let weights = operands.weights.clone().unsqueeze_dim::<3>(1);
        let weights = weights.expand(y.0.dims());
        let all = terms
            .into_iter()
            .chain([y])
            .map(|term| term.0.cast(operands.wide) * weights.clone());
        let sums: Vec<_> = all
            .chain([weights.clone()])
            .map(|term| term.sum_dim(2))
            .collect();
        debug_assert_eq!(sums.len(), SUMS);
        Tensor::cat(sums, 2)
    };
    let of_runs = runs(operands.count, |index| {
        classes.class(index, operands.count).rare
    });
    Tensor::cat(of_runs.into_iter().map(of_run).collect(), 1)
}

/// The operands of the formulas: the probabilities, targets and weights of an input's voxels.
pub(crate) struct Operands {
    probabilities: Probabilities,
    /// [N, 1, M].
    labels: Option<Tensor<3, Int>>,
    /// [N, C, M].
    soft: Option<Tensor<3>>,
    /// The weight of each voxel, [N, M]; NaN where its data are invalid.
    pub(crate) weights: Tensor<2>,
    /// The number of classes.
    pub(crate) count: usize,
    /// The type of the terms.
    dtype: DType,
    /// The type of the weights and the sums.
    wide: DType,
}

impl Operands {
    /// Prepares an input, with the settings of the plan.
    pub(crate) fn new(plan: &Plan, inputs: Inputs) -> Self {
        let prediction = widened(inputs.prediction);
        let [samples, channels, voxels] = prediction.dims();
        let (device, dtype) = (prediction.device(), prediction.dtype());
        let count = class_count(channels);

        let mut weights = match inputs.weights {
            Some(weights) => in_range(weights.cast(dtype), 0.0, LARGEST_WEIGHT),
            None => Tensor::ones([samples, voxels], (&device.clone().inner(), dtype)),
        };
        if let (TargetTensor::Labels(labels), Some(ignored)) =
            (&inputs.target, plan.settings.ignore_label)
        {
            weights = weights.mask_fill(labels.clone().equal_elem(ignored), 0.0);
        }
        // Voxels of weight 0 may hold anything, NaN included.
        let left_out = weights.clone().equal_elem(0.0);
        let labels = match &inputs.target {
            TargetTensor::Labels(labels) => {
                let (labels, wrong) = classes_of(labels.clone(), count);
                let wrong = wrong.bool_and(left_out.clone().bool_not());
                weights = weights.mask_fill(wrong, f64::NAN);
                Some(labels.unsqueeze_dim::<3>(1))
            }
            TargetTensor::Soft(_) => None,
        };
        let harmless = match plan.settings.input {
            Input::Probabilities => 0.5,
            Input::Softmax | Input::Sigmoid => 0.0,
        };
        let left_out = left_out
            .unsqueeze_dim::<3>(1)
            .expand([samples, channels, voxels]);
        let mut prediction = prediction.mask_fill(left_out.clone(), harmless);
        if plan.settings.input == Input::Probabilities {
            prediction = in_range(prediction, -ROUNDING, 1.0 + ROUNDING);
        }
        let soft = match inputs.target {
            TargetTensor::Labels(_) => None,
            TargetTensor::Soft(target) => {
                let y = in_range(target.cast(dtype).mask_fill(left_out, harmless), 0.0, 1.0);
                Some(match channels {
                    1 => Tensor::cat(vec![1.0 - y.clone(), y], 1),
                    _ => y,
                })
            }
        };

        // The CPU sums f32 terms in f64: logits near the end of the f32 range need it. GPUs sum in f32, because one that adds in f64 may still
        // lack powf in f64: SPIR-V has none, and on Vulkan the result is wrong.
        let wide = if is_fused(&device, DType::F64) {
            DType::F64
        } else {
            dtype
        };
        Self {
            probabilities: Probabilities::new(
                plan.settings.input,
                prediction,
                ln_limit(dtype, wide),
            ),
            labels,
            soft,
            weights: weights.cast(wide),
            count,
            dtype,
            wide,
        }
    }

    /// The probabilities of a run of classes, [N, run, M].
    pub(crate) fn probability(&self, run: &Range<usize>) -> Probability<Elementwise<3>> {
        self.probabilities.of(run)
    }

    /// The target of a run of classes, [N, run, M].
    pub(crate) fn target(&self, run: &Range<usize>) -> Elementwise<3> {
        let [samples, voxels] = self.weights.dims();
        let shape = [samples, run.len(), voxels];
        Elementwise(match (&self.labels, &self.soft) {
            (Some(labels), _) => {
                let (start, end) = (run.start as i64, run.end as i64);
                let own = Tensor::<1, Int>::arange(start..end, (&labels.device(), DType::I32));
                let own = own.reshape([1, run.len(), 1]).expand(shape);
                let y = labels.clone().expand(shape).equal(own);
                y.float().cast(self.dtype)
            }
            (None, Some(soft)) => soft.clone().narrow(1, run.start, run.len()),
            (None, None) => unreachable!("inputs always have a target"),
        })
    }
}

/// Groups neighbouring classes of the same kind into runs, each computed as one.
pub(crate) fn runs<K: PartialEq>(
    count: usize,
    kind: impl Fn(usize) -> K,
) -> Vec<(K, Range<usize>)> {
    let mut runs: Vec<(K, Range<usize>)> = Vec::new();
    for index in 0..count {
        let kind = kind(index);
        match runs.last_mut() {
            Some((last, run)) if *last == kind => run.end = index + 1,
            _ => runs.push((kind, index..index + 1)),
        }
    }
    runs
}

/// Casts labels to i32, which holds every class, and marks those outside 0..`count`; these become 0.
fn classes_of(labels: Tensor<2, Int>, count: usize) -> (Tensor<2, Int>, Tensor<2, Bool>) {
    let wrong = beyond(&labels, count);
    let labels = labels.mask_fill(wrong.clone(), 0).cast(DType::I32);
    (labels, wrong)
}

/// Bound on −ln p: small enough that 0·ln p is 0 and that sums stay finite.
fn ln_limit(terms: DType, sums: DType) -> f64 {
    match (terms, sums) {
        (DType::F64, _) => f64::LN_LIMIT,
        (_, DType::F64) => f32::LN_LIMIT,
        _ => f32::LN_LIMIT / 64.0,
    }
}

/// Casts f16 and bf16 to f32.
fn widened(tensor: Tensor<3>) -> Tensor<3> {
    match tensor.dtype() {
        DType::F32 | DType::F64 => tensor,
        _ => tensor.cast(DType::F32),
    }
}

/// Replaces numbers outside [`low`, `high`] by NaN.
fn in_range<const D: usize>(tensor: Tensor<D>, low: f64, high: f64) -> Tensor<D> {
    let found = tensor.clone().detach();
    let below = found.clone().lower_elem(low);
    let wrong = below.bool_or(found.greater_elem(high));
    tensor.mask_fill(wrong, f64::NAN)
}

/// The probabilities of all classes, [N, C, M].
struct Probabilities {
    p: Tensor<3>,
    /// 1 − p and ln p, which are more accurate from logits than from p.
    from_logits: Option<[Tensor<3>; 2]>,
}

impl Probabilities {
    /// Reads a prediction; `limit` bounds −ln p.
    fn new(input: Input, prediction: Tensor<3>, limit: f64) -> Self {
        let channels = prediction.dims()[1];
        match input {
            Input::Probabilities => Self {
                p: match channels {
                    1 => {
                        let complement = Elementwise(prediction.clone()).complement();
                        Tensor::cat(vec![complement.0, prediction], 1)
                    }
                    _ => prediction,
                },
                from_logits: None,
            },
            Input::Sigmoid => {
                let z = Elementwise(prediction).clip(-limit, limit).0;
                let [ln, ln_complement] = [z.clone(), -z].map(activation::log_sigmoid);
                match channels {
                    1 => Self::from_ln(
                        Tensor::cat(vec![ln_complement.clone(), ln.clone()], 1),
                        Tensor::cat(vec![ln, ln_complement], 1),
                        limit,
                    ),
                    _ => Self::from_ln(ln, ln_complement, limit),
                }
            }
            Input::Softmax => {
                // Subtract the largest logit in halves: the difference of two whole logits may overflow.
                let largest = prediction.clone().detach().max_dim(1);
                let half = prediction.mul_scalar(0.5) - largest.mul_scalar(0.5);
                let below = Elementwise(half)
                    .clip(-0.5 * limit, f64::INFINITY)
                    .scale(2.0);
                let ln = activation::log_softmax(below.0, 1);
                if channels == 2 {
                    return Self::from_ln(ln.clone(), ln.flip([1]), limit);
                }
                let p = ln.clone().exp();
                let complement = Elementwise(1.0 - p.clone()).clip(0.0, 1.0).0;
                let ln = Elementwise(ln).clip(-limit, 0.0).0;
                Self {
                    p,
                    from_logits: Some([complement, ln]),
                }
            }
        }
    }

    /// Builds them from ln p and ln(1 − p).
    fn from_ln(ln: Tensor<3>, ln_complement: Tensor<3>, limit: f64) -> Self {
        Self {
            p: ln.clone().exp(),
            from_logits: Some([ln_complement.exp(), Elementwise(ln).clip(-limit, 0.0).0]),
        }
    }

    /// The probabilities of a run of classes.
    fn of(&self, run: &Range<usize>) -> Probability<Elementwise<3>> {
        let part = |of: &Tensor<3>| Elementwise(of.clone().narrow(1, run.start, run.len()));
        let p = part(&self.p);
        match &self.from_logits {
            None => Probability::new(p),
            Some([complement, ln]) => Probability::from_ln(p, part(complement), part(ln)),
        }
    }
}
