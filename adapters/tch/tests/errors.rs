//! Bad input gives an error that says what was found and what was expected, before libtorch sees it.

use tch::{Device, Kind, Reduction, Tensor};
use unifocal_tch::core::{Input, catalogue::Name};
use unifocal_tch::{Error, Route, SegmentationLoss};

const CPU: Device = Device::Cpu;

fn probabilities() -> Tensor {
    Tensor::full([2, 2, 3, 4], 0.5, (Kind::Float, CPU))
}

fn labels() -> Tensor {
    Tensor::zeros([2, 3, 4], (Kind::Int64, CPU))
}

fn criterion() -> SegmentationLoss {
    SegmentationLoss::new(Name::AsymmetricUnifiedFocal)
}

/// Every route rejects the input, with a message that contains these words.
fn rejected(predictions: &Tensor, targets: &Tensor, words: &[&str]) {
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        let error = criterion()
            .with_route(route)
            .forward(predictions, targets)
            .unwrap_err();
        let message = error.to_string();
        for word in words {
            assert!(
                message.contains(word),
                "{route:?}: {message:?} does not say {word:?}"
            );
        }
    }
}

#[test]
fn wrong_shapes_are_rejected() {
    let ones = |shape: &[i64], kind| Tensor::ones(shape, (kind, CPU));
    // A shape that libtorch would broadcast.
    rejected(
        &probabilities(),
        &ones(&[2, 2, 1, 1], Kind::Float),
        &["[2, 2, 1, 1]", "[2, 2, 3, 4]", "[2, 3, 4]"],
    );
    rejected(
        &probabilities(),
        &ones(&[2, 1, 3, 3], Kind::Int64),
        &["[2, 1, 3, 3]"],
    );
    rejected(&probabilities(), &ones(&[3, 4], Kind::Int64), &["[3, 4]"]);
    rejected(
        &ones(&[5], Kind::Float),
        &labels(),
        &["[5]", "[N, C, spatial…]"],
    );
    rejected(
        &ones(&[2, 2, 0, 4], Kind::Float),
        &ones(&[2, 0, 4], Kind::Int64),
        &["[2, 2, 0, 4]"],
    );
    let weights = ones(&[2, 1, 4], Kind::Float);
    let error = criterion()
        .with_voxel_weights(&weights)
        .forward(&probabilities(), &labels())
        .unwrap_err();
    assert!(
        matches!(&error, Error::Shape { what: "voxel weights", found, expected } if found == &[2, 1, 4] && expected == &[2, 3, 4]),
        "{error}"
    );
}

#[test]
fn wrong_kinds_are_rejected() {
    rejected(
        &labels().unsqueeze(1).expand([2, 2, 3, 4], false),
        &labels(),
        &["prediction", "Int64", ".to_kind(Kind::Float)"],
    );
    for labels in [labels(), labels().unsqueeze(1)] {
        rejected(
            &probabilities(),
            &labels.to_kind(Kind::Float),
            &["labels", "Float", ".to_kind(Kind::Int64)"],
        );
    }
    rejected(
        &probabilities(),
        &probabilities().to_kind(Kind::ComplexFloat),
        &["target", "ComplexFloat"],
    );
    rejected(
        &probabilities().to_sparse_sparse_dim(2),
        &labels(),
        &["prediction", "dense"],
    );
    rejected(&Tensor::new(), &labels(), &["prediction"]);
}

#[test]
fn invalid_values_are_rejected() {
    let with = |index: i64, value: f64| {
        let tensor = probabilities();
        let _ = tensor.view(-1).get(index).fill_(value);
        tensor
    };
    rejected(
        &with(17, f64::NAN),
        &labels(),
        &["NaN", "sample 0", "channel 1", "voxel 5"],
    );
    rejected(
        &with(24, 1.5),
        &labels(),
        &["1.5", "sample 1", "channel 0", "voxel 0", "with_input"],
    );
    let labels_with = |label: i64| {
        let tensor = labels();
        let _ = tensor.view(-1).get(14).fill_(label);
        tensor
    };
    rejected(
        &probabilities(),
        &labels_with(2),
        &["label is 2", "sample 1", "voxel 2", "0 to 1"],
    );
    rejected(&probabilities(), &labels_with(-1), &["label is -1"]);
    // An Int64 target of the prediction's shape that is not one-hot.
    let mask = labels_with(7).unsqueeze(1).expand([2, 2, 3, 4], false);
    rejected(&probabilities(), &mask, &["target is 7", "[0, 1]"]);
    let weights = labels_with(-3);
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        let criterion = criterion().with_route(route);
        let error = criterion
            .with_voxel_weights(&weights)
            .forward(&probabilities(), &labels())
            .unwrap_err();
        assert!(error.to_string().contains("weight is -3"), "{error}");
    }
}

/// NaN in ignored voxels has no effect.
#[test]
fn ignored_voxels_may_hold_nan() {
    let labels = labels();
    let _ = labels.narrow(1, 0, 1).fill_(255);
    let mask = labels.ne(255);
    let logits = Tensor::randn([2, 2, 3, 4], (Kind::Float, CPU));
    let spoilt = logits.copy();
    let _ = spoilt.narrow(2, 0, 1).fill_(f64::NAN);
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        for masked in [false, true] {
            let run = |logits: &Tensor| {
                let leaf = logits.detach().set_requires_grad(true);
                let criterion = criterion().with_input(Input::Softmax).with_route(route);
                let loss = if masked {
                    let zeros = labels.masked_fill(&labels.eq(255), 0);
                    criterion
                        .with_voxel_weights(&mask)
                        .forward(&leaf, &zeros)
                        .unwrap()
                } else {
                    criterion
                        .with_ignore_label(255)
                        .forward(&leaf, &labels)
                        .unwrap()
                };
                loss.backward();
                (loss.double_value(&[]), leaf.grad())
            };
            let ((value, gradient), (expected, expected_gradient)) = (run(&spoilt), run(&logits));
            assert!((value - expected).abs() < 1e-6, "{route:?}");
            assert!(
                gradient.allclose(&expected_gradient, 1e-5, 1e-8, false),
                "{route:?}"
            );
        }
    }
}

#[test]
fn invalid_settings_are_rejected() {
    let with = |criterion: SegmentationLoss| {
        let error = criterion.forward(&probabilities(), &labels()).unwrap_err();
        error.to_string()
    };
    for route in [Route::Fused, Route::Operations, Route::Composed] {
        let criterion = criterion().with_route(route);
        let message = with(criterion.clone().with_class_weights([1.0, 1.0, 1.0]));
        assert!(message.contains("class weights"), "{message}");
        let message = with(criterion.clone().with_rare_classes([2]));
        assert!(message.contains("rare"), "{message}");
        let message = with(criterion.clone().with_reduction(Reduction::Other(7)));
        assert!(message.contains("Other(7)"), "{message}");
        let one = probabilities().narrow(1, 0, 1);
        let softmax = criterion.with_input(Input::Softmax);
        let message = softmax.forward(&one, &labels()).unwrap_err().to_string();
        assert!(message.contains("one class"), "{message}");
    }
}

/// A soft target has no labels to ignore, whatever its kind.
#[test]
fn an_ignored_label_with_a_soft_target_is_rejected() {
    for kind in [
        Kind::Float,
        Kind::Double,
        Kind::Half,
        Kind::Int64,
        Kind::Uint8,
        Kind::Bool,
    ] {
        let one_hot = labels().one_hot(2).movedim_int(-1, 1).to_kind(kind);
        for route in [Route::Fused, Route::Operations, Route::Composed] {
            let criterion = criterion().with_route(route).with_ignore_label(255);
            let all = Tensor::ones([2, 3, 4], (Kind::Float, CPU));
            for message in [
                criterion.forward(&probabilities(), &one_hot).unwrap_err(),
                criterion.per_class(&probabilities(), &one_hot).unwrap_err(),
                criterion
                    .with_voxel_weights(&all)
                    .forward(&probabilities(), &one_hot)
                    .unwrap_err(),
            ] {
                let message = message.to_string();
                assert!(message.contains("255"), "{message}");
                assert!(message.contains("voxel weights"), "{message}");
            }
        }
    }
}

/// A class axis of length 1 in the labels makes no difference.
#[test]
fn labels_with_a_class_axis() {
    tch::manual_seed(1);
    for spatial in [&[][..], &[5], &[3, 4]] {
        let shape = [&[2, 3], spatial].concat();
        let logits = Tensor::randn(shape.as_slice(), (Kind::Float, CPU));
        let shape = [&[2], spatial].concat();
        let labels = Tensor::randint(3, shape.as_slice(), (Kind::Int64, CPU));
        for route in [Route::Fused, Route::Operations, Route::Composed] {
            let criterion = criterion().with_input(Input::Softmax).with_route(route);
            let [with, without] = [&labels.unsqueeze(1), &labels].map(|labels| {
                criterion
                    .forward(&logits, labels)
                    .unwrap()
                    .double_value(&[])
            });
            assert_eq!(with, without);
        }
    }
}

/// An integer foreground mask with a class axis of length 1 is read as labels, so labels can be ignored.
#[test]
fn foreground_masks() {
    let prediction = Tensor::from_slice(&[0.2_f32, 0.7, 0.9]).view([1, 1, 3]);
    let mask = Tensor::from_slice(&[0_u8, 1, 255]).view([1, 1, 3]);
    let with_axis = criterion()
        .with_ignore_label(255)
        .forward(&prediction, &mask)
        .unwrap();
    let without = criterion()
        .with_ignore_label(255)
        .forward(&prediction, &mask.squeeze_dim(1))
        .unwrap();
    let float = criterion()
        .forward(
            &prediction.narrow(2, 0, 2),
            &mask.narrow(2, 0, 2).to_kind(Kind::Float),
        )
        .unwrap();
    assert_eq!(with_axis.double_value(&[]), without.double_value(&[]));
    assert!((with_axis.double_value(&[]) - float.double_value(&[])).abs() < 1e-7);
}

#[test]
fn different_devices_are_rejected() {
    if !tch::Cuda::is_available() {
        eprintln!("skipped: found no CUDA device");
        return;
    }
    rejected(
        &probabilities().to_device(Device::Cuda(0)),
        &labels(),
        &["target", "Cpu", "Cuda(0)"],
    );
}
