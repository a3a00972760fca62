//! Reports as JSON; docs/cli.md describes the fields.

use serde_json::{Map, Value, json};
use unifocal_ndarray::core::catalogue::Name;

use super::summary::{ClassMean, Compared, Mean, Summary, file};
use crate::failure::{Failed, Failure};
use crate::loss::Chosen;
use crate::metrics::Empty;
use crate::pair::Pair;
use crate::score::{ClassScore, Score};

pub(super) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    empty: Empty,
    mean: &Mean,
    summary: &Summary<'_>,
) -> Result<Vec<u8>, Failure> {
    let of_class = |class: &ClassScore| with_metrics(json!(class), class, empty);
    let mean_of_class = |class: &ClassMean| {
        let mut mean = json!(class);
        let (metrics, pooled) = metrics_of(class, empty);
        mean["metrics"] = metrics;
        mean["pooled"] = pooled;
        mean
    };
    let case = |(pair, score): &(Pair, Score)| {
        json!({
            "prediction": file(&pair.prediction),
            "target": file(&pair.target),
            "value": score.value,
            "per_class": score.per_class.iter().map(of_class).collect::<Vec<_>>(),
            "reading": *score.account,
        })
    };
    line(&json!({
        "loss": loss.name.as_str(),
        "parameters": loss.parameters(),
        "cases": cases.iter().map(case).collect::<Vec<_>>(),
        "failed": failed(summary),
        "mean": mean.value,
        "mean_over": mean_over(summary),
        "mean_per_class": mean.per_class.iter().map(mean_of_class).collect::<Vec<_>>(),
        "empty": empty.name(),
        "notes": summary.run.notes,
        "warnings": summary.warnings,
    }))
}

pub(super) fn compare(
    cases: &[Compared],
    empty: Empty,
    means: &[(Name, Mean)],
    summary: &Summary<'_>,
) -> Result<Vec<u8>, Failure> {
    // The counts and the metrics of a class do not depend on the loss.
    let of_class = |class: &ClassScore| {
        let mut object = json!(class);
        object
            .as_object_mut()
            .map(|fields| fields.shift_remove("value"));
        with_metrics(object, class, empty)
    };
    let case = |(pair, values): &Compared| {
        let losses = values
            .iter()
            .map(|(name, score)| (name.to_string(), json!(score.value)));
        json!({
            "prediction": file(&pair.prediction),
            "target": file(&pair.target),
            "losses": losses.collect::<Map<_, _>>(),
            "per_class": values[0].1.per_class.iter().map(of_class).collect::<Vec<_>>(),
            "reading": *values[0].1.account,
        })
    };
    let by_loss = |of: fn(&Mean) -> Value| -> Map<String, Value> {
        let means = means.iter();
        means
            .map(|(name, mean)| (name.to_string(), of(mean)))
            .collect()
    };
    let classes = means.first().into_iter();
    let metrics = classes.flat_map(|(_, mean)| &mean.per_class).map(|class| {
        let (metrics, pooled) = metrics_of(class, empty);
        json!({ "class": class.class, "metrics": metrics, "pooled": pooled })
    });
    line(&json!({
        "cases": cases.iter().map(case).collect::<Vec<_>>(),
        "failed": failed(summary),
        "mean": by_loss(|mean| json!(mean.value)),
        "mean_over": mean_over(summary),
        "mean_per_class": by_loss(|mean| json!(mean.per_class)),
        "mean_metrics": metrics.collect::<Vec<_>>(),
        "empty": empty.name(),
        "notes": summary.run.notes,
        "warnings": summary.warnings,
    }))
}

/// Adds the metrics of a class to its object.
fn with_metrics(mut object: Value, class: &ClassScore, empty: Empty) -> Value {
    if let Some(sums) = &class.sums {
        object["metrics"] = (&sums.confusion.metrics(empty)).into();
    }
    object
}

/// The means of the metrics of a class over the cases, and the metrics of all cases' counts together.
fn metrics_of(class: &ClassMean, empty: Empty) -> (Value, Value) {
    let (means, pooled) = (class.metrics(empty), class.pooled().metrics(empty));
    ((&means).into(), (&pooled).into())
}

fn failed(summary: &Summary<'_>) -> Vec<Value> {
    summary.run.failed.iter().map(Failed::to_json).collect()
}

fn mean_over(summary: &Summary<'_>) -> Value {
    json!({ "cases": summary.scored, "classes": summary.classes })
}

fn line(value: &Value) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec(value).map_err(|error| Failure::Report(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}
