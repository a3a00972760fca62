//! Channels that are regions: each becomes a sample with one channel.

use burn::tensor::{DType, Int, Tensor};
use unifocal_core::engine::LabelSets;

use crate::inputs::{Inputs, TargetTensor};
use crate::labels::{beyond, is_any};
use crate::plan::range;

impl Inputs {
    /// Makes each region a sample of its own, with labels 0 and 1 for its outside and inside. Ignored voxels get the weight 0.
    pub(crate) fn apart(self, sets: LabelSets, ignored: Option<i64>) -> Self {
        let [samples, regions, voxels] = self.prediction.dims();
        let apart = [samples * regions, 1, voxels];
        let mut weights = self.weights;
        let target = match self.target {
            TargetTensor::Soft(target) => TargetTensor::Soft(target.reshape(apart)),
            TargetTensor::Labels(labels) => {
                if let Some(ignored) = ignored {
                    let one = || Tensor::ones([samples, voxels], &labels.device());
                    let counted = weights.unwrap_or_else(one);
                    weights = Some(counted.mask_fill(is_any(&labels, &[ignored]), 0.0));
                }
                let inside = sets.sets.iter().map(|set| is_any(&labels, set).int());
                let inside = Tensor::stack::<3>(inside.collect(), 1).cast(DType::I32);
                let each = match sets.classes {
                    Some(classes) => keep_wrong(&labels, classes, inside),
                    None => inside,
                };
                TargetTensor::Labels(each.reshape([samples * regions, voxels]))
            }
        };
        let weights = weights.map(|weights| {
            let each = weights.unsqueeze_dim::<3>(1);
            let each = each.expand([samples, regions, voxels]);
            each.reshape([samples * regions, voxels])
        });
        Self {
            prediction: self.prediction.reshape(apart),
            target,
            weights,
            ..self
        }
    }

    /// Ignores channels that are not annotated, if each is a sample of its own.
    pub(crate) fn without_unannotated(mut self) -> Self {
        let [samples, channels, voxels] = self.prediction.dims();
        if channels > 1 {
            return self;
        }
        if let Some(annotated) = self.annotated.take() {
            let device = self.prediction.device().inner();
            let one = || Tensor::ones([samples, voxels], &device);
            let left_out = annotated.channels(&device).expand([samples, voxels]);
            let weights = self.weights.unwrap_or_else(one);
            self.weights = Some(weights.mask_fill(left_out, 0.0));
        }
        self
    }
}

/// Puts labels that are no class in the place of marks 0 and 1, so that they are found where values are checked.
fn keep_wrong(labels: &Tensor<2, Int>, classes: usize, marks: Tensor<3, Int>) -> Tensor<3, Int> {
    let shape = marks.dims();
    let wrong = beyond(labels, classes).unsqueeze_dim::<3>(1).expand(shape);
    // A label beyond 32 bits would wrap around, perhaps to a mark.
    let most = i64::from(i32::MAX);
    let labels = match range(labels.dtype()).contains(&(most + 1)) {
        true => labels.clone().clamp(i64::from(i32::MIN), most),
        false => labels.clone(),
    };
    let labels = labels.cast(DType::I32).unsqueeze_dim::<3>(1).expand(shape);
    marks.mask_where(wrong, labels)
}
