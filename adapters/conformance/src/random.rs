//! Random cases, small enough to differentiate numerically.

use fastrand::Rng;
use ndarray::{Array2, ArrayD, Axis};
use unifocal_core::{AbsentClass, Input, Layout, Pooling};

use crate::{Case, Target};

/// A prediction of this shape, [N, C, spatial…], away from the ends of its range: probabilities in (0.02, 0.98), or logits
/// in (−3, 3).
pub(crate) fn prediction(rng: &mut Rng, shape: &[usize], input: Input) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(shape, || match input {
        Input::Probabilities => 0.02 + 0.96 * rng.f64(),
        Input::Softmax | Input::Sigmoid => 6.0 * rng.f64() - 3.0,
    })
}

/// Labels of all classes, [N, spatial…]; in large shapes they come in runs, as in a mask.
pub(crate) fn labels(rng: &mut Rng, shape: &[usize]) -> ArrayD<i64> {
    let classes = shape[1].max(2) as i64;
    let mut spatial = shape.to_vec();
    spatial.remove(1);
    let many = spatial.iter().product::<usize>() >= 128;
    let mut label = 0;
    ArrayD::from_shape_simple_fn(spatial, || {
        if !many || rng.u8(0..50) == 0 {
            label = rng.i64(0..classes);
        }
        label
    })
}

/// A soft target, [N, C, spatial…].
pub(crate) fn soft(rng: &mut Rng, shape: &[usize]) -> ArrayD<f64> {
    let mut target = ArrayD::from_shape_simple_fn(shape, || rng.f64());
    if shape[1] > 1 {
        for mut voxel in target.lanes_mut(Axis(1)) {
            let sum: f64 = voxel.sum();
            voxel.mapv_inplace(|y| y / sum);
        }
    }
    target
}

/// A case with random settings.
pub(crate) fn case(rng: &mut Rng, shape: &[usize], input: Input) -> Case {
    let classes = shape[1].max(2);
    let mut case = Case::new(
        prediction(rng, shape, input),
        Target::Labels(labels(rng, shape)),
    );
    case.settings.input = input;
    if rng.bool() {
        case.target = Target::Soft(soft(rng, shape));
    } else if rng.bool() {
        let ignored = 255;
        let labels =
            labels(rng, shape).mapv(|label| if rng.u8(0..5) == 0 { ignored } else { label });
        case.target = Target::Labels(labels);
        case.settings.ignore_label = Some(ignored);
    }
    if rng.bool() {
        case.settings.pooling = Pooling::Batch;
    }
    if rng.bool() {
        case.settings.absent_class = AbsentClass::Skip;
    }
    if rng.bool() {
        let mut shape = shape.to_vec();
        shape.remove(1);
        let weight = || if rng.u8(0..4) == 0 { 0.0 } else { rng.f64() };
        case.voxel_weights = Some(ArrayD::from_shape_simple_fn(shape, weight));
    }
    if rng.bool() {
        let mut weights: Vec<f64> = (0..classes).map(|_| rng.f64()).collect();
        weights[0] = if rng.bool() { 0.0 } else { weights[0] };
        case.settings.class_weights = Some(weights);
    }
    if case.voxel_weights.is_some() && case.settings.absent_class == AbsentClass::Skip {
        // The background is left out of the region-based side.
        let weight = |class| if class == 0 { 0.0 } else { class as f64 };
        case.settings.region_weights = Some((0..classes).map(weight).collect());
    }
    if rng.bool() {
        case.settings.class_alpha = Some((0..classes).map(|_| 2.0 * rng.f64()).collect());
    }
    let rare_is_set = rng.bool();
    if rare_is_set {
        case.settings.rare_classes = Some(vec![classes - 1]);
    }
    if input != Input::Softmax && case.settings.class_alpha.is_some() && rare_is_set {
        case = regions(case);
    }
    // From a stream of its own: a mask changes nothing else of a case.
    let mut own = rng.clone();
    let multilabel = case.settings.is_multilabel();
    // The gradient of a single voxel of a single channel would cancel to rounding.
    let several = shape[2..].iter().product::<usize>() > 1;
    if several && own.bool() && (input != Input::Sigmoid || multilabel) {
        case.annotated = Some(annotated(&mut own, shape, multilabel));
        if input == Input::Probabilities && shape[1] > 1 && !multilabel {
            // Merged, they stay below 1, and none is near 0.
            for mut voxel in case.prediction.lanes_mut(Axis(1)) {
                voxel.mapv_inplace(|p| 0.3 + p);
                let sum = voxel.sum();
                voxel.mapv_inplace(|p| 0.9 * p / sum);
            }
        }
    }
    if rng.bool() {
        case.channels_last()
    } else {
        case
    }
}

/// Which channels are annotated in each sample: in some samples all. Of several classes, the first and
/// the last one are: the score of a background that is everything would be that of rounding errors.
pub(crate) fn annotated(rng: &mut Rng, shape: &[usize], multilabel: bool) -> Array2<bool> {
    let mut all = rng.bool();
    Array2::from_shape_fn([shape[0], shape[1]], |(_, channel)| {
        if channel == 0 {
            all = rng.u8(0..4) == 0;
        }
        let is_first_or_last = channel == 0 || channel == shape[1] - 1;
        all || rng.bool() || is_first_or_last && shape[1] > 1 && !multilabel
    })
}

/// The same case with channels that are regions, whose two classes are the outside and the inside.
fn regions(case: Case) -> Case {
    let mut case = case.with_multilabel(true);
    let settings = &mut case.settings;
    settings.rare_classes = Some(vec![1]);
    if settings.class_weights.is_some() {
        settings.class_weights = Some(vec![0.5, 2.0]);
    }
    if settings.region_weights.is_some() {
        settings.region_weights = Some(vec![0.0, 1.0]);
    }
    if let Some(alpha) = &mut settings.class_alpha {
        // The same for all regions, or one for each.
        let entries = match settings.absent_class {
            AbsentClass::Skip => 2,
            _ => 2 * case.prediction.len_of(Axis(1)),
        };
        *alpha = alpha.iter().copied().cycle().take(entries).collect();
    }
    if let (Target::Labels(_), Pooling::Batch) = (&case.target, case.settings.pooling) {
        // They overlap: each holds its own class and the last one.
        let channels = case.prediction.len_of(Axis(1)) as i64;
        return case.with_regions((0..channels).map(|channel| [channel, channels - 1]));
    }
    case
}

/// The shapes of random cases: one or several channels, one to three spatial axes.
pub(crate) const SHAPES: [&[usize]; 9] = [
    &[2, 1, 7],
    &[2, 2, 3, 4],
    &[1, 3, 2, 3, 2],
    &[3, 4, 5],
    &[1, 2, 1],
    // Several chunks of voxels.
    &[1, 2, 9, 50],
    &[2, 3, 200],
    &[1, 1, 4, 80],
    &[2, 1, 130],
];

/// The inputs that a prediction of this shape can be.
pub(crate) fn inputs(shape: &[usize]) -> &'static [Input] {
    if shape[1] == 1 {
        &[Input::Probabilities, Input::Sigmoid]
    } else {
        &[Input::Probabilities, Input::Sigmoid, Input::Softmax]
    }
}

/// A case with random settings and the class axis in second place.
pub(crate) fn channels_first(rng: &mut Rng, shape: &[usize], input: Input) -> Case {
    loop {
        let case = case(rng, shape, input);
        if case.layout == Layout::ChannelsFirst {
            return case;
        }
    }
}
