//! Predictions made of a few kinds of voxels, each repeated many times.

use fastrand::Rng;
use unifocal_core::Input;

/// The reason why a prediction is numerically difficult.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Structure {
    /// Nothing: a third of the voxels is lesion, and p is uniform.
    Ordinary,
    /// p of the right class is 10⁻⁷ to 10⁻³ below 1.
    NearlyPerfect,
    /// One voxel in ten thousand is lesion.
    NearlyEmpty,
    /// One voxel in a million is lesion, and p is small elsewhere.
    OneInAMillion,
    /// p is 0 or 1, logits are ±60, and one voxel in ten is wrong.
    Saturated,
}

impl Structure {
    pub(crate) const ALL: [Self; 5] = [
        Self::Ordinary,
        Self::NearlyPerfect,
        Self::NearlyEmpty,
        Self::OneInAMillion,
        Self::Saturated,
    ];

    fn voxels(self) -> usize {
        match self {
            Self::Ordinary | Self::NearlyPerfect | Self::Saturated => 3000,
            Self::NearlyEmpty => 30_000,
            Self::OneInAMillion => 1_000_000,
        }
    }
}

/// Identical voxels.
pub(crate) struct Kind {
    /// One number per channel.
    pub(crate) given: Vec<f32>,
    pub(crate) label: usize,
}

/// A sample.
pub(crate) struct Case {
    pub(crate) input: Input,
    pub(crate) kinds: Vec<Kind>,
    /// How many voxels are of each kind.
    pub(crate) counts: Vec<f64>,
    /// The kind of each voxel.
    pub(crate) order: Vec<usize>,
    /// The voxels' channels, channels first.
    pub(crate) f32: Vec<f32>,
    pub(crate) f64: Vec<f64>,
    pub(crate) labels: Vec<u8>,
}

/// The number of kinds of voxels.
const KINDS: usize = 24;

impl Case {
    pub(crate) fn new(structure: Structure, input: Input, channels: usize) -> Self {
        let mut rng = Rng::with_seed(5);
        let classes = channels.max(2);
        let lesions = if structure == Structure::OneInAMillion {
            1
        } else {
            KINDS / 3
        };
        let kinds: Vec<Kind> = (0..KINDS)
            .map(|kind| {
                let label = if kind < lesions {
                    1 + kind % (classes - 1)
                } else {
                    0
                };
                let logits = logits(&mut rng, structure, classes, label, kind);
                Kind {
                    given: given(input, channels, &logits),
                    label,
                }
            })
            .collect();
        let count = structure.voxels();
        let mut order: Vec<usize> = (0..count)
            .map(|voxel| match structure {
                Structure::NearlyEmpty if voxel >= count / 10_000 => rng.usize(lesions..KINDS),
                Structure::NearlyEmpty => rng.usize(0..lesions),
                Structure::OneInAMillion if voxel > 0 => rng.usize(lesions..KINDS),
                Structure::OneInAMillion => 0,
                _ => voxel % KINDS,
            })
            .collect();
        rng.shuffle(&mut order);
        let mut counts = vec![0.0; KINDS];
        for kind in &order {
            counts[*kind] += 1.0;
        }
        let channel = |channel| order.iter().map(move |kind| (*kind, channel));
        let f32: Vec<f32> = (0..channels)
            .flat_map(channel)
            .map(|(kind, channel)| kinds[kind].given[channel])
            .collect();
        Self {
            input,
            f64: f32.iter().copied().map(f64::from).collect(),
            f32,
            labels: order.iter().map(|kind| kinds[*kind].label as u8).collect(),
            kinds,
            counts,
            order,
        }
    }

    pub(crate) fn classes(&self) -> usize {
        self.kinds[0].given.len().max(2)
    }
}

/// One logit per class; the structure determines how far the right one leads.
fn logits(
    rng: &mut Rng,
    structure: Structure,
    classes: usize,
    label: usize,
    kind: usize,
) -> Vec<f64> {
    let ahead = match structure {
        Structure::Ordinary | Structure::NearlyEmpty => 8.0 * rng.f64() - 4.0,
        Structure::NearlyPerfect | Structure::OneInAMillion => 7.0 + 9.0 * rng.f64(),
        Structure::Saturated if kind.is_multiple_of(10) => -60.0,
        Structure::Saturated => 60.0,
    };
    (0..classes)
        .map(|class| {
            if class == label {
                ahead
            } else {
                0.5 * rng.f64()
            }
        })
        .collect()
}

/// The values of a voxel's channels, rounded to f32.
fn given(input: Input, channels: usize, logits: &[f64]) -> Vec<f32> {
    if input != Input::Probabilities {
        let first = if channels == 1 { logits[0] } else { 0.0 };
        return logits[logits.len() - channels..]
            .iter()
            .map(|z| (z - first) as f32)
            .collect();
    }
    let saturated = logits.iter().any(|z| z.abs() == 60.0);
    let powers = logits.iter().map(|z| z.exp());
    let sum: f64 = powers.clone().sum();
    powers
        .map(|power| if saturated { (power / sum).round() } else { power / sum } as f32)
        .collect()
}
