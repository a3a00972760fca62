//! Runs the conformance suite on every route, in both precisions.

use ndarray::ArrayD;
use tch::{Device, Kind, Tensor};
use unifocal_conformance::{
    Backend, Case, DeeplySupervised, LevelsOutcome, Outcome, Precision, Target, VoxelOutcome,
    Voxelwise, checks,
};
use unifocal_core::{AnyLoss, Layout, LevelWeights};
use unifocal_tch::{Error, Route, SegmentationLoss, Weighted};

/// `unifocal-tch` on tensors of this kind, with gradients from libtorch's backward.
struct Tch {
    route: Route,
    kind: Kind,
    device: Device,
}

impl Tch {
    fn criterion(&self, loss: &AnyLoss, case: &Case) -> SegmentationLoss {
        SegmentationLoss::new(*loss)
            .with_settings(case.settings.clone())
            .with_route(self.route)
    }

    fn leaf(&self, prediction: &ArrayD<f64>) -> Tensor {
        tensor(prediction)
            .to_kind(self.kind)
            .to_device(self.device)
            .set_requires_grad(true)
    }

    /// The target, with the class axis in second place.
    fn target(&self, case: &Case) -> Tensor {
        let target = match &case.target {
            Target::Labels(labels) => tensor(labels),
            // Soft targets stay in f64.
            Target::Soft(target) => channels_first(&tensor(target), case.layout),
        };
        target.to_device(self.device)
    }

    /// The voxel weights and the annotated classes of a case.
    fn beside(&self, case: &Case) -> Beside {
        let annotated = case.annotated.as_ref();
        let annotated = annotated.map(|mask| tensor(&mask.clone().into_dyn()));
        let weights = case.voxel_weights.as_ref().map(tensor);
        let [weights, annotated] =
            [weights, annotated].map(|given| given.map(|given| given.to_device(self.device)));
        Beside { weights, annotated }
    }

    fn run(&self, loss: &AnyLoss, case: &Case) -> Result<Outcome, Error> {
        let leaf = self.leaf(&case.prediction);
        let prediction = channels_first(&leaf, case.layout);
        let criterion = self.criterion(loss, case);
        let beside = self.beside(case);
        let value = beside
            .on(&criterion)
            .forward(&prediction, &self.target(case))?;
        value.backward();
        Ok(Outcome {
            value: value.double_value(&[]),
            gradient: array(&leaf.grad()),
        })
    }

    fn run_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, Error> {
        let all = std::iter::once(&full.prediction).chain(smaller);
        let leaves: Vec<Tensor> = all.clone().map(|of| self.leaf(of)).collect();
        let criterion = self
            .criterion(loss, full)
            .with_deep_supervision(weights.clone());
        let beside = self.beside(full);
        let value = beside.on(&criterion).forward(&leaves, &self.target(full))?;
        value.backward();
        Ok(LevelsOutcome {
            value: value.double_value(&[]),
            gradients: leaves
                .iter()
                .zip(all)
                .map(|(leaf, of)| match leaf.grad() {
                    // A level of weight 0.
                    grad if !grad.defined() => ArrayD::zeros(of.raw_dim()),
                    grad => array(&grad),
                })
                .collect(),
        })
    }

    fn run_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, Error> {
        let leaf = self.leaf(&case.prediction);
        let criterion = self.criterion(loss, case);
        let beside = self.beside(case);
        let losses = beside
            .on(&criterion)
            .voxel_losses(&leaf, &self.target(case))?;
        assert_eq!(losses.kind(), self.kind);
        let upstream = tensor(upstream).to_device(self.device);
        (&losses * upstream).sum(Kind::Double).backward();
        Ok(VoxelOutcome {
            losses: array(&losses),
            gradient: array(&leaf.grad()),
        })
    }
}

/// The voxel weights and the annotated classes of a case.
struct Beside {
    weights: Option<Tensor>,
    annotated: Option<Tensor>,
}

impl Beside {
    fn on<'a, C>(&'a self, criterion: &'a C) -> Weighted<'a, C> {
        let mut weighted = Weighted::from(criterion);
        if let Some(weights) = &self.weights {
            weighted = weighted.with_voxel_weights(weights);
        }
        if let Some(mask) = &self.annotated {
            weighted = weighted.with_annotated(mask);
        }
        weighted
    }
}

/// Moves the class axis to second place, by a view.
fn channels_first(tensor: &Tensor, layout: Layout) -> Tensor {
    match layout {
        Layout::ChannelsFirst => tensor.shallow_clone(),
        Layout::ChannelsLast => tensor.movedim_int(-1, 1),
    }
}

fn tensor<T: tch::kind::Element + Copy>(array: &ArrayD<T>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
    Tensor::from_slice(&array.iter().copied().collect::<Vec<_>>()).view(shape.as_slice())
}

fn array(tensor: &Tensor) -> ArrayD<f64> {
    let shape: Vec<usize> = tensor.size().iter().map(|n| *n as usize).collect();
    let tensor = tensor.detach().to_kind(Kind::Double).to_device(Device::Cpu);
    let flat = tensor.contiguous().view(-1);
    let numbers = Vec::<f64>::try_from(flat).expect("a flat tensor of Double");
    ArrayD::from_shape_vec(shape, numbers).expect("as many numbers as the shape says")
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

impl DeeplySupervised for Tch {
    fn evaluate_levels(
        &self,
        loss: &AnyLoss,
        full: &Case,
        smaller: &[ArrayD<f64>],
        weights: &LevelWeights,
    ) -> Result<LevelsOutcome, String> {
        self.run_levels(loss, full, smaller, weights)
            .map_err(|error| error.to_string())
    }
}

impl Voxelwise for Tch {
    fn evaluate_voxels(
        &self,
        loss: &AnyLoss,
        case: &Case,
        upstream: &ArrayD<f64>,
    ) -> Result<VoxelOutcome, String> {
        self.run_voxels(loss, case, upstream)
            .map_err(|error| error.to_string())
    }
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
    checks!(on(Route::Fused, Kind::Double) => deep_supervision voxel_losses);
}

mod fused_f32 {
    use super::*;
    checks!(on(Route::Fused, Kind::Float) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
    checks!(on(Route::Fused, Kind::Float) => deep_supervision voxel_losses);
}

mod operations_f64 {
    use super::*;
    checks!(on(Route::Operations, Kind::Double) => goldens peers agreement hierarchy invariances edges overlapping annotated bad_input);
    checks!(on(Route::Operations, Kind::Double) => deep_supervision voxel_losses);
}

// Float runs the same operations as Double. The identities between losses, regions and annotated classes are checked in Double, which is
// stricter.
mod operations_f32 {
    use super::*;
    checks!(on(Route::Operations, Kind::Float) => goldens peers invariances edges bad_input);
    checks!(on(Route::Operations, Kind::Float) => deep_supervision voxel_losses);
}

// Without `agreement`: libtorch differentiates num/den as 1/den − num/den², which near a full miss cancels more digits than it allows in f64.
mod composed_f64 {
    use super::*;
    checks!(on(Route::Composed, Kind::Double) => goldens peers hierarchy invariances edges overlapping annotated bad_input);
    checks!(on(Route::Composed, Kind::Double) => deep_supervision voxel_losses);
}

mod composed_f32 {
    use super::*;
    checks!(on(Route::Composed, Kind::Float) => goldens peers agreement invariances edges bad_input);
    checks!(on(Route::Composed, Kind::Float) => deep_supervision voxel_losses);
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
            unifocal_conformance::deep_supervision(&backend);
            unifocal_conformance::voxel_losses(&backend);
            unifocal_conformance::bad_input(&backend);
            // The same combinations as on the CPU.
            if (route == Route::Composed) == (kind == Kind::Float) {
                unifocal_conformance::agreement(&backend);
            }
        }
    }
}
