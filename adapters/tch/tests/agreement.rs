//! Every route agrees with the core in f64, in value, gradient and rejected inputs, for all kinds of labels, class counts, ignored labels
//! (also beyond the kind's range), sorts of targets and weights.

use proptest::prelude::*;
use tch::{Device, Kind, Tensor};
use unifocal_conformance::{Target, seam, seam_cases, tolerance};
use unifocal_tch::core::{
    AbsentClass, AnyLoss, Dense, Error, Focal, Input, Labels, Pooling, Segmentation, Settings,
    Soft, Tversky, UnifiedFocal, catalogue::Name, evaluate,
};
use unifocal_tch::{Route, Segmentation as Tensors, SegmentationLoss, Sum};

const ROUTES: [Route; 3] = [Route::Fused, Route::Operations, Route::Composed];

/// libtorch's derivative of a quotient loses digits to cancellation; see tests/routes.rs.
const TOLERANCE: f64 = 1e-8;

const LABELS: [Kind; 6] = [
    Kind::Bool,
    Kind::Uint8,
    Kind::Int8,
    Kind::Int16,
    Kind::Int,
    Kind::Int64,
];

#[derive(Debug)]
struct Case {
    loss: AnyLoss,
    settings: Settings,
    /// [N, C, M].
    prediction: Tensor,
    /// [N, M], or [N, C, M].
    target: Tensor,
    is_soft: bool,
    /// [N, M].
    weights: Option<Tensor>,
}

fn numbers<T: tch::kind::Element + Copy>(tensor: &Tensor) -> Vec<T> {
    let tensor = tensor.to_kind(T::KIND).contiguous();
    Vec::try_from(tensor.view(-1)).unwrap()
}

/// The core's value and gradient in f64 for the same data.
fn expected(case: &Case) -> Result<(f64, Vec<f64>), Error> {
    let [samples, channels, voxels] = case.prediction.size()[..] else {
        unreachable!("the prediction has three axes")
    };
    let shape = [samples, channels, voxels].map(|n| n as usize);
    let without = [shape[0], shape[2]];
    let prediction = numbers::<f64>(&case.prediction);
    let prediction = Dense::channels_first(&prediction, shape)?;
    let all = vec![1.0; shape[0] * shape[2]];
    let weights = case.weights.as_ref();
    let weights = weights.map_or(all, numbers::<f64>);
    let weights = Dense::per_voxel(&weights, without)?;
    if case.is_soft {
        let target = numbers::<f64>(&case.target);
        let target = Soft(Dense::channels_first(&target, shape)?);
        run(
            case,
            Segmentation::new(prediction, target)?.with_voxel_weights(weights)?,
        )
    } else {
        let labels = numbers::<i64>(&case.target);
        let target = Labels::new(Dense::per_voxel(&labels, without)?)
            .with_ignore_label(case.settings.ignore_label);
        run(
            case,
            Segmentation::new(prediction, target)?.with_voxel_weights(weights)?,
        )
    }
}

fn run<T: unifocal_core::data::Target>(
    case: &Case,
    segmentation: Segmentation<Dense<'_, f64>, T, Dense<'_, f64>>,
) -> Result<(f64, Vec<f64>), Error> {
    let segmentation = segmentation
        .with_input(case.settings.input)?
        .with_pooling(case.settings.pooling);
    let classes = case.settings.classes();
    let evaluated = evaluate(&segmentation, &case.loss, &classes)?;
    Ok((evaluated.value(), evaluated.gradient()?))
}

/// Value and gradient by a route.
fn found(case: &Case, route: Route) -> Result<(f64, Vec<f64>), unifocal_tch::Error> {
    let criterion = SegmentationLoss::new(case.loss)
        .with_settings(case.settings.clone())
        .with_route(route);
    let leaf = case.prediction.detach().set_requires_grad(true);
    let value = match &case.weights {
        Some(weights) => criterion
            .with_voxel_weights(weights)
            .forward(&leaf, &case.target)?,
        None => criterion.forward(&leaf, &case.target)?,
    };
    value.backward();
    Ok((value.double_value(&[]), numbers(&leaf.grad())))
}

fn agree(case: &Case, routes: &[Route]) -> Result<(), TestCaseError> {
    let expected = if case.is_soft && case.settings.ignore_label.is_some() {
        None
    } else {
        expected(case).ok()
    };
    for &route in routes {
        let found = found(case, route);
        let (Some((value, gradient)), Ok((other, other_gradient))) = (&expected, &found) else {
            prop_assert_eq!(
                expected.is_some(),
                found.is_ok(),
                "{:?}: {:?}",
                route,
                found.err()
            );
            continue;
        };
        let near = |other: f64, value: f64, scale: f64| (other - value).abs() <= TOLERANCE * scale;
        prop_assert!(
            near(*other, *value, value.abs().max(1.0)),
            "{route:?}: {other} is not {value}"
        );
        let most = gradient
            .iter()
            .fold(1e-4_f64, |most, entry| most.max(entry.abs()));
        for (index, (other, entry)) in other_gradient.iter().zip(gradient).enumerate() {
            prop_assert!(
                near(*other, *entry, most),
                "{route:?}: entry {index} of the gradient is {other}, not {entry}"
            );
        }
    }
    Ok(())
}

fn losses() -> [AnyLoss; 4] {
    [
        UnifiedFocal::asymmetric().into(),
        UnifiedFocal::symmetric().into(),
        Focal::cross_entropy().into(),
        Tversky::dice().into(),
    ]
}

/// Ignored labels: none, a class, not a class, beyond most kinds, beyond all kinds but Int64.
fn ignored() -> impl Strategy<Value = Option<i64>> {
    let some = prop_oneof![
        Just(0),
        Just(1),
        Just(44),
        Just(100),
        Just(255),
        Just(256),
        Just(300),
        Just(-100),
        Just(-1),
        Just(1 << 16),
        Just((1 << 16) + 1),
        Just(1 << 32),
        Just(i64::MIN),
    ];
    prop_oneof![Just(None), some.prop_map(Some)]
}

prop_compose! {
    fn case()(
        (loss, input) in (0..4_usize, 0..3_usize),
        (batch, weighing, skipping) in any::<(bool, bool, bool)>(),
        ignored in ignored(),
        (samples, voxels) in (1..3_i64, 1..5_i64),
        classes in prop_oneof![
            24 => 1..9_i64,
            1 => 126..131_i64,
            2 => 254..259_i64,
            1 => Just(300_i64),
        ],
        // 0 is labels, 1 one-hot in integers, 2 soft.
        sort in prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(2)],
        kind in 0..LABELS.len(),
        // None, valid weights with zeros, and two sorts of invalid weights.
        weights in prop_oneof![3 => Just(0), 3 => Just(1), 1 => Just(2), 1 => Just(3)],
        scale in prop_oneof![6 => Just(3.0), 1 => Just(1e3), 1 => Just(1e200), 1 => Just(1e308)],
        // Whether some labels are unknown, and whether some are ignored.
        (wrong, void) in (prop::bool::weighted(0.1), prop::bool::weighted(0.5)),
        seed in any::<i64>(),
    ) -> Case {
        tch::manual_seed(seed);
        let on = (Kind::Double, Device::Cpu);
        let shape = [samples, classes, voxels];
        let input = match input {
            0 => Input::Probabilities,
            1 if classes > 1 => Input::Softmax,
            _ => Input::Sigmoid,
        };
        let prediction = match input {
            Input::Probabilities => Tensor::rand(shape, on) * 0.96 + 0.02,
            _ => (Tensor::rand(shape, on) * 2.0 - 1.0) * scale,
        };
        let count = classes.max(2);
        let limit = if wrong { count + 3 } else { count };
        let most = [2, 256, 128, 1 << 15, 1 << 31, i64::MAX][kind];
        let without = [samples, voxels];
        let mut labels = Tensor::randint(limit.min(most), without, (Kind::Int64, Device::Cpu));
        if let Some(ignored) = ignored.filter(|_| void) {
            let left_out = Tensor::rand(without, on).lt(0.3);
            labels = labels.masked_fill(&left_out, ignored);
        }
        let target = match sort {
            0 => labels.to_kind(LABELS[kind]),
            1 if classes > 1 => {
                let labels = labels.clamp(0, count - 1);
                labels.one_hot(count).movedim_int(-1, 1).to_kind(LABELS[kind])
            }
            _ => {
                let kind = [Kind::Half, Kind::BFloat16, Kind::Float, Kind::Double][kind % 4];
                (Tensor::rand(shape, on) / classes as f64).to_kind(kind)
            }
        };
        let weights = match weights {
            0 => None,
            bad => {
                let weights = Tensor::rand(without, on) * 2.0;
                let mut weights = &weights * weights.gt(0.5);
                if bad > 1 {
                    let some = Tensor::rand(without, on).lt(0.2);
                    weights = weights.masked_fill(&some, if bad == 2 { -1.0 } else { f64::NAN });
                }
                Some(weights)
            }
        };
        let mut settings = Settings::default().with_input(input).with_ignore_label(ignored);
        settings.pooling = if batch { Pooling::Batch } else { Pooling::PerSample };
        settings.absent_class = if skipping { AbsentClass::Skip } else { AbsentClass::Smooth };
        settings.class_weights = weighing.then(|| (0..count).map(|class| (class as f64 + 0.5) % 3.0).collect());
        Case {
            loss: losses()[loss],
            settings,
            prediction,
            is_soft: target.dim() == 3,
            target,
            weights,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn routes_agree_with_the_core(case in case()) {
        agree(&case, &ROUTES)?;
    }
}

/// Compares a cross entropy of this many classes with the core.
fn many_classes(classes: i64, routes: &[Route]) {
    tch::manual_seed(classes);
    let labels = Tensor::from_slice(&[100_i64, 3, 19_999, 0, 44, 4_463]).view([2, 3]);
    let case = Case {
        loss: Focal::cross_entropy().into(),
        settings: Settings::default()
            .with_input(Input::Softmax)
            .with_absent_class(AbsentClass::Skip)
            .with_ignore_label(1 << 16),
        prediction: Tensor::randn([2, classes, 3], (Kind::Double, Device::Cpu)) * 3.0,
        target: labels.to_kind(Kind::Int16),
        is_soft: false,
        weights: None,
    };
    agree(&case, routes).unwrap();
}

/// With more classes than a 16-bit label can hold, class 65 536 must not be mistaken for class 0.
#[test]
fn more_classes_than_the_labels_kind_holds() {
    many_classes(70_000, &[Route::Fused]);
}

/// On the operations route, a mean over the classes is a chain of one operation per class.
#[test]
fn many_classes_on_the_operations_route() {
    many_classes(20_000, &[Route::Operations, Route::Composed]);
}

#[test]
fn tensors_are_a_backend() {
    for case in seam_cases() {
        let tensor = |array: &ndarray::ArrayD<f64>| {
            let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
            Tensor::from_slice(&array.iter().copied().collect::<Vec<_>>()).view(shape.as_slice())
        };
        let target = match &case.target {
            Target::Labels(labels) => {
                tensor(&labels.mapv(|label| label as f64)).to_kind(Kind::Int64)
            }
            Target::Soft(target) => tensor(target),
        };
        for (kind, tolerance) in [
            (Kind::Double, tolerance::F64_OURS),
            (Kind::Float, tolerance::F32_OURS),
        ] {
            for route in ROUTES {
                let prediction = tensor(&case.prediction).to_kind(kind);
                let segmentation =
                    Tensors::new(&prediction, &target, case.settings.clone()).with_route(route);
                let values = |sum: &Sum| numbers::<f64>(&sum.tensor().expect("a tensor"));
                seam(&segmentation, &case, values, tolerance);
                backpropagates(&case, &prediction, &target, route, tolerance);
            }
        }
    }
}

/// Through the seam, libtorch's gradient is that of [`SegmentationLoss`].
fn backpropagates(
    case: &unifocal_conformance::Case,
    prediction: &Tensor,
    target: &Tensor,
    route: Route,
    tolerance: f64,
) {
    let leaf = || prediction.copy().set_requires_grad(true);
    for loss in [Name::AsymmetricUnifiedFocal, Name::Dice].map(AnyLoss::from) {
        let (through, expected) = (leaf(), leaf());
        let segmentation = Tensors::new(&through, target, case.settings.clone()).with_route(route);
        let evaluated =
            evaluate(&segmentation, &loss, &case.settings.classes()).expect("a valid case");
        let value = evaluated.value().tensor().expect("a tensor");
        value.mean(Kind::Double).backward();
        let criterion = SegmentationLoss::new(loss)
            .with_settings(case.settings.clone())
            .with_route(route);
        let value = criterion.forward(&expected, target).expect("a valid case");
        value.backward();
        let (through, expected) = (
            numbers::<f64>(&through.grad()),
            numbers::<f64>(&expected.grad()),
        );
        let largest = expected
            .iter()
            .fold(0.0_f64, |most, entry| most.max(entry.abs()));
        for (through, expected) in through.iter().zip(&expected) {
            assert!(
                (through - expected).abs() <= tolerance * largest,
                "{loss} by {route:?}: {through}, expected {expected}"
            );
        }
    }
}
