//! The public interface: configurations, shapes, types, reductions, errors.

mod common;

use common::devices;
use unifocal_burn::burn::config::Config;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData, activation};
use unifocal_burn::core::catalogue::Name;
use unifocal_burn::{
    AbsentClass, AllReduce, AsymmetricUnifiedFocalLossConfig, CrossEntropyLossConfig,
    DiceLossConfig, Error, Input, NamedLossConfig, Pooling, Reduction, Route, Targets, Threads,
};

/// Reproducible numbers in (0, 1).
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(seed);
    (0..count).map(|_| 0.01 + 0.98 * rng.f32()).collect()
}

fn float<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
    dtype: DType,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

fn labels<const D: usize>(classes: i32, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    let mut rng = fastrand::Rng::with_seed(7);
    let count = shape.iter().product();
    let values: Vec<i32> = (0..count).map(|_| rng.i32(0..classes)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn finite<const D: usize>(tensor: Tensor<D>) -> bool {
    tensor.into_data().iter::<f64>().all(f64::is_finite)
}

#[test]
fn configurations_have_the_papers_defaults_and_survive_serialization() {
    let config = AsymmetricUnifiedFocalLossConfig::new();
    assert_eq!(
        (config.lambda, config.delta, config.gamma),
        (Some(0.5), 0.6, 0.5)
    );
    let config = config
        .with_lambda(None)
        .with_input(Input::Softmax)
        .with_ignore_label(255)
        .with_absent_class(AbsentClass::Skip);
    let folder = std::env::temp_dir().join(format!("unifocal-burn-{}.json", std::process::id()));
    config.save(&folder).expect("the folder is writable");
    let read = AsymmetricUnifiedFocalLossConfig::load(&folder).expect("the file is valid");
    std::fs::remove_file(folder).expect("the file can be removed");
    assert_eq!(read.to_string(), config.to_string());
}

#[test]
fn every_configuration_builds_the_loss_of_its_name() {
    use unifocal_burn::*;
    let (device, dtype) = devices().remove(0);
    let prediction = float(numbers(60, 1), [2, 3, 10], &device, dtype);
    let target = labels(3, [2, 10], &device);
    macro_rules! same {
        ($($config:ident $name:literal)*) => {
            $(
                let [own, named] = [
                    $config::new().init(),
                    NamedLossConfig::new().with_name($name.into()).init(),
                ]
                .map(|loss| loss.forward(prediction.clone(), target.clone()).into_scalar::<f64>());
                assert_eq!(own, named, "{}", $name);
            )*
            assert_eq!([$($name),*].len(), Name::ALL.len());
        };
    }
    same!(
        DiceLossConfig "dice"
        JaccardLossConfig "jaccard"
        TverskyLossConfig "tversky"
        FocalTverskyLossConfig "focal-tversky"
        SymmetricFocalTverskyLossConfig "symmetric-focal-tversky"
        AsymmetricFocalTverskyLossConfig "asymmetric-focal-tversky"
        CrossEntropyLossConfig "cross-entropy"
        FocalLossConfig "focal"
        SymmetricFocalLossConfig "symmetric-focal"
        AsymmetricFocalLossConfig "asymmetric-focal"
        DiceCrossEntropyLossConfig "dice-cross-entropy"
        DiceFocalLossConfig "dice-focal"
        WeightedTverskyLossConfig "weighted-tversky"
        LogDiceLossConfig "log-dice"
        GeneralizedDiceLossConfig "generalized-dice"
        ExponentialLogLossConfig "exponential-log"
        Poly1LossConfig "poly-1"
        LogCoshDiceLossConfig "log-cosh-dice"
        NoiseRobustDiceLossConfig "noise-robust-dice"
        MatthewsLossConfig "mcc"
        HardVoxelsLossConfig "hard-voxels"
        ComboLossConfig "combo"
        TverskyCrossEntropyLossConfig "tversky-cross-entropy"
        SymmetricUnifiedFocalLossConfig "symmetric-unified-focal"
        AsymmetricUnifiedFocalLossConfig "asymmetric-unified-focal"
    );
}

/// Checks that value and gradient are finite.
fn check<const D: usize, const L: usize>(
    name: Name,
    input: Input,
    prediction: Tensor<D>,
    target: Tensor<L, Int>,
) {
    let prediction = prediction.autodiff().require_grad();
    let loss = NamedLossConfig::new()
        .with_name(name.to_string())
        .with_input(input)
        .init();
    let value = loss.forward(prediction.clone(), target);
    let gradients = value.backward();
    assert!(finite(value), "{name}");
    let gradient = prediction
        .grad(&gradients)
        .expect("the prediction has a gradient");
    assert_eq!(gradient.dims(), prediction.dims());
    assert!(finite(gradient), "{name}");
}

#[test]
fn saturated_logits_and_hard_predictions_give_finite_values() {
    for (device, dtype) in devices() {
        for name in [
            Name::AsymmetricUnifiedFocal,
            Name::FocalTversky,
            Name::SymmetricUnifiedFocal,
        ] {
            for sign in [1.0, -1.0] {
                let hard = |large: f32| {
                    let of = move |i: i32| {
                        if (i % 3 == 0) == (sign > 0.0) {
                            large
                        } else {
                            -large
                        }
                    };
                    let values: Vec<f32> = (0..24)
                        .chain(0..24)
                        .enumerate()
                        .map(|(at, i)| if at < 24 { of(i) } else { -of(i) })
                        .collect();
                    float(values, [1, 2, 24], &device, dtype)
                };
                for target in [
                    labels(2, [1, 24], &device),
                    Tensor::zeros([1, 24], &device),
                    Tensor::ones([1, 24], &device),
                ] {
                    check(name, Input::Softmax, hard(1e4), target.clone());
                    check(name, Input::Sigmoid, hard(1e4), target.clone());
                    check(
                        name,
                        Input::Probabilities,
                        (hard(0.5) + 0.5).detach(),
                        target,
                    );
                }
            }
        }
    }
}

#[test]
fn any_rank_and_class_count_is_accepted() {
    for (device, dtype) in devices() {
        let name = Name::AsymmetricUnifiedFocal;
        for classes in [1, 2, 3, 8, 9, 32] {
            let input = if classes == 1 {
                Input::Sigmoid
            } else {
                Input::Softmax
            };
            let logits = float(
                numbers(2 * classes * 70, 3),
                [2, classes, 70],
                &device,
                dtype,
            );
            check(
                name,
                input,
                logits,
                labels(classes.max(2) as i32, [2, 70], &device),
            );
        }
        let values = || numbers(2 * 3 * 24, 5);
        check(
            name,
            Input::Softmax,
            float(values(), [2, 3, 4, 6], &device, dtype),
            labels(3, [2, 4, 6], &device),
        );
        check(
            name,
            Input::Softmax,
            float(values(), [2, 3, 2, 3, 4], &device, dtype),
            labels(3, [2, 2, 3, 4], &device),
        );
        check(
            name,
            Input::Softmax,
            float(values(), [2, 3, 2, 3, 2, 2], &device, dtype),
            labels(3, [2, 2, 3, 2, 2], &device),
        );
    }
}

#[test]
fn half_precision_is_summed_in_f32() {
    for (device, _) in devices() {
        for dtype in [DType::F16, DType::BF16] {
            if !device.supports_dtype(dtype) {
                continue;
            }
            let shape = [1, 2, 5000];
            let narrow: Tensor<3> = float(numbers(10_000, 9), shape, &device, dtype);
            let wide = narrow.clone().cast(DType::F32);
            let target = labels(2, [1, 5000], &device);
            let of = |prediction: Tensor<3>| {
                let prediction = prediction.autodiff().require_grad();
                let loss = AsymmetricUnifiedFocalLossConfig::new().init();
                let value = loss.forward(prediction.clone(), target.clone());
                let gradient = prediction
                    .grad(&value.backward())
                    .expect("the prediction has a gradient");
                (value, gradient)
            };
            let ((value, gradient), (expected, wide)) = (of(narrow), of(wide));
            assert_eq!((value.dtype(), gradient.dtype()), (DType::F32, dtype));
            let (value, expected): (f64, f64) = (value.into_scalar(), expected.into_scalar());
            assert!(
                (value - expected).abs() <= 1e-6 * expected,
                "{dtype:?}: {value} is not {expected}"
            );
            let difference: f64 = (gradient.cast(DType::F32) - wide.clone())
                .abs()
                .max()
                .into_scalar();
            let largest: f64 = wide.abs().max().into_scalar();
            assert!(difference <= 8e-3 * largest, "{dtype:?}: {difference}");
        }
    }
}

#[test]
fn gradients_beyond_half_precision_are_clamped() {
    for (device, _) in devices() {
        for (dtype, most) in [(DType::F16, 65_504.0), (DType::BF16, 3.4e38)] {
            if !device.supports_dtype(dtype) {
                continue;
            }
            // The gradient at a hard wrong prediction is 1/(ε·M) = 2.5·10⁶.
            let prediction = float(vec![0.0; 4], [1, 1, 4], &device, dtype)
                .autodiff()
                .require_grad();
            let target = Tensor::<2, Int>::ones([1, 4], &device);
            let loss = CrossEntropyLossConfig::new().init();
            let value = loss.forward(prediction.clone(), target);
            let gradient = prediction
                .grad(&value.backward())
                .expect("the prediction has a gradient")
                .into_data();
            for g in gradient.iter::<f64>() {
                let expected = f64::max(-2.5e6, -most);
                assert!((g / expected - 1.0).abs() < 0.01, "{dtype:?}: {g}");
            }
        }
    }
}

#[test]
fn sample_and_voxel_counts_beyond_a_gpu_grid_axis() {
    for (device, dtype) in devices() {
        // More samples than cubes on one axis of a GPU's grid; more voxels than one cube takes.
        for [samples, voxels] in [[70_000, 1], [2, 70_001]] {
            let z = numbers(samples * 2 * voxels, 6);
            let logits = float(z.clone(), [samples, 2, voxels], &device, dtype)
                .autodiff()
                .require_grad();
            let target = labels(2, [samples, voxels], &device);
            let loss = CrossEntropyLossConfig::new()
                .with_input(Input::Softmax)
                .init();
            let each = loss.sums(logits.clone(), target.clone()).values();
            let gradients = each.clone().sum().backward();
            let gradient = logits
                .grad(&gradients)
                .expect("the prediction has a gradient")
                .into_data();
            let gradient: Vec<f64> = gradient.iter().collect();
            let target: Vec<i64> = target.into_data().iter().collect();
            for (sample, value) in each.into_data().iter::<f64>().enumerate() {
                let mut expected = 0.0;
                for voxel in 0..voxels {
                    let own = target[sample * voxels + voxel] as usize;
                    let [own, other] =
                        [own, 1 - own].map(|class| (2 * sample + class) * voxels + voxel);
                    // −ln p = ln(1 + e^d), where d is the other logit minus that of the label.
                    let cost = f64::from(z[other] - z[own]).exp().ln_1p();
                    let slope = 1.0 - (-cost).exp();
                    expected += cost / voxels as f64;
                    for (at, slope) in [(own, -slope), (other, slope)] {
                        let found = gradient[at] * voxels as f64;
                        assert!(
                            (found - slope).abs() <= 1e-5,
                            "{found} is not {slope} at {sample} {voxel} on {device:?}"
                        );
                    }
                }
                assert!(
                    (value - expected).abs() <= 2e-6 * expected,
                    "{value} is not {expected} in sample {sample} on {device:?}"
                );
            }
        }
    }
}

#[test]
fn reductions_match_the_losses_per_sample_and_class() {
    for (device, dtype) in devices() {
        let prediction = float(numbers(120, 1), [4, 3, 10], &device, dtype);
        let target = labels(3, [4, 10], &device);
        let config = DiceLossConfig::new();
        let loss = config.clone().init();
        let each = loss.sums(prediction.clone(), target.clone()).values();
        assert_eq!(each.dims(), [4]);
        let mean: f64 = loss
            .forward(prediction.clone(), target.clone())
            .into_scalar();
        let of_each: f64 = each.clone().mean().into_scalar();
        assert!((mean - of_each).abs() < 1e-6);
        let sum = config.clone().with_reduction(Reduction::Sum).init();
        let sum: f64 = sum
            .forward(prediction.clone(), target.clone())
            .into_scalar();
        assert!((sum - 4.0 * mean).abs() < 1e-5);
        let of_classes = loss.sums(prediction.clone(), target.clone()).per_class();
        assert_eq!(of_classes.dims(), [4, 3]);
        let difference: f64 = (of_classes.mean_dim(1).squeeze_dim::<1>(1) - each)
            .abs()
            .max()
            .into_scalar();
        assert!(difference < 1e-6);
        let batch = config.with_pooling(Pooling::Batch).init();
        assert_eq!(batch.sums(prediction, target).values().dims(), [1]);
    }
}

#[test]
fn gradients_flow_through_a_larger_graph() {
    for (device, dtype) in devices() {
        let with_gradients = device.clone().autodiff();
        let logits = float(numbers(80, 2), [2, 2, 4, 5], &with_gradients, dtype).require_grad();
        let target = labels(2, [2, 4, 5], &with_gradients);
        let loss = AsymmetricUnifiedFocalLossConfig::new();
        let from_logits = loss.clone().with_input(Input::Softmax).init();
        let direct = from_logits.forward(logits.clone(), target.clone());
        let direct = logits
            .grad(&direct.backward())
            .expect("the prediction has a gradient");
        // Through Burn's softmax, a transposed view and a factor.
        let loss = loss.init();
        let p = activation::softmax(logits.clone(), 1).swap_dims(2, 3);
        let value = loss.forward(p, target.swap_dims(1, 2)).mul_scalar(3.0);
        let through = logits
            .grad(&value.backward())
            .expect("the prediction has a gradient");
        let difference: f64 = (through - direct.clone().mul_scalar(3.0))
            .abs()
            .max()
            .into_scalar();
        let largest: f64 = direct.abs().max().into_scalar();
        assert!(difference <= 1e-5 * largest, "{difference} of {largest}");
    }
}

#[test]
fn labels_of_every_integer_type_give_the_same_loss() {
    for (device, dtype) in devices() {
        let prediction = float(numbers(60, 4), [2, 3, 10], &device, dtype);
        let target = labels(3, [2, 10], &device);
        let loss = DiceLossConfig::new().init();
        let expected: f64 = loss
            .forward(prediction.clone(), target.clone())
            .into_scalar();
        for kind in [
            DType::I64,
            DType::I32,
            DType::I16,
            DType::I8,
            DType::U64,
            DType::U32,
            DType::U16,
            DType::U8,
        ] {
            if device.supports_dtype(kind) {
                let value: f64 = loss
                    .forward(prediction.clone(), target.clone().cast(kind))
                    .into_scalar();
                assert_eq!(value, expected, "{kind:?}");
            }
        }
        let one_hot: Tensor<3> = target.clone().one_hot::<3>(3).float().swap_dims(1, 2);
        let value: f64 = loss.forward(prediction, one_hot).into_scalar();
        assert!((value - expected).abs() < 1e-6);
    }
}

#[test]
fn ignored_voxels_may_hold_nan() {
    for (device, dtype) in devices() {
        for route in [Route::Auto, Route::Composed] {
            let loss = AsymmetricUnifiedFocalLossConfig::new()
                .with_ignore_label(255)
                .with_route(route)
                .init();
            let whole = loss.forward(
                float(vec![0.9, 0.2, 0.1, 0.8], [1, 2, 2], &device, dtype),
                Tensor::<2, Int>::from_data([[0, 1]], &device),
            );
            let with_nan = float(
                vec![0.9, 0.2, f32::NAN, 0.1, 0.8, f32::NAN],
                [1, 2, 3],
                &device,
                dtype,
            )
            .autodiff()
            .require_grad();
            let target = Tensor::<2, Int>::from_data([[0, 1, 255]], &device);
            let value = loss.forward(with_nan.clone(), target);
            let gradient = with_nan
                .grad(&value.backward())
                .expect("the prediction has a gradient")
                .into_data();
            let gradient: Vec<f64> = gradient.iter().collect();
            assert_eq!((gradient[2], gradient[5]), (0.0, 0.0));
            let (value, whole): (f64, f64) = (value.into_scalar(), whole.into_scalar());
            assert!(
                (value - whole).abs() < 1e-6,
                "{route:?}: {value} is not {whole}"
            );
        }
    }
}

#[test]
fn errors_name_both_shapes_and_panics_repeat_the_error() {
    for (device, dtype) in devices() {
        let prediction = float(numbers(24, 1), [1, 2, 3, 4], &device, dtype);
        let loss = DiceLossConfig::new().init();
        let wrong: Tensor<3, Int> = Tensor::zeros([1, 4, 3], &device);
        let error = loss
            .try_forward(prediction.clone(), wrong.clone())
            .expect_err("the shapes differ");
        let message = error.to_string();
        assert!(
            message.contains("[1, 4, 3]")
                && message.contains("[1, 3, 4]")
                && message.contains("[1, 2, 3, 4]"),
            "{message}"
        );
        let panic = std::panic::catch_unwind(|| loss.forward(prediction.clone(), wrong))
            .expect_err("the call panics");
        assert_eq!(panic.downcast_ref::<String>(), Some(&message));
        let flat = loss.try_forward(
            float(numbers(2, 1), [2], &device, dtype),
            Tensor::<1, Int>::zeros([2], &device),
        );
        assert!(matches!(flat, Err(Error::Rank { .. })));
    }
    let error = DiceLossConfig::new()
        .with_smooth(-1.0)
        .try_init()
        .expect_err("smooth is below 0");
    assert!(error.to_string().contains("-1"), "{error}");
    let error = NamedLossConfig::new()
        .with_name("dise".into())
        .try_init()
        .expect_err("the name is unknown");
    assert!(error.to_string().contains("dise"), "{error}");
}

#[test]
fn bad_data_give_an_error_or_nan() {
    for (device, dtype) in devices() {
        for route in [Route::Auto, Route::Composed] {
            let loss = DiceLossConfig::new().with_route(route).init();
            let value = |prediction: Vec<f32>, target: Targets| {
                loss.try_forward(float(prediction, [1, 2, 2], &device, dtype), target)
                    .map(Tensor::into_scalar::<f64>)
            };
            let labels = |labels: [i32; 2]| Tensor::<2, Int>::from_data([labels], &device).into();
            let soft = |y: [f32; 4]| float(y.to_vec(), [1, 2, 2], &device, dtype).into();
            let good = vec![0.9, 0.2, 0.1, 0.8];
            assert!(
                value(good.clone(), labels([0, 1]))
                    .expect("the data are valid")
                    .is_finite()
            );
            for (prediction, target) in [
                (good.clone(), labels([0, 2])),
                (good.clone(), labels([-1, 0])),
                (vec![1.5, 0.2, 0.1, 0.8], labels([0, 1])),
                (vec![f32::NAN, 0.2, 0.1, 0.8], labels([0, 1])),
                (good.clone(), soft([1.0, 0.0, 0.0, 1.5])),
                (good.clone(), soft([1.0, 0.0, 0.0, f32::NAN])),
            ] {
                let case = format!("{prediction:?} {target:?}");
                let found = value(prediction, target);
                assert!(
                    found.as_ref().is_ok_and(|value| value.is_nan()) || found.is_err(),
                    "{route:?} on {device:?}: {case} gave {found:?}"
                );
            }
        }
    }
}

#[test]
fn labels_beyond_i32_are_rejected() {
    for (device, dtype) in devices() {
        for kind in [DType::I64, DType::U64, DType::U32] {
            if !device.supports_dtype(kind) {
                continue;
            }
            // Truncated to i32, these would become 1 or a negative number.
            let wide = if kind == DType::U32 {
                0xffff_ff01
            } else {
                (1_i64 << 32) + 1
            };
            for route in [Route::Auto, Route::Composed] {
                let target = TensorData::new(vec![0, wide], [1, 2]);
                let target = Tensor::<2, Int>::from_data(target, (&device, kind));
                let prediction = float(vec![0.9, 0.2, 0.1, 0.8], [1, 2, 2], &device, dtype);
                let loss = DiceLossConfig::new().with_route(route).init();
                let found = loss
                    .try_forward(prediction, target)
                    .map(Tensor::into_scalar::<f64>);
                assert!(
                    found.as_ref().is_ok_and(|value| value.is_nan()) || found.is_err(),
                    "{route:?} on {device:?}: {kind:?} gave {found:?}"
                );
            }
        }
    }
}

/// The value on each rank, and the ranks' gradients with respect to their own samples, concatenated.
fn sharded(
    ranks: usize,
    device: &Device,
    dtype: DType,
    prediction: &[f32],
    target: &[i32],
) -> (Vec<f64>, Vec<f64>) {
    let of_rank = |rank: Threads, index: usize| {
        let device = device.clone().autodiff();
        let (prediction, target) = (prediction.to_vec(), target.to_vec());
        std::thread::spawn(move || {
            let [p, y] = [prediction.len() / ranks, target.len() / ranks];
            let prediction = float(
                prediction[index * p..][..p].to_vec(),
                [y / 10, 3, 10],
                &device,
                dtype,
            )
            .require_grad();
            let target = TensorData::new(target[index * y..][..y].to_vec(), [y / 10, 10]);
            let target = Tensor::<2, Int>::from_data(target, &device);
            let loss = AsymmetricUnifiedFocalLossConfig::new()
                .with_pooling(Pooling::Batch)
                .init();
            let sums = loss.sums(prediction.clone(), target);
            let value = sums
                .all_reduce(&rank)
                .expect("the sums are those of a batch")
                .values();
            let gradient = prediction
                .grad(&value.backward())
                .expect("the prediction has a gradient")
                .into_data();
            (
                value.into_scalar::<f64>(),
                gradient.iter::<f64>().collect::<Vec<_>>(),
            )
        })
    };
    let ranks: Vec<_> = Threads::new(ranks)
        .into_iter()
        .enumerate()
        .map(|(index, rank)| of_rank(rank, index))
        .collect();
    let (values, gradients): (Vec<_>, Vec<_>) = ranks
        .into_iter()
        .map(|rank| rank.join().expect("the rank does not panic"))
        .unzip();
    (values, gradients.concat())
}

#[test]
fn a_batch_split_over_ranks_matches_the_whole_batch() {
    for (device, dtype) in devices() {
        let prediction = numbers(12 * 3 * 10, 8);
        let mut rng = fastrand::Rng::with_seed(2);
        let target: Vec<i32> = (0..120).map(|_| rng.i32(0..3)).collect();
        let whole = float(
            prediction.clone(),
            [12, 3, 10],
            &device.clone().autodiff(),
            dtype,
        )
        .require_grad();
        let loss = AsymmetricUnifiedFocalLossConfig::new()
            .with_pooling(Pooling::Batch)
            .init();
        let value = loss.forward(
            whole.clone(),
            Tensor::<2, Int>::from_data(TensorData::new(target.clone(), [12, 10]), &whole.device()),
        );
        let gradient: Vec<f64> = whole
            .grad(&value.backward())
            .expect("the prediction has a gradient")
            .into_data()
            .iter()
            .collect();
        let value: f64 = value.into_scalar();
        let largest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        for ranks in [1, 2, 3, 4] {
            let (values, sharded) = sharded(ranks, &device, dtype, &prediction, &target);
            assert!(
                values.iter().all(|v| (v - value).abs() <= 1e-6 * value),
                "{ranks} ranks: {values:?} are not {value}"
            );
            assert!(values.iter().all(|v| v == &values[0]));
            for (of_rank, of_whole) in sharded.iter().zip(&gradient) {
                // Data-parallel training averages over the ranks.
                let averaged = of_rank / ranks as f64;
                assert!(
                    (averaged - of_whole).abs() <= 2e-5 * largest,
                    "{ranks} ranks: {averaged} is not {of_whole}"
                );
            }
        }
        let [rank] = <[Threads; 1]>::try_from(Threads::new(1)).expect("there is one rank");
        assert_eq!(rank.ranks(), 1);
        let per_sample = DiceLossConfig::new().init();
        let sums = per_sample.sums(
            whole,
            Targets::from(Tensor::<3>::zeros([12, 3, 10], &device)),
        );
        assert_eq!(
            sums.all_reduce(&rank).expect_err("the sums are per sample"),
            Error::PerSample
        );
    }
}
