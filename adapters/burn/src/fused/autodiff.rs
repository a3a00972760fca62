//! The backward passes of the fused functions for Burn's autodiff.

use std::sync::Arc;

use burn::backend::Autodiff;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, FloatDType, Shape};

use super::Fused;
use super::data::{Kept, Summed, Target, Valued, Weights};
use crate::plan::Plan;

/// The gradient of the sums with respect to the prediction.
#[derive(Debug)]
struct SumsBackward;

impl<B: Fused> Backward<B, 1> for SumsBackward {
    type State = (NodeId, Target<B>, Weights<B>, Arc<Plan>, Kept);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let (prediction, target, weights, plan, kept) = ops.state;
        let slopes = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let prediction = checkpointer.retrieve_node_output(prediction);
            let gradient = B::gradient(prediction, target, weights, slopes, plan, kept);
            grads.register::<B>(node.id, gradient);
        }
    }
}

/// The gradient of the values with respect to the sums.
#[derive(Debug)]
struct ValuesBackward;

impl<B: Fused> Backward<B, 1> for ValuesBackward {
    type State = FloatTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let slopes = ops.state;
        let by_value = grads.consume::<B>(&ops.node);
        if let [Some(node)] = ops.parents {
            let groups = slopes.shape()[0];
            let by_value = B::float_cast(by_value, float_dtype(slopes.dtype()));
            let by_value = B::float_reshape(by_value, Shape::from([groups, 1, 1]));
            let by_value = B::float_expand(by_value, slopes.shape());
            grads.register::<B>(node.id, B::float_mul(slopes, by_value));
        }
    }
}

fn float_dtype(dtype: DType) -> FloatDType {
    match dtype {
        DType::F64 => FloatDType::F64,
        _ => FloatDType::F32,
    }
}

impl<B: Fused, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn sums(
        prediction: FloatTensor<Self>,
        target: Target<Self>,
        weights: Weights<Self>,
        plan: Arc<Plan>,
        keep: bool,
    ) -> Summed<Self> {
        let (target, weights) = (constant_target(target), constant_weights(weights));
        let prepared = SumsBackward
            .prepare::<C>([prediction.node()])
            .compute_bound()
            .stateful();
        match prepared {
            OpsKind::Tracked(mut prepared) => {
                let state = prepared.checkpoint(&prediction);
                let summed = B::sums(
                    prediction.into_primitive(),
                    target.clone(),
                    weights.clone(),
                    Arc::clone(&plan),
                    true,
                );
                let state = (state, target, weights, plan, summed.kept.clone());
                Summed {
                    sums: prepared.finish(state, summed.sums),
                    kept: if keep { summed.kept } else { Kept::Nothing },
                    error: summed.error,
                }
            }
            OpsKind::UnTracked(prepared) => {
                let summed = B::sums(prediction.into_primitive(), target, weights, plan, keep);
                Summed {
                    sums: prepared.finish(summed.sums),
                    kept: summed.kept,
                    error: summed.error,
                }
            }
        }
    }

    fn gradient(
        prediction: FloatTensor<Self>,
        target: Target<Self>,
        weights: Weights<Self>,
        slopes: FloatTensor<Self>,
        plan: Arc<Plan>,
        kept: Kept,
    ) -> FloatTensor<Self> {
        let gradient = B::gradient(
            prediction.into_primitive(),
            constant_target(target),
            constant_weights(weights),
            slopes.into_primitive(),
            plan,
            kept,
        );
        FloatTensor::<Self>::new(gradient)
    }

    fn values(sums: FloatTensor<Self>, plan: Arc<Plan>, dtype: DType) -> Valued<Self> {
        let prepared = ValuesBackward
            .prepare::<C>([sums.node()])
            .compute_bound()
            .stateful();
        let valued = B::values(sums.into_primitive(), plan, dtype);
        let (values, slopes) = (valued.values, valued.slopes);
        let values = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(slopes.clone(), values),
            OpsKind::UnTracked(prepared) => prepared.finish(values),
        };
        Valued {
            values,
            counts: FloatTensor::<Self>::new(valued.counts),
            slopes: FloatTensor::<Self>::new(slopes),
        }
    }
}

fn constant_target<B: Fused, C: CheckpointStrategy>(target: Target<Autodiff<B, C>>) -> Target<B> {
    match target {
        Target::Labels(labels) => Target::Labels(labels),
        Target::Soft(target) => Target::Soft(target.into_primitive()),
    }
}

fn constant_weights<B: Fused, C: CheckpointStrategy>(
    weights: Weights<Autodiff<B, C>>,
) -> Weights<B> {
    match weights {
        Weights::One => Weights::One,
        Weights::PerVoxel(weights) => Weights::PerVoxel(weights.into_primitive()),
    }
}
