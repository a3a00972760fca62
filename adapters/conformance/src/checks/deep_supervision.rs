//! Deep supervision: predictions at several sizes against one target.

use fastrand::Rng;
use ndarray::ArrayD;
use unifocal_core::{AnyLoss, Input, LevelWeights, data::nearest};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::small_golden::{self, DeepSupervisionFile};
use crate::{Backend, Case, Target, random, tolerance};

/// A weighted sum of losses, and its gradient with respect to the prediction of each level.
#[derive(Clone, Debug)]
pub struct LevelsOutcome {
    /// The value.
    pub value: f64,
    /// A gradient per level, of the shape of its prediction.
    pub gradients: Vec<ArrayD<f64>>,
}

/// A backend with deep supervision.
pub trait DeeplySupervised: Backend {
    /// The weighted sum of the losses of a case and of smaller predictions beside the same target.
    ///
    /// # Errors
    ///
    /// The message of the adapter's error.
    fn evaluate_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, String>;
}

/// Deep supervision equals MONAI's and nnU-Net's, and the sum of the losses of the levels for any loss and target.
pub fn deep_supervision(backend: &impl DeeplySupervised) {
    published(backend);
    sums_of_levels(backend);
    refused(backend);
}

/// The values and gradients of MONAI's `DeepSupervisionLoss` and nnU-Net's `DeepSupervisionWrapper`.
fn published(backend: &impl DeeplySupervised) {
    let DeepSupervisionFile { weights, cases } = small_golden::file("deep_supervision.json");
    for (mode, by_count) in &weights {
        for (theirs, levels) in by_count.iter().zip(1..) {
            let ours = small_golden::level_weights(mode)
                .of(levels)
                .expect("levels");
            // nnU-Net divides 0 by 0 for one level.
            assert_eq!(Some(ours), theirs.clone().or(Some(vec![1.0])), "{mode}");
        }
    }
    let count = cases.len();
    for case in cases.into_iter().take(backend.rounds(count)) {
        let what = format!("{} {}", case.version, case.call);
        let (full, smaller) = (case.full(), case.smaller());
        let ours = backend
            .evaluate_levels(&case.loss(), &full, &smaller, &case.weights())
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let exact = match case.precision.as_str() {
            "float64" => tolerance::F64_PEERS,
            _ => tolerance::F32_PEERS,
        };
        let close = by_precision(backend, exact, tolerance::F32_OURS);
        assert_close(ours.value, case.value, close, &what);
        let close = by_precision(backend, exact, tolerance::F32_GRADIENT);
        assert_eq!(ours.gradients.len(), case.gradients.len(), "{what}");
        for (ours, theirs) in ours.gradients.iter().zip(&case.gradients) {
            assert_close_gradient(ours, &theirs.array(), close, &what);
        }
    }
}

/// One level is the plain loss; more are the sum of what each gives beside its own target.
fn sums_of_levels(backend: &impl DeeplySupervised) {
    let mut rng = Rng::with_seed(21);
    let all: Vec<AnyLoss> = losses().collect();
    for loss in all.iter().rev().take(backend.rounds(all.len())) {
        for (sizes, input) in [
            (vec![[1, 8, 12], [1, 4, 6], [1, 2, 2]], Input::Softmax),
            (vec![[4, 6, 9], [4, 3, 3], [2, 1, 1]], Input::Sigmoid),
            (vec![[2, 4, 4], [1, 2, 2]], Input::Probabilities),
        ] {
            let shape = |size: &[usize; 3]| [&[2, 3], size.as_slice()].concat();
            let mut full = random::channels_first(&mut rng, &shape(&sizes[0]), input);
            if input == Input::Sigmoid && matches!(full.target, Target::Labels(_)) {
                full = full.with_regions([[1].as_slice(), &[1, 2], &[0, 2]]);
                full.settings.class_weights = None;
                full.settings.region_weights = None;
                full.settings.class_alpha = None;
                full.settings.rare_classes = None;
            }
            let smaller: Vec<ArrayD<f64>> = sizes[1..]
                .iter()
                .map(|size| random::prediction(&mut rng, &shape(size), input))
                .collect();
            for given in [LevelWeights::Exponential, LevelWeights::Nnunet] {
                is_sum(backend, loss, &full, &smaller, &given);
            }
            is_sum(backend, loss, &full, &[], &LevelWeights::Nnunet);
            is_sum(backend, loss, &full, &[], &LevelWeights::Given(vec![2.5]));
        }
    }
}

fn is_sum(
    backend: &impl DeeplySupervised,
    loss: &AnyLoss,
    full: &Case,
    smaller: &[ArrayD<f64>],
    given: &LevelWeights,
) {
    let what = format!("{loss}, {given:?}");
    let ours = backend
        .evaluate_levels(loss, full, smaller, given)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let weights = given.of(1 + smaller.len()).expect("weights");
    let mut value = 0.0;
    let exact = by_precision(backend, tolerance::F64_OURS, tolerance::F32_OURS);
    let levels = std::iter::once(&full.prediction).chain(smaller);
    for ((prediction, weight), gradient) in levels.zip(&weights).zip(&ours.gradients) {
        let alone = outcome(backend, loss, &at_size_of(full, prediction));
        value += weight * alone.value;
        let tolerance = by_precision(backend, tolerance::F64_OURS, tolerance::F32_GRADIENT);
        assert_close_gradient(gradient, &(alone.gradient * *weight), tolerance, &what);
    }
    assert_close(ours.value, value, exact, &what);
}

/// A smaller prediction beside the target and the weights of the nearest voxels.
fn at_size_of(full: &Case, prediction: &ArrayD<f64>) -> Case {
    fn nearest_of<T: Copy>(array: &ArrayD<T>, prediction: &ArrayD<f64>) -> ArrayD<T> {
        let size = &prediction.shape()[2..];
        let first = array.ndim() - size.len();
        let shape = [&array.shape()[..first], size].concat();
        ArrayD::from_shape_fn(shape, |index| {
            let mut from: Vec<usize> = (0..array.ndim()).map(|axis| index[axis]).collect();
            for (axis, length) in (first..).zip(size) {
                from[axis] = nearest(from[axis], *length, array.shape()[axis]);
            }
            array[from.as_slice()]
        })
    }
    Case {
        prediction: prediction.clone(),
        target: match &full.target {
            Target::Labels(labels) => Target::Labels(nearest_of(labels, prediction)),
            Target::Soft(target) => Target::Soft(nearest_of(target, prediction)),
        },
        voxel_weights: full
            .voxel_weights
            .as_ref()
            .map(|weights| nearest_of(weights, prediction)),
        ..full.clone()
    }
}

/// Weights that do not fit, and an error in a level, which names the level.
fn refused(backend: &impl DeeplySupervised) {
    let loss = "dice".parse().expect("a loss");
    let half = |size: usize| ArrayD::from_elem(vec![1, 2, size, size], 0.5);
    let full = Case::new(half(4), Target::Labels(ArrayD::zeros(vec![1, 4, 4])));
    let error = |smaller: &[ArrayD<f64>], weights: &[f64]| {
        let weights = LevelWeights::Given(weights.to_vec());
        backend
            .evaluate_levels(&loss, &full, smaller, &weights)
            .expect_err("an error")
    };
    let found = error(&[half(2)], &[1.0]);
    assert_eq!(found, "the number of level weights is 1, expected 2");
    let found = error(&[half(2)], &[1.0, -1.0]);
    assert!(found.contains("level weight is -1"), "{found}");
    let found = error(&[half(2)], &[0.0, 0.0]);
    assert_eq!(found, "all level weights are 0, expected one above 0");
    let three = ArrayD::from_elem(vec![2, 2, 2, 2], 0.5);
    let found = error(&[half(2), three], &[1.0, 1.0, 1.0]);
    assert!(
        found.starts_with("level 2: the shape of the target"),
        "{found}"
    );
}
