//! Deep supervision and the loss of each voxel, on every route and available device.

use ndarray::{ArrayD, Axis};
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::{LevelWeights, Route, SegmentationLoss, Targets};
use unifocal_conformance::{
    Backend, Case, DeeplySupervised, LevelsOutcome, Outcome, Precision, Target, VoxelOutcome,
    Voxelwise, deep_supervision, voxel_losses,
};
use unifocal_core::{AnyLoss, Layout};

/// `unifocal-burn` with this element type and route.
struct Burn {
    device: fn() -> Device,
    dtype: DType,
    route: Route,
    rounds: usize,
}

impl Burn {
    fn device(&self) -> Device {
        (self.device)().autodiff()
    }

    fn loss(&self, loss: &AnyLoss, case: &Case) -> SegmentationLoss {
        assert_eq!(case.layout, Layout::ChannelsFirst);
        SegmentationLoss::new(*loss)
            .with_settings(case.settings.clone())
            .with_route(self.route)
    }

    fn float<const D: usize>(&self, array: &ArrayD<f64>) -> Tensor<D> {
        let data = TensorData::new(array.iter().copied().collect(), array.shape());
        Tensor::from_data(data, (&self.device(), self.dtype))
    }

    fn targets<const D: usize, const L: usize>(&self, case: &Case) -> Targets {
        let targets: Targets = match &case.target {
            Target::Labels(labels) => {
                let data = TensorData::new(labels.iter().copied().collect(), labels.shape());
                Tensor::<L, Int>::from_data(data, (&self.device(), DType::I64)).into()
            }
            Target::Soft(target) => self.float::<D>(target).into(),
        };
        let targets = match &case.voxel_weights {
            None => targets,
            Some(weights) => targets.with_voxel_weights(self.float::<L>(weights)),
        };
        match &case.annotated {
            None => targets,
            Some(mask) => targets.with_annotated(mask.rows().into_iter().map(|row| row.to_vec())),
        }
    }

    fn run<const D: usize, const L: usize>(
        &self,
        loss: &AnyLoss,
        case: &Case,
    ) -> Result<Outcome, String> {
        let prediction = self.float::<D>(&case.prediction).require_grad();
        let value = self
            .loss(loss, case)
            .try_forward(prediction.clone(), self.targets::<D, L>(case))
            .map_err(|error| error.to_string())?;
        let gradients = value.backward();
        Ok(Outcome {
            value: value.into_scalar(),
            gradient: array(prediction.grad(&gradients).ok_or("no gradient")?),
        })
    }

    fn levels<const D: usize, const L: usize>(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, String> {
        let all = std::iter::once(&full.prediction).chain(smaller);
        let leaves: Vec<Tensor<D>> = all.map(|of| self.float(of).require_grad()).collect();
        let value = self
            .loss(loss, full)
            .with_deep_supervision(weights.clone())
            .try_forward(leaves.clone(), self.targets::<D, L>(full))
            .map_err(|error| error.to_string())?;
        let gradients = value.backward();
        // A level of weight 0 has no gradient.
        let gradient = |leaf: Tensor<D>| match leaf.grad(&gradients) {
            None => array(leaf.zeros_like()),
            Some(gradient) => array(gradient),
        };
        Ok(LevelsOutcome {
            value: value.into_scalar(),
            gradients: leaves.into_iter().map(gradient).collect(),
        })
    }

    fn voxels<const D: usize, const L: usize>(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, String> {
        let prediction = self.float::<D>(&case.prediction).require_grad();
        let loss = self.loss(loss, case);
        let losses: Tensor<L> = loss
            .try_voxel_losses(prediction.clone(), self.targets::<D, L>(case))
            .map_err(|error| error.to_string())?;
        assert_eq!(losses.dtype(), self.dtype);
        let without: Tensor<L> = loss
            .try_voxel_losses(prediction.clone().inner(), self.targets::<D, L>(case))
            .map_err(|error| error.to_string())?;
        assert_eq!(array(without), array(losses.clone()));
        let sum = (losses.clone() * self.float::<L>(upstream)).sum();
        let gradients = sum.backward();
        Ok(VoxelOutcome {
            losses: array(losses),
            gradient: array(prediction.grad(&gradients).ok_or("no gradient")?),
        })
    }
}

fn array<const D: usize>(tensor: Tensor<D>) -> ArrayD<f64> {
    let shape = tensor.dims().to_vec();
    let numbers = tensor.into_data().iter::<f64>().collect();
    ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as the shape says")
}

/// Calls a method for predictions of the rank of a case.
macro_rules! of_rank {
    ($self:ident.$method:ident($loss:expr, $case:expr $(, $argument:expr)*)) => {
        match $case.prediction.ndim() {
            3 => $self.$method::<3, 2>($loss, $case $(, $argument)*),
            4 => $self.$method::<4, 3>($loss, $case $(, $argument)*),
            5 => $self.$method::<5, 4>($loss, $case $(, $argument)*),
            rank => panic!("this test does not support predictions of rank {rank}"),
        }
    };
}

impl Backend for Burn {
    fn precision(&self) -> Precision {
        match self.dtype {
            DType::F64 => Precision::F64,
            _ => Precision::F32,
        }
    }

    fn rounds(&self, most: usize) -> usize {
        self.rounds.min(most)
    }

    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String> {
        of_rank!(self.run(loss, case))
    }
}

impl DeeplySupervised for Burn {
    fn evaluate_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, String> {
        of_rank!(self.levels(loss, full, smaller, weights))
    }
}

impl Voxelwise for Burn {
    fn evaluate_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, String> {
        of_rank!(self.voxels(loss, case, upstream))
    }
}

#[cfg(feature = "flex")]
mod flex {
    use super::*;

    fn on(dtype: DType, route: Route) -> Burn {
        Burn {
            device: Device::flex,
            dtype,
            route,
            // The composed route is slow.
            rounds: match route {
                Route::Auto => usize::MAX,
                _ => 8,
            },
        }
    }

    #[test]
    fn fused_levels() {
        deep_supervision(&on(DType::F64, Route::Auto));
        deep_supervision(&on(DType::F32, Route::Auto));
    }

    #[test]
    fn fused_voxels() {
        voxel_losses(&on(DType::F64, Route::Auto));
        voxel_losses(&on(DType::F32, Route::Auto));
    }

    #[test]
    fn composed_voxels() {
        voxel_losses(&on(DType::F64, Route::Composed));
    }

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
        let found = array(losses.clone());
        for (found, expected) in found.iter().zip([
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
        let gradient = array(gradient);
        assert_eq!(gradient.index_axis(Axis(2), 1).sum(), 0.0);
        assert!(gradient[[0, 0, 0]] > 0.3 && gradient[[0, 1, 2]] > 0.49);
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
        let loss = SegmentationLoss::new(unifocal_core::Tversky::dice())
            .with_deep_supervision([1.0, 0.25]);
        let one: f64 = loss
            .forward([full.clone(), half.clone()], labels.clone())
            .into_scalar();
        let small = Targets::from(labels.clone()).nearest([2, 2]);
        let each =
            loss.forward_each([(full.clone(), labels.clone().into()), (half.clone(), small)]);
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
}

#[cfg(feature = "wgpu")]
mod wgpu {
    use unifocal_burn::burn::tensor::DeviceKind;

    use super::*;

    fn on(route: Route) -> Burn {
        Burn {
            device: || Device::wgpu(DeviceKind::DefaultDevice),
            dtype: DType::F32,
            route,
            // Each loss and parameter set compiles its own kernels, which takes a software device 0.25 s.
            rounds: 1,
        }
    }

    #[test]
    fn voxels() {
        voxel_losses(&on(Route::Auto));
    }

    #[test]
    fn levels() {
        deep_supervision(&on(Route::Auto));
    }
}
