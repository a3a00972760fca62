//! A prediction and its target, with settings; and changes of them.

use unifocal_core::{Input, Layout, Settings, data::Shape, formula::class_count};

/// The ignored label, in cases that have one.
pub const IGNORED: u8 = 255;

/// A prediction [N, C, voxels] and its target, with settings.
#[derive(Clone, Debug)]
pub struct Case {
    pub shape: Shape,
    pub settings: Settings,
    pub prediction: Vec<f64>,
    pub target: Target,
    pub weights: Option<Vec<f64>>,
    pub layout: Layout,
}

/// The target of a case.
#[derive(Clone, Debug)]
pub enum Target {
    /// [N, voxels].
    Labels(Vec<u8>),
    /// [N, C, voxels].
    Soft(Vec<f64>),
}

impl Case {
    pub fn classes(&self) -> usize {
        class_count(self.shape.channels)
    }

    /// The index of a number of the prediction.
    pub fn at(&self, sample: usize, channel: usize, voxel: usize) -> usize {
        (sample * self.shape.channels + channel) * self.shape.voxels + voxel
    }

    /// The voxel's weight; 0 if the voxel is ignored.
    pub fn weight(&self, sample: usize, voxel: usize) -> f64 {
        let at = sample * self.shape.voxels + voxel;
        match &self.target {
            Target::Labels(labels) if labels[at] == IGNORED => 0.0,
            _ => self.weights.as_ref().map_or(1.0, |weights| weights[at]),
        }
    }

    /// Calls `visit` with sample, channel and voxel of every number of the prediction, in order.
    pub fn for_each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        for sample in 0..self.shape.samples {
            for channel in 0..self.shape.channels {
                for voxel in 0..self.shape.voxels {
                    visit(sample, channel, voxel);
                }
            }
        }
    }

    /// Rounds every number to f32.
    pub fn rounded(mut self) -> Self {
        let round = |numbers: &mut Vec<f64>| {
            for x in numbers {
                *x = f64::from(*x as f32);
            }
        };
        round(&mut self.prediction);
        if let Target::Soft(soft) = &mut self.target {
            round(soft);
        }
        self
    }

    /// Turns a one-channel prediction (probabilities or sigmoid logits) into a two-channel one. The background's probability and target are
    /// 1 − p and 1 − y, rounded to f32 as in an f32 evaluation; its logit is −z.
    pub fn apart(&self) -> Self {
        let voxels = self.shape.voxels;
        let both = |numbers: &[f64], rest: fn(f64) -> f64| -> Vec<f64> {
            let rows = numbers.chunks(voxels);
            rows.flat_map(|row| {
                let rest = row.iter().copied().map(rest);
                rest.chain(row.iter().copied()).collect::<Vec<_>>()
            })
            .collect()
        };
        let rounded = |x| f64::from(1.0 - x as f32);
        Self {
            shape: Shape {
                channels: 2,
                ..self.shape
            },
            prediction: match self.settings.input {
                Input::Probabilities => both(&self.prediction, rounded),
                _ => both(&self.prediction, |z| -z),
            },
            target: match &self.target {
                Target::Labels(labels) => Target::Labels(labels.clone()),
                Target::Soft(soft) => Target::Soft(both(soft, rounded)),
            },
            ..self.clone()
        }
    }

    /// Selects these voxels of every sample; they may be reordered, repeated or left out.
    pub fn pick(&self, voxels: &[usize]) -> Self {
        let shape = Shape {
            voxels: voxels.len(),
            ..self.shape
        };
        let rows = |numbers: &[f64]| -> Vec<f64> {
            let rows = numbers.chunks(self.shape.voxels);
            rows.flat_map(|row| voxels.iter().map(|voxel| row[*voxel]))
                .collect()
        };
        Self {
            shape,
            prediction: rows(&self.prediction),
            target: match &self.target {
                Target::Labels(labels) => {
                    let rows = labels.chunks(self.shape.voxels);
                    Target::Labels(
                        rows.flat_map(|row| voxels.iter().map(|voxel| row[*voxel]))
                            .collect(),
                    )
                }
                Target::Soft(soft) => Target::Soft(rows(soft)),
            },
            weights: self.weights.as_ref().map(|weights| rows(weights)),
            ..self.clone()
        }
    }
}
