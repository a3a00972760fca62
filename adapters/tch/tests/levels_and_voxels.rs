//! Deep supervision and the loss of each voxel, beside the conformance suite.

use tch::{Device, Kind, Tensor};
use unifocal_core::{Focal, Input, Tversky, UnifiedFocal};
use unifocal_tch::{Error, Route, SegmentationLoss, nearest};

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
