//! The sums of a loss, and the loss as a function of them.

use std::sync::Arc;

use tch::{Kind, Reduction, Tensor};
use unifocal_core::{Pooling, formula::ClassSums};

use crate::annotated::Annotated;
use crate::evaluation::{self, Output};
use crate::plan::{Plan, Route};
use crate::ranks::AllReduce;
use crate::reduction::reduced;
use crate::regions::{self, Apart};
use crate::tensors::{Beside, Tensors};
use crate::{Error, Sum, composed, fused};

/// The sums of a loss over the voxels of each group (a sample, or the batch; each region of them, if the channels are regions) and class. The loss depends on its tensors only through
/// these sums. They are differentiable with respect to the predictions, as often as the [`Route`] is.
///
/// To share a batch between devices, add up their sums with [`all_reduce`](Sums::all_reduce) before computing the value.
///
/// # Examples
///
/// ```
/// use tch::Tensor;
/// use unifocal_tch::{SegmentationLoss, core::Tversky};
///
/// let probabilities = Tensor::from_slice(&[0.9_f32, 0.2, 0.1, 0.8]).view([1, 2, 2]);
/// let labels = Tensor::from_slice(&[0_u8, 1]).view([1, 2]);
/// let sums = SegmentationLoss::new(Tversky::dice()).sums(&probabilities, &labels)?;
///
/// // TP, FP, FN, F, Σ v·y and Σ v of the lesion: the Dice loss does not use F.
/// let lesion = Vec::<f64>::try_from(sums.tensor().get(0).get(1))?;
/// for (found, expected) in lesion.into_iter().zip([0.8, 0.1, 0.2, 0.0, 1.0, 2.0]) {
///     assert!((found - expected).abs() < 1e-6);
/// }
/// assert_eq!(sums.values()?.size(), [1]);
/// assert_eq!(sums.per_class()?.size(), [1, 2]);
/// # Ok::<(), unifocal_tch::Error>(())
/// ```
#[derive(Debug)]
pub struct Sums {
    plan: Arc<Plan>,
    /// [G, C, 6] in f64.
    tensor: Tensor,
    /// The same on the host, for the fused routes.
    on_host: Option<Arc<[ClassSums<f64, 4>]>>,
    /// The kind of the value.
    kind: Kind,
}

impl Sums {
    /// The sums of a loss over these tensors, by the route of the plan.
    pub(crate) fn of(
        plan: &Arc<Plan>,
        predictions: &Tensor,
        targets: &Tensor,
        beside: Beside<'_>,
    ) -> Result<Self, Error> {
        let (settings, weights) = (&plan.settings, beside.weights);
        let annotated = Annotated::of(settings, predictions, targets, beside)?;
        if regions::are_apart(settings, predictions, annotated.as_ref()) {
            return Self::of_regions(plan, predictions, targets, weights, annotated.as_ref());
        }
        if let Some(annotated) = annotated {
            return Self::of_annotated(plan, predictions, targets, weights, &annotated);
        }
        let input = Tensors::new(&plan.settings, predictions, targets, weights)?;
        let (tensor, on_host) = match plan.route {
            Route::Fused | Route::Operations => {
                // The caller's tensors, so that libtorch notices if they are modified before the backward pass.
                let saved: Vec<&Tensor> =
                    [predictions, targets].into_iter().chain(weights).collect();
                let (tensor, on_host) = fused::sums(plan, &input, &saved)?;
                (tensor, Some(on_host.into()))
            }
            Route::Composed => (composed::sums(plan, &input)?, None),
        };
        Ok(Self {
            plan: Arc::clone(plan),
            tensor,
            on_host,
            kind: input.arithmetic(),
        })
    }

    /// The sums of channels that are regions: those of a sample per region, added up over the batch if it is pooled.
    fn of_regions(
        plan: &Arc<Plan>,
        predictions: &Tensor,
        targets: &Tensor,
        weights: Option<&Tensor>,
        annotated: Option<&Annotated>,
    ) -> Result<Self, Error> {
        let apart = Apart::new(&plan.settings, predictions, targets, weights, annotated)?;
        plan.settings.classes().check_regions(2, apart.regions)?;
        let beside = Beside::weights(apart.weights.as_ref());
        let inner = Arc::new(plan.of_one_region());
        let each = Self::of(&inner, &apart.predictions, &apart.targets, beside)
            .map_err(|error| apart.error(error))?;
        each.pooled(plan, apart.regions)
    }

    /// The sums of classes that exclude each other and are not annotated in every sample: those of the merged tensors, per sample, then
    /// added up over the batch if it is pooled.
    fn of_annotated(
        plan: &Arc<Plan>,
        predictions: &Tensor,
        targets: &Tensor,
        weights: Option<&Tensor>,
        annotated: &Annotated,
    ) -> Result<Self, Error> {
        let tensors = Tensors::new(&plan.settings, predictions, targets, weights)?;
        let [predictions, targets] = annotated.merged(tensors, &plan.settings)?;
        let inner = Arc::new(plan.per_sample());
        let each = Self::of(&inner, &predictions, &targets, Beside::weights(weights))?;
        let sums = annotated.masked(&each.tensor)?;
        each.with_tensor(sums)?.pooled(plan, 1)
    }

    /// These sums of each sample, or of each region of it, as the plan pools them.
    fn pooled(self, plan: &Arc<Plan>, regions: usize) -> Result<Self, Error> {
        let plan = Arc::clone(plan);
        if plan.settings.pooling == Pooling::PerSample {
            return Ok(Self { plan, ..self });
        }
        let shape = self.tensor.size();
        let by_region = [-1, regions as i64, shape[1], shape[2]];
        let by_region = self.tensor.f_reshape(by_region)?;
        let pooled = by_region.f_sum_dim_intlist(0, false, Kind::Double)?;
        Self { plan, ..self }.with_tensor(pooled)
    }

    /// Other sums in their place.
    fn with_tensor(self, tensor: Tensor) -> Result<Self, Error> {
        let on_host = match self.on_host {
            Some(_) => Some(fused::on_host(&tensor)?.into()),
            None => None,
        };
        Ok(Self {
            tensor,
            on_host,
            ..self
        })
    }

    /// The sums of each class, each with an entry per group.
    pub(crate) fn by_class(&self) -> Result<Vec<ClassSums<Sum, 4>>, Error> {
        composed::by_class(&self.tensor)
    }

    /// The sums, [G, C, 6] in Double on the predictions' device: TP, FP, FN and F (0 for those that the loss does not use), Σ v·y and Σ v.
    pub fn tensor(&self) -> Tensor {
        self.tensor.shallow_clone()
    }

    /// Adds up the sums of all ranks, for a batch that is spread over devices, threads, processes or machines.
    ///
    /// Every rank gets the value of the whole batch. Its gradient is the gradient with respect to the rank's own predictions, times the
    /// number of ranks. Data-parallel training averages gradients over the ranks, which then gives the gradient of the whole batch. Every
    /// rank must use its value in the same way.
    ///
    /// # Errors
    ///
    /// Sums per sample, which cannot be added to those of other samples; another number of classes on another rank; an error of `ranks`.
    pub fn all_reduce(self, ranks: &impl AllReduce) -> Result<Self, Error> {
        if self.plan.settings.pooling == Pooling::PerSample {
            return Err(Error::PerSample);
        }
        let own = self.tensor.f_detach()?;
        let all = ranks.sum(self.tensor.f_detach_copy()?)?.f_detach()?;
        if all.size() != own.size() {
            return Err(Error::Shape {
                what: "sum over the ranks",
                found: all.size(),
                expected: own.size(),
            });
        }
        let all = all.f_to_device(own.device())?.f_to_kind(Kind::Double)?;
        let on_host = match self.on_host {
            Some(_) => Some(fused::on_host(&all)?.into()),
            None => None,
        };
        // The value is that of all ranks; the gradient flows to this rank's sums only, times the number of ranks.
        let zero = self.tensor.f_sub(&own)?;
        let tensor = all.f_add(&zero.f_mul_scalar(ranks.ranks() as f64)?)?;
        Ok(Self {
            tensor,
            on_host,
            ..self
        })
    }

    /// The loss of each group (a sample, or the batch), `[G]`: 0 where no voxel counts.
    ///
    /// # Errors
    ///
    /// An error of libtorch.
    pub fn values(&self) -> Result<Tensor, Error> {
        self.reduced(Reduction::None)
    }

    /// The mean loss of the groups in which at least one voxel counts, `[]`; 0 if there is none.
    ///
    /// # Errors
    ///
    /// An error of libtorch.
    pub fn mean(&self) -> Result<Tensor, Error> {
        self.reduced(Reduction::Mean)
    }

    /// The loss of each class in each group, [G, C]: its region-based part plus its distribution-based part, both before class weights.
    ///
    /// # Errors
    ///
    /// An error of libtorch.
    pub fn per_class(&self) -> Result<Tensor, Error> {
        match &self.on_host {
            Some(on_host) => self.fused(on_host, Output::PerClass),
            None => Ok(composed::per_class(&self.plan, &self.tensor)?.f_to_kind(self.kind)?),
        }
    }

    /// The loss.
    pub(crate) fn reduced(&self, reduction: Reduction) -> Result<Tensor, Error> {
        match &self.on_host {
            Some(on_host) => self.fused(on_host, Output::Value(reduction)),
            None => {
                let by_group = composed::by_group(&self.plan, &self.tensor)?;
                Ok(reduced(by_group, reduction)?.f_to_kind(self.kind)?)
            }
        }
    }

    fn fused(&self, on_host: &Arc<[ClassSums<f64, 4>]>, output: Output) -> Result<Tensor, Error> {
        evaluation::output(&self.plan, &self.tensor, on_host, output, self.kind)
    }
}
