//! Runs the conformance suite on every route, in both precisions.

use ndarray::ArrayD;
use tch::{Device, Kind, Tensor};
use unifocal_conformance::{Backend, Case, Outcome, Precision, Target, checks};
use unifocal_core::{AnyLoss, Layout};
use unifocal_tch::{Error, Route, SegmentationLoss};

/// `unifocal-tch` on tensors of this kind, with gradients from libtorch's backward.
struct Tch {
    route: Route,
    kind: Kind,
    device: Device,
}

impl Backend for Tch {
    fn precision(&self) -> Precision {
        match self.kind {
            Kind::Double => Precision::F64,
            _ => Precision::F32,
        }
    }

    fn evaluate(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, String> {
        self.run(loss, case).map_err(|error| error.to_string())
    }
}

impl Tch {
    fn run(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, Error> {
        let last = case.layout == Layout::ChannelsLast;
        let float = |array: &ArrayD<f64>| tensor(array).to_kind(self.kind).to_device(self.device);
        // Moves the class axis to second place, by a view.
        let first = |tensor: Tensor| {
            if last {
                tensor.movedim_int(-1, 1)
            } else {
                tensor
            }
        };
        let leaf = float(&case.prediction).set_requires_grad(true);
        let prediction = first(leaf.shallow_clone());
        let target = match &case.target {
            Target::Labels(labels) => tensor(labels).to_device(self.device),
            // Soft targets stay in f64.
            Target::Soft(target) => first(tensor(target).to_device(self.device)),
        };
        let criterion = SegmentationLoss::new(*loss)
            .with_settings(case.settings.clone())
            .with_route(self.route);
        let weights = case.voxel_weights.as_ref().map(tensor);
        let weights = weights.map(|weights| weights.to_device(self.device));
        let mask = case.annotated.as_ref();
        let mask = mask.map(|mask| tensor(&mask.clone().into_dyn()).to_device(self.device));
        let value = match (&weights, &mask) {
            (None, None) => criterion.forward(&prediction, &target)?,
            (Some(weights), None) => criterion
                .with_voxel_weights(weights)
                .forward(&prediction, &target)?,
            (None, Some(mask)) => criterion
                .with_annotated(mask)
                .forward(&prediction, &target)?,
            (Some(weights), Some(mask)) => criterion
                .with_voxel_weights(weights)
                .with_annotated(mask)
                .forward(&prediction, &target)?,
        };
        value.backward();
        let gradient = leaf.grad().to_kind(Kind::Double).to_device(Device::Cpu);
        let shape = case.prediction.raw_dim();
        let gradient = Vec::<f64>::try_from(gradient.contiguous().view(-1))?;
        Ok(Outcome {
            value: value.double_value(&[]),
            gradient: ArrayD::from_shape_vec(shape, gradient)
                .expect("the gradient has the prediction's size"),
        })
    }
}

fn tensor<T: tch::kind::Element + Copy>(array: &ArrayD<T>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
    Tensor::from_slice(&array.iter().copied().collect::<Vec<_>>()).view(shape.as_slice())
}

fn on(route: Route, kind: Kind) -> Tch {
    // The cases are small, and the tests run in parallel.
    tch::set_num_threads(1);
    Tch {
        route,
        kind,
        device: Device::Cpu,
    }
}

// Central differences on one route are enough: tests/routes.rs compares the gradients of all routes.
mod fused_f64 {
    use super::*;
    checks!(on(Route::Fused, Kind::Double) => goldens peers agreement hierarchy gradients invariances edges overlapping annotated bad_input);
}

mod fused_f32 {
    use super::*;
    checks!(on(Route::Fused, Kind::Float) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
}

mod operations_f64 {
    use super::*;
    checks!(on(Route::Operations, Kind::Double) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
}

// Float runs the same operations as Double. The identities between losses, regions and annotated classes are checked in Double, which is
// stricter.
mod operations_f32 {
    use super::*;
    checks!(on(Route::Operations, Kind::Float) => goldens peers invariances edges bad_input);
}

// Without `agreement`: libtorch differentiates num/den as 1/den − num/den², which near a full miss cancels more digits than it allows in f64.
mod composed_f64 {
    use super::*;
    checks!(on(Route::Composed, Kind::Double) => goldens peers hierarchy invariances edges overlapping annotated bad_input);
}

mod composed_f32 {
    use super::*;
    checks!(on(Route::Composed, Kind::Float) => goldens peers agreement invariances edges bad_input);
}

/// Runs the suite on a GPU, if there is one.
#[test]
fn cuda() {
    if !tch::Cuda::is_available() {
        eprintln!("skipped: found no CUDA device");
        return;
    }
    let device = Device::Cuda(0);
    for route in [Route::Fused, Route::Composed] {
        for kind in [Kind::Float, Kind::Double] {
            let backend = Tch {
                route,
                kind,
                device,
            };
            unifocal_conformance::goldens(&backend);
            unifocal_conformance::peers(&backend);
            unifocal_conformance::hierarchy(&backend);
            unifocal_conformance::invariances(&backend);
            unifocal_conformance::edges(&backend);
            unifocal_conformance::overlapping(&backend);
            unifocal_conformance::annotated(&backend);
            unifocal_conformance::bad_input(&backend);
            // The same combinations as on the CPU.
            if (route == Route::Composed) == (kind == Kind::Float) {
                unifocal_conformance::agreement(&backend);
            }
        }
    }
}
