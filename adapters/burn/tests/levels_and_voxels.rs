//! Deep supervision and the loss of each voxel, beside the conformance suite.
#![cfg(feature = "flex")]

use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor};
use unifocal_burn::{SegmentationLoss, Targets};

/// f16 predictions have losses in f32 and gradients in f16, and voxels that do not count may hold anything.
#[test]
fn narrow_predictions() {
    let device = Device::flex().autodiff();
    let logits = [[[1.0, f32::NAN, -2.0], [0.5, f32::INFINITY, 3.0]]];
    let logits = Tensor::<3>::from_data(logits, &device)
        .cast(DType::F16)
        .require_grad();
    let labels = Tensor::<2, Int>::from_data([[0, 255, 0]], &device);
    let loss = SegmentationLoss::new(unifocal_core::Focal::cross_entropy())
        .with_input(unifocal_burn::Input::Softmax)
        .with_ignore_label(255);
    let losses: Tensor<2> = loss.voxel_losses(logits.clone(), labels);
    assert_eq!(losses.dtype(), DType::F32);
    let found = losses.clone().into_data();
    for (found, expected) in found.iter::<f64>().zip([
        (-0.5_f64).exp().ln_1p(),
        0.0,
        5.0 + (-5.0_f64).exp().ln_1p(),
    ]) {
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    let upstream = Tensor::<2>::from_data([[-1.0, 7.0, 0.5]], &device);
    let gradient = logits
        .grad(&(losses * upstream).sum().backward())
        .expect("a gradient");
    assert_eq!(gradient.dtype(), DType::F16);
    let gradient: Vec<f64> = gradient.into_data().iter().collect();
    assert_eq!([gradient[1], gradient[4]], [0.0; 2]); // the voxel that does not count
    assert!(gradient[0] > 0.3 && gradient[5] > 0.49);
}

/// A target of each level's own.
#[test]
fn levels_with_targets_of_their_own() {
    let device = Device::flex();
    let [full, half] = [4, 2].map(|size| Tensor::<4>::ones([1, 2, size, size], &device) * 0.5);
    let labels = Tensor::<3, Int>::from_data(
        [[[0, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 0, 1]]],
        &device,
    );
    let loss =
        SegmentationLoss::new(unifocal_core::Tversky::dice()).with_deep_supervision([1.0, 0.25]);
    let one: f64 = loss
        .forward([full.clone(), half.clone()], labels.clone())
        .into_scalar();
    let small = Targets::from(labels.clone()).nearest([2, 2]);
    let each = loss.forward_each([(full.clone(), labels.clone().into()), (half.clone(), small)]);
    assert_eq!(one, each.into_scalar::<f64>());
    let error = loss.try_forward::<4>([], labels).expect_err("no level");
    assert_eq!(error.to_string(), "the number of levels is 0, expected 1");
}

/// Without autodiff there is no graph; invalid data are errors that name the voxel.
#[test]
fn invalid_data() {
    let device = Device::flex();
    let predictions = Tensor::<3>::from_data([[[0.5, 1.5], [0.5, 0.5]]], &device);
    let labels = Tensor::<2, Int>::from_data([[0, 0]], &device);
    let loss = SegmentationLoss::new(unifocal_core::Focal::new());
    let found: Result<Tensor<2>, _> = loss.try_voxel_losses(predictions, labels);
    let error = found.expect_err("1.5 is no probability").to_string();
    assert!(
        error.starts_with("the prediction is 1.5 at sample 0, channel 0, voxel 1"),
        "{error}"
    );
}
