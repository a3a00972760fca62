//! The loss of each voxel, for maps and for weighing voxels by their losses.

use std::sync::Arc;

use tch::{Device, Kind, Tensor};
use unifocal_core::{
    Pooling,
    engine::{Factors, VoxelLoss},
    formula::{Loss, Real, class_count},
};

use crate::annotated::Annotated;
use crate::engine::narrowed;
use crate::extremes::Extremes;
use crate::ffi::attach::{Backward, attach, is_recording, is_tracing};
use crate::operands::Operands;
use crate::plan::{Plan, Route};
use crate::regions::{self, Apart};
use crate::tensors::{Beside, Tensors};
use crate::values::{Outcome, Values};
use crate::{Error, SegmentationLoss, Weighted, composed, engine, operations};

impl SegmentationLoss {
    /// The loss of each voxel, [N, spatial…]: PyTorch's `reduction="none"`. Double for Double predictions, otherwise Float.
    ///
    /// It is the distribution-based part of the loss at the voxel, times the voxel's weight; 0 for a voxel that does not count. So in
    /// each sample, the sum over the voxels divided by the sum of their weights is the distribution-based part of the sample's loss:
    /// without weights and ignored voxels, the mean. A compound loss is its region-based part plus that. With
    /// [`with_multilabel`](Self::with_multilabel), it is the mean over the regions.
    ///
    /// Gradients flow through it, so you can train on any function of it: as often as the [`Route`] can be differentiated. Neither the
    /// reduction, nor [`Pooling`], nor [`AbsentClass`](crate::core::AbsentClass) affects it.
    ///
    /// # Errors
    ///
    /// Those of [`forward`](SegmentationLoss::forward), and a loss without a distribution-based part.
    ///
    /// # Examples
    ///
    /// The mean over the hardest quarter of the voxels:
    ///
    /// ```
    /// use tch::{Device, Kind, Tensor};
    /// use unifocal_tch::{SegmentationLoss, core::{Focal, Input}};
    ///
    /// let logits = Tensor::randn([2, 3, 8, 8], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    /// let labels = Tensor::randint(3, [2, 8, 8], (Kind::Int64, Device::Cpu));
    /// let criterion = SegmentationLoss::new(Focal::cross_entropy()).with_input(Input::Softmax);
    ///
    /// let losses = criterion.voxel_losses(&logits, &labels)?;
    /// assert_eq!(losses.size(), [2, 8, 8]);
    /// let (hardest, _) = losses.view([-1]).topk(32, 0, true, false);
    /// hardest.mean(Kind::Float).backward();
    /// assert!(logits.grad().ne(0.0).any().int64_value(&[]) == 1);
    /// # Ok::<(), unifocal_tch::Error>(())
    /// ```
    pub fn voxel_losses(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        of(&self.plan, predictions, targets, Beside::default())
    }
}

impl Weighted<'_> {
    /// [`SegmentationLoss::voxel_losses`] times the voxel weights, over the annotated classes.
    ///
    /// # Errors
    ///
    /// Those of [`SegmentationLoss::voxel_losses`] and [`forward`](Weighted::forward).
    pub fn voxel_losses(&self, predictions: &Tensor, targets: &Tensor) -> Result<Tensor, Error> {
        of(&self.criterion.plan, predictions, targets, self.beside)
    }
}

/// The losses of the voxels of these tensors.
fn of(
    plan: &Arc<Plan>,
    predictions: &Tensor,
    targets: &Tensor,
    beside: Beside<'_>,
) -> Result<Tensor, Error> {
    let loss = VoxelLoss::new(plan.loss)?;
    let (settings, weights) = (&plan.settings, beside.weights);
    let classes = settings.classes();
    let annotated = Annotated::of(settings, predictions, targets, beside)?;
    if regions::are_apart(settings, predictions, annotated.as_ref()) {
        let apart = Apart::new(settings, predictions, targets, weights, annotated.as_ref())?;
        let samples = apart.predictions.size()[0] as usize;
        classes.check_regions(2, apart.regions)?;
        let factors = loss.factors(&classes, [samples, 2], None);
        let (inner, weights) = (plan.of_one_region(), apart.weights.as_ref());
        let terms = Terms { loss, factors };
        let each = of_terms(&inner, terms, &apart.predictions, &apart.targets, weights)
            .map_err(|error| apart.error(error))?;
        let by_region = each.f_reshape(predictions.size())?;
        return Ok(by_region.f_mean_dim([1_i64].as_slice(), false, None)?);
    }
    let tensors = Tensors::new(settings, predictions, targets, weights)?;
    let [samples, channels] = [tensors.samples(), tensors.channels()].map(|n| n as usize);
    let count = class_count(channels);
    classes.check_regions(count, 1)?;
    let mask = annotated.as_ref().map(Annotated::mask);
    let factors = loss.factors(&classes, [samples, count], mask);
    let terms = Terms { loss, factors };
    match annotated {
        None => of_terms(plan, terms, predictions, targets, weights),
        Some(annotated) => {
            let [predictions, targets] = annotated.merged(tensors, settings)?;
            of_terms(plan, terms, &predictions, &targets, weights)
        }
    }
}

/// The terms of the losses, and their factors.
struct Terms {
    loss: VoxelLoss,
    factors: Factors,
}

/// The losses of the voxels, of these terms, by the route of the plan.
fn of_terms(
    plan: &Plan,
    terms: Terms,
    predictions: &Tensor,
    targets: &Tensor,
    weights: Option<&Tensor>,
) -> Result<Tensor, Error> {
    let input = Tensors::new(&plan.settings, predictions, targets, weights)?;
    if plan.route == Route::Composed {
        let extremes = Extremes::new(plan, &input)?;
        let losses = by_operations::<true>(plan, &terms, &input, &extremes)?;
        return composed::dependent(&losses, &input.prediction);
    }
    if is_tracing() {
        return Err(Error::Traced);
    }
    let is_recorded = input.prediction.requires_grad() && is_recording();
    let on_cpu = input.prediction.device() == Device::Cpu;
    let by_engine = plan.route == Route::Fused && on_cpu && terms.factors.are_alike();
    let (losses, extremes) = if by_engine {
        (engine::voxel_losses(plan, &input)?, None)
    } else {
        let extremes = Extremes::new(plan, &input)?;
        let _guard = tch::no_grad_guard();
        let losses = by_operations::<false>(plan, &terms, &input, &extremes)?;
        (losses, Some(extremes))
    };
    if !is_recorded {
        return Ok(losses);
    }
    // The caller's tensors, so that libtorch notices if they are modified before the backward pass.
    let saved: Vec<&Tensor> = [predictions, targets].into_iter().chain(weights).collect();
    let backward = Fused::new(plan, &terms, extremes);
    Ok(attach(&losses, &saved, backward)?)
}

/// The losses of the voxels, [N, spatial…], by libtorch's operations.
fn by_operations<const GRAPH: bool>(
    plan: &Plan,
    terms: &Terms,
    input: &Tensors,
    extremes: &Extremes,
) -> Result<Tensor, Error> {
    match input.arithmetic() {
        Kind::Double => sum_of_terms::<true, GRAPH>(plan, terms, input, extremes),
        _ => sum_of_terms::<false, GRAPH>(plan, terms, input, extremes),
    }
}

/// v·Σ_c factor_c·term_c of each voxel.
fn sum_of_terms<const WIDE: bool, const GRAPH: bool>(
    plan: &Plan,
    terms: &Terms,
    input: &Tensors,
    extremes: &Extremes,
) -> Result<Tensor, Error> {
    let operands = Operands::<WIDE, GRAPH>::new(&plan.settings, input, extremes)?;
    let (classes, count) = (plan.settings.classes(), operands.class_count());
    let focal = terms.loss.focal();
    let most = if WIDE { f64::MAX } else { f64::from(f32::MAX) };
    let kind = input.arithmetic();
    let mut sum = Values::constant(0.0);
    for index in 0..count {
        let (class, of) = (index as usize, count as usize);
        let of_class = terms.factors.of_class(class);
        let of_class: Vec<f64> = of_class.map(|factor| factor.min(most / 64.0)).collect();
        if of_class.iter().all(|factor| *factor == 0.0) {
            continue;
        }
        let probability = operands.class_probability(index)?.probability();
        let y = operands.class_target(index)?;
        let class = classes.class(class, of);
        let [term] = focal.terms(&class, &probability, &y);
        sum = sum
            + match of_class[..] {
                [factor] => term.scale(factor),
                _ => {
                    let by_sample = Tensor::f_from_slice(&of_class)?.f_unsqueeze(1)?;
                    let by_sample = by_sample.f_to_kind(kind)?.f_to(input.prediction.device())?;
                    term * Values::given(by_sample)
                }
            };
    }
    if let Some(weights) = operands.weights() {
        sum = sum * Values::given(weights.f_to_kind(kind)?);
    }
    let mut size = input.prediction.size();
    size.remove(1);
    Ok(match sum.clip(-most, most).outcome()? {
        Outcome::Tensor(losses) => losses.f_reshape(&size)?,
        Outcome::Constant(value) => {
            Tensor::f_full(&size, value, (kind, input.prediction.device()))?
        }
    })
}

/// The backward of the fused routes needs these besides the tensors.
struct Fused {
    /// For the sum of the terms of all voxels: in one group, or in one per sample if these differ in their factors.
    plan: Plan,
    /// Its slopes, group by group and class by class.
    slopes: Vec<[f64; 4]>,
    classes: usize,
    /// The range of the values; `None` if the engine computes the gradient.
    extremes: Option<Extremes>,
}

impl Fused {
    fn new(plan: &Plan, terms: &Terms, extremes: Option<Extremes>) -> Self {
        let factors = &terms.factors;
        let pooling = match factors.are_alike() {
            true => Pooling::Batch,
            false => Pooling::PerSample,
        };
        let slopes = factors.all().iter().map(|factor| [0.0, 0.0, 0.0, *factor]);
        Self {
            slopes: slopes.collect(),
            classes: factors.class_count(),
            plan: Plan {
                loss: terms.loss.focal().into(),
                settings: plan.settings.clone().with_pooling(pooling),
                route: plan.route,
            },
            extremes,
        }
    }
}

impl Backward for Fused {
    /// The loss of a voxel depends on its own numbers alone: its gradient is `upstream` times the gradient of the sum of all losses.
    fn gradient(&self, saved: &[Tensor], upstream: &Tensor) -> Result<Tensor, Error> {
        let Self {
            plan,
            slopes,
            classes,
            extremes,
        } = self;
        let kind = saved[0].f_kind()?;
        let wide = match kind {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        };
        // Narrow gradients would round twice.
        let prediction = saved[0].f_to_kind(wide)?;
        let input = Tensors::new(&plan.settings, &prediction, &saved[1], saved.get(2))?;
        let derivatives = match extremes {
            None => engine::gradient(plan, &input, slopes, None)?,
            Some(extremes) => {
                let by_class = [-1, *classes as i64, 4];
                let slopes = Tensor::f_from_slice(slopes.as_flattened())?.f_reshape(by_class)?;
                let slopes = slopes.f_to_device(prediction.device())?;
                operations::gradient(plan, &input, extremes, &slopes)?
            }
        };
        let upstream = upstream.f_to_kind(wide)?.f_unsqueeze(1)?;
        narrowed(derivatives.f_mul(&upstream)?, kind)
    }
}
