//! Runs the conformance suite on every route and available device.

use ndarray::ArrayD;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::{LevelWeights, Route, SegmentationLoss, Targets};
use unifocal_conformance::{
    Backend, Case, DeeplySupervised, LevelsOutcome, Outcome, Precision, Target, VoxelOutcome,
    Voxelwise, checks,
};
use unifocal_core::{AnyLoss, Layout};

/// `unifocal-burn` with this element type and route.
struct Burn {
    device: fn() -> Device,
    dtype: DType,
    route: Route,
    rounds: usize,
}

/// Calls a method for predictions of the rank of a case.
macro_rules! of_rank {
    ($self:ident.$method:ident($loss:expr, $case:expr $(, $argument:expr)*)) => {
        match $case.prediction.ndim() {
            3 => $self.$method::<3, 2>($loss, $case $(, $argument)*),
            4 => $self.$method::<4, 3>($loss, $case $(, $argument)*),
            5 => $self.$method::<5, 4>($loss, $case $(, $argument)*),
            6 => $self.$method::<6, 5>($loss, $case $(, $argument)*),
            rank => Err(format!("this test does not support predictions of rank {rank}")),
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

impl Burn {
    fn device(&self) -> Device {
        (self.device)().autodiff()
    }

    fn loss(&self, loss: &AnyLoss, case: &Case) -> SegmentationLoss {
        SegmentationLoss::new(*loss)
            .with_settings(case.settings.clone())
            .with_route(self.route)
    }

    fn run<const D: usize, const L: usize>(
        &self,
        loss: &AnyLoss,
        case: &Case,
    ) -> Result<Outcome, String> {
        let prediction = channels_first(&case.prediction, case.layout);
        let prediction = self.float::<D>(&prediction)?.require_grad();
        let value = self
            .loss(loss, case)
            .try_forward(prediction.clone(), self.targets::<D, L>(case)?)
            .map_err(|error| error.to_string())?;
        let gradients = value.backward();
        let gradient = array(prediction.grad(&gradients).ok_or("no gradient")?);
        Ok(Outcome {
            value: value.into_scalar(),
            gradient: in_layout(gradient, case.layout),
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
        let leaves = all.map(|of| Ok(self.float(of)?.require_grad()));
        let leaves: Vec<Tensor<D>> = leaves.collect::<Result<_, String>>()?;
        let value = self
            .loss(loss, full)
            .with_deep_supervision(weights.clone())
            .try_forward(leaves.clone(), self.targets::<D, L>(full)?)
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
        let prediction = self.float::<D>(&case.prediction)?.require_grad();
        let loss = self.loss(loss, case);
        let losses: Tensor<L> = loss
            .try_voxel_losses(prediction.clone(), self.targets::<D, L>(case)?)
            .map_err(|error| error.to_string())?;
        assert_eq!(losses.dtype(), self.dtype);
        let without: Tensor<L> = loss
            .try_voxel_losses(prediction.clone().inner(), self.targets::<D, L>(case)?)
            .map_err(|error| error.to_string())?;
        assert_eq!(array(without), array(losses.clone()));
        let sum = (losses.clone() * self.float::<L>(upstream)?).sum();
        let gradients = sum.backward();
        Ok(VoxelOutcome {
            losses: array(losses),
            gradient: array(prediction.grad(&gradients).ok_or("no gradient")?),
        })
    }

    /// The target with the voxel weights and the annotated classes of a case, and the class axis in second place.
    fn targets<const D: usize, const L: usize>(&self, case: &Case) -> Result<Targets, String> {
        let targets: Targets = match &case.target {
            Target::Labels(labels) => {
                expect_rank(labels.ndim(), L)?;
                let data = TensorData::new(labels.iter().copied().collect(), labels.shape());
                Tensor::<L, Int>::from_data(data, (&self.device(), DType::I64)).into()
            }
            Target::Soft(target) => self
                .float::<D>(&channels_first(target, case.layout))?
                .into(),
        };
        let targets = match &case.voxel_weights {
            None => targets,
            Some(weights) => targets.with_voxel_weights(self.float::<L>(weights)?),
        };
        Ok(match &case.annotated {
            None => targets,
            Some(mask) => targets.with_annotated(mask.rows().into_iter().map(|row| row.to_vec())),
        })
    }

    fn float<const D: usize>(&self, array: &ArrayD<f64>) -> Result<Tensor<D>, String> {
        expect_rank(array.ndim(), D)?;
        let data = TensorData::new(array.iter().copied().collect(), array.shape());
        Ok(Tensor::from_data(data, (&self.device(), self.dtype)))
    }
}

fn expect_rank(found: usize, expected: usize) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!(
            "the rank of the array is {found}, expected {expected}"
        ))
    }
}

fn array<const D: usize>(tensor: Tensor<D>) -> ArrayD<f64> {
    let shape = tensor.dims().to_vec();
    let numbers = tensor.into_data().iter::<f64>().collect();
    ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as the shape says")
}

/// Moves the class axis to second place.
fn channels_first(array: &ArrayD<f64>, layout: Layout) -> ArrayD<f64> {
    moved(array, layout, |axes| {
        let class = axes.pop().expect("there is a class axis");
        axes.insert(1, class);
    })
}

/// Moves the class axis back to where the layout has it.
fn in_layout(array: ArrayD<f64>, layout: Layout) -> ArrayD<f64> {
    moved(&array, layout, |axes| {
        let class = axes.remove(1);
        axes.push(class);
    })
}

fn moved(array: &ArrayD<f64>, layout: Layout, order: impl FnOnce(&mut Vec<usize>)) -> ArrayD<f64> {
    let mut axes: Vec<usize> = (0..array.ndim()).collect();
    if layout == Layout::ChannelsLast {
        order(&mut axes);
    }
    array
        .view()
        .permuted_axes(axes)
        .as_standard_layout()
        .into_owned()
}

#[cfg(feature = "flex")]
mod flex {
    use super::*;

    fn on(dtype: DType, route: Route) -> Burn {
        Burn {
            device: Device::flex,
            dtype,
            route,
            // The composed route is slow. Its gradients are Burn's own.
            rounds: match route {
                Route::Auto => usize::MAX,
                _ => 8,
            },
        }
    }

    mod fused_f32 {
        use super::*;
        checks!(on(DType::F32, Route::Auto) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
        checks!(on(DType::F32, Route::Auto) => deep_supervision voxel_losses);
    }

    mod fused_f64 {
        use super::*;
        checks!(on(DType::F64, Route::Auto) => goldens peers agreement hierarchy gradients invariances edges overlapping annotated bad_input);
        checks!(on(DType::F64, Route::Auto) => deep_supervision voxel_losses);
    }

    // No `edges`: Burn's softmax loses gradients far below the type's resolution, and `edges` checks these. Central differences on one route
    // are enough: tests/routes.rs compares the gradients of both.
    mod composed_f32 {
        use super::*;
        checks!(on(DType::F32, Route::Composed) => invariances);
    }

    mod composed_f64 {
        use super::*;
        checks!(on(DType::F64, Route::Composed) => goldens peers hierarchy invariances overlapping annotated);
        checks!(on(DType::F64, Route::Composed) => voxel_losses);
    }
}

#[cfg(feature = "wgpu")]
mod wgpu {
    use unifocal_burn::burn::tensor::DeviceKind;

    use super::*;

    fn on(dtype: DType, route: Route) -> Burn {
        Burn {
            device: || Device::wgpu(DeviceKind::DefaultDevice),
            dtype,
            route,
            // Each loss and parameter set compiles its own kernels, which takes a software device 0.25 s.
            rounds: 1,
        }
    }

    mod fused_f32 {
        use super::*;
        // No `bad_input`: bad data give NaN here, not an error. `interface` tests that.
        checks!(on(DType::F32, Route::Auto) => goldens peers agreement hierarchy invariances edges overlapping annotated);
        checks!(on(DType::F32, Route::Auto) => deep_supervision voxel_losses);
    }
}
