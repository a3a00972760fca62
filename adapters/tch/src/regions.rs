//! Channels that are regions: each becomes a sample with one channel.

use tch::{Kind, Tensor};
use unifocal_core::{Error as CoreError, Settings, data::Position};

use crate::Error;
use crate::annotated::Annotated;
use crate::labels::equal;
use crate::tensors::{Target, Tensors};

/// Whether the channels are regions. So is a single channel that is not annotated in every sample.
pub(crate) fn are_apart(
    settings: &Settings,
    predictions: &Tensor,
    annotated: Option<&Annotated>,
) -> bool {
    settings.is_multilabel() || (annotated.is_some() && predictions.size()[1] == 1)
}

/// Predictions, targets and weights with a sample for each region: [N·R, 1, spatial…], [N·R, spatial…] or [N·R, 1, spatial…], and
/// [N·R, spatial…].
#[derive(Debug)]
pub(crate) struct Apart {
    pub(crate) predictions: Tensor,
    /// Labels are 0 outside and 1 inside of the region.
    pub(crate) targets: Tensor,
    pub(crate) weights: Option<Tensor>,
    /// R, the number of regions.
    pub(crate) regions: usize,
}

impl Apart {
    /// Makes each region a sample of its own. Ignored voxels, and those of regions that are not annotated, get the weight 0.
    pub(crate) fn new(
        settings: &Settings,
        predictions: &Tensor,
        targets: &Tensor,
        weights: Option<&Tensor>,
        annotated: Option<&Annotated>,
    ) -> Result<Self, Error> {
        let Tensors {
            prediction,
            target,
            weights,
        } = Tensors::new(settings, predictions, targets, weights)?;
        let shape = prediction.size();
        let (samples, regions, spatial) = (shape[0], shape[1], &shape[2..]);
        let one_channel = [&[samples * regions, 1], spatial].concat();
        let mut weights = weights;
        let targets = match target {
            Target::Soft(target) => target.f_reshape(&one_channel)?,
            Target::Labels(labels) => {
                if let Some(ignored) = settings.ignore_label {
                    let counted = match weights {
                        Some(weights) => weights.f_to_kind(Kind::Double)?,
                        None => Tensor::f_ones(labels.size(), (Kind::Double, labels.device()))?,
                    };
                    weights = Some(counted.f_masked_fill(&equal(&labels, ignored)?, 0.0)?);
                }
                let sets = settings.label_sets(regions as usize)?;
                let mut each = Vec::with_capacity(sets.sets.len());
                for set in &sets.sets {
                    let mut inside = Tensor::f_zeros(labels.size(), (Kind::Bool, labels.device()))?;
                    for label in set {
                        inside = inside.f_logical_or(&equal(&labels, *label)?)?;
                    }
                    each.push(match sets.classes {
                        Some(classes) => keep_wrong(&labels, classes as i64, &inside)?,
                        None => inside,
                    });
                }
                let each = Tensor::f_stack(&each, 1)?;
                each.f_reshape([&[samples * regions], spatial].concat())?
            }
        };
        let without_channels = [&[samples * regions], spatial].concat();
        let weights = weights.map(|weights| {
            let each = weights.f_unsqueeze(1)?.f_expand(&shape, false)?;
            each.f_reshape(&without_channels)
        });
        let weights = weights.transpose()?;
        let weights = match annotated {
            Some(annotated) => Some(annotated.weights(weights, &without_channels)?),
            None => weights,
        };
        Ok(Self {
            predictions: prediction.f_reshape(&one_channel)?,
            targets,
            weights,
            regions: regions as usize,
        })
    }

    /// An error about these tensors as one about the caller's.
    pub(crate) fn error(&self, error: Error) -> Error {
        let regions = self.regions;
        let original = |at: Position| Position {
            sample: at.sample / regions,
            channel: at.channel + at.sample % regions,
            ..at
        };
        match error {
            Error::Core(mut error) => {
                // Without sets of labels, each class is a region.
                if let CoreError::Label { classes, .. } = &mut error {
                    *classes = (*classes).max(regions);
                }
                Error::Core(error.map_position(original))
            }
            Error::Logits(error) => Error::Logits(error.map_position(original)),
            error => error,
        }
    }
}

/// Puts labels that are no class in the place of marks 0 and 1, so that they are found where values are checked.
fn keep_wrong(labels: &Tensor, classes: i64, inside: &Tensor) -> Result<Tensor, Error> {
    let labels = labels.f_to_kind(Kind::Int64)?;
    let wrong = labels.f_lt(0)?.f_logical_or(&labels.f_ge(classes)?)?;
    Ok(labels.f_where_self(&wrong, &inside.f_to_kind(Kind::Int64)?)?)
}
