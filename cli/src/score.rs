//! A case scored: the loss, what each class adds to it, and the gradient.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use serde::Serialize;
use unifocal_ndarray::core::{
    AbsentClass, ClassSums, Classes, Element, Loss, Pooling, UnifiedFocal, mean, slopes,
};
use unifocal_ndarray::{Error, Evaluation, Truth as TruthArray};

use crate::account::{Account, listed};
use crate::args::{Absent, Data};
use crate::case::{Case, Prediction, Truth};
use crate::counts::Count;
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::pairs::Pair;
use crate::reading::classes::Name;

/// What a case scores.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    /// Nothing where no voxel counts.
    pub(crate) value: Option<f64>,
    pub(crate) per_class: Vec<ClassScore>,
    /// How the case was read.
    pub(crate) account: Arc<Account>,
}

/// What a class scores: means over the samples, and sums over their voxels.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassScore {
    pub(crate) class: Name,
    /// The class's part of the loss; nothing where no voxel counts, and where the class is skipped or left out.
    pub(crate) value: Option<f64>,
    pub(crate) tp: f64,
    pub(crate) fp: f64,
    #[serde(rename = "fn")]
    pub(crate) fn_: f64,
    /// (1/M) Σ y·(−ln p).
    pub(crate) cross_entropy: f64,
}

/// A gradient, in the precision and the shape of its prediction's file.
#[derive(Debug)]
pub(crate) enum Gradient {
    F32(ArrayD<f32>),
    F64(ArrayD<f64>),
}

/// What is asked of a case.
struct Task<'a> {
    case: &'a Case,
    loss: &'a Chosen,
    classes: Classes<'a>,
    class_weights: Option<&'a [f64]>,
    skips_absent: bool,
    wants_gradient: bool,
}

/// Refuses options that the loss makes no use of.
pub(crate) fn check(data: &Data, loss: &Chosen) -> Result<(), Failure> {
    if data.rare.is_some() && !loss.name.as_str().starts_with("asymmetric") {
        return Err(Failure::Option(format!(
            "--rare is for the asymmetric losses, found --loss {}",
            loss.name
        )));
    }
    Ok(())
}

/// Scores a case.
pub(crate) fn score(
    case: &Case,
    pair: &Pair,
    data: &Data,
    loss: &Chosen,
    wants_gradient: bool,
) -> Result<(Score, Option<Gradient>), Failure> {
    let mut classes = Classes::default().with_absent(match data.absent_class {
        Absent::Smooth => AbsentClass::Smooth,
        Absent::Skip => AbsentClass::Skip,
    });
    if let Some(weights) = &data.class_weights {
        if weights.len() != case.names.len() {
            return Err(pair.failure(format!(
                "found {} class weights, expected {}, one for each of the classes {} (--labels lists the classes of a whole run)",
                weights.len(),
                case.names.len(),
                listed(&case.names)
            )));
        }
        classes = classes.with_weights(weights);
    }
    let rare = rare(case, pair, data)?;
    if let Some(rare) = &rare {
        classes = classes.with_rare(rare);
    }
    if let Some(alpha) = &loss.alpha {
        classes = classes.with_alpha(alpha);
    }
    let task = Task {
        case,
        loss,
        classes,
        class_weights: data.class_weights.as_deref(),
        skips_absent: data.absent_class == Absent::Skip,
        wants_gradient,
    };
    let scored = match &case.prediction {
        Prediction::F32(numbers) => task
            .by_truth(numbers.view())
            .map(|(score, gradient)| (score, gradient.map(Gradient::F32))),
        Prediction::F64(numbers) => task
            .by_truth(numbers.view())
            .map(|(score, gradient)| (score, gradient.map(Gradient::F64))),
        Prediction::Counts(_) if wants_gradient => {
            return Err(Failure::file(
                &pair.prediction,
                "holds labels, which have no gradient, expected probabilities or logits",
            ));
        }
        Prediction::Counts(counts) => task.by_counts(counts).map(|score| (score, None)),
    };
    scored.map_err(|error| pair.failure(hint(&error, case)))
}

/// The places of the rare classes, which are named by their labels or regions.
fn rare(case: &Case, pair: &Pair, data: &Data) -> Result<Option<Vec<usize>>, Failure> {
    let Some(rare) = &data.rare else {
        return Ok(None);
    };
    let place = |name: &String| {
        let place = case
            .names
            .iter()
            .position(|class| class.to_string() == *name);
        // Of label maps without a list of classes, one may lack this label.
        if place.is_none()
            && !(matches!(case.prediction, Prediction::Counts(_)) && data.labels.is_none())
        {
            return Err(pair.failure(format!(
                "--rare names the class {name}, expected one of {}",
                listed(&case.names)
            )));
        }
        Ok(place)
    };
    let places: Vec<Option<usize>> = rare.iter().map(place).collect::<Result<_, _>>()?;
    Ok(Some(places.into_iter().flatten().collect()))
}

type Scored<P> = (Score, Option<ArrayD<P>>);

/// The sums of the plain Combo loss are those that everybody knows: TP, FP, FN and the cross entropy.
fn known_sums() -> Result<UnifiedFocal, Error> {
    Ok(UnifiedFocal::combo(None, None)?)
}

impl<'a> Task<'a> {
    fn by_truth<P: Element>(&self, numbers: ArrayViewD<'a, P>) -> Result<Scored<P::Real>, Error> {
        let case = self.case;
        let shape = numbers.raw_dim();
        let prediction = case.prediction(numbers);
        macro_rules! labels {
            ($labels:expr) => {
                self.finish(
                    Evaluation::labels(prediction, case.labels($labels.view())).ignoring(case.void),
                    shape,
                )
            };
        }
        match &case.truth {
            Truth::U8(labels) => labels!(labels),
            Truth::U16(labels) => labels!(labels),
            Truth::I32(labels) => labels!(labels),
            Truth::I64(labels) => labels!(labels),
            Truth::Soft(target) => {
                let evaluation = Evaluation::soft(prediction, case.target(target.view()));
                match case.weights() {
                    Some(weights) => self.finish(evaluation.voxel_weights(weights), shape),
                    None => self.finish(evaluation, shape),
                }
            }
            Truth::Counted => unreachable!("only label maps are counted"),
        }
    }

    fn finish<P: Element, T: TruthArray>(
        &self,
        evaluation: Evaluation<'a, P, IxDyn, T>,
        shape: IxDyn,
    ) -> Result<Scored<P::Real>, Error> {
        let Task {
            case,
            loss,
            classes,
            ..
        } = self;
        let evaluation = evaluation.activation(case.activation).classes(*classes);
        let count = evaluation.class_count()?;
        let sums = evaluation.sums(&loss.loss)?;
        let gradient = if self.wants_gradient {
            let mut by_sums = vec![[0.0; 4]; sums.len()];
            slopes(&loss.loss, classes, count, &sums, &mut by_sums)?;
            let mut gradient = ArrayD::from_elem(shape, P::Real::default());
            let out = case.prediction_mut(gradient.view_mut());
            evaluation.gradient_by(&loss.loss, &by_sums, out)?;
            Some(gradient)
        } else {
            None
        };
        let totals = evaluation.pooling(Pooling::Batch).sums(&known_sums()?)?;
        Ok((self.summarize(&sums, &totals)?, gradient))
    }

    /// Labels against labels: p and y are 0 or 1, so counts tell all sums.
    fn by_counts(&self, counts: &[Count]) -> Result<Score, Error> {
        let count = self.case.names.len();
        self.classes.check(count)?;
        let class = |index: usize| self.classes.class(index % count.max(1));
        let sums: Vec<_> = (counts.iter().enumerate())
            .map(|(index, count)| count.sums(&self.loss.loss, &class(index)))
            .collect();
        let known = known_sums()?;
        let totals: Vec<_> = (0..count)
            .map(|index| {
                let mut total = Count::default();
                for sample in counts.chunks(count) {
                    total.merge(&sample[index]);
                }
                total.sums(&known, &class(index))
            })
            .collect();
        self.summarize(&sums, &totals)
    }

    /// What sums come to: those of the loss, sample by sample, and the known ones of the whole file. Samples in which nothing
    /// counts have no part in it.
    fn summarize(
        &self,
        sums: &[ClassSums<f64, 4>],
        totals: &[ClassSums<f64, 4>],
    ) -> Result<Score, Error> {
        let Task {
            case,
            loss,
            classes,
            ..
        } = self;
        let count = totals.len();
        let counted: Vec<ClassSums<f64, 4>> = (sums.chunks(count.max(1)))
            .filter(|sums| sums[0].voxels > 0.0)
            .flatten()
            .copied()
            .collect();
        let skipped = |class: usize, sums: &ClassSums<f64, 4>| {
            self.class_weights
                .is_some_and(|weights| weights[class] == 0.0)
                || (self.skips_absent && sums.target <= 0.0)
        };
        let class_value = |class: usize| {
            let of_class = counted.iter().skip(class).step_by(count);
            let values: Vec<f64> = of_class
                .filter(|sums| !skipped(class, sums))
                .map(|sums| loss.loss.finalize(&classes.class(class), sums).total())
                .collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let per_class = totals
            .iter()
            .zip(&case.names)
            .enumerate()
            .map(|(class, (sums, name))| {
                let [tp, fp, fn_, _] = sums.terms;
                ClassScore {
                    class: name.clone(),
                    value: class_value(class),
                    tp,
                    fp,
                    fn_,
                    cross_entropy: sums.per_voxel(3),
                }
            });
        let value = if counted.is_empty() {
            None
        } else {
            Some(mean(&loss.loss, classes, count, &counted)?)
        };
        Ok(Score {
            value,
            per_class: per_class.collect(),
            account: Arc::clone(&case.account),
        })
    }
}

/// The error's message, and what often is behind it.
fn hint(error: &Error, case: &Case) -> String {
    use unifocal_ndarray::core::Error as Core;
    let hint = match error {
        Error::Core(Core::Value {
            what: "prediction",
            found,
            ..
        }) => case.hint(*found),
        _ => "",
    };
    format!("{error}{hint}")
}
