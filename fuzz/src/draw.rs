//! Draws a prediction and its target, with random settings.

use arbitrary::{Result, Unstructured};
use unifocal_core::{AbsentClass, Input, Layout, Pooling, Settings, data::Shape};

use crate::case::{Case, IGNORED, Target};
use crate::numbers::{Numbers, logit, probability, unit, weight};

/// Run lengths of voxels with the same target: mostly short, some longer than a stretch or a chunk.
const RUNS: [usize; 16] = [1, 1, 1, 1, 2, 2, 3, 5, 8, 13, 62, 64, 65, 130, 300, 1000];

impl Case {
    /// Draws a case with numbers of this kind.
    pub fn draw(u: &mut Unstructured<'_>, numbers: Numbers) -> Result<Self> {
        let channels = *u.choose(&[1, 2, 2, 2, 3, 3, 4, 9])?;
        let samples = *u.choose(&[1, 1, 1, 2])?;
        // Mostly small cases: they reach the edge cases, and many of them run in the same time.
        let large = numbers != Numbers::Inner && u.ratio(1, 64)?;
        let (samples, runs) = if large {
            (1, &RUNS[..])
        } else {
            (samples, &RUNS[..10])
        };
        let count = u.int_in_range(1..=4)?;
        let lengths = (0..count).map(|_| u.choose(runs).copied());
        let lengths = lengths.collect::<Result<Vec<_>>>()?;
        let shape = Shape::from([samples, channels, lengths.iter().sum()]);
        let input = match u.int_in_range(0..=2)? {
            1 => Input::Sigmoid,
            2 if channels > 1 => Input::Softmax,
            _ => Input::Probabilities,
        };
        let mut case = Self {
            shape,
            settings: Settings::default().with_input(input),
            prediction: vec![0.0; samples * channels * shape.voxels],
            target: Target::Labels(vec![0; samples * shape.voxels]),
            weights: None,
            layout: *u.choose(&[Layout::ChannelsFirst, Layout::ChannelsLast])?,
        };
        case.settings.pooling = *u.choose(&[Pooling::PerSample, Pooling::Batch])?;
        case.settings.absent_class = *u.choose(&[AbsentClass::Smooth, AbsentClass::Skip])?;
        let classes = case.classes();
        let (soft, ignoring, weighted) = (u.ratio(1, 3)?, u.ratio(1, 3)?, u.ratio(1, 3)?);
        let mut labels = Vec::new();
        let mut weights = Vec::new();
        let mut soft_target = vec![0.0; case.prediction.len()];
        for sample in 0..samples {
            let mut start = 0;
            for length in &lengths {
                let voxels = start..start + length;
                start += length;
                for channel in 0..channels {
                    let mut number = || match input {
                        Input::Probabilities => probability(u, numbers),
                        Input::Softmax | Input::Sigmoid => logit(u, numbers),
                    };
                    // Neighbouring voxels differ.
                    let pair = [number()?, number()?];
                    let y = if soft { unit(u)? } else { 0.0 };
                    for voxel in voxels.clone() {
                        let at = case.at(sample, channel, voxel);
                        case.prediction[at] = pair[voxel % 2];
                        soft_target[at] = y;
                    }
                }
                let label = if ignoring && u.ratio(1, 4)? {
                    IGNORED
                } else {
                    u.int_in_range(0..=classes as u8 - 1)?
                };
                labels.extend(voxels.clone().map(|_| label));
                if weighted {
                    let weight = weight(u, numbers)?;
                    weights.extend(voxels.map(|_| weight));
                }
            }
        }
        case.target = if soft {
            Target::Soft(soft_target)
        } else {
            Target::Labels(labels)
        };
        case.weights = weighted.then_some(weights);
        if u.ratio(1, 4)? {
            case.settings.rare_classes = Some(vec![u.choose_index(classes)?]);
        }
        if u.ratio(1, 4)? {
            case.settings.class_weights = Some(class_weights(u, numbers, classes)?);
        }
        if u.ratio(1, 8)? {
            case.settings.region_weights = Some(class_weights(u, numbers, classes)?);
        }
        if u.ratio(1, 4)? {
            let alpha = (0..classes).map(|_| weight(u, numbers));
            case.settings.class_alpha = Some(alpha.collect::<Result<_>>()?);
        }
        Ok(case)
    }
}

/// A weight per class, at least one of them above 0.
fn class_weights(u: &mut Unstructured<'_>, numbers: Numbers, classes: usize) -> Result<Vec<f64>> {
    let weights = (0..classes).map(|_| weight(u, numbers));
    let mut weights = weights.collect::<Result<Vec<_>>>()?;
    if weights.iter().sum::<f64>() <= 0.0 {
        weights[0] = 1.0;
    }
    Ok(weights)
}
