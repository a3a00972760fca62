//! PyTorch's and torchvision's losses as ours.

use unifocal_core::{AnyLoss, Pooling, catalogue::ParameterError};

use super::common::{cross_entropy, focal, label_smoothing, two_alphas};
use crate::golden::Entry;
use crate::{Case, Target};

pub(super) fn torch(
    entry: &Entry,
    case: &mut Case,
    factor: &mut f64,
) -> Result<AnyLoss, ParameterError> {
    let smoothing = label_smoothing(entry);
    let entropy = cross_entropy(smoothing)?;
    Ok(match entry.loss.as_str() {
        "CrossEntropyLoss" => {
            case.settings.pooling = Pooling::Batch;
            if let (Some(weights), Target::Labels(labels)) =
                (entry.parameters["weight"].as_array(), &case.target)
            {
                let weights: Vec<f64> = weights
                    .iter()
                    .map(|weight| weight.as_f64().expect("a number"))
                    .collect();
                let of_voxels = labels.mapv(|label| weights.get(label as usize).copied());
                if smoothing > 0.0 {
                    // Smoothed labels have the weights of all classes, divided by those of the labels.
                    let counted: Vec<f64> = of_voxels.into_iter().flatten().collect();
                    *factor = counted.len() as f64 / counted.iter().sum::<f64>();
                    case.settings.class_alpha = Some(weights);
                } else {
                    case.voxel_weights = Some(of_voxels.mapv(|weight| weight.unwrap_or(0.0)));
                }
            }
            entropy.into()
        }
        "BCEWithLogitsLoss" => {
            let alpha = entry
                .parameter("pos_weight")
                .map(|weight| vec![1.0, weight]);
            case.settings.class_alpha = alpha;
            entropy.into()
        }
        "sigmoid_focal_loss" => {
            case.settings.class_alpha = two_alphas(entry);
            focal(entry.parameter("gamma").expect("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}
