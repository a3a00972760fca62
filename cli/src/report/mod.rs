//! Reports as a table, JSON or CSV. Each states how the inputs were read.

pub(crate) mod cells;
mod csv;
mod json;
mod metrics;
mod summary;
mod table;

use unifocal_ndarray::core::catalogue::Name;

use crate::args::{Shown, ShownMetrics};
use crate::failure::Failure;
use crate::format::Format;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::score::Score;
use summary::{Compared, Mean, Summary, firsts};

pub(crate) use summary::Run;

/// The text that a command prints, and its warnings.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) text: Vec<u8>,
    pub(crate) warnings: Vec<String>,
}

/// The report of one loss.
pub(crate) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    shown: &Shown,
    run: Run<'_>,
) -> Result<Report, Failure> {
    let scores: Vec<(&Pair, &Score)> = cases.iter().map(|(pair, score)| (pair, score)).collect();
    let summary = Summary::of(&scores, run);
    let mean = Mean::of(cases.iter().map(|(_, score)| score), &summary);
    let text = match run.format {
        Format::Table => table::eval(loss, cases, shown, &mean, &summary).into_bytes(),
        Format::Json => json::eval(loss, cases, shown.metrics.empty(), &mean, &summary)?,
        Format::Csv => csv::eval(loss, cases, shown)?,
    };
    Ok(Report {
        text,
        warnings: summary.warnings,
    })
}

/// The report of every loss.
pub(crate) fn compare(
    cases: &[Compared],
    shown: &ShownMetrics,
    run: Run<'_>,
) -> Result<Report, Failure> {
    let summary = Summary::of(&firsts(cases), run);
    let means: Vec<(Name, Mean)> = (Name::ALL.into_iter().enumerate())
        .map(|(index, name)| {
            let scores = cases.iter().map(|(_, scores)| &scores[index].1);
            (name, Mean::of(scores, &summary))
        })
        .collect();
    let text = match run.format {
        Format::Table => table::compare(cases, shown, &means, &summary).into_bytes(),
        Format::Json => json::compare(cases, shown.empty(), &means, &summary)?,
        Format::Csv => csv::compare(cases, shown)?,
    };
    Ok(Report {
        text,
        warnings: summary.warnings,
    })
}

/// The mean of a loss over the cases.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) value: Option<f64>,
    /// The mean of each class, and its name.
    pub(crate) classes: Vec<(String, Option<f64>)>,
    /// The number of cases that have a value.
    pub(crate) cases: usize,
}

/// The means over the cases of each of several losses, and warnings.
pub(crate) fn points(
    cases: &[(Pair, Vec<Score>)],
    losses: usize,
    run: Run<'_>,
) -> (Vec<Point>, Vec<String>) {
    let scores: Vec<(&Pair, &Score)> = (cases.iter())
        .map(|(pair, scores)| (pair, &scores[0]))
        .collect();
    let summary = Summary::of(&scores, run);
    let point = |index: usize| {
        let mean = Mean::of(cases.iter().map(|(_, scores)| &scores[index]), &summary);
        let classes = mean.per_class.iter();
        Point {
            value: mean.value,
            classes: classes
                .map(|class| (class.class.to_string(), class.value))
                .collect(),
            cases: summary.scored,
        }
    };
    ((0..losses).map(point).collect(), summary.warnings)
}
