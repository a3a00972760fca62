//! The core itself, in f64 on slices: the standard that adapters are compared with.

use ndarray::{ArrayD, Axis};
use unifocal_core::{
    AnyLoss, Dense, DenseMut, Error, Labels, Layout, Regions, Segmentation, Soft,
    data::{Channels, Field, ForEachRegion, Position, Shape},
    engine::{BuffersMut, LabelSets},
    formula::ClassSums,
};

use crate::{Backend, Case, Outcome, Precision, Target};

/// `unifocal-core` on contiguous slices of f64.
#[derive(Clone, Copy, Debug)]
pub struct CoreF64;

impl Backend for CoreF64 {
    fn precision(&self) -> Precision {
        Precision::F64
    }

    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String> {
        run(loss, case).map_err(|error| error.to_string())
    }
}

fn run(loss: &AnyLoss, case: &Case) -> Result<Outcome, Error> {
    let prediction = values(&case.prediction);
    let shape = shape(&case.prediction, case.layout);
    let field = Dense::new(&prediction, shape, case.layout)?;
    let ignored = case.settings.ignore_label;
    let per_voxel = |labels: &ArrayD<i64>| {
        (
            values(labels),
            [shape.samples, labels.len() / shape.samples],
        )
    };
    match &case.target {
        Target::Labels(labels) if case.settings.is_multilabel() => {
            let (labels, size) = per_voxel(labels);
            let LabelSets { sets, classes, .. } = case.settings.label_sets(shape.channels)?;
            let target = Regions::new(Dense::per_voxel(&labels, size)?, &sets)
                .with_classes(classes)
                .with_ignore_label(ignored);
            apart(loss, case, field, target)
        }
        Target::Labels(labels) => {
            let (labels, size) = per_voxel(labels);
            let target = Labels::new(Dense::per_voxel(&labels, size)?).with_ignore_label(ignored);
            weighted(loss, case, Segmentation::new(field, target)?, 1)
        }
        Target::Soft(_) if case.settings.regions.is_some() => Err(Error::Regions),
        Target::Soft(target) => {
            let values = values(target);
            let target = Dense::new(&values, self::shape(target, case.layout), case.layout)?;
            match case.settings.is_multilabel() {
                true => apart(loss, case, field, Soft(Channels::new(target))),
                false => weighted(loss, case, Segmentation::new(field, Soft(target))?, 1),
            }
        }
    }
}

/// Evaluates channels that are regions.
fn apart(
    loss: &AnyLoss,
    case: &Case,
    field: Dense<'_, f64>,
    target: impl unifocal_core::data::Target,
) -> Result<Outcome, Error> {
    let regions = field.shape().channels;
    let segmentation = Segmentation::new(Channels::new(field), target)?.with_regions(regions)?;
    weighted(loss, case, segmentation, regions).map_err(|error| {
        error.map_position(|at| Position {
            sample: at.sample / regions,
            channel: at.sample % regions,
            ..at
        })
    })
}

fn weighted(
    loss: &AnyLoss,
    case: &Case,
    segmentation: Segmentation<impl Field<Item = f64>, impl unifocal_core::data::Target>,
    regions: usize,
) -> Result<Outcome, Error> {
    let annotated: Option<Vec<bool>> = case
        .annotated
        .as_ref()
        .map(|mask| mask.iter().copied().collect());
    let segmentation = segmentation
        .with_annotated(annotated.as_deref())?
        .with_input(case.settings.input)?
        .with_pooling(case.settings.pooling);
    match &case.voxel_weights {
        None => finish(loss, case, &segmentation),
        Some(weights) => {
            let weights = values(weights);
            let samples = segmentation.shape().samples / regions;
            let weights = Dense::per_voxel(&weights, [samples, weights.len() / samples])?;
            let weights = ForEachRegion::new(weights, regions);
            finish(loss, case, &segmentation.with_voxel_weights(weights)?)
        }
    }
}

fn finish(
    loss: &AnyLoss,
    case: &Case,
    segmentation: &Segmentation<
        impl Field<Item = f64>,
        impl unifocal_core::data::Target,
        impl Field<Item = f64>,
    >,
) -> Result<Outcome, Error> {
    let classes = case.settings.classes();
    let len = segmentation.buffers_len();
    let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![[0.0; 4]; len]);
    let buffers = BuffersMut::new(&mut sums, &mut slopes);
    let mut evaluated = segmentation.evaluate(loss, &classes, buffers)?;
    let mut gradient = vec![0.0; case.prediction.len()];
    let shape = shape(&case.prediction, case.layout);
    let out = DenseMut::new(&mut gradient, shape, case.layout)?;
    let mut out = match segmentation.shape() == shape {
        true => Channels::together(out),
        false => Channels::new_mut(out),
    };
    evaluated.gradient_into(&mut out)?;
    Ok(Outcome {
        value: evaluated.value(),
        gradient: ArrayD::from_shape_vec(case.prediction.raw_dim(), gradient)
            .expect("the gradient has the prediction's size"),
    })
}

fn values<T: Copy>(array: &ArrayD<T>) -> Vec<T> {
    array.iter().copied().collect()
}

fn shape(array: &ArrayD<f64>, layout: Layout) -> Shape {
    let axis = match layout {
        Layout::ChannelsFirst => 1,
        Layout::ChannelsLast => array.ndim() - 1,
    };
    let samples = array.len_of(Axis(0));
    let channels = array.len_of(Axis(axis));
    let voxels = array.len() / (samples * channels).max(1);
    Shape::from([samples, channels, voxels])
}
