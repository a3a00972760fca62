//! The sums of a loss, composed of Burn's tensor operations.

use burn::tensor::{DType, Tensor, activation};
use unifocal_core::{Activation, Float, Loss, Probability};

use crate::elementwise::Elementwise;
use crate::inputs::{Inputs, Truth};
use crate::plan::{Plan, SUMS};

/// How far outside of [0, 1] rounding may leave a probability.
const ROUNDING: f64 = 1e-6;

/// What a class is given: its probability at each voxel, [N, M].
type Given = Probability<Elementwise<2>>;

/// The sums of each sample and class, [N, C, 6].
pub(crate) fn sums(plan: &Plan, inputs: Inputs) -> Tensor<3> {
    let prediction = widened(inputs.prediction);
    let [samples, channels, voxels] = prediction.dims();
    let dtype = prediction.dtype();

    let mut weights = match inputs.weights {
        Some(weights) => weights.cast(dtype),
        None => Tensor::ones([samples, voxels], (&prediction.device(), dtype)),
    };
    if let (Truth::Labels(labels), Some(ignored)) = (&inputs.truth, plan.ignored) {
        weights = weights.mask_fill(labels.clone().equal_elem(ignored), 0.0);
    }
    // What does not count is not looked at, and may be anything.
    let left_out = weights.clone().equal_elem(0.0);
    if let Truth::Labels(labels) = &inputs.truth {
        let classes = channels.max(2) as i64;
        let valid = labels
            .clone()
            .greater_equal_elem(0)
            .bool_and(labels.clone().lower_elem(classes));
        let wrong = valid.bool_or(left_out.clone()).bool_not();
        weights = weights.mask_fill(wrong, f64::NAN);
    }
    let harmless = match plan.activation {
        Activation::Identity => 0.5,
        Activation::Softmax | Activation::Sigmoid => 0.0,
    };
    let left_out = left_out
        .unsqueeze_dim::<3>(1)
        .expand([samples, channels, voxels]);
    let mut prediction = prediction.mask_fill(left_out.clone(), harmless);
    if plan.activation == Activation::Identity {
        prediction = checked(prediction, ROUNDING);
    }
    let truth = match inputs.truth {
        Truth::Soft(target) => Truth::Soft(checked(
            target.cast(dtype).mask_fill(left_out, harmless),
            0.0,
        )),
        labels => labels,
    };

    let classes = plan.classes();
    let given = probabilities(plan.activation, prediction);
    let of_class = given.into_iter().enumerate().map(|(index, given)| {
        let y = match &truth {
            Truth::Labels(labels) => labels.clone().equal_elem(index as i64).float().cast(dtype),
            Truth::Soft(target) if channels == 1 => {
                let y = channel(target, 0);
                if index == 1 { y } else { 1.0 - y }
            }
            Truth::Soft(target) => channel(target, index),
        };
        let y = Elementwise(y);
        let terms = plan.loss.terms(&classes.class(index), &given, &y);
        let all = terms
            .into_iter()
            .chain([y])
            .map(|term| term.0 * weights.clone());
        let sums: Vec<_> = all
            .chain([weights.clone()])
            .map(|term| term.sum_dim(1))
            .collect();
        debug_assert_eq!(sums.len(), SUMS);
        Tensor::cat(sums, 1)
    });
    Tensor::stack(of_class.collect(), 1)
}

/// f16 and bf16 as f32.
fn widened(tensor: Tensor<3>) -> Tensor<3> {
    match tensor.dtype() {
        DType::F32 | DType::F64 => tensor,
        _ => tensor.cast(DType::F32),
    }
}

/// Numbers in [0, 1], NaN where they are farther outside of it than this.
fn checked(tensor: Tensor<3>, rounding: f64) -> Tensor<3> {
    let found = tensor.clone().detach();
    let below = found.clone().lower_elem(-rounding);
    let wrong = below.bool_or(found.greater_elem(1.0 + rounding));
    tensor.mask_fill(wrong, f64::NAN)
}

/// A channel of a tensor, [N, M].
fn channel(tensor: &Tensor<3>, index: usize) -> Tensor<2> {
    tensor.clone().narrow(1, index, 1).squeeze_dim(1)
}

/// p of each class.
fn probabilities(activation: Activation, prediction: Tensor<3>) -> Vec<Given> {
    let channels = prediction.dims()[1];
    match activation {
        Activation::Identity if channels == 1 => {
            let p = Elementwise(channel(&prediction, 0));
            let complement = unifocal_core::Real::complement(p.clone());
            vec![Probability::new(complement), Probability::new(p)]
        }
        Activation::Identity => (0..channels)
            .map(|class| Probability::new(Elementwise(channel(&prediction, class))))
            .collect(),
        Activation::Sigmoid => {
            let [ln, ln_complement] =
                [prediction.clone(), -prediction].map(activation::log_sigmoid);
            let of = |class| {
                let [ln, ln_complement] = [&ln, &ln_complement].map(|ln| channel(ln, class));
                [ln, ln_complement]
            };
            if channels == 1 {
                let [ln, ln_complement] = of(0);
                vec![
                    from_ln(ln_complement.clone(), ln.clone()),
                    from_ln(ln, ln_complement),
                ]
            } else {
                let class = |class| {
                    let [ln, ln_complement] = of(class);
                    from_ln(ln, ln_complement)
                };
                (0..channels).map(class).collect()
            }
        }
        Activation::Softmax => {
            let ln = activation::log_softmax(prediction, 1);
            let ln = (0..channels).map(|class| channel(&ln, class));
            if channels == 2 {
                let [background, foreground] =
                    [0, 1].map(|class| ln.clone().nth(class).expect("two"));
                return vec![
                    from_ln(background.clone(), foreground.clone()),
                    from_ln(foreground, background),
                ];
            }
            ln.map(|ln| {
                let p = Elementwise(ln.clone().exp());
                let complement = Elementwise(1.0 - p.0.clone());
                let complement = unifocal_core::Real::clip(complement, 0.0, 1.0);
                Probability::from_ln(p, complement, bounded(ln))
            })
            .collect()
        }
    }
}

/// p, 1 − p and ln p from ln p and ln(1 − p).
fn from_ln(ln: Tensor<2>, ln_complement: Tensor<2>) -> Given {
    let p = Elementwise(ln.clone().exp());
    let complement = Elementwise(ln_complement.exp());
    Probability::from_ln(p, complement, bounded(ln))
}

/// ln p, not so far below 0 that its product with 0 is not 0.
fn bounded(ln: Tensor<2>) -> Elementwise<2> {
    unifocal_core::Real::clip(Elementwise(ln), -f32::LN_LIMIT, 0.0)
}
