//! Output shapes and types of the fused functions: Burn's `fusion` needs them to defer the functions.
//!
//! Only CubeCL devices have fusion. There, sums, values and slopes are f32, and bad data give NaN, not an error.

use std::sync::Arc;

use burn::backend::fusion::custom::TensorSpec;
use burn::tensor::{DType, Shape};

use unifocal_core::formula::class_count;

use super::data::{Kept, SummedMetadata, TargetMetadata, ValuedMetadata, WeightsMetadata};
use crate::plan::{Plan, SUMS};

/// The outputs of [`sums`](super::Fused::sums).
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

/// The outputs of [`values`](super::Fused::values).
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
