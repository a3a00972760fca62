//! The loss of each voxel.

use fastrand::Rng;
use ndarray::{ArrayD, Axis, Dimension};
use unifocal_core::{
    AbsentClass, AnyLoss, Focal, Input, Pooling, UnifiedFocal, catalogue::Name, engine::VoxelLoss,
};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::small_golden::{self, VoxelFile};
use crate::{Backend, Case, Precision, Target, random, tolerance};

/// The loss of each voxel, and the gradient of Σ upstream·loss.
#[derive(Clone, Debug)]
pub struct VoxelOutcome {
    /// The losses, [N, spatial…].
    pub losses: ArrayD<f64>,
    /// The gradient, of the prediction's shape.
    pub gradient: ArrayD<f64>,
}

/// A backend with losses per voxel.
pub trait Voxelwise: Backend {
    /// The loss of each voxel of a case, and the gradient of Σ upstream·loss.
    ///
    /// # Errors
    ///
    /// The message of the adapter's error.
    fn evaluate_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, String>;
}

/// The losses of the voxels equal PyTorch's and torchvision's, and their mean is the distribution-based part of the loss; so for
/// their gradients.
pub fn voxel_losses(backend: &impl Voxelwise) {
    published(backend);
    means(backend);
    differences(backend);
    regions(backend);
    left_out(backend);
    refused(backend);
}

fn voxels(
    backend: &impl Voxelwise,
    loss: &AnyLoss,
    case: &Case,
    upstream: &ArrayD<f64>,
) -> VoxelOutcome {
    backend
        .evaluate_voxels(loss, case, upstream)
        .unwrap_or_else(|error| panic!("{loss:?}: {error}"))
}

/// `reduction="none"` of PyTorch and torchvision.
fn published(backend: &impl Voxelwise) {
    let VoxelFile { cases } = small_golden::file("voxel_losses.json");
    let count = cases.len();
    for theirs in cases.into_iter().take(backend.rounds(count)) {
        let what = format!("{} {}", theirs.version, theirs.call);
        let ours = voxels(
            backend,
            &theirs.loss(),
            &theirs.case(),
            &theirs.upstream.array(),
        );
        let tolerance = by_precision(backend, tolerance::F64_PEERS, tolerance::F32_OURS);
        let losses = theirs.losses.array();
        assert_eq!(ours.losses.shape(), losses.shape(), "{what}");
        for (ours, theirs) in ours.losses.iter().zip(&losses) {
            assert_close(*ours, *theirs, tolerance, &what);
        }
        let tolerance = by_precision(backend, tolerance::F64_PEERS, tolerance::F32_GRADIENT);
        assert_close_gradient(&ours.gradient, &theirs.gradient.array(), tolerance, &what);
    }
}

/// The part of a loss that is a mean over voxels: the loss itself, or a compound loss without its other side.
fn distribution(loss: &AnyLoss) -> Option<AnyLoss> {
    match loss {
        AnyLoss::Focal(_) => Some(*loss),
        AnyLoss::UnifiedFocal(both) => {
            // The weight of the side, from the loss of a voxel with y·(−ln p)·… = 1.
            let classes = unifocal_core::Classes::default();
            let of = |loss: AnyLoss| VoxelLoss::new(loss).map(|loss| loss.factor(&classes, 1, 2));
            let side = both.distribution();
            let weight = of(*loss).ok()? / of(side.into()).ok()?;
            Some(both.with_weights(0.0, weight).ok()?.into())
        }
        _ => None,
    }
}

/// Divided by the voxels of their sample, the losses add up to the distribution-based part of the loss, and so do their
/// gradients.
fn means(backend: &impl Voxelwise) {
    let mut rng = Rng::with_seed(22);
    let losses: Vec<AnyLoss> = losses()
        .filter(|loss| distribution(loss).is_some())
        .collect();
    assert!(losses.len() > 12);
    for loss in losses.iter().rev().take(backend.rounds(losses.len())) {
        for (shape, input) in [
            (vec![2, 3, 150], Input::Softmax),
            (vec![2, 2, 9, 9], Input::Softmax),
            (vec![3, 1, 5, 4, 4], Input::Sigmoid),
            (vec![2, 3, 8, 9], Input::Sigmoid),
            (vec![2, 3, 6, 12], Input::Probabilities),
            (vec![1, 1, 70], Input::Probabilities),
        ] {
            let case = random::channels_first(&mut rng, &shape, input)
                .with_pooling(Pooling::PerSample)
                .with_absent_class(AbsentClass::Smooth);
            // Regions that are not annotated are no part of the mean: see `regions`.
            let case = match case.settings.is_multilabel() {
                true => Case {
                    annotated: None,
                    ..case
                },
                false => case,
            };
            is_mean(backend, loss, &case);
            is_mean(backend, loss, &case.with_pooling(Pooling::Batch));
        }
        let case = random::channels_first(&mut rng, &[2, 3, 70], Input::Sigmoid);
        let mut case = case
            .with_multilabel(true)
            .with_absent_class(AbsentClass::Smooth);
        case.settings.class_weights = Some(vec![0.5, 2.0]);
        case.settings.region_weights = None;
        case.settings.class_alpha = None;
        case.settings.rare_classes = None;
        case.annotated = None;
        is_mean(backend, loss, &case);
        if matches!(case.target, Target::Labels(_)) {
            is_mean(
                backend,
                loss,
                &case.with_regions([[1].as_slice(), &[1, 2], &[0, 2]]),
            );
        }
    }
}

fn is_mean(backend: &impl Voxelwise, loss: &AnyLoss, case: &Case) {
    let what = format!("{loss} of {case:?}");
    let part = distribution(loss).expect("a distribution-based part");
    let whole = outcome(backend, &part, case);
    let weights = weights(case);
    // 1/M of the group, divided by the number of groups that count.
    let by_sample: Vec<f64> = weights.axis_iter(Axis(0)).map(|of| of.sum()).collect();
    let counted = by_sample.iter().filter(|sum| **sum > 0.0).count() as f64;
    let total: f64 = by_sample.iter().sum();
    let upstream = ArrayD::from_shape_fn(weights.raw_dim(), |index| {
        match (case.settings.pooling, by_sample[index[0]]) {
            (_, 0.0) => 0.0,
            (Pooling::PerSample, sum) => 1.0 / (sum * counted),
            (Pooling::Batch, _) => 1.0 / total,
        }
    });
    let ours = voxels(backend, loss, case, &upstream);
    for (loss, weight) in ours.losses.iter().zip(&weights) {
        assert!(*weight > 0.0 || *loss == 0.0, "{what}");
    }
    let mean = (&ours.losses * &upstream).sum();
    let tolerance = by_precision(backend, tolerance::F64_OURS, tolerance::F32_OURS);
    assert_close(mean, whole.value, tolerance, &what);
    let tolerance = by_precision(backend, tolerance::F64_OURS, tolerance::F32_GRADIENT);
    assert_close_gradient(&ours.gradient, &whole.gradient, tolerance, &what);
}

/// The loss of a voxel is the mean over its regions, each alone with its own α, and 0 for a region that is not annotated.
fn regions(backend: &impl Voxelwise) {
    let mut rng = Rng::with_seed(24);
    for loss in ["cross-entropy", "asymmetric-unified-focal"] {
        let loss = loss.parse().expect("a loss");
        for case in super::annotated::region_cases(&mut rng) {
            let what = format!("{loss} of {case:?}");
            let shape = weights(&case).raw_dim();
            let upstream = ArrayD::from_shape_simple_fn(shape, || rng.f64() - 0.5);
            let all = voxels(backend, &loss, &case, &upstream);
            let mut losses = ArrayD::zeros(all.losses.raw_dim());
            let mut gradient = ArrayD::zeros(all.gradient.raw_dim());
            let mask = case.annotated.as_ref().expect("a mask");
            let share = 1.0 / mask.ncols() as f64;
            for ((sample, channel), _) in mask.indexed_iter().filter(|(_, annotated)| **annotated) {
                let alone = super::annotated::region_alone(&case, sample, channel);
                let of_sample = upstream.index_axis(Axis(0), sample).insert_axis(Axis(0));
                let found = voxels(backend, &loss, &alone, &of_sample.to_owned());
                let mut sum = losses.index_axis_mut(Axis(0), sample);
                sum.scaled_add(share, &found.losses.index_axis(Axis(0), 0));
                let mut own = gradient.index_axis_mut(Axis(0), sample);
                let mut own = own.index_axis_mut(Axis(0), channel);
                let of_region = found.gradient.index_axis(Axis(0), 0);
                own.scaled_add(share, &of_region.index_axis(Axis(0), 0));
            }
            let exact = by_precision(backend, tolerance::F64_OURS, tolerance::F32_OURS);
            for (found, expected) in all.losses.iter().zip(&losses) {
                assert_close(*found, *expected, exact, &what);
            }
            let exact = by_precision(backend, tolerance::F64_OURS, tolerance::F32_GRADIENT);
            assert_close_gradient(&all.gradient, &gradient, exact, &what);
        }
    }
}

/// The weight of each voxel, 0 where it does not count.
fn weights(case: &Case) -> ArrayD<f64> {
    let mut shape = case.prediction.shape().to_vec();
    shape.remove(1);
    let mut weights = match &case.voxel_weights {
        Some(weights) => weights.clone(),
        None => ArrayD::ones(shape),
    };
    if let (Target::Labels(labels), Some(ignored)) = (&case.target, case.settings.ignore_label) {
        for (weight, label) in weights.iter_mut().zip(labels) {
            *weight = if *label == ignored { 0.0 } else { *weight };
        }
    }
    weights
}

/// The gradient equals central differences in f64, with upstream gradients of both signs.
fn differences(backend: &impl Voxelwise) {
    if backend.precision() == Precision::F32 {
        return;
    }
    let mut rng = Rng::with_seed(23);
    let loss: AnyLoss = UnifiedFocal::asymmetric().into();
    for (shape, input) in [
        ([2, 3, 4], Input::Softmax),
        ([2, 1, 4], Input::Sigmoid),
        ([1, 2, 5], Input::Probabilities),
    ] {
        let case = random::channels_first(&mut rng, &shape, input);
        let upstream = ArrayD::from_shape_simple_fn(weights(&case).raw_dim(), || rng.f64() - 0.5);
        let found = voxels(backend, &loss, &case, &upstream).gradient;
        let expected = ArrayD::from_shape_fn(case.prediction.raw_dim(), |index| {
            let at = |step: f64| {
                let mut case = case.clone();
                case.prediction[index.slice()] += step;
                (voxels(backend, &loss, &case, &upstream).losses * &upstream).sum()
            };
            (at(tolerance::STEP) - at(-tolerance::STEP)) / (2.0 * tolerance::STEP)
        });
        assert_close_gradient(
            &found,
            &expected,
            tolerance::CENTRAL_DIFFERENCE,
            &format!("{case:?}"),
        );
    }
}

/// A voxel that does not count has the loss 0 and no gradient, whatever it holds; a voxel weight multiplies the loss.
fn left_out(backend: &impl Voxelwise) {
    let logits = vec![1.0, f64::NAN, 2.0, 0.5, f64::INFINITY, -1.0];
    let prediction = ArrayD::from_shape_vec(vec![1, 2, 3], logits).expect("six logits");
    let labels = ArrayD::from_shape_vec(vec![1, 3], vec![0, 255, 1]).expect("three labels");
    let mut case = Case::new(prediction, Target::Labels(labels))
        .with_input(Input::Softmax)
        .with_ignore_label(255);
    let upstream = ArrayD::from_shape_vec(vec![1, 3], vec![-1.0, 2.0, 3.0]).expect("three numbers");
    let loss = Focal::cross_entropy().into();
    let plain = voxels(backend, &loss, &case, &upstream);
    let weights = ArrayD::from_shape_vec(vec![1, 3], vec![2.0, 5.0, 0.0]).expect("three weights");
    case.voxel_weights = Some(weights);
    let weighted = voxels(backend, &loss, &case, &upstream);
    let exact = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
    for (found, expected) in [
        (
            &plain.losses,
            [(-0.5_f64).exp().ln_1p(), 0.0, 3.0_f64.exp().ln_1p()],
        ),
        (&weighted.losses, [2.0 * (-0.5_f64).exp().ln_1p(), 0.0, 0.0]),
    ] {
        for (found, expected) in found.iter().zip(expected) {
            assert_close(*found, expected, exact, "the loss of a voxel");
        }
    }
    for outcome in [&plain, &weighted] {
        assert_eq!(outcome.gradient[[0, 0, 1]], 0.0);
        assert_eq!(outcome.gradient[[0, 1, 1]], 0.0);
    }
    assert_eq!(weighted.gradient[[0, 1, 2]], 0.0);
    let slope = -3.0 / (1.0 + (-3.0_f64).exp());
    assert_close(
        plain.gradient[[0, 1, 2]],
        slope,
        exact,
        "the slope of a voxel",
    );
    assert_close(
        weighted.gradient[[0, 0, 0]],
        2.0 * plain.gradient[[0, 0, 0]],
        exact,
        "the slope of a voxel",
    );
}

/// A loss that is a ratio of sums has no loss of each voxel.
fn refused(backend: &impl Voxelwise) {
    let prediction = ArrayD::from_elem(vec![1, 2, 3], 0.5);
    let case = Case::new(prediction, Target::Labels(ArrayD::zeros(vec![1, 3])));
    let upstream = ArrayD::ones(vec![1, 3]);
    let is_ratio = |name: &Name| distribution(&name.loss()).is_none();
    let ratios: Vec<Name> = Name::ALL.into_iter().filter(is_ratio).collect();
    assert!(ratios.contains(&Name::HardVoxels) && ratios.contains(&Name::Matthews));
    for name in ratios {
        let found = backend.evaluate_voxels(&name.loss(), &case, &upstream);
        let error = found.expect_err("a ratio");
        let start = format!("{name} is a ratio of sums over all voxels");
        assert!(error.starts_with(&start), "{error}");
    }
}
