//! All routes give the same value and gradient for random inputs of every kind, and behave well in libtorch's graph.

use proptest::prelude::*;
use tch::{Device, Kind, Reduction, Tensor};
use unifocal_tch::core::{
    AbsentClass, AnyLoss, Focal, Input, Pooling, Tversky, UnifiedFocal,
    catalogue::{Name, ParameterError},
};
use unifocal_tch::{Route, SegmentationLoss};

/// Tolerance between libtorch's gradients and the analytic one, relative to the largest entry. The products in a quotient's derivative cancel
/// near a full miss, and each side rounds them in another order. Half and BFloat16 gradients are also rounded to 11 and 8 bits.
const TOLERANCE: [(Kind, f64); 4] = [
    (Kind::Double, 1e-9),
    (Kind::Float, 1e-4),
    (Kind::Half, 1e-3),
    (Kind::BFloat16, 8e-3),
];

const LABELS: [Kind; 6] = [
    Kind::Int64,
    Kind::Int,
    Kind::Int16,
    Kind::Int8,
    Kind::Uint8,
    Kind::Bool,
];
const ONE_HOT: [Kind; 3] = [Kind::Int64, Kind::Uint8, Kind::Bool];
const SOFT: [Kind; 4] = [Kind::Double, Kind::Float, Kind::Half, Kind::BFloat16];

/// A prediction with its target, weights and settings.
#[derive(Debug)]
struct Case {
    prediction: Tensor,
    target: Tensor,
    weights: Option<Tensor>,
    criterion: SegmentationLoss,
    upstream: f64,
}

fn loss() -> impl Strategy<Value = AnyLoss> {
    let unit = 0.05..0.95_f64;
    (
        0..Name::ALL.len(),
        unit.clone(),
        unit.clone(),
        unit,
        any::<bool>(),
    )
        .prop_map(|(name, lambda, delta, gamma, as_named)| {
            let name = Name::ALL[name];
            let set = || -> Result<AnyLoss, ParameterError> {
                Ok(match AnyLoss::from(name) {
                    AnyLoss::Tversky(loss) => {
                        let loss = loss.with_delta(delta)?;
                        // γ of the noise-robust loss is at least 1.
                        loss.with_gamma(gamma).unwrap_or(loss).into()
                    }
                    loss @ AnyLoss::HardVoxels(_) => loss,
                    AnyLoss::Matthews(loss) => loss.with_smooth(gamma)?.into(),
                    AnyLoss::Focal(loss) => loss.with_delta(delta)?.with_gamma(4.0 * gamma)?.into(),
                    AnyLoss::UnifiedFocal(loss) => {
                        let loss = loss.with_delta(delta)?.with_gamma(gamma)?;
                        loss.with_lambda(lambda)?.into()
                    }
                })
            };
            if as_named {
                name.into()
            } else {
                set().expect("in range")
            }
        })
}

prop_compose! {
    fn case()(
        loss in loss(),
        spatial in prop::collection::vec(1..6_i64, 1..=4),
        (samples, channels) in (1..4_i64, 1..9_i64),
        input in 0..3_usize,
        target in 0..LABELS.len() + ONE_HOT.len() + SOFT.len(),
        (weighted, ignoring, weighing, rare) in any::<(bool, bool, bool, bool)>(),
        (batch, skip, transposed) in any::<(bool, bool, bool)>(),
        reduction in 0..3_usize,
        kind in 0..TOLERANCE.len(),
        upstream in 0.1..10.0_f64,
        seed in any::<i64>(),
    ) -> Case {
        tch::manual_seed(seed);
        let shape = [&[samples, channels], spatial.as_slice()].concat();
        let labels_shape = [&[samples], spatial.as_slice()].concat();
        let on = (Kind::Double, Device::Cpu);
        let (kind, _) = TOLERANCE[kind];
        let input = match input {
            0 => Input::Probabilities,
            1 if channels > 1 => Input::Softmax,
            _ => Input::Sigmoid,
        };
        let mut prediction = match input {
            Input::Probabilities => Tensor::rand(shape.as_slice(), on) * 0.96 + 0.02,
            Input::Softmax | Input::Sigmoid => Tensor::randn(shape.as_slice(), on) * 3.0,
        };
        if transposed {
            prediction = prediction.transpose(-1, -2).contiguous().transpose(-1, -2);
        }
        let classes = channels.max(2);
        let mut labels = Tensor::randint(classes, labels_shape.as_slice(), (Kind::Int64, Device::Cpu));
        let mut criterion = SegmentationLoss::new(loss)
            .with_input(input)
            .with_pooling(if batch { Pooling::Batch } else { Pooling::PerSample })
            .with_absent_class(if skip { AbsentClass::Skip } else { AbsentClass::Smooth })
            .with_reduction([Reduction::Mean, Reduction::Sum, Reduction::None][reduction]);
        if ignoring && target < LABELS.len() && LABELS[target] != Kind::Bool {
            let left_out = Tensor::rand(labels_shape.as_slice(), on).lt(0.2);
            labels = labels.masked_fill(&left_out, 100);
            criterion = criterion.with_ignore_label(100);
        }
        if weighing {
            let weights: Vec<f64> = (0..classes).map(|class| (class as f64 + 0.5) % 3.0).collect();
            criterion = criterion.with_class_weights(weights);
        }
        if rare {
            criterion = criterion.with_rare_classes([classes as usize - 1]);
            criterion = criterion.with_class_alpha(vec![0.75; classes as usize]);
        }
        let target = match target.checked_sub(LABELS.len()) {
            // Bool can only hold two labels, whatever the number of classes.
            None => labels.to_kind(LABELS[target]),
            Some(index) if index < ONE_HOT.len() && channels > 1 => {
                labels.one_hot(classes).movedim_int(-1, 1).to_kind(ONE_HOT[index])
            }
            Some(index) => {
                let soft = Tensor::rand(shape.as_slice(), on) / channels as f64;
                soft.to_kind(SOFT[index % SOFT.len()])
            }
        };
        let weights = weighted.then(|| {
            let weights = Tensor::rand(labels_shape.as_slice(), on) * 2.0;
            (&weights * weights.gt(0.3)).to_kind(Kind::Float)
        });
        Case { prediction: prediction.to_kind(kind), target, weights, criterion, upstream }
    }
}

/// Value and gradient. Values per sample are summed.
fn run(case: &Case, route: Route, device: Device) -> (f64, Tensor) {
    let leaf = case.prediction.detach().to_device(device);
    let leaf = leaf.set_requires_grad(true);
    let target = case.target.to_device(device);
    let criterion = case.criterion.clone().with_route(route);
    let value = match &case.weights {
        Some(weights) => {
            let weights = weights.to_device(device);
            criterion
                .with_voxel_weights(&weights)
                .forward(&leaf, &target)
        }
        None => criterion.forward(&leaf, &target),
    }
    .unwrap_or_else(|error| panic!("{route:?}: {error}"));
    // A different factor for each sample.
    let factors = Tensor::arange(value.numel() as i64, (value.kind(), device)) + case.upstream;
    let value = (value.view(-1) * factors).sum(value.kind());
    value.backward();
    let gradient = leaf.grad().to_kind(Kind::Double).to_device(Device::Cpu);
    (value.double_value(&[]), gradient)
}

/// Compares these routes on this device with the fused route on the CPU.
fn agree(case: &Case, routes: [Route; 2], device: Device) -> Result<(), TestCaseError> {
    let (value, gradient) = run(case, Route::Fused, Device::Cpu);
    let kind = case.prediction.kind();
    let of = |kind| TOLERANCE.into_iter().find(|(of, _)| *of == kind).unwrap().1;
    // Only gradients are narrow; values are not.
    let tolerance = of(kind).min(of(Kind::Float));
    let scale = gradient.abs().max().double_value(&[]).max(1e-4);
    for route in routes {
        let (other, other_gradient) = run(case, route, device);
        prop_assert!(
            (value - other).abs() <= tolerance * value.abs().max(1.0),
            "{route:?}: {other} is not {value}"
        );
        let error = (&gradient - &other_gradient).abs().max().double_value(&[]);
        prop_assert!(
            error <= of(kind) * scale,
            "{route:?}: {error} of {scale}\n{gradient}\n{other_gradient}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn all_routes_agree(case in case()) {
        agree(&case, [Route::Operations, Route::Composed], Device::Cpu)?;
    }
}

#[test]
fn all_routes_agree_on_a_gpu() {
    if !tch::Cuda::is_available() {
        eprintln!("skipped: found no CUDA device");
        return;
    }
    let config = ProptestConfig::with_cases(200);
    proptest!(config, |(case in case())| {
        agree(&case, [Route::Fused, Route::Composed], Device::Cuda(0))?;
    });
}

fn logits() -> (Tensor, Tensor) {
    tch::manual_seed(3);
    let on = (Kind::Double, Device::Cpu);
    (
        Tensor::randn([2, 3, 4, 5], on),
        Tensor::randint(3, [2, 4, 5], (Kind::Int64, Device::Cpu)),
    )
}

fn unified() -> SegmentationLoss {
    SegmentationLoss::new(UnifiedFocal::asymmetric()).with_input(Input::Softmax)
}

/// Gradients flow through a factor after the loss, and a layer and a view before it.
#[test]
fn gradients_flow_through_a_larger_graph() {
    let (logits, labels) = logits();
    let gradient = |route| {
        let leaf = logits.detach().set_requires_grad(true);
        let before = (&leaf * 2.0).tanh().transpose(2, 3).transpose(2, 3) * 3.0;
        let loss = unified()
            .with_route(route)
            .forward(&before, &labels)
            .unwrap();
        (loss * 1e4 + before.square().mean(Kind::Double)).backward();
        leaf.grad()
    };
    let expected = gradient(Route::Composed);
    for route in [Route::Fused, Route::Operations] {
        assert!(
            gradient(route).allclose(&expected, 1e-10, 1e-10, false),
            "{route:?}"
        );
    }
}

/// Backward runs twice through a retained graph, and fails the second time otherwise.
#[test]
fn retaining_the_graph_is_respected() {
    let (logits, labels) = logits();
    for route in [Route::Fused, Route::Operations] {
        let leaf = logits.detach().set_requires_grad(true);
        let loss = unified().with_route(route).forward(&leaf, &labels).unwrap();
        let [first] = &Tensor::run_backward(&[&loss], &[&leaf], true, false)[..] else {
            panic!("expected one gradient")
        };
        let [second] = &Tensor::run_backward(&[&loss], &[&leaf], false, false)[..] else {
            panic!("expected one gradient")
        };
        assert!(first.equal(second));
        assert!(Tensor::f_run_backward(&[&loss], &[&leaf], false, false).is_err());
    }
}

/// A second derivative is an error on the fused routes, never silently incomplete.
#[test]
fn second_derivatives_need_the_composed_route() {
    let (logits, labels) = logits();
    let second = |logits: &Tensor, route| {
        let leaf = logits.detach().set_requires_grad(true);
        let loss = unified().with_route(route).forward(&leaf, &labels).unwrap();
        let gradient = &Tensor::run_backward(&[loss], &[&leaf], true, true)[0];
        let norm = gradient.to_kind(Kind::Double).square().sum(Kind::Double);
        Tensor::f_run_backward(&[norm], &[&leaf], false, false).map(|mut of| of.remove(0))
    };
    for route in [Route::Fused, Route::Operations] {
        let message = second(&logits, route).unwrap_err().to_string();
        assert!(message.contains("Route::Composed"), "{message}");
    }
    let composed = second(&logits, Route::Composed).unwrap();
    let narrow = second(&logits.to_kind(Kind::Half), Route::Composed).unwrap();
    let error = (narrow.to_kind(Kind::Double) - &composed).abs().max();
    let most = composed.abs().max().double_value(&[]);
    assert!(error.double_value(&[]) < 1e-2 * most, "{error} of {most}");
    // Compare with differences of the fused gradient.
    let step = 1e-5;
    let norm = |logits: &Tensor| {
        let leaf = logits.detach().set_requires_grad(true);
        unified().forward(&leaf, &labels).unwrap().backward();
        leaf.grad().square().sum(Kind::Double).double_value(&[])
    };
    for index in [0, 31, 119] {
        let moved = Tensor::zeros([120], (Kind::Double, Device::Cpu));
        let _ = moved.get(index).fill_(step);
        let moved = moved.view([2, 3, 4, 5]);
        let difference = (norm(&(&logits + &moved)) - norm(&(&logits - &moved))) / (2.0 * step);
        let found = composed.view(-1).double_value(&[index]);
        assert!(
            (found - difference).abs() <= 1e-6 * difference.abs().max(1e-3),
            "{found} is not {difference}"
        );
    }
}

/// A NaN in the upstream gradient is passed on.
#[test]
fn a_nan_in_the_upstream_gradient_is_kept() {
    let (logits, labels) = logits();
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        let leaf = logits.detach().set_requires_grad(true);
        let loss = unified().with_route(route).forward(&leaf, &labels).unwrap();
        (loss * f64::NAN).backward();
        assert_eq!(leaf.grad().isnan().all().int64_value(&[]), 1, "{route:?}");
    }
}

/// libtorch rejects backward if the prediction was modified in place, as for any operation.
#[test]
fn a_prediction_modified_in_place_is_rejected() {
    let (logits, labels) = logits();
    for route in [Route::Fused, Route::Operations] {
        let leaf = logits.detach().set_requires_grad(true);
        let mut before = &leaf * 1.0;
        let loss = unified()
            .with_route(route)
            .forward(&before, &labels)
            .unwrap();
        let _ = before.zero_();
        assert!(loss.f_backward().is_err());
    }
}

/// No graph is recorded unless gradients are required.
#[test]
fn no_graph_without_gradients() {
    let (logits, labels) = logits();
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        let criterion = unified().with_route(route);
        assert!(!criterion.forward(&logits, &labels).unwrap().requires_grad());
        let leaf = logits.detach().set_requires_grad(true);
        let loss = tch::no_grad(|| criterion.forward(&leaf, &labels).unwrap());
        assert!(!loss.requires_grad());
    }
}

/// f16 and bf16 are summed in wider types. The gradient is that of the widened numbers, cast to the prediction's kind, at any loss scale.
#[test]
fn half_precision_is_summed_wider() {
    let (logits, labels) = logits();
    for (kind, unit) in [(Kind::Half, 1e-3), (Kind::BFloat16, 8e-3)] {
        let narrow = logits.to_kind(kind);
        for scale in [1.0, 65536.0] {
            let gradient = |prediction: &Tensor, route| {
                let leaf = prediction.detach().set_requires_grad(true);
                let loss = unified().with_route(route).forward(&leaf, &labels).unwrap();
                assert_eq!(loss.kind(), Kind::Float);
                (&loss * scale).backward();
                assert_eq!(leaf.grad().kind(), prediction.kind());
                (
                    loss.double_value(&[]),
                    leaf.grad().to_kind(Kind::Float) / scale,
                )
            };
            let (value, expected) = gradient(&narrow.to_kind(Kind::Float), Route::Fused);
            let most = expected.abs().max().double_value(&[]);
            for route in [Route::Fused, Route::Operations, Route::Composed] {
                let (found, gradient) = gradient(&narrow, route);
                assert!(
                    (found - value).abs() <= 1e-6,
                    "{kind:?} {route:?}: {found} is not {value}"
                );
                let error = (&gradient - &expected).abs().max().double_value(&[]);
                assert!(
                    error <= unit * most,
                    "{kind:?} {route:?}: {error} of {most}"
                );
            }
        }
    }
}

/// Value and gradient are finite for saturated logits, probabilities of 0 and 1, empty and full masks, right and wrong predictions, in every
/// kind.
#[test]
fn saturated_predictions_give_finite_results() {
    for kind in [Kind::Half, Kind::BFloat16, Kind::Float, Kind::Double] {
        for name in Name::ALL {
            for lesion in [0, 1] {
                for z in [-1e4, 1e4] {
                    let lesion_logits = Tensor::full([1, 1, 4, 4], z, (kind, Device::Cpu));
                    let logits = Tensor::cat(&[&lesion_logits.neg(), &lesion_logits], 1);
                    let labels = Tensor::full([1, 4, 4], lesion, (Kind::Int64, Device::Cpu));
                    for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
                        let prediction = match input {
                            Input::Probabilities => logits.gt(0.0).to_kind(kind),
                            Input::Softmax | Input::Sigmoid => logits.shallow_clone(),
                        };
                        for route in [Route::Fused, Route::Operations, Route::Composed] {
                            let leaf = prediction.detach().set_requires_grad(true);
                            let criterion = SegmentationLoss::new(name).with_input(input);
                            let loss = criterion.with_route(route).forward(&leaf, &labels).unwrap();
                            loss.backward();
                            let what = format!("{kind:?} {name} {lesion} {z} {input:?} {route:?}");
                            assert!(loss.double_value(&[]).is_finite(), "{what}");
                            assert_eq!(leaf.grad().isfinite().all().int64_value(&[]), 1, "{what}");
                        }
                    }
                }
            }
        }
    }
}

/// Transposed, sliced and expanded views give the same as their copies, and the gradient has the view's shape.
#[test]
fn views_give_the_same_as_copies() {
    tch::manual_seed(5);
    let on = (Kind::Float, Device::Cpu);
    let whole = Tensor::rand([2, 3, 8, 70], on);
    let labels = Tensor::randint(3, [2, 8, 70], (Kind::Uint8, Device::Cpu));
    let expanded = Tensor::rand([1, 3, 8, 70], on);
    let cases = [
        (whole.transpose(2, 3), labels.transpose(1, 2)),
        (whole.slice(3, 5, 60, 2), labels.slice(2, 5, 60, 2)),
        (
            whole.permute([0, 1, 3, 2]).narrow(2, 1, 40),
            labels.transpose(1, 2).narrow(1, 1, 40),
        ),
        (
            expanded.expand([2, 3, 8, 70], false),
            labels.shallow_clone(),
        ),
        (
            whole.movedim_int(1, -1).contiguous().movedim_int(-1, 1),
            labels.shallow_clone(),
        ),
        (whole.narrow(0, 1, 1), labels.narrow(0, 1, 1)),
    ];
    for (prediction, labels) in cases {
        let criterion = SegmentationLoss::new(Tversky::focal());
        let gradient = |prediction: &Tensor, labels: &Tensor| {
            let leaf = prediction.detach().set_requires_grad(true);
            criterion.forward(&leaf, labels).unwrap().backward();
            leaf.grad().contiguous()
        };
        let found = gradient(&prediction, &labels);
        let expected = gradient(&prediction.contiguous(), &labels.contiguous());
        assert!(found.allclose(&expected, 1e-6, 1e-9, false));
    }
}

/// All routes agree on the losses per class and on gradients through them.
#[test]
fn per_class_losses_agree() {
    let (logits, labels) = logits();
    for pooling in [Pooling::PerSample, Pooling::Batch] {
        let run = |route| {
            let leaf = logits.detach().set_requires_grad(true);
            let criterion = unified().with_pooling(pooling).with_route(route);
            let scores = criterion.per_class(&leaf, &labels).unwrap();
            // A different factor for each sample and class.
            let factors = Tensor::arange(scores.numel() as i64, (Kind::Double, Device::Cpu)) - 1.5;
            (&scores * factors.view_as(&scores))
                .sum(Kind::Double)
                .backward();
            (scores, leaf.grad())
        };
        let (fused, gradient) = run(Route::Fused);
        let groups = if pooling == Pooling::Batch { 1 } else { 2 };
        assert_eq!(fused.size(), [groups, 3]);
        for route in [Route::Operations, Route::Composed] {
            let (scores, other_gradient) = run(route);
            assert!(scores.allclose(&fused, 1e-12, 1e-12, false), "{route:?}");
            assert!(
                other_gradient.allclose(&gradient, 1e-10, 1e-13, false),
                "{route:?}"
            );
        }
    }
    let leaf = logits.detach().set_requires_grad(true);
    let scores = tch::no_grad(|| unified().per_class(&leaf, &labels).unwrap());
    assert!(!scores.requires_grad());
}

/// With more voxels than f16 can count, sums keep growing on every route.
#[test]
fn sums_do_not_saturate_in_half_precision() {
    let probabilities = Tensor::full([1, 2, 512, 512], 0.5, (Kind::Half, Device::Cpu));
    let labels = Tensor::zeros([1, 512, 512], (Kind::Uint8, Device::Cpu));
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        let criterion = SegmentationLoss::new(Focal::cross_entropy()).with_route(route);
        let loss = criterion
            .forward(&probabilities, &labels)
            .unwrap()
            .double_value(&[]);
        assert!(
            (loss - std::f64::consts::LN_2).abs() < 1e-6,
            "{route:?}: {loss}"
        );
    }
}

/// Any number of threads gives the same bits, and an error keeps its position.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    tch::manual_seed(7);
    let logits = Tensor::randn([2, 2, 300, 200], (Kind::Float, Device::Cpu));
    let labels = Tensor::randint(2, [2, 300, 200], (Kind::Int64, Device::Cpu));
    let run = |threads, route| {
        tch::set_num_threads(threads);
        let leaf = logits.detach().set_requires_grad(true);
        let loss = unified().with_route(route).forward(&leaf, &labels).unwrap();
        loss.backward();
        (loss.double_value(&[]), leaf.grad())
    };
    let (value, gradient) = run(1, Route::Fused);
    for threads in [2, 3] {
        let (other, other_gradient) = run(threads, Route::Fused);
        assert_eq!(other, value);
        assert!(other_gradient.equal(&gradient));
    }
    let (other, other_gradient) = run(2, Route::Composed);
    assert!((other - value).abs() < 1e-6);
    let most = gradient.abs().max().double_value(&[]);
    assert!((other_gradient - gradient).abs().max().double_value(&[]) < 1e-4 * most);

    let _ = logits.get(1).get(0).get(299).get(7).fill_(f64::NAN);
    let message = unified().forward(&logits, &labels).unwrap_err().to_string();
    assert!(
        message.contains("sample 1, channel 0, voxel 59807"),
        "{message}"
    );
}
