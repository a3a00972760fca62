//! A case scored: the loss, what each class adds to it, and the gradient.

use ndarray::ArrayD;
use serde::Serialize;
use unifocal_ndarray::core::{
    AbsentClass, Activation, ClassSums, Classes, Element, Pooling, UnifiedFocal,
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
    let scored =
        match &case.prediction {
            Prediction::F32(array) => by_truth(array, case, data, classes, loss, wants_gradient)
                .map(|(score, gradient)| {
                    (
                        score,
                        gradient.map(|g| Gradient::F32(case.added.remove(g, case.layout))),
                    )
                }),
            Prediction::F64(array) => by_truth(array, case, data, classes, loss, wants_gradient)
                .map(|(score, gradient)| {
                    (
                        score,
                        gradient.map(|g| Gradient::F64(case.added.remove(g, case.layout))),
                    )
                }),
            Prediction::OneHot(array) => by_truth(array, case, data, classes, loss, wants_gradient)
                .map(|(score, gradient)| (score, gradient.map(Gradient::F32))),
        };
    scored.map_err(|error| pair.failure(hint(&error, case)))
}

type Scored<P> = (Score, Option<ArrayD<P>>);

fn by_truth<P: Element>(
    prediction: &ArrayD<P>,
    case: &Case,
    data: &Data,
    classes: Classes<'_>,
    loss: &Chosen,
    wants_gradient: bool,
) -> Result<Scored<P::Real>, Error> {
    macro_rules! labels {
        ($labels:expr) => {
            finish(
                Evaluation::labels(prediction.view(), $labels.view())
                    .ignoring(data.ignore_label)
                    .layout(case.layout)
                    .activation(case.activation)
                    .classes(classes),
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
            Evaluation::soft(prediction.view(), target.view())
                .layout(case.layout)
                .activation(case.activation)
                .classes(classes),
            loss,
            wants_gradient,
        ),
    }
}

fn finish<P: Element, T: TruthArray>(
    evaluation: Evaluation<'_, P, ndarray::IxDyn, T>,
    loss: &Chosen,
    wants_gradient: bool,
) -> Result<Scored<P::Real>, Error> {
    let (value, gradient) = if wants_gradient {
        let (value, gradient) = evaluation.value_and_gradient(&loss.loss)?;
        (value, Some(gradient))
    } else {
        (evaluation.value(&loss.loss)?, None)
    };
    let count = evaluation.class_count()?;
    let values = evaluation.per_class(&loss.loss)?;
    let samples = (values.len() / count) as f64;
    // The sums of the plain Combo loss are those that everybody knows: TP, FP, FN and the cross entropy.
    let plain = UnifiedFocal::combo(None, None)?;
    let totals = evaluation.clone().pooling(Pooling::Batch).sums(&plain)?;
    let per_class = totals.iter().enumerate().map(|(class, sums)| {
        let ClassSums {
            terms: [tp, fp, fn_, _],
            ..
        } = *sums;
        ClassScore {
            class,
            value: values
                .iter()
                .filter(|v| v.class == class)
                .map(|v| v.value)
                .sum::<f64>()
                / samples,
            tp,
            fp,
            fn_,
            cross_entropy: sums.per_voxel(3),
        }
    });
    Ok((
        Score {
            value,
            per_class: per_class.collect(),
        },
        gradient,
    ))
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
