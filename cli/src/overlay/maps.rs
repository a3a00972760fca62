//! A number of each voxel of a plane: its loss, or its gradient. Both are the core's.

use std::slice;
use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayViewD, Axis as ArrayAxis, IxDyn};
use unifocal_ndarray::core::AnyLoss;

use super::args::Map;
use super::place::Place;
use super::planes::Plane;
use crate::args::Data;
use crate::case::{Arrays, Case, ClassNumbers, Content, Grid, Prediction, Target};
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::reading::{Axes, Axis, Reading, Turn};
use crate::score::{self, Gradient, Wanted};

/// A case and what is asked about it.
pub(super) struct Question<'a> {
    pub(super) map: Map,
    pub(super) pair: &'a Pair,
    pub(super) case: &'a Case,
    pub(super) arrays: &'a Arrays,
    pub(super) data: &'a Data,
    pub(super) loss: &'a Chosen,
    pub(super) class: Option<usize>,
}

/// A number of each voxel of some planes.
pub(super) struct Numbers {
    /// As [rows, columns]; NaN for a voxel that has none.
    pub(super) planes: Vec<ArrayD<f64>>,
    pub(super) signed: bool,
    /// The name of the numbers.
    pub(super) name: String,
}

impl Question<'_> {
    /// The numbers of the planes. `gradient` is that of the loss.
    pub(super) fn answer(
        &self,
        gradient: Option<&Gradient>,
        planes: &[Plane],
        place: &Place,
    ) -> Result<Numbers, Failure> {
        match (self.map, gradient) {
            (Map::Gradient, Some(gradient)) => Ok(self.slopes(gradient, planes, place)),
            (Map::Gradient, None) => {
                Err(self.pair.failure("has no voxel to score, so no gradient"))
            }
            (Map::Loss, _) => {
                let side = self.side()?;
                let losses = planes.iter().map(|plane| self.losses(&side, plane, place));
                Ok(Numbers {
                    planes: losses.collect::<Result<_, _>>()?,
                    signed: false,
                    name: format!("loss of the voxel by {}", side.loss),
                })
            }
        }
    }

    /// The distribution-based side of the loss.
    fn side(&self) -> Result<Chosen, Failure> {
        let loss: AnyLoss = match self.loss.loss {
            AnyLoss::Tversky(_) | AnyLoss::Matthews(_) => return Err(no_side(self.loss)),
            AnyLoss::Focal(side) => side.into(),
            AnyLoss::HardVoxels(_) => self.loss.loss,
            AnyLoss::UnifiedFocal(both) => both.distribution().into(),
        };
        Ok(Chosen {
            name: loss.name().unwrap_or(self.loss.name),
            loss,
            alpha: self.loss.alpha.clone(),
        })
    }

    /// The loss of each voxel of a plane, which is a sample of its own.
    fn losses(&self, side: &Chosen, plane: &Plane, place: &Place) -> Result<ArrayD<f64>, Failure> {
        let Self { pair, case, .. } = self;
        let (alone, shape) = alone(self.arrays, plane, place);
        let alone = Case {
            content: Content::Arrays(Box::new(alone)),
            names: case.names.clone(),
            annotated: case.annotated.clone(),
            account: Arc::clone(&case.account),
            grid: Grid::default(),
            image: None,
        };
        let wanted = Wanted {
            samples: true,
            ..Wanted::default()
        };
        let scored = score::score(&alone, pair, self.data, slice::from_ref(side), wanted)?;
        let losses = scored.scores[0].samples.iter();
        let losses: Vec<f64> = losses.map(|loss| loss.unwrap_or(f64::NAN)).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), losses)
            .map_err(|error| pair.failure(format!("has no loss for each voxel: {error}")))
    }

    /// The derivatives by the numbers of a channel, or their length over all channels.
    fn slopes(&self, gradient: &Gradient, planes: &[Plane], place: &Place) -> Numbers {
        let gradient = gradient.to_f64();
        let gradient = self.arrays.prediction(gradient.view());
        let channels = gradient.len_of(ArrayAxis(1));
        let channel = match self.class {
            _ if channels == 1 => Some(0),
            class => class,
        };
        let of_plane = |plane: &Plane| {
            let slopes = plane.cut(gradient.view(), 1, place);
            match channel {
                Some(channel) => slopes.index_axis(ArrayAxis(0), channel).to_owned(),
                None => slopes.map_axis(ArrayAxis(0), |slopes: ArrayView1<'_, f64>| {
                    slopes.fold(0.0, |length: f64, slope| length.hypot(*slope))
                }),
            }
        };
        let name = match (self.class, channel) {
            (None, None) => format!("length of the gradient over the {channels} channels"),
            (Some(class), _) if channels > 1 => {
                format!(
                    "derivative by the channel of class {}",
                    self.case.names[class]
                )
            }
            _ => "derivative by PRED".to_owned(),
        };
        Numbers {
            planes: planes.iter().map(of_plane).collect(),
            signed: channel.is_some(),
            name,
        }
    }
}

/// The error for a loss without a loss of each voxel.
pub(super) fn no_side(loss: &Chosen) -> Failure {
    Failure::Option(format!(
        "--map loss applies to losses with a distribution-based side, found --loss {}, which is a ratio of sums over all voxels: use --map gradient",
        loss.name
    ))
}

/// The voxels of a plane as samples of a case, and the numbers of rows and columns.
fn alone(arrays: &Arrays, plane: &Plane, place: &Place) -> (Arrays, [usize; 2]) {
    let target = match &arrays.target {
        Target::Classes { classes, void } => Target::Classes {
            classes: match classes {
                ClassNumbers::U8(numbers) => {
                    let plane = plane.cut(arrays.labels(numbers.view()), 0, place);
                    ClassNumbers::U8(listed(plane).into())
                }
                ClassNumbers::I32(numbers) => {
                    let plane = plane.cut(arrays.labels(numbers.view()), 0, place);
                    ClassNumbers::I32(listed(plane).into())
                }
            },
            void: *void,
        },
        Target::Soft { target, weights } => Target::Soft {
            target: channels_last(plane.cut(arrays.soft(target.view()), 1, place)).into(),
            weights: weights
                .as_ref()
                .map(|weights| listed(plane.cut(weights.view(), 0, place))),
        },
    };
    let mut shape = [0; 2];
    let mut of_plane = |numbers: &[usize]| shape.copy_from_slice(&numbers[1..]);
    let prediction = match &arrays.prediction {
        Prediction::F32(numbers) => {
            let numbers = plane.cut(arrays.prediction(numbers.view()), 1, place);
            of_plane(numbers.shape());
            Prediction::F32(channels_last(numbers).into())
        }
        Prediction::F64(numbers) => {
            let numbers = plane.cut(arrays.prediction(numbers.view()), 1, place);
            of_plane(numbers.shape());
            Prediction::F64(channels_last(numbers).into())
        }
    };
    let axes = |axes: &[Axis]| Axes(axes.to_vec());
    let alone = Arrays {
        prediction,
        input: arrays.input,
        reading: Reading {
            prediction: axes(&[Axis::Sample, Axis::Class]),
            target: match &target {
                Target::Classes { .. } => axes(&[Axis::Sample]),
                Target::Soft { .. } => axes(&[Axis::Sample, Axis::Class]),
            },
            turn: Turn::NONE,
            evidence: None,
        },
        target,
        annotated: arrays.annotated.as_ref().map(|mask| {
            // The same in all samples.
            let voxels = [shape[0] * shape[1], mask.ncols()];
            Array2::from_shape_fn(voxels, |(_, channel)| mask[[0, channel]])
        }),
        summary: arrays.summary,
        slab: None,
    };
    (alone, shape)
}

/// The numbers of a plane, one after the other.
fn listed<T: Clone>(plane: ArrayViewD<'_, T>) -> ArrayD<T> {
    Array1::from_iter(plane.iter().cloned()).into_dyn()
}

/// [channel, row, column] as [voxel, channel].
fn channels_last<T: Clone>(plane: ArrayViewD<'_, T>) -> ArrayD<T> {
    let channels = plane.len_of(ArrayAxis(0));
    let voxels = plane.len() / channels.max(1);
    let by_channel: Vec<T> = plane.iter().cloned().collect();
    Array2::from_shape_fn((voxels, channels), |(voxel, channel)| {
        by_channel[channel * voxels + voxel].clone()
    })
    .into_dyn()
}
