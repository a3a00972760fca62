//! The tables of a page.

use maud::{Markup, html};
use serde_json::Value;
use unifocal_ndarray::core::Parameter;

use super::content::{Content, Worst};
use crate::loss::Chosen;
use crate::report::cells::{digits, voxels};
use crate::results::Record;
use crate::summary::Row;

/// The statistics of each class and score.
pub(super) fn summary(content: &Content<'_>) -> Markup {
    let summary = &content.summary;
    let percent = 100.0 * summary.resampling.confidence;
    html! {
        div.wide { table {
            thead { tr {
                @if let Some(by) = &summary.by { th { (by) } }
                th { "class" } th { "score" } th { "cases" } th { "mean" } th { (percent) " % interval" } th { "median" } th { "sd" } th { "pooled" } th { "worst" } th.text { "worst case" }
            } }
            tbody {
                @for row in &summary.rows { (summary_row(row, summary.by.is_some())) }
            }
        } }
        p {
            "Mean, median and standard deviation (sd, with n − 1) are over the cases that have a value, whose number is “cases”. The \
             interval is the bootstrap's of the mean. “Pooled” is the metric of the counts of all cases together. An empty cell has no \
             value. The class “all” is the loss of the cases."
        }
        p { "Empty masks: " (summary.run.empty.convention()) "." }
    }
}

fn summary_row(row: &Row, grouped: bool) -> Markup {
    let described = row.described.as_ref();
    let numbers = described.map(|described| described.numbers);
    let interval = described.and_then(|described| described.interval);
    let class = row
        .class
        .as_ref()
        .map_or("all".to_owned(), ToString::to_string);
    html! {
        tr {
            @if grouped { th { (row.group.as_deref().unwrap_or("all cases")) } }
            th { (class) }
            th { (row.score.name()) }
            td { (row.cases) }
            td { (digits(numbers.map(|numbers| numbers.mean))) }
            td { @if let Some([low, high]) = interval { (digits(Some(low))) " to " (digits(Some(high))) } }
            td { (digits(numbers.map(|numbers| numbers.median))) }
            td { (digits(numbers.and_then(|numbers| numbers.sd))) }
            td { (digits(row.pooled)) }
            td { (digits(described.map(|described| described.worst.0))) }
            td.text { @if let Some(described) = described { (described.worst.1) } }
        }
    }
}

/// The parameters of a loss.
pub(super) fn parameters(loss: &Chosen) -> Markup {
    let parameters = loss.parameters();
    let parameters = parameters.iter().map(|(name, value)| {
        let value = match value {
            Value::Null => "none".to_owned(),
            value => value.to_string(),
        };
        let description = name
            .parse()
            .map_or("", |parameter: Parameter| parameter.description());
        (name, value, description)
    });
    html! {
        div.wide { table {
            thead { tr { th { "parameter" } th { "value" } th.text { "meaning" } } }
            tbody {
                @for (name, value, description) in parameters {
                    tr { th { (name) } td { (value) } td.text { (description) } }
                }
            }
        } }
    }
}

/// The cases with the largest losses.
pub(super) fn worst(worst: &[Worst]) -> Markup {
    html! {
        div.wide { table {
            thead { tr { th { "case" } th { "loss" } } }
            tbody {
                @for (index, worst) in worst.iter().enumerate() {
                    tr {
                        th { a href={ "#case-" (index + 1) } { (worst.record.key.case) } }
                        td { (digits(worst.record.value)) }
                    }
                }
            }
        } }
    }
}

/// The scores and counts of the classes of a case.
pub(super) fn classes(record: &Record, content: &Content<'_>) -> Markup {
    let empty = content.summary.run.empty;
    html! {
        div.wide { table {
            thead { tr {
                th { "class" }
                @for score in content.scores { th { (score.name()) } }
                th { "TP" } th { "FP" } th { "FN" }
            } }
            tbody {
                @for class in &record.per_class {
                    tr {
                        th { (class.class) }
                        @for score in content.scores { td { (digits(score.of(class, empty))) } }
                        td { (voxels(Some(class.confusion.tp))) }
                        td { (voxels(Some(class.confusion.fp))) }
                        td { (voxels(Some(class.confusion.fn_))) }
                    }
                }
            }
        } }
    }
}
