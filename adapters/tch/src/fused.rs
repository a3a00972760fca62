//! The fused routes: the forward pass computes the sums, and libtorch's backward computes the gradient from their slopes.

use std::sync::{Arc, Mutex, PoisonError};

use tch::{Device, Tensor};
use unifocal_core::formula::{ClassSums, class_count};

use crate::extremes::Extremes;
use crate::ffi::attach::{Backward, attach, is_recording, is_tracing};
use crate::ffi::memory::Own;
use crate::plan::{Plan, Route};
use crate::tensors::Tensors;
use crate::{Error, engine, operations};

/// The state of a fused evaluation that its backward needs, besides the tensors.
struct Fused {
    plan: Arc<Plan>,
    /// The range of the values; `None` if the engine checks them itself.
    extremes: Option<Extremes>,
    /// The gradient's memory, in which the engine keeps intermediate results for the backward pass.
    kept: Mutex<Option<Own>>,
}

/// The sums of all terms, ordered by group, then class: as a tensor [G, C, 6] in f64, and on the host.
///
/// The tensor is a function of the first of the `saved` tensors, which belong to `input`.
pub(crate) fn sums(
    plan: &Arc<Plan>,
    input: &Tensors,
    saved: &[&Tensor],
) -> Result<(Tensor, Vec<ClassSums<f64, 4>>), Error> {
    if is_tracing() {
        return Err(Error::Traced);
    }
    let is_recorded = input.prediction.requires_grad() && is_recording();
    let by_engine = plan.route == Route::Fused && input.prediction.device() == Device::Cpu;
    let (sums, extremes, kept) = if by_engine {
        let (on_host, kept) = if is_recorded {
            let (on_host, kept) = engine::forward(plan, input)?;
            (on_host, Some(kept))
        } else {
            (engine::sums(plan, input)?, None)
        };
        let rows: Vec<[f64; 6]> = on_host.iter().map(|sums| (*sums).into()).collect();
        let shape = [-1, class_count(input.channels() as usize) as i64, 6];
        let tensor = Tensor::from_slice(rows.as_flattened()).f_reshape(shape)?;
        ((tensor, on_host), None, kept)
    } else {
        let extremes = Extremes::new(plan, input)?;
        let tensor = operations::sums(plan, input, &extremes)?;
        let on_host = on_host(&tensor)?;
        ((tensor, on_host), Some(extremes), None)
    };
    let (tensor, on_host) = sums;
    if !is_recorded {
        return Ok((tensor, on_host));
    }
    let fused = Fused {
        plan: Arc::clone(plan),
        extremes,
        kept: Mutex::new(kept),
    };
    Ok((attach(&tensor, saved, fused)?, on_host))
}

/// Copies sums [G, C, 6] to the host.
pub(crate) fn on_host(sums: &Tensor) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let sums = sums.f_detach()?.f_to(Device::Cpu)?.f_reshape([-1])?;
    let sums = Vec::<f64>::try_from(sums)?;
    let (rows, _) = sums.as_chunks::<6>();
    Ok(rows.iter().map(|sums| ClassSums::from(*sums)).collect())
}

impl Backward for Fused {
    fn gradient(&self, saved: &[Tensor], upstream: &Tensor) -> Result<Tensor, Error> {
        let plan = &self.plan;
        let input = Tensors::new(&plan.settings, &saved[0], &saved[1], saved.get(2))?;
        // Of the sums, only those of the terms depend on the prediction.
        let slopes = upstream.f_narrow(2, 0, 4)?;
        if let Some(extremes) = &self.extremes {
            return operations::gradient(plan, &input, extremes, &slopes);
        }
        let slopes = Vec::<f64>::try_from(slopes.f_reshape([-1])?)?;
        let (slopes, _) = slopes.as_chunks();
        // If the graph is retained, the first gradient uses up this memory; later ones start from the prediction.
        let kept = self
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        engine::gradient(plan, &input, slopes, kept)
    }
}
