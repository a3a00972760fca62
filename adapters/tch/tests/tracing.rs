//! Tracing a loss into a module works or gives an error.

use tch::{CModule, Device, Kind, Tensor};
use unifocal_tch::core::{AnyLoss, Input, Tversky, UnifiedFocal};
use unifocal_tch::{Route, SegmentationLoss};

fn criterion(loss: impl Into<AnyLoss>) -> SegmentationLoss {
    SegmentationLoss::new(loss)
        .with_input(Input::Softmax)
        .with_ignore_label(255)
}

fn batch(kind: Kind) -> [Tensor; 2] {
    let labels = Tensor::randint(3, [2, 4, 5], (Kind::Int64, Device::Cpu));
    let _ = labels.narrow(1, 0, 1).fill_(255);
    let logits = Tensor::randn([2, 3, 4, 5], (kind, Device::Cpu));
    [logits, labels]
}

/// A traced module of the composed route computes loss and gradient of other tensors of the same shapes.
#[test]
fn a_composed_loss_can_be_traced() {
    tch::manual_seed(1);
    for kind in [Kind::Float, Kind::Double, Kind::Half] {
        // A module may round where the operations one by one do not.
        let relative = if kind == Kind::Half { 2e-3 } else { 1e-4 };
        for loss in [
            AnyLoss::from(UnifiedFocal::asymmetric()),
            Tversky::dice().into(),
        ] {
            let criterion = criterion(loss).with_route(Route::Composed);
            let mut trace =
                |inputs: &[Tensor]| vec![criterion.forward(&inputs[0], &inputs[1]).unwrap()];
            let module =
                CModule::create_by_tracing("Loss", "forward", &batch(kind), &mut trace).unwrap();
            let [logits, labels] = batch(kind);
            let run = |loss: &dyn Fn(&Tensor) -> Tensor, scale: f64| {
                let leaf = (&logits * scale).detach().set_requires_grad(true);
                // Ignored voxels may hold NaN, also in the module.
                let void = labels.eq(255).unsqueeze(1);
                let spoilt = &leaf + Tensor::where_scalar(&void, f64::NAN, 0.0).to_kind(kind);
                let loss = loss(&spoilt);
                loss.backward();
                (loss.double_value(&[]), leaf.grad())
            };
            for scale in [1.0, 1e3] {
                let (value, gradient) = run(
                    &|logits| module.forward_ts(&[logits, &labels]).unwrap(),
                    scale,
                );
                let (expected, expected_gradient) =
                    run(&|logits| criterion.forward(logits, &labels).unwrap(), scale);
                assert!(
                    (value - expected).abs() <= 1e-6 * expected,
                    "{kind:?}: {value} is not {expected}"
                );
                assert!(gradient.allclose(&expected_gradient, relative, 1e-7, false));
            }
        }
    }
}

/// Tracing a fused loss is an error that names the alternative.
#[test]
fn tracing_a_fused_loss_is_an_error() {
    for route in [Route::Fused, Route::Operations] {
        let criterion = criterion(Tversky::dice()).with_route(route);
        let mut messages = Vec::new();
        let mut trace = |inputs: &[Tensor]| {
            let [logits, labels] = inputs else {
                panic!("expected two tensors")
            };
            for result in [
                criterion.forward(logits, labels),
                criterion.per_class(logits, labels),
            ] {
                messages.push(result.unwrap_err().to_string());
            }
            vec![logits.sum(Kind::Float)]
        };
        CModule::create_by_tracing("Loss", "forward", &batch(Kind::Float), &mut trace).unwrap();
        assert_eq!(messages.len(), 2);
        for message in messages {
            assert!(message.contains("Route::Composed"), "{message}");
        }
    }
}
