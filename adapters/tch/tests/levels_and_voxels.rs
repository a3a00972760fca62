//! Deep supervision and the loss of each voxel, on every route and in both precisions.

use ndarray::ArrayD;
use tch::{Device, Kind, Tensor};
use unifocal_conformance::{
    Backend, Case, DeeplySupervised, LevelsOutcome, Outcome, Precision, Target, VoxelOutcome,
    Voxelwise, deep_supervision, voxel_losses,
};
use unifocal_core::{AnyLoss, Focal, Input, Layout, LevelWeights, Tversky, UnifiedFocal};
use unifocal_tch::{Error, Route, SegmentationLoss, Weighted, nearest};

/// `unifocal-tch` on tensors of this kind, with gradients from libtorch's backward.
struct Tch {
    route: Route,
    kind: Kind,
}

impl Tch {
    fn criterion(&self, loss: &AnyLoss, case: &Case) -> SegmentationLoss {
        SegmentationLoss::new(*loss)
            .with_settings(case.settings.clone())
            .with_route(self.route)
    }

    fn leaf(&self, prediction: &ArrayD<f64>) -> Tensor {
        tensor(prediction)
            .to_kind(self.kind)
            .set_requires_grad(true)
    }

    fn run_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, Error> {
        let all = std::iter::once(&full.prediction).chain(smaller);
        let leaves: Vec<Tensor> = all.clone().map(|of| self.leaf(of)).collect();
        let criterion = self
            .criterion(loss, full)
            .with_deep_supervision(weights.clone());
        let beside = Beside::of(full);
        let value = beside.on(&criterion).forward(&leaves, &target(full))?;
        value.backward();
        Ok(LevelsOutcome {
            value: value.double_value(&[]),
            gradients: leaves
                .iter()
                .zip(all)
                .map(|(leaf, of)| match leaf.grad() {
                    // A level of weight 0.
                    grad if !grad.defined() => ArrayD::zeros(of.raw_dim()),
                    grad => array(&grad),
                })
                .collect(),
        })
    }

    fn run_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, Error> {
        let leaf = self.leaf(&case.prediction);
        let criterion = self.criterion(loss, case);
        let beside = Beside::of(case);
        let losses = beside.on(&criterion).voxel_losses(&leaf, &target(case))?;
        assert_eq!(losses.kind(), self.kind);
        (&losses * tensor(upstream)).sum(Kind::Double).backward();
        Ok(VoxelOutcome {
            losses: array(&losses),
            gradient: array(&leaf.grad()),
        })
    }
}

/// The voxel weights and the annotated classes of a case.
struct Beside {
    weights: Option<Tensor>,
    annotated: Option<Tensor>,
}

impl Beside {
    fn of(case: &Case) -> Self {
        let annotated = case.annotated.as_ref();
        Self {
            weights: case.voxel_weights.as_ref().map(tensor),
            annotated: annotated.map(|mask| tensor(&mask.clone().into_dyn())),
        }
    }

    fn on<'a, C>(&'a self, criterion: &'a C) -> Weighted<'a, C> {
        let mut weighted = Weighted::from(criterion);
        if let Some(weights) = &self.weights {
            weighted = weighted.with_voxel_weights(weights);
        }
        if let Some(mask) = &self.annotated {
            weighted = weighted.with_annotated(mask);
        }
        weighted
    }
}

fn target(case: &Case) -> Tensor {
    assert_eq!(case.layout, Layout::ChannelsFirst);
    match &case.target {
        Target::Labels(labels) => tensor(labels),
        Target::Soft(target) => tensor(target),
    }
}

fn tensor<T: tch::kind::Element + Copy>(array: &ArrayD<T>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
    Tensor::from_slice(&array.iter().copied().collect::<Vec<_>>()).view(shape.as_slice())
}

fn array(tensor: &Tensor) -> ArrayD<f64> {
    let shape: Vec<usize> = tensor.size().iter().map(|n| *n as usize).collect();
    let flat = tensor.detach().to_kind(Kind::Double).contiguous().view(-1);
    let numbers = Vec::<f64>::try_from(flat).expect("a flat tensor of Double");
    ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as the shape says")
}

impl Backend for Tch {
    fn precision(&self) -> Precision {
        match self.kind {
            Kind::Double => Precision::F64,
            _ => Precision::F32,
        }
    }

    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String> {
        let leaf = self.leaf(&case.prediction);
        let criterion = self.criterion(loss, case);
        let beside = Beside::of(case);
        let value = beside.on(&criterion).forward(&leaf, &target(case));
        let value = value.map_err(|error| error.to_string())?;
        value.backward();
        Ok(Outcome {
            value: value.double_value(&[]),
            gradient: array(&leaf.grad()),
        })
    }
}

impl DeeplySupervised for Tch {
    fn evaluate_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, String> {
        self.run_levels(loss, full, smaller, weights)
            .map_err(|error| error.to_string())
    }
}

impl Voxelwise for Tch {
    fn evaluate_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, String> {
        self.run_voxels(loss, case, upstream)
            .map_err(|error| error.to_string())
    }
}

macro_rules! on_every_route {
    ($($name:ident: $route:ident $kind:ident;)*) => {$(
        mod $name {
            use super::*;

            fn backend() -> Tch {
                // The cases are small, and the tests run in parallel.
                tch::set_num_threads(1);
                Tch { route: Route::$route, kind: Kind::$kind }
            }

            #[test]
            fn levels() {
                deep_supervision(&backend());
            }

            #[test]
            fn voxels() {
                voxel_losses(&backend());
            }
        }
    )*};
}

on_every_route! {
    fused_f64: Fused Double;
    fused_f32: Fused Float;
    operations_f64: Operations Double;
    operations_f32: Operations Float;
    composed_f64: Composed Double;
    composed_f32: Composed Float;
}

fn random(shape: &[i64], kind: Kind) -> Tensor {
    Tensor::randn(shape, (Kind::Double, Device::Cpu)).to_kind(kind)
}

/// All routes give the same losses and gradients, and the composed one differentiates twice.
#[test]
fn losses_of_voxels_can_be_differentiated_as_often_as_the_route() {
    let logits = random(&[2, 3, 6, 5], Kind::Double);
    let labels = Tensor::randint(3, [2, 6, 5], (Kind::Uint8, Device::Cpu));
    let upstream = random(&[2, 6, 5], Kind::Double);
    let of = |route| {
        let leaf = logits.detach().copy().set_requires_grad(true);
        let criterion = SegmentationLoss::new(UnifiedFocal::asymmetric())
            .with_input(Input::Softmax)
            .with_route(route);
        let losses = criterion.voxel_losses(&leaf, &labels).expect("valid data");
        let sum = (&losses * &upstream).sum(Kind::Double);
        (leaf, losses, sum)
    };
    let (leaf, losses, sum) = of(Route::Composed);
    let first = Tensor::run_backward(&[sum], &[&leaf], true, true).remove(0);
    for route in [Route::Fused, Route::Operations] {
        let (leaf, others, sum) = of(route);
        assert!((&losses - others).abs().max().double_value(&[]) < 1e-12);
        sum.backward();
        let difference = (&first - leaf.grad()).abs().max();
        assert!(difference.double_value(&[]) < 1e-12);
    }
    let second = Tensor::run_backward(&[first.square().sum(Kind::Double)], &[&leaf], false, false);
    assert!(second[0].ne(0.0).any().int64_value(&[]) == 1);
}

/// f16 and bf16 predictions have losses in f32, and gradients of their own kind.
#[test]
fn narrow_predictions_have_wide_losses() {
    for kind in [Kind::Half, Kind::BFloat16] {
        for route in [Route::Fused, Route::Operations, Route::Composed] {
            let leaf = random(&[1, 3, 4, 4], kind).set_requires_grad(true);
            let labels = Tensor::randint(3, [1, 4, 4], (Kind::Int64, Device::Cpu));
            let criterion = SegmentationLoss::new(Focal::cross_entropy())
                .with_input(Input::Softmax)
                .with_route(route);
            let losses = criterion.voxel_losses(&leaf, &labels).expect("valid data");
            assert_eq!(losses.kind(), Kind::Float);
            let theirs = leaf
                .detach()
                .to_kind(Kind::Float)
                .cross_entropy_loss::<Tensor>(&labels, None, tch::Reduction::None, -100, 0.0);
            assert!((&losses - theirs).abs().max().double_value(&[]) < 1e-5);
            // An upstream gradient that f16 cannot hold.
            (losses * 1e-7).sum(Kind::Float).backward();
            assert_eq!(leaf.grad().kind(), kind);
            assert!(leaf.grad().isfinite().all().int64_value(&[]) == 1);
        }
    }
}

/// Without a graph there is none, and a graph may be used twice.
#[test]
fn graphs_of_losses_of_voxels() {
    let leaf = random(&[1, 2, 4], Kind::Float).set_requires_grad(true);
    let labels = Tensor::from_slice(&[0_i64, 1, 1, 0]).view([1, 4]);
    let criterion = SegmentationLoss::new(Focal::new()).with_input(Input::Softmax);
    let constant = tch::no_grad(|| criterion.voxel_losses(&leaf, &labels)).expect("valid data");
    assert!(!constant.requires_grad());
    let losses = criterion.voxel_losses(&leaf, &labels).expect("valid data");
    let sum = losses.sum(Kind::Float);
    let once = Tensor::run_backward(&[&sum], &[&leaf], true, false).remove(0);
    let twice = Tensor::run_backward(&[&sum], &[&leaf], false, false).remove(0);
    assert_eq!(once, twice);
}

/// A target of each level's own, and what does not fit.
#[test]
fn levels_with_targets_of_their_own() {
    let [full, half] = [4, 2].map(|size| random(&[1, 2, size, size], Kind::Double));
    let labels = Tensor::randint(2, [1, 4, 4], (Kind::Int64, Device::Cpu));
    let small = nearest(&labels, &[2, 2]).expect("a view");
    let criterion = SegmentationLoss::new(Tversky::dice())
        .with_input(Input::Softmax)
        .with_deep_supervision([1.0, 0.25]);
    let predictions = [&full, &half];
    let one = criterion.forward(&predictions, &labels).expect("a value");
    let each = criterion
        .forward_each(&predictions, &[&labels, &small])
        .expect("a value");
    assert_eq!(one, each);

    let error = criterion
        .forward_each(&predictions, &[&labels])
        .unwrap_err();
    assert_eq!(error.to_string(), "the number of targets is 1, expected 2");
    let error = criterion.forward::<Tensor>(&[], &labels).unwrap_err();
    assert_eq!(error.to_string(), "the number of levels is 0, expected 1");
    let undefined = Tensor::new();
    let error = criterion
        .forward(&[&full, &undefined], &labels)
        .unwrap_err();
    assert!(matches!(error, Error::Level { level: 1, .. }), "{error}");
    let error = criterion
        .forward(&[&full, &half.select(0, 0)], &labels)
        .unwrap_err();
    assert!(matches!(error, Error::Level { level: 1, .. }), "{error}");
}
