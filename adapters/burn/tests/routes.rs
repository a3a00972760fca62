//! Property tests: the fused and the composed route agree on any tensors and parameters.

mod common;

use common::{cpus, gpus};
use proptest::prelude::*;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::core::{AnyLoss, catalogue::Name};
use unifocal_burn::{AbsentClass, Input, Pooling, Route, SegmentationLoss, Settings, Targets};

/// A loss, its settings, and tensors of two spatial axes.
#[derive(Clone, Debug)]
struct Case {
    loss: AnyLoss,
    shape: [usize; 4],
    numbers: Vec<f64>,
    labels: Vec<i64>,
    soft: bool,
    weights: Option<Vec<f64>>,
    settings: Settings,
}

fn loss() -> impl Strategy<Value = AnyLoss> {
    let parameters = (0..Name::ALL.len(), 0.05..0.95_f64, 0.05..0.95_f64);
    parameters.prop_map(|(name, delta, gamma)| {
        let valid = "in range";
        match Name::ALL[name].loss() {
            AnyLoss::Tversky(loss) => {
                let loss = loss.with_delta(delta).expect(valid);
                // γ of the noise-robust loss is at least 1.
                loss.with_gamma(gamma).unwrap_or(loss).into()
            }
            loss @ AnyLoss::HardVoxels(_) => loss,
            AnyLoss::Matthews(loss) => loss.with_smooth(gamma).expect(valid).into(),
            AnyLoss::Focal(loss) => loss.with_gamma(3.0 * gamma).expect(valid).into(),
            AnyLoss::UnifiedFocal(loss) => loss
                .with_delta(delta)
                .and_then(|loss| loss.with_gamma(gamma))
                .expect(valid)
                .into(),
        }
    })
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (1..4_usize, 1..6_usize, 1..5_usize, 1..40_usize);
    (loss(), shape).prop_flat_map(|(loss, (samples, channels, height, width))| {
        let voxels = samples * height * width;
        let classes = channels.max(2);
        let inputs = if channels == 1 {
            vec![Input::Probabilities, Input::Sigmoid]
        } else {
            vec![Input::Probabilities, Input::Sigmoid, Input::Softmax]
        };
        (
            prop::collection::vec(0.01..0.99_f64, voxels * channels),
            prop::collection::vec(0..classes as i64, voxels),
            any::<bool>(),
            prop::option::of(prop::collection::vec(0.0..2.0_f64, voxels)),
            prop::option::of(Just(0_i64)),
            prop::sample::select(inputs),
            any::<[bool; 2]>(),
            prop::option::of(prop::collection::vec(0.1..2.0_f64, classes)),
            prop::option::of(Just(vec![classes - 1])),
        )
            .prop_map(
                move |(
                    numbers,
                    labels,
                    soft,
                    weights,
                    ignored,
                    input,
                    [batch, skip],
                    class_weights,
                    rare,
                )| {
                    let mut settings = Settings::default().with_input(input);
                    settings.ignore_label = ignored.filter(|_| !soft);
                    settings.pooling = if batch {
                        Pooling::Batch
                    } else {
                        Pooling::PerSample
                    };
                    settings.absent_class = if skip {
                        AbsentClass::Skip
                    } else {
                        AbsentClass::Smooth
                    };
                    settings.class_weights = class_weights;
                    settings.rare_classes = rare;
                    Case {
                        loss,
                        shape: [samples, channels, height, width],
                        numbers,
                        labels,
                        soft,
                        weights,
                        settings,
                    }
                },
            )
    })
}

/// Value and gradient by this route.
fn outcome(case: &Case, route: Route, device: &Device, dtype: DType) -> (f64, Vec<f64>) {
    let device = device.clone().autodiff();
    let [samples, _, height, width] = case.shape;
    let map = [samples, height, width];
    let float = |values: &[f64], shape: &[usize]| TensorData::new(values.to_vec(), shape.to_vec());
    let numbers: Vec<f64> = match case.settings.input {
        Input::Probabilities => case.numbers.clone(),
        Input::Softmax | Input::Sigmoid => case.numbers.iter().map(|x| 10.0 * (x - 0.5)).collect(),
    };
    let prediction =
        Tensor::<4>::from_data(float(&numbers, &case.shape), (&device, dtype)).require_grad();
    let targets: Targets = if case.soft {
        let soft: Vec<f64> = case.numbers.iter().rev().copied().collect();
        Tensor::<4>::from_data(float(&soft, &case.shape), (&device, dtype)).into()
    } else {
        let labels = TensorData::new(case.labels.clone(), map.to_vec());
        Tensor::<3, Int>::from_data(labels, &device).into()
    };
    let loss = SegmentationLoss::new(case.loss)
        .with_settings(case.settings.clone())
        .with_route(route);
    let targets = match &case.weights {
        None => targets,
        Some(weights) => {
            let weights = Tensor::<3>::from_data(float(weights, &map), (&device, dtype));
            targets.with_voxel_weights(weights)
        }
    };
    let value = loss.forward(prediction.clone(), targets);
    let gradients = value.backward();
    let gradient = prediction
        .grad(&gradients)
        .expect("the prediction has a gradient")
        .into_data();
    (value.into_scalar(), gradient.iter::<f64>().collect())
}

/// Compares the two routes on a case.
fn same(case: &Case, device: &Device, dtype: DType) -> Result<(), TestCaseError> {
    let (value, gradient) = outcome(case, Route::Auto, device, dtype);
    let (expected, of_composed) = outcome(case, Route::Composed, device, dtype);
    // Differentiating a quotient as tensor operations loses more digits than the analytic gradient.
    let tolerance = if dtype == DType::F64 { 1e-8 } else { 2e-4 };
    prop_assert!(
        (value - expected).abs() <= tolerance * expected.abs().max(1e-3),
        "{value} is not {expected} on {device:?}"
    );
    let largest = of_composed
        .iter()
        .fold(1e-3, |most: f64, g| most.max(g.abs()));
    for (at, (fused, composed)) in gradient.iter().zip(&of_composed).enumerate() {
        prop_assert!(
            (fused - composed).abs() <= tolerance * largest,
            "{fused} is not {composed} at {at}, largest {largest}, on {device:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn fused_equals_composed_on_cpus(case in case()) {
        for (device, dtype) in cpus() {
            same(&case, &device, dtype)?;
        }
    }
}

proptest! {
    // Each case compiles its own kernels, which takes a software GPU 3 s.
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 16, ..ProptestConfig::default() })]

    #[test]
    fn fused_equals_composed_on_gpus(case in case()) {
        for (device, dtype) in gpus() {
            same(&case, &device, dtype)?;
        }
    }
}
