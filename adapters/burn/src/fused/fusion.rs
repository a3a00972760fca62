//! What Burn's `fusion` is told of the operations that it defers: the shapes and types of what they return.
//!
//! Fusion is of CubeCL devices alone, where sums, values and slopes are f32 and no data are errors.

use std::sync::Arc;

use burn::backend::fusion::custom::TensorSpec;
use burn::tensor::{DType, Shape};

use unifocal_core::class_count;

use super::{Kept, SummedMetadata, TargetMetadata, ValuedMetadata, WeightsMetadata};
use crate::plan::{Plan, SUMS};

/// What [`sums`](super::Fused::sums) returns.
pub(super) fn summed(
    prediction: &TensorSpec,
    _: &TargetMetadata,
    _: &WeightsMetadata,
    _: &Arc<Plan>,
    _: &bool,
) -> SummedMetadata {
    let [samples, channels] = [0, 1].map(|axis| prediction.shape[axis]);
    SummedMetadata {
        sums: of_shape(&[samples, class_count(channels), SUMS]),
        kept: Kept::Nothing,
        error: None,
    }
}

/// What [`values`](super::Fused::values) returns.
pub(super) fn valued(sums: &TensorSpec, _: &Arc<Plan>, _: &DType) -> ValuedMetadata {
    let [groups, classes] = [0, 1].map(|axis| sums.shape[axis]);
    ValuedMetadata {
        values: of_shape(&[groups]),
        counts: of_shape(&[groups]),
        slopes: of_shape(&[groups, classes, SUMS]),
    }
}

fn of_shape(dims: &[usize]) -> TensorSpec {
    TensorSpec::new(Shape::from(dims.to_vec()), DType::F32)
}
