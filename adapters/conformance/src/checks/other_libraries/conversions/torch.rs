//! PyTorch's and torchvision's losses as ours.

use ndarray::ArrayD;
use unifocal_core::{AnyLoss, Pooling, catalogue::ParameterError};

use super::common::{cross_entropy, focal, label_smoothing, pos_weight, two_alphas};
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
            case.settings.class_alpha = pos_weight(entry);
            if let (Some(period), Target::Labels(labels)) =
                (entry.parameter("weight_period"), &case.target)
            {
                let mut voxels = 0..labels.len();
                let mut weight = || voxels.next().unwrap_or_default() as f64 % period;
                let weights = ArrayD::from_shape_simple_fn(labels.raw_dim(), &mut weight);
                // They divide by the number of voxels.
                *factor = weights.sum() / labels.len() as f64;
                case.settings.pooling = Pooling::Batch;
                case.voxel_weights = Some(weights);
            }
            entropy.into()
        }
        "sigmoid_focal_loss" => {
            case.settings.class_alpha = two_alphas(entry);
            focal(entry.parameter("gamma").expect("gamma"))?.into()
        }
        other => panic!("the manifest names an unknown loss: {other}"),
    })
}
