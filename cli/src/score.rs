//! The score of a case: the loss, the loss of each class, and the gradient.

mod order;
mod regions;
mod scored;
mod shared;

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Shape};
use unifocal_ndarray::core::{
    AbsentClass, Error as CoreError, Settings, UnifiedFocal,
    catalogue::Name as LossName,
    data::{Element, Label, Valid},
    formula::{Loss, mean, slopes},
};
use unifocal_ndarray::{Error, Evaluation, TargetArray};

use crate::annotated::places;
use crate::args::{Absent, Data};
use crate::case::{Arrays, Case, ClassNumbers, Content, Prediction, Target};
use crate::counts::Count;
use crate::failure::Failure;
use crate::listed::listed;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::sweeps::{Sums, Sweeps};
use crate::team::Team;

use order::Order;
pub(crate) use scored::{ClassScore, Gradient, KnownSums, Score, Scored, Wanted};
use shared::position;

/// A case and what to compute for it.
struct Task<'a> {
    case: &'a Case,
    losses: &'a [Chosen],
    settings: Settings,
    order: Order,
    /// The weights of the regions, if the classes are regions.
    regions: Option<Vec<f64>>,
    wanted: Wanted,
    /// The processes that hold the other slabs of the case.
    team: Option<&'a Team>,
}

/// Scores a case with each loss; the gradient is that of the first.
pub(crate) fn score(
    case: &Case,
    pair: &Pair,
    data: &Data,
    losses: &[Chosen],
    wanted: Wanted,
) -> Result<Scored, Failure> {
    if case.names.is_empty() {
        let score = Score {
            value: None,
            per_class: Vec::new(),
            samples: Vec::new(),
            account: Arc::clone(&case.account),
        };
        return Ok(Scored::of(vec![score; losses.len()]));
    }
    let mut settings = Settings::default().with_absent_class(match data.absent_class {
        Absent::Smooth => AbsentClass::Smooth,
        Absent::Skip => AbsentClass::Skip,
    });
    for (what, weights) in [
        ("class", &data.class_weights),
        ("region", &data.region_weights),
    ] {
        if let Some(weights) = weights
            && weights.len() != case.names.len()
        {
            return Err(pair.failure(format!(
                "found {} {what} weights, expected {}: one for each of the classes {} (--labels sets the classes of all cases)",
                weights.len(),
                case.names.len(),
                listed(&case.names)
            )));
        }
    }
    let regions = if data.regions.is_empty() {
        settings.class_weights.clone_from(&data.class_weights);
        settings.region_weights.clone_from(&data.region_weights);
        settings.rare_classes = rare(case, pair, data)?;
        None
    } else {
        settings = regions::of_each(settings);
        let weights = data.class_weights.clone();
        Some(weights.unwrap_or_else(|| vec![1.0; case.names.len()]))
    };
    let task = Task {
        case,
        losses,
        settings,
        order: Order::default(),
        regions,
        wanted,
        team: data.team.as_ref(),
    };
    let scored = match &case.content {
        Content::Maps(maps) => task.by_counts(&maps.counts).map(Scored::of),
        Content::Arrays(arrays) => task.in_memory_order(arrays),
    };
    scored.map_err(|error| {
        let failure = pair.failure(hint(&error, case));
        match position(&error) {
            Some(at) => failure.at(vec![at.sample, at.voxel]),
            None => failure,
        }
    })
}

/// The indices of the rare classes, which `--rare` gives by label or region name.
fn rare(case: &Case, pair: &Pair, data: &Data) -> Result<Option<Vec<usize>>, Failure> {
    let Some(rare) = &data.rare else {
        return Ok(None);
    };
    let places = places("--rare", rare, &case.names, data);
    places.map(Some).map_err(|message| pair.failure(message))
}

/// The loss whose sums reports show: those of the plain Combo loss are TP, FP, FN and the cross entropy.
fn known_sums() -> Result<Chosen, Error> {
    let loss = UnifiedFocal::combo(None, None)?.into();
    Ok(Chosen {
        loss,
        ..Chosen::default_of(LossName::Combo)
    })
}

/// The results for a case, and a gradient of the prediction's type.
type Typed<P> = (Scored, Option<ArrayD<P>>);

impl<'a> Task<'a> {
    /// Scores arrays of any element types.
    fn dispatch(&self, arrays: &'a Arrays) -> Result<Scored, Error> {
        match &arrays.prediction {
            Prediction::F32(numbers) => {
                let (scored, gradient) = self.with_target(arrays, numbers.view())?;
                Ok(scored.with_gradient(gradient.map(Gradient::F32)))
            }
            Prediction::F64(numbers) => {
                let (scored, gradient) = self.with_target(arrays, numbers.view())?;
                Ok(scored.with_gradient(gradient.map(Gradient::F64)))
            }
        }
    }

    fn with_target<P: Element>(
        &self,
        arrays: &'a Arrays,
        numbers: ArrayViewD<'a, P>,
    ) -> Result<Typed<P::Real>, Error> {
        match &arrays.target {
            Target::Classes { classes, void } => match classes {
                ClassNumbers::U8(labels) => self.with_labels(arrays, numbers, labels.view(), *void),
                ClassNumbers::I32(labels) => {
                    self.with_labels(arrays, numbers, labels.view(), *void)
                }
            },
            Target::Soft { target, weights } => {
                let shape = order::shape_of(&numbers);
                let prediction = self.order.applied(arrays.prediction(numbers), 2);
                let target = self.order.applied(arrays.soft(target.view()), 2);
                let evaluation = Evaluation::soft(prediction, target);
                let evaluation = match weights {
                    Some(weights) => {
                        evaluation.with_voxel_weights(self.order.applied(weights.view(), 1))
                    }
                    None => evaluation,
                };
                self.run(arrays, evaluation, None, shape)
            }
        }
    }

    fn with_labels<P: Element, L: Label>(
        &self,
        arrays: &'a Arrays,
        numbers: ArrayViewD<'a, P>,
        labels: ArrayViewD<'a, L>,
        void: Option<i64>,
    ) -> Result<Typed<P::Real>, Error> {
        let shape = order::shape_of(&numbers);
        let prediction = self.order.applied(arrays.prediction(numbers), 2);
        let labels = self.order.applied(arrays.labels(labels), 1);
        let evaluation = Evaluation::labels(prediction, labels);
        self.run(arrays, evaluation, void, shape)
    }

    /// Takes as few passes over the voxels as give the sums of all losses, and one more for a gradient.
    fn run<P: Element, T: TargetArray>(
        &self,
        arrays: &'a Arrays,
        evaluation: Evaluation<'a, P, IxDyn, T>,
        void: Option<i64>,
        shape: Shape<IxDyn>,
    ) -> Result<Typed<P::Real>, Error> {
        // Sums do not depend on α, so those of one loss serve the others.
        let settings = self.losses.first().map(|loss| self.settings_of(loss));
        let evaluation = evaluation
            .with_settings(settings.unwrap_or_default())
            .with_input(arrays.input)
            .with_ignore_label(void);
        let evaluation = match &arrays.annotated {
            Some(mask) => evaluation.with_annotated(mask.view()),
            None => evaluation,
        };
        let count = evaluation.class_count()?;
        let known = known_sums()?;
        let known = self.wanted.known_sums.then_some(&known);
        let sweeps = Sweeps::of(self.losses.iter().chain(known));
        let swept = sweeps.losses();
        let swept = swept
            .iter()
            .map(|loss| self.sums(&evaluation, arrays, loss));
        let swept: Vec<Vec<Sums>> = swept.collect::<Result<_, _>>()?;
        let gradient = match self.losses.first() {
            Some(loss) if self.wanted.gradient => {
                let sums = sweeps.sums(0, &swept);
                let settings = self.settings_of(loss);
                let mut by_sums = vec![[0.0; 4]; sums.len()];
                match &self.regions {
                    Some(weights) => regions::slopes(loss, &settings, weights, &sums, &mut by_sums),
                    None => slopes(&loss.loss, &settings.classes(), count, &sums, &mut by_sums)?,
                }
                let mut gradient = ArrayD::from_elem(shape, P::Real::default());
                let out = arrays.prediction_mut(gradient.view_mut());
                let out = self.order.applied(out, 2);
                evaluation.gradient_by(&loss.loss, &by_sums, out)?;
                Some(gradient)
            }
            _ => None,
        };
        let known = known.map(|_| {
            // With regions, each of them has two classes.
            let count = count * self.regions.as_ref().map_or(1, Vec::len);
            let mut total = vec![Sums::default(); count];
            for sample in sweeps.sums(self.losses.len(), &swept).chunks(count) {
                for (total, sums) in total.iter_mut().zip(sample) {
                    total.merge(sums);
                }
            }
            total
        });
        let scores = self.losses.iter().enumerate().map(|(index, loss)| {
            let sums = sweeps.sums(index, &swept);
            self.summarize(loss, &sums, known.as_deref())
        });
        let hard = self.wanted.hard.then(|| evaluation.hard()).transpose()?;
        let hard = hard.map(|hard| self.order.undone(hard, 2));
        let scored = Scored {
            hard: hard.map(|hard| self.merged(hard)),
            ..Scored::of(scores.collect::<Result<_, _>>()?)
        };
        Ok((scored, gradient))
    }

    /// The most probable classes [sample, class, voxels…], where a class that is not annotated is part of the first one.
    fn merged(&self, mut hard: ArrayD<f32>) -> ArrayD<f32> {
        let channels = hard.len_of(Axis(1));
        if self.regions.is_none() && channels > 1 {
            for class in (0..channels).filter(|class| !self.case.has(*class)) {
                let of_class = hard.index_axis(Axis(1), class).to_owned();
                hard.index_axis_mut(Axis(1), class).fill(0.0);
                let mut background = hard.index_axis_mut(Axis(1), 0);
                background += &of_class;
            }
        }
        hard
    }

    /// How many samples get a value of their own.
    fn samples(&self, all: usize) -> usize {
        if self.wanted.samples { all } else { 0 }
    }

    /// The settings for a loss.
    fn settings_of(&self, loss: &Chosen) -> Settings {
        let mut settings = self.settings.clone();
        settings.class_alpha.clone_from(&loss.alpha);
        settings
    }

    /// Scores two label maps: p and y are 0 or 1, so the sums follow from the counts.
    fn by_counts(&self, counts: &[Count]) -> Result<Vec<Score>, Error> {
        if let Some(weights) = &self.regions {
            return self.regions_by_counts(weights, counts);
        }
        let count = self.case.names.len();
        let known = known_sums()?;
        let classes = self.settings.classes();
        let known: Vec<_> = (0..count)
            .map(|index| {
                let mut total = Count::default();
                for sample in counts.chunks(count) {
                    total.merge(&sample[index]);
                }
                total.sums(&known.loss, &classes.class(index, count))
            })
            .collect();
        let score = |loss: &Chosen| {
            let settings = self.settings_of(loss);
            let classes = settings.classes();
            classes.check(count)?;
            let class = |index: usize| classes.class(index % count, count);
            let sums: Vec<_> = (counts.iter().enumerate())
                .map(|(index, count)| count.sums(&loss.loss, &class(index)))
                .collect();
            self.summarize(loss, &sums, Some(&known))
        };
        self.losses.iter().map(score).collect()
    }

    /// Builds the score from the sums of the loss in each sample and the known sums of the whole file. Samples in which no
    /// voxel is scored are left out.
    fn summarize(
        &self,
        loss: &Chosen,
        sums: &[Sums],
        known: Option<&[Sums]>,
    ) -> Result<Score, Error> {
        if let Some(weights) = &self.regions {
            return self.summarize_regions(weights, loss, sums, known);
        }
        let Task { case, .. } = self;
        let settings = self.settings_of(loss);
        let classes = settings.classes();
        let count = case.names.len();
        let counts = |sums: &[Sums]| sums[0].voxels > 0.0;
        let counted: Vec<Sums> = (sums.chunks(count))
            .filter(|sums| counts(sums))
            .flatten()
            .copied()
            .collect();
        let value = |sums: &[Sums]| mean(&loss.loss, &classes, count, sums);
        let of_sample = |sums: &[Sums]| counts(sums).then(|| value(sums)).transpose();
        let samples = sums
            .chunks(count)
            .take(self.samples(sums.len() / count))
            .map(of_sample);
        let skipped = |class: usize, sums: &Sums| {
            let weight = classes.normalized()(class);
            (weight.mean == 0.0 && weight.sum == 0.0)
                || sums.voxels <= 0.0
                || (settings.absent_class == AbsentClass::Skip && sums.target <= 0.0)
        };
        let class_value = |class: usize| {
            let of_class = counted.iter().skip(class).step_by(count);
            let values: Vec<f64> = of_class
                .filter(|sums| !skipped(class, sums))
                .map(|sums| {
                    loss.loss
                        .finalize(&classes.class(class, count), sums)
                        .total()
                })
                .collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let per_class = case
            .names
            .iter()
            .enumerate()
            .map(|(class, name)| ClassScore {
                class: name.clone(),
                value: class_value(class),
                sums: known
                    .filter(|_| case.has(class))
                    .map(|known| KnownSums::of(&known[class])),
            });
        let value = if counted.is_empty() {
            None
        } else {
            Some(value(&counted)?)
        };
        Ok(Score {
            value,
            per_class: per_class.collect(),
            samples: samples.collect::<Result<_, _>>()?,
            account: Arc::clone(&case.account),
        })
    }
}

/// The message of an error, with a suggestion if there is one.
fn hint(error: &Error, case: &Case) -> String {
    let hint = match (error, &case.content) {
        (
            Error::Core(CoreError::Value {
                expected: Valid::Probability | Valid::Logit,
                found,
                ..
            }),
            Content::Arrays(arrays),
        ) => arrays.hint(*found),
        _ => "",
    };
    format!("{error}{hint}")
}
