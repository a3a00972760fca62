//! A case scored: the loss, what each class adds to it, and the gradient.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};
use serde::Serialize;
use unifocal_ndarray::core::{
    AbsentClass, Activation, ClassSums, Classes, Dense, Element, Labels, Loss, OneHot, Pooling,
    Segmentation, TensorLike, UnifiedFocal, mean,
};
use unifocal_ndarray::{Error, Evaluation, Truth as TruthArray};

use crate::args::{Absent, Data};
use crate::case::{Case, Prediction, Truth};
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::pairs::Pair;

/// What a case scores.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    pub(crate) value: f64,
    pub(crate) per_class: Vec<ClassScore>,
}

/// What a class scores: means over the samples, and sums over their voxels.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassScore {
    pub(crate) class: usize,
    /// The class's part of the loss.
    pub(crate) value: f64,
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
        classes = classes.with_weights(weights);
    }
    if let Some(rare) = &data.rare {
        classes = classes.with_rare(rare);
    }
    if let Some(alpha) = &loss.alpha {
        classes = classes.with_alpha(alpha);
    }
    let scored = match &case.prediction {
        Prediction::F32(numbers) => {
            by_truth(numbers.view(), case, data, classes, loss, wants_gradient)
                .map(|(score, gradient)| (score, gradient.map(Gradient::F32)))
        }
        Prediction::F64(numbers) => {
            by_truth(numbers.view(), case, data, classes, loss, wants_gradient)
                .map(|(score, gradient)| (score, gradient.map(Gradient::F64)))
        }
        Prediction::Labels(..) if wants_gradient => {
            return Err(Failure::file(
                &pair.prediction,
                "holds labels, which have no gradient, expected probabilities or logits",
            ));
        }
        Prediction::Labels(labels, count) => {
            hard(labels, *count, case, data, classes, loss).map(|score| (score, None))
        }
    };
    scored.map_err(|error| pair.failure(hint(&error, case)))
}

type Scored<P> = (Score, Option<ArrayD<P>>);

/// The sums of the plain Combo loss are those that everybody knows: TP, FP, FN and the cross entropy.
fn known_sums() -> Result<UnifiedFocal, Error> {
    Ok(UnifiedFocal::combo(None, None)?)
}

fn by_truth<'a, P: Element>(
    prediction: ArrayViewD<'a, P>,
    case: &'a Case,
    data: &Data,
    classes: Classes<'a>,
    loss: &Chosen,
    wants_gradient: bool,
) -> Result<Scored<P::Real>, Error> {
    let prediction = case.with_axes(prediction);
    macro_rules! labels {
        ($labels:expr) => {
            finish(
                Evaluation::labels(prediction, case.labels_with_axes($labels.view()))
                    .ignoring(data.ignore_label),
                case,
                classes,
                loss,
                wants_gradient,
            )
        };
    }
    match &case.truth {
        Truth::U8(labels) => labels!(labels),
        Truth::U16(labels) => labels!(labels),
        Truth::I32(labels) => labels!(labels),
        Truth::I64(labels) => labels!(labels),
        Truth::Soft(target) => finish(
            Evaluation::soft(prediction, case.with_axes(target.view())),
            case,
            classes,
            loss,
            wants_gradient,
        ),
    }
}

fn finish<'a, P: Element, T: TruthArray>(
    evaluation: Evaluation<'a, P, IxDyn, T>,
    case: &Case,
    classes: Classes<'a>,
    loss: &Chosen,
    wants_gradient: bool,
) -> Result<Scored<P::Real>, Error> {
    let evaluation = evaluation
        .layout(case.layout)
        .activation(case.activation)
        .classes(classes);
    let gradient = if wants_gradient {
        let (_, gradient) = evaluation.value_and_gradient(&loss.loss)?;
        Some(case.added.remove(gradient, case.layout))
    } else {
        None
    };
    let count = evaluation.class_count()?;
    let sums = evaluation.sums(&loss.loss)?;
    let totals = evaluation.pooling(Pooling::Batch).sums(&known_sums()?)?;
    Ok((summarize(loss, classes, count, &sums, &totals)?, gradient))
}

/// Labels against labels: p is 0 or 1, and made from the label where it is read.
fn hard(
    labels: &ArrayD<i64>,
    count: usize,
    case: &Case,
    data: &Data,
    classes: Classes<'_>,
    loss: &Chosen,
) -> Result<Score, Error> {
    let Truth::I64(target) = &case.truth else {
        unreachable!("labels are compared with labels of the same type")
    };
    let labels = case.labels_with_axes(labels.view());
    let target = case.labels_with_axes(target.view());
    let samples = labels.len_of(Axis(0)).max(1);
    let shape = [samples, labels.len() / samples];
    let [labels, target] = [labels, target].map(|array| array.as_standard_layout().into_owned());
    let [labels, target] = [&labels, &target].map(|array| array.as_slice().unwrap_or_default());
    let prediction = OneHot::new(Dense::labels(labels, shape)?, count)?;
    let target = Labels::new(Dense::labels(target, shape)?).ignoring(data.ignore_label);
    let segmentation = Segmentation::new(prediction, target)?;
    classes.check(count)?;
    let mut sums = vec![ClassSums::default(); samples * count];
    segmentation.add_sums(&loss.loss, &classes, &mut sums)?;
    let mut totals = vec![ClassSums::default(); count];
    let batch = segmentation.with_pooling(Pooling::Batch);
    batch.add_sums(&known_sums()?, &classes, &mut totals)?;
    summarize(loss, classes, count, &sums, &totals)
}

/// What sums come to: those of the loss, sample by sample, and the known ones of the whole file.
fn summarize(
    loss: &Chosen,
    classes: Classes<'_>,
    count: usize,
    sums: &[ClassSums<f64, 4>],
    totals: &[ClassSums<f64, 4>],
) -> Result<Score, Error> {
    let samples = (sums.len() / count) as f64;
    let class_value = |class: usize| {
        let of_class = sums.iter().skip(class).step_by(count);
        let values = of_class.map(|sums| loss.loss.finalize(&classes.class(class), sums).total());
        values.sum::<f64>() / samples
    };
    let per_class = totals.iter().enumerate().map(|(class, sums)| {
        let [tp, fp, fn_, _] = sums.terms;
        ClassScore {
            class,
            value: class_value(class),
            tp,
            fp,
            fn_,
            cross_entropy: sums.per_voxel(3),
        }
    });
    Ok(Score {
        value: mean(&loss.loss, &classes, count, sums)?,
        per_class: per_class.collect(),
    })
}

/// The error's message, and what often is behind it.
fn hint(error: &Error, case: &Case) -> String {
    use unifocal_ndarray::core::Error as Core;
    let hint = match error {
        Error::Core(Core::Label { found: 255, .. }) => {
            " (a mask of 0 and 255 wants 1 for 255; --ignore-label 255 leaves such voxels out)"
        }
        Error::Core(Core::Value {
            what: "prediction", ..
        }) if case.activation == Activation::Identity => " (--input logits for logits)",
        Error::Shape { what: "target", .. } => {
            " (--layout, --batch and --foreground say how PRED's axes are to be read)"
        }
        _ => "",
    };
    format!("{error}{hint}")
}
