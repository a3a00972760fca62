//! Every route agrees with the core in f64 or rejects the same input, for all label types, class counts, ignored labels, kinds of target and
//! weights.

mod common;

use common::cpus;
use fastrand::Rng;
use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::core::{AbsentClass, AnyLoss, Error as CoreError, Input, catalogue::Name};
use unifocal_burn::{Elementwise, Error, Pooling, Route, Segmentation, SegmentationLoss, Targets};
use unifocal_conformance::{Backend, Case, CoreF64, Outcome, Target, seam, seam_cases, tolerance};

/// Class counts, including those around the limits of the label types.
const CLASSES: [usize; 16] = [
    2, 3, 5, 127, 128, 129, 255, 256, 257, 300, 1000, 32_768, 32_769, 65_536, 65_537, 70_000,
];

/// Labels to ignore: some types can hold them, others cannot.
const IGNORED: [i64; 14] = [
    i64::MIN,
    -100,
    -1,
    0,
    1,
    44,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    4_294_967_196,
    i64::MAX,
];

const KINDS: [DType; 8] = [
    DType::U8,
    DType::U16,
    DType::U32,
    DType::U64,
    DType::I8,
    DType::I16,
    DType::I32,
    DType::I64,
];

/// The largest label of this type.
fn largest(kind: DType) -> i64 {
    match kind {
        DType::U8 => u8::MAX.into(),
        DType::U16 => u16::MAX.into(),
        DType::U32 => u32::MAX.into(),
        DType::I8 => i8::MAX.into(),
        DType::I16 => i16::MAX.into(),
        DType::I32 => i32::MAX.into(),
        _ => i64::MAX,
    }
}

fn is_held(kind: DType, label: i64) -> bool {
    let signed = matches!(kind, DType::I8 | DType::I16 | DType::I32 | DType::I64);
    let lowest = if signed { -1 - largest(kind) } else { 0 };
    (lowest..=largest(kind)).contains(&label)
}

/// A random case for this seed.
fn draw(seed: u64, classes: usize, kind: DType, ignored: Option<i64>) -> Case {
    let rng = &mut Rng::with_seed(seed);
    let samples = rng.usize(1..=2);
    let voxels = if classes > 1000 { 2 } else { rng.usize(1..=5) };
    let channels = if classes == 2 {
        rng.usize(1..=2)
    } else {
        classes
    };
    let input = match rng.u8(0..3) {
        0 => Input::Probabilities,
        1 => Input::Sigmoid,
        _ if channels == 1 => Input::Sigmoid,
        _ => Input::Softmax,
    };
    let shape = [samples, channels, voxels];
    let number = |rng: &mut Rng| {
        let number = match input {
            Input::Probabilities => 0.02 + 0.96 * rng.f32(),
            Input::Softmax | Input::Sigmoid => 6.0 * rng.f32() - 3.0,
        };
        f64::from(number)
    };
    let prediction = ArrayD::from_shape_simple_fn(IxDyn(&shape), || number(rng));
    let target = if rng.u8(0..4) == 0 {
        Target::Soft(ArrayD::from_shape_simple_fn(IxDyn(&shape), || {
            f64::from(rng.f32())
        }))
    } else {
        let most = largest(kind).min(classes as i64 - 1);
        let label = || match rng.u8(0..20) {
            // Now and then a label outside the classes, or at a limit of the type.
            0 if rng.u8(0..4) == 0 => rng
                .choice([-1, classes as i64, largest(kind)])
                .expect("the choice is not empty"),
            1..=5 => ignored.unwrap_or(0),
            6..=8 => most,
            _ => rng.i64(0..=most),
        };
        let mut label = label;
        let labels = ArrayD::from_shape_simple_fn(IxDyn(&[samples, voxels]), || {
            let label = label();
            if is_held(kind, label) { label } else { 0 }
        });
        Target::Labels(labels)
    };
    let mut case = Case::new(prediction, target);
    if let Target::Labels(_) = case.target {
        case.settings.ignore_label = ignored;
    }
    case.settings.input = input;
    if rng.bool() {
        case.settings.pooling = Pooling::Batch;
    }
    if rng.bool() {
        case.settings.absent_class = AbsentClass::Skip;
    }
    if rng.bool() {
        let weight = || match rng.u8(0..12) {
            0 => 0.0,
            1 if rng.u8(0..4) == 0 => -1.0,
            _ => f64::from(2.0 * rng.f32()),
        };
        case.voxel_weights = Some(ArrayD::from_shape_simple_fn(
            IxDyn(&[samples, voxels]),
            weight,
        ));
    }
    if classes <= 300 && rng.bool() {
        case.settings.class_weights = Some((0..classes).map(|_| rng.f64()).collect());
    }
    if rng.bool() {
        case.settings.rare_classes = Some(vec![classes - 1]);
    }
    case
}

/// Value and gradient by a route. A rejected input gives an error or, on devices that do not check, NaN.
fn outcome(
    loss: AnyLoss,
    case: &Case,
    ignored: Option<i64>,
    kind: DType,
    route: Route,
    (device, dtype): (&Device, DType),
) -> Result<Outcome, Error> {
    let device = device.clone().autodiff();
    let float =
        |array: &ArrayD<f64>| TensorData::new(array.iter().copied().collect(), array.shape());
    let prediction =
        Tensor::<3>::from_data(float(&case.prediction), (&device, dtype)).require_grad();
    let targets: Targets = match &case.target {
        Target::Labels(labels) => {
            let labels = TensorData::new(labels.iter().copied().collect(), labels.shape());
            Tensor::<2, Int>::from_data(labels, (&device, kind)).into()
        }
        Target::Soft(target) => Tensor::<3>::from_data(float(target), (&device, dtype)).into(),
    };
    let loss = SegmentationLoss::new(loss)
        .with_settings(case.settings.clone())
        .with_ignore_label(ignored)
        .with_route(route);
    let targets = match &case.voxel_weights {
        None => targets,
        Some(weights) => {
            let weights = Tensor::<2>::from_data(float(weights), (&device, dtype));
            targets.with_voxel_weights(weights)
        }
    };
    let value = loss.try_forward(prediction.clone(), targets)?;
    let gradients = value.backward();
    let gradient = prediction
        .grad(&gradients)
        .expect("the prediction has a gradient")
        .into_data();
    let gradient = ArrayD::from_shape_vec(case.prediction.raw_dim(), gradient.iter().collect());
    Ok(Outcome {
        value: value.into_scalar(),
        gradient: gradient.expect("the prediction's shape"),
    })
}

fn agrees(seed: u64, name: Name, classes: usize, kind: DType, ignored: Option<i64>) {
    let case = draw(seed, classes, kind, ignored);
    let loss = name.loss();
    let expected = CoreF64.evaluate(&loss, &case);
    for (device, dtype) in cpus() {
        for route in [Route::Auto, Route::Composed] {
            let what = format!("{name}, {kind:?}, {ignored:?}, {route:?} in {dtype:?} of {case:?}");
            let found = outcome(loss, &case, ignored, kind, route, (&device, dtype));
            if let (Target::Soft(_), Some(label)) = (&case.target, ignored) {
                assert_eq!(
                    found.err(),
                    Some(Error::Core(CoreError::IgnoreLabel { found: label })),
                    "{what}"
                );
                continue;
            }
            let expected = match (&expected, found.as_ref()) {
                (Ok(expected), _) => expected,
                (Err(_), Err(_)) => continue,
                (Err(error), Ok(found)) => {
                    assert!(
                        route == Route::Composed && found.value.is_nan(),
                        "{error}: {what}"
                    );
                    continue;
                }
            };
            let found = found.unwrap_or_else(|error| panic!("{error}: {what}"));
            let tolerance = match (dtype, route) {
                (DType::F64, Route::Auto) => 1e-11,
                // Differentiating a quotient as tensor operations loses more digits to cancellation.
                (DType::F64, _) => 1e-8,
                (_, Route::Auto) => 3e-5,
                _ => 3e-4,
            };
            let near = |found: f64, expected: f64, size: f64| {
                assert!(
                    (found - expected).abs() <= tolerance * size,
                    "{found} is not {expected}: {what}"
                );
            };
            near(found.value, expected.value, expected.value.abs().max(0.1));
            let all = expected.gradient.iter();
            let largest = all.fold(1e-3, |most: f64, g| most.max(g.abs()));
            for (found, expected) in found.gradient.iter().zip(&expected.gradient) {
                near(*found, *expected, largest);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_route_agrees_with_the_core_in_f64(
        seed in any::<u64>(),
        name in prop::sample::select(Name::ALL.to_vec()),
        classes in prop::sample::select(CLASSES.to_vec()),
        kind in prop::sample::select(KINDS.to_vec()),
        ignored in prop::option::of(prop::sample::select(IGNORED.to_vec())),
    ) {
        agrees(seed, name, classes, kind, ignored);
    }
}

#[test]
fn tensors_are_a_backend() {
    for (device, dtype) in cpus() {
        for route in [Route::Auto, Route::Composed] {
            for case in seam_cases() {
                let float = |array: &ArrayD<f64>| {
                    let data = TensorData::new(array.iter().copied().collect(), array.shape());
                    Tensor::<3>::from_data(data, (&device, dtype))
                };
                let targets: Targets = match &case.target {
                    Target::Labels(labels) => {
                        let data =
                            TensorData::new(labels.iter().copied().collect(), labels.shape());
                        Tensor::<2, Int>::from_data(data, (&device, DType::I64)).into()
                    }
                    Target::Soft(target) => float(target).into(),
                };
                let settings = case.settings.clone();
                let segmentation = Segmentation::new(float(&case.prediction), targets, settings);
                let segmentation = segmentation.expect("a valid case").with_route(route);
                let tolerance = match dtype {
                    DType::F64 => tolerance::F64_IDENTITY.max(tolerance::F64_OURS),
                    _ => tolerance::F32_OURS,
                };
                let numbers = |sum: &Elementwise<1>| sum.0.to_data().iter::<f64>().collect();
                seam(&segmentation, &case, numbers, tolerance);
            }
        }
    }
}
