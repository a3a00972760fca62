//! Labels of every kind with any number of classes, and ignored labels.

use tch::{Device, Kind, Tensor};
use unifocal_tch::core::{Focal, Input};
use unifocal_tch::{Route, SegmentationLoss};

const ROUTES: [Route; 3] = [Route::Fused, Route::Operations, Route::Composed];

fn cross_entropy(route: Route) -> SegmentationLoss {
    SegmentationLoss::new(Focal::cross_entropy())
        .with_input(Input::Softmax)
        .with_route(route)
}

/// Value and gradient.
fn run(criterion: &SegmentationLoss, logits: &Tensor, labels: &Tensor) -> (f64, Tensor) {
    let leaf = logits.detach().set_requires_grad(true);
    let loss = criterion.forward(&leaf, labels).unwrap();
    loss.backward();
    (loss.double_value(&[]), leaf.grad())
}

/// With more classes than the labels' kind can hold, class 256 must not be mistaken for class 0.
#[test]
fn more_classes_than_the_kind_holds() {
    tch::manual_seed(300);
    for (kind, classes) in [(Kind::Uint8, 300), (Kind::Int8, 300), (Kind::Bool, 5)] {
        let logits = Tensor::randn([2, classes, 2], (Kind::Double, Device::Cpu));
        let labels = Tensor::from_slice(&[0_i64, 1, 44, 100]).view([2, 2]);
        let labels = labels.to_kind(kind);
        let wide = labels.to_kind(Kind::Int64);
        let expected = logits
            .cross_entropy_loss::<Tensor>(&wide, None, tch::Reduction::Mean, -100, 0.0)
            .double_value(&[]);
        let (_, expected_gradient) = run(&cross_entropy(Route::Fused), &logits, &wide);
        for route in ROUTES {
            let (value, gradient) = run(&cross_entropy(route), &logits, &labels);
            assert!(
                (value - expected).abs() < 1e-12,
                "{kind:?} {route:?}: {value} is not {expected}"
            );
            assert!(
                gradient.allclose(&expected_gradient, 1e-12, 1e-15, false),
                "{kind:?} {route:?}"
            );
        }
    }
}

/// An ignored label that the labels' kind cannot hold leaves no voxel out.
#[test]
fn an_ignored_label_beyond_the_kind_has_no_effect() {
    tch::manual_seed(256);
    let logits = Tensor::randn([2, 3, 4], (Kind::Double, Device::Cpu));
    let labels = Tensor::randint(2, [2, 4], (Kind::Int64, Device::Cpu));
    for kind in [Kind::Bool, Kind::Uint8, Kind::Int8, Kind::Int16, Kind::Int] {
        let labels = labels.to_kind(kind);
        for ignored in [-100, 2, 256, 1 << 16, 1 << 32, i64::MIN, i64::MAX] {
            for route in ROUTES {
                let expected = run(&cross_entropy(route), &logits, &labels);
                let found = run(
                    &cross_entropy(route).with_ignore_label(ignored),
                    &logits,
                    &labels,
                );
                let what = format!("{kind:?} {ignored} {route:?}");
                assert!((found.0 - expected.0).abs() < 1e-14, "{what}");
                assert!(found.1.allclose(&expected.1, 1e-14, 1e-16, false), "{what}");
            }
        }
    }
}
