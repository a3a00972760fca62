//! Runs the conformance suite on every route and available device.

use ndarray::ArrayD;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::{Route, SegmentationLoss, Targets};
use unifocal_conformance::{Backend, Case, Outcome, Precision, Target, checks};
use unifocal_core::{AnyLoss, Layout};

/// `unifocal-burn` with this element type and route.
struct Burn {
    device: fn() -> Device,
    dtype: DType,
    route: Route,
    rounds: usize,
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
        match case.prediction.ndim() {
            3 => self.run::<3, 2>(loss, case),
            4 => self.run::<4, 3>(loss, case),
            5 => self.run::<5, 4>(loss, case),
            6 => self.run::<6, 5>(loss, case),
            rank => Err(format!(
                "this test does not support predictions of rank {rank}"
            )),
        }
    }
}

impl Burn {
    fn run<const D: usize, const L: usize>(
        &self,
        loss: &AnyLoss,
        case: &Case,
    ) -> Result<Outcome, String> {
        let device = (self.device)().autodiff();
        let loss = SegmentationLoss::new(*loss)
            .with_settings(case.settings.clone())
            .with_route(self.route);

        let prediction = self
            .float::<D>(&first(&case.prediction, case.layout), &device)
            .require_grad();
        let targets: Targets = match &case.target {
            Target::Labels(labels) => {
                let data = TensorData::new(labels.iter().copied().collect(), labels.shape());
                if labels.ndim() != L {
                    return Err(format!(
                        "the rank of the target is {}, expected {L}",
                        labels.ndim()
                    ));
                }
                Tensor::<L, Int>::from_data(data, (&device, DType::I64)).into()
            }
            Target::Soft(target) => {
                let target = first(target, case.layout);
                Targets::from(checked::<D>(target.ndim(), || {
                    self.float::<D>(&target, &device)
                })?)
            }
        };
        let targets = match &case.voxel_weights {
            None => targets,
            Some(weights) => {
                let weights = checked::<L>(weights.ndim(), || self.float::<L>(weights, &device))?;
                targets.with_voxel_weights(weights)
            }
        };
        let targets = match &case.annotated {
            None => targets,
            Some(mask) => targets.with_annotated(mask.rows().into_iter().map(|row| row.to_vec())),
        };
        let value = loss.try_forward(prediction.clone(), targets);
        let value = value.map_err(|error| error.to_string())?;
        let gradients = value.backward();
        let gradient = prediction
            .grad(&gradients)
            .ok_or("no gradient")?
            .into_data();
        let gradient = ArrayD::from_shape_vec(
            first(&case.prediction, case.layout).raw_dim(),
            gradient.iter::<f64>().collect(),
        );
        Ok(Outcome {
            value: value.into_data().iter::<f64>().next().ok_or("no value")?,
            gradient: back(gradient.map_err(|error| error.to_string())?, case.layout),
        })
    }

    fn float<const D: usize>(&self, array: &ArrayD<f64>, device: &Device) -> Tensor<D> {
        let data = TensorData::new(array.iter().copied().collect(), array.shape());
        Tensor::from_data(data, (device, self.dtype))
    }
}

/// Returns the tensor if its array has rank `D`.
fn checked<const D: usize>(
    rank: usize,
    tensor: impl FnOnce() -> Tensor<D>,
) -> Result<Tensor<D>, String> {
    if rank == D {
        Ok(tensor())
    } else {
        Err(format!("the rank of the array is {rank}, expected {D}"))
    }
}

/// Moves the class axis to second place.
fn first(array: &ArrayD<f64>, layout: Layout) -> ArrayD<f64> {
    moved(array, layout, |axes| {
        let class = axes.pop().expect("there is a class axis");
        axes.insert(1, class);
    })
}

/// Moves the class axis back to where the layout has it.
fn back(array: ArrayD<f64>, layout: Layout) -> ArrayD<f64> {
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
    }

    mod fused_f64 {
        use super::*;
        checks!(on(DType::F64, Route::Auto) => goldens peers agreement hierarchy gradients invariances edges overlapping annotated bad_input);
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
    }
}
