//! Labels of every type, targets of every kind, and extreme weights and logits: each route computes the right loss or rejects the input.

mod common;

use common::devices;
use unifocal_burn::burn::config::Config;
use unifocal_burn::burn::tensor::{Bool, DType, Device, Int, Tensor, TensorData};
use unifocal_burn::core::{Error as CoreError, catalogue::Name};
use unifocal_burn::{
    AsymmetricUnifiedFocalLossConfig, ComboLossConfig, CrossEntropyLossConfig, DiceLossConfig,
    Error, Input, Pooling, Route, SegmentationLoss, Targets,
};

const ROUTES: [Route; 2] = [Route::Auto, Route::Composed];

/// The cross entropy of logits.
fn entropy(route: Route, ignored: Option<i64>) -> SegmentationLoss {
    CrossEntropyLossConfig::new()
        .with_input(Input::Softmax)
        .with_ignore_label(ignored)
        .with_route(route)
        .init()
}

fn logits<const D: usize>(shape: [usize; D], device: &Device, dtype: DType) -> Tensor<D> {
    let mut rng = fastrand::Rng::with_seed(3);
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| 6.0 * rng.f32() - 3.0).collect();
    Tensor::from_data(TensorData::new(values, shape), (device, dtype))
}

fn labels<const D: usize>(
    values: &[i64],
    shape: [usize; D],
    device: &Device,
    dtype: DType,
) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, dtype))
}

fn assert_near(found: f64, expected: f64, what: &str) {
    assert!(
        (found - expected).abs() <= 2e-6 * expected.abs().max(1.0),
        "{what}: {found} is not {expected}"
    );
}

#[test]
fn narrow_labels_with_more_classes_than_the_type_holds() {
    let some = [None, Some(256), Some(44)];
    narrow_labels(&common::cpus(), &[129, 257, 300], &some);
    // Each combination compiles its own kernels, which is slow on a software GPU.
    narrow_labels(&common::gpus(), &[129], &[Some(256)]);
}

fn narrow_labels(devices: &[(Device, DType)], classes: &[usize], ignored: &[Option<i64>]) {
    let values = [0, 1, 44, 100];
    for (device, dtype) in devices {
        for classes in classes {
            let logits = logits([1, *classes, 4], device, *dtype);
            let both = ROUTES
                .into_iter()
                .flat_map(|route| ignored.iter().map(move |label| (route, *label)));
            for (route, ignored) in both {
                let of = |kind| {
                    let target = labels(&values, [1, 4], device, kind);
                    entropy(route, ignored)
                        .try_forward(logits.clone(), target)
                        .expect("the data are valid")
                        .into_scalar::<f64>()
                };
                let expected = of(DType::I32);
                for kind in [DType::U8, DType::I8, DType::U16, DType::U32] {
                    if device.supports_dtype(kind) {
                        let what = format!("{kind:?}, {classes} classes, {ignored:?}, {route:?}");
                        assert_near(of(kind), expected, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn an_ignored_label_with_a_soft_target_is_rejected() {
    for (device, dtype) in devices() {
        for route in ROUTES {
            let loss = entropy(route, Some(255));
            let target = Tensor::<3>::zeros([1, 2, 4], (&device, dtype));
            let one_hot = Tensor::<3, Int>::zeros([1, 2, 4], &device);
            for targets in [Targets::from(target), Targets::from(one_hot)] {
                let error = loss
                    .try_forward(logits([1, 2, 4], &device, dtype), targets)
                    .expect_err("a soft target has no labels to ignore");
                assert_eq!(error, Error::Core(CoreError::IgnoreLabel { found: 255 }));
                assert!(error.to_string().contains("voxel weights"), "{error}");
            }
        }
    }
}

#[test]
fn invalid_voxel_weights_give_an_error_or_nan() {
    // The second loss raises its sums to a power. On GPUs, pow(NaN) is 0 in the kernels, so it runs on CPUs only.
    let both = [Name::CrossEntropy, Name::SymmetricFocalTversky];
    let on_cpus = common::cpus().into_iter().map(|on| (on, &both[..]));
    let on_gpus = common::gpus().into_iter().map(|on| (on, &both[..1]));
    for ((device, dtype), names) in on_cpus.chain(on_gpus) {
        for name in names {
            for route in ROUTES {
                let loss = SegmentationLoss::new(*name)
                    .with_input(Input::Softmax)
                    .with_route(route);
                for wrong in [-1.0, f32::NAN, f32::INFINITY, 1.1e30] {
                    let weights = TensorData::new(vec![1.0, wrong, 1.0, 0.0], [1, 4]);
                    let weights = Tensor::<2>::from_data(weights, (&device, dtype));
                    let targets = labels(&[0, 1, 1, 0], [1, 4], &device, DType::I32);
                    let found = loss
                        .try_forward(
                            logits([1, 2, 4], &device, dtype),
                            Targets::from(targets).with_voxel_weights(weights),
                        )
                        .map(Tensor::into_scalar::<f64>);
                    assert!(
                        found.as_ref().is_ok_and(|value| value.is_nan()) || found.is_err(),
                        "{name}, {wrong} by {route:?} on {device:?}: {found:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn huge_finite_logits_are_valid() {
    let sizes = [3e38, 1e38, 3e37, 1e30];
    let on_cpus = common::cpus().into_iter().map(|on| (on, &sizes[..]));
    // One size on GPUs: a software GPU is slow.
    let on_gpus = common::gpus().into_iter().map(|on| (on, &sizes[..1]));
    for ((device, dtype), sizes) in on_cpus.chain(on_gpus) {
        for route in ROUTES {
            for &size in sizes {
                for input in [Input::Softmax, Input::Sigmoid] {
                    let logits = TensorData::new(vec![size, -size, -size, size], [1, 2, 2]);
                    let logits = Tensor::<3>::from_data(logits, (&device, dtype))
                        .autodiff()
                        .require_grad();
                    let loss = CrossEntropyLossConfig::new()
                        .with_input(input)
                        .with_route(route)
                        .init();
                    for (target, right) in [([0, 1], true), ([1, 0], false)] {
                        let what = format!("{size} {input:?} {route:?} {right} on {device:?}");
                        let target = labels(&target, [1, 2], &device, DType::I32);
                        let value = loss.forward(logits.clone(), target);
                        let gradient = logits
                            .grad(&value.backward())
                            .expect("the prediction has a gradient");
                        let gradient = gradient.into_data();
                        let value: f64 = value.into_scalar();
                        let slopes: Vec<f64> = gradient.iter().collect();
                        assert!(value.is_finite(), "{what}: {value}");
                        assert_eq!(value == 0.0, right, "{what}: {value}");
                        // A slope of 1 per voxel, averaged over the two voxels.
                        let slope = if right { 0.0 } else { 0.5 };
                        for (found, sign) in slopes.iter().zip([1.0, -1.0, -1.0, 1.0]) {
                            let pushed = match input {
                                // y is 0 for the other class, so its sigmoid has no slope.
                                Input::Sigmoid if sign > 0.0 => 0.0,
                                _ => slope * sign,
                            };
                            assert_near(*found, pushed, &what);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn composed_route_handles_twenty_thousand_classes() {
    for (device, dtype) in common::cpus() {
        let of = |route| {
            let logits = logits([1, 20_000, 2], &device, dtype)
                .autodiff()
                .require_grad();
            let target = labels(&[3, 19_999], [1, 2], &device, DType::I32);
            let value = AsymmetricUnifiedFocalLossConfig::new()
                .with_input(Input::Softmax)
                .with_route(route)
                .init()
                .forward(logits.clone(), target);
            let gradient = logits
                .grad(&value.backward())
                .expect("the prediction has a gradient");
            (value.into_scalar::<f64>(), gradient)
        };
        let [(fused, by_fused), (composed, by_composed)] = ROUTES.map(of);
        assert_near(composed, fused, "value");
        let difference: f64 = (by_fused.clone() - by_composed).abs().max().into_scalar();
        let largest: f64 = by_fused.abs().max().into_scalar();
        assert!(difference <= 1e-4 * largest, "{difference} of {largest}");
    }
}

#[test]
fn any_checkpointing_strategy_is_supported() {
    for (device, dtype) in devices() {
        for route in ROUTES {
            let own = device.clone().autodiff();
            let other = own.clone().gradient_checkpointing();
            let prediction = logits([1, 2, 4], &own, dtype).require_grad();
            let target = labels(&[0, 1, 1, 0], [1, 4], &other, DType::I32);
            let soft = Tensor::<3>::ones([1, 2, 4], (&other, dtype));
            let weights = Tensor::<2>::ones([1, 4], (&other, dtype));
            let loss = entropy(route, None);
            for targets in [Targets::from(target), Targets::from(soft)] {
                let value = loss
                    .try_forward(
                        prediction.clone(),
                        targets.with_voxel_weights(weights.clone()),
                    )
                    .expect("the data are valid");
                assert!(
                    prediction.grad(&value.backward()).is_some(),
                    "{route:?} on {device:?}"
                );
            }
        }
    }
}

#[test]
fn a_configuration_file_without_a_parameter_is_rejected() {
    let without = |json: String, field: &str| {
        let mut value: serde_json::Value =
            serde_json::from_str(&json).expect("the configuration is JSON");
        value
            .as_object_mut()
            .expect("the configuration is an object")
            .remove(field)
            .expect("the field exists");
        value.to_string()
    };
    let unified = AsymmetricUnifiedFocalLossConfig::new().to_string();
    for field in ["lambda", "delta", "gamma"] {
        let found = AsymmetricUnifiedFocalLossConfig::load_binary(
            without(unified.clone(), field).as_bytes(),
        );
        assert!(
            found.is_err_and(|error| error.to_string().contains(field)),
            "{field}"
        );
    }
    for field in ["alpha", "beta"] {
        let combo = without(ComboLossConfig::new().to_string(), field);
        assert!(
            ComboLossConfig::load_binary(combo.as_bytes()).is_err(),
            "{field}"
        );
    }
    // A setting that is missing has its default.
    let read =
        AsymmetricUnifiedFocalLossConfig::load_binary(without(unified, "pooling").as_bytes());
    assert_eq!(
        read.expect("the settings have defaults").settings.pooling,
        Pooling::PerSample
    );
    let plain = AsymmetricUnifiedFocalLossConfig::new().with_lambda(None);
    let read = AsymmetricUnifiedFocalLossConfig::load_binary(plain.to_string().as_bytes());
    assert_eq!(read.expect("the file is complete").lambda, None);
}

#[test]
fn every_kind_of_target_gives_the_same_loss() {
    for (device, dtype) in devices() {
        for route in ROUTES {
            let loss = AsymmetricUnifiedFocalLossConfig::new()
                .with_input(Input::Softmax)
                .with_route(route)
                .init();
            let prediction = logits([2, 2, 2, 3], &device, dtype);
            let target = labels(
                &[0, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 1],
                [2, 2, 3],
                &device,
                DType::I32,
            );
            let value = |targets: Targets| {
                let value = loss
                    .try_forward(prediction.clone(), targets)
                    .expect("the data are valid");
                value.into_scalar::<f64>()
            };
            let expected = value(target.clone().into());
            let mask: Tensor<3, Bool> = target.clone().equal_elem(1);
            let classes = [target.clone().equal_elem(0), mask.clone()];
            let one_hot: Tensor<4, Bool> = Tensor::stack(classes.to_vec(), 1);
            for (what, targets) in [
                (
                    "[N, 1, …]",
                    Targets::from(target.clone().unsqueeze_dim::<4>(1)),
                ),
                ("a mask", Targets::from(mask.clone())),
                (
                    "a mask [N, 1, …]",
                    Targets::from(mask.unsqueeze_dim::<4>(1)),
                ),
                ("one-hot booleans", Targets::from(one_hot.clone())),
                ("one-hot integers", Targets::from(one_hot.clone().int())),
                ("one-hot floats", Targets::from(one_hot.float().cast(dtype))),
            ] {
                assert_near(
                    value(targets),
                    expected,
                    &format!("{what}, {route:?} on {device:?}"),
                );
            }
            let error = loss
                .try_forward(prediction.clone(), target.float())
                .expect_err("labels must be integers");
            assert!(error.to_string().contains(".int()"), "{error}");
        }
    }
}

#[test]
fn logits_without_spatial_axes_are_single_voxels() {
    for (device, dtype) in devices() {
        for route in ROUTES {
            let prediction = logits([5, 3], &device, dtype);
            let target = labels(&[0, 2, 9, 1, 0], [5], &device, DType::I32);
            let found: f64 = entropy(route, Some(9))
                .forward(prediction.clone(), target.clone())
                .into_scalar();
            let image = prediction.swap_dims(0, 1).unsqueeze_dim::<3>(0);
            let expected: f64 = entropy(route, Some(9))
                .forward(image, target.unsqueeze_dim::<2>(0))
                .into_scalar();
            assert_near(found, expected, &format!("{route:?} on {device:?}"));
        }
    }
}

/// A sample in which no voxel counts is left out of the mean.
#[test]
fn samples_without_counting_voxels_are_left_out() {
    for (device, dtype) in devices() {
        for route in ROUTES {
            for pooling in [Pooling::PerSample, Pooling::Batch] {
                let loss = DiceLossConfig::new()
                    .with_pooling(pooling)
                    .with_ignore_label(255)
                    .with_route(route)
                    .init();
                let prediction = || {
                    logits([2, 2, 2], &device, dtype)
                        .mul_scalar(0.1)
                        .add_scalar(0.5)
                };
                let value = |labels: [i32; 4]| {
                    let target = TensorData::new(labels.to_vec(), [2, 2]);
                    loss.forward(prediction(), Tensor::<2, Int>::from_data(target, &device))
                        .into_scalar::<f64>()
                };
                assert_eq!(value([255; 4]), 0.0, "{route:?} {pooling:?} on {device:?}");
                let one = loss.forward(
                    prediction().narrow(0, 1, 1),
                    Tensor::<2, Int>::from_data([[0, 1]], &device),
                );
                let what = format!("{route:?} {pooling:?} on {device:?}");
                assert_near(value([255, 255, 0, 1]), one.into_scalar(), &what);
            }
        }
    }
}

/// The loss of a smaller prediction beside the nearest of larger targets is that beside targets of its size.
#[test]
fn targets_at_another_size() {
    for (device, dtype) in devices() {
        for size in [[3, 4], [2, 5], [6, 8], [9, 3]] {
            let prediction = logits([2, 2, size[0], size[1]], &device, dtype);
            let of_voxel = |n: usize, y: usize, x: usize| ((n + 2 * y + 3 * x) % 2) as i64;
            let middle =
                |index: usize, length: usize, of: usize| (2 * index + 1) * of / (2 * length);
            let all = |shape: [usize; 2], of: &dyn Fn(usize, usize, usize) -> i64| -> Vec<i64> {
                let voxels = (0..2).flat_map(|n| (0..shape[0]).map(move |y| (n, y)));
                voxels
                    .flat_map(|(n, y)| (0..shape[1]).map(move |x| of(n, y, x)))
                    .collect()
            };
            let given = all([6, 8], &of_voxel);
            let reduced = all(size, &|n, y, x| {
                of_voxel(n, middle(y, size[0], 6), middle(x, size[1], 8))
            });
            let weigh = |labels: &[i64], shape: [usize; 2]| {
                let weights: Vec<f32> = labels.iter().map(|y| 1.0 + *y as f32).collect();
                let shape = [2, shape[0], shape[1]];
                Tensor::<3>::from_data(TensorData::new(weights, shape), (&device, dtype))
            };
            let targets = |values: &[i64], shape: [usize; 2]| {
                let [height, width] = shape;
                let labels = labels(values, [2, height, width], &device, DType::I32);
                Targets::from(labels).with_voxel_weights(weigh(values, shape))
            };
            let loss = entropy(Route::Auto, None);
            let found = loss.forward(prediction.clone(), targets(&given, [6, 8]).nearest(size));
            let expected = loss.forward(prediction, targets(&reduced, size));
            let [found, expected] = [found, expected].map(Tensor::into_scalar::<f64>);
            assert_near(found, expected, &format!("{size:?}"));
        }
    }
}

#[test]
fn impossible_sizes_are_errors() {
    let (device, _) = devices().remove(0);
    let targets = || Targets::from(Tensor::<2, Int>::zeros([2, 3], &device));
    let error = targets().try_nearest([0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the shape of the target is [2, 3] and the new size of its last axes is [0], expected no more lengths than axes, and none of 0"
    );
    assert!(matches!(
        targets().try_nearest([1, 1, 1]),
        Err(Error::Size { .. })
    ));
}
