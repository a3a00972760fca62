//! Reports as a table, JSON or CSV. Each states how the inputs were read.

mod csv;
mod json;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use unifocal_ndarray::core::Name;

use crate::account::listed;
use crate::args::Format;
use crate::failure::{Failed, Failure};
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::reading::classes;
use crate::score::Score;

/// The text that a command prints, and its warnings.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) text: Vec<u8>,
    pub(crate) warnings: Vec<String>,
}

/// A case scored with every loss.
type Compared = (Pair, Vec<(Name, Score)>);

/// The contents of a report besides the scores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) failed: &'a [Failed],
    /// Notes about how the cases were found.
    pub(crate) notes: &'a [String],
    pub(crate) format: Format,
}

/// The report of one loss.
pub(crate) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    per_class: bool,
    run: Run<'_>,
) -> Result<Report, Failure> {
    let scores: Vec<(&Pair, &Score)> = cases.iter().map(|(pair, score)| (pair, score)).collect();
    let summary = Summary::of(&scores, run);
    let mean = Mean::of(cases.iter().map(|(_, score)| score), &summary);
    let text = match run.format {
        Format::Table => table::eval(loss, cases, per_class, &mean, &summary).into_bytes(),
        Format::Json => json::eval(loss, cases, &mean, &summary)?,
        Format::Csv => csv::eval(loss, cases, per_class)?,
    };
    Ok(Report {
        text,
        warnings: summary.warnings,
    })
}

/// The report of every loss.
pub(crate) fn compare(cases: &[Compared], run: Run<'_>) -> Result<Report, Failure> {
    let scores: Vec<(&Pair, &Score)> = (cases.iter())
        .map(|(pair, scores)| (pair, &scores[0].1))
        .collect();
    let summary = Summary::of(&scores, run);
    let means: Vec<(Name, Mean)> = (Name::ALL.into_iter().enumerate())
        .map(|(index, name)| {
            let scores = cases.iter().map(|(_, scores)| &scores[index].1);
            (name, Mean::of(scores, &summary))
        })
        .collect();
    let text = match run.format {
        Format::Table => table::compare(cases, &means, &summary).into_bytes(),
        Format::Json => json::compare(cases, &means, &summary)?,
        Format::Csv => csv::compare(cases)?,
    };
    Ok(Report {
        text,
        warnings: summary.warnings,
    })
}

/// The cases that means are over, and the warnings.
struct Summary<'a> {
    run: Run<'a>,
    /// The number of cases that have a value.
    scored: usize,
    cases: usize,
    /// The classes, if all cases have the same ones.
    classes: Option<Vec<classes::Name>>,
    warnings: Vec<String>,
}

impl<'a> Summary<'a> {
    fn of(cases: &[(&Pair, &Score)], run: Run<'a>) -> Self {
        let mut warnings = Vec::new();
        for (pair, score) in cases {
            let file = shown(&pair.prediction);
            let of_case = score.account.warnings.iter();
            warnings.extend(of_case.map(|warning| format!("{file}: {warning}")));
            if score.value.is_none() {
                warnings.push(format!(
                    "{file}: no voxels are left to score, so the case has no score and is left out of the mean"
                ));
            }
        }
        let scored = || cases.iter().filter(|(_, score)| score.value.is_some());
        let mut classes = scored().map(|(_, score)| &score.account.classes);
        let first = classes.next();
        let other = first.and_then(|first| classes.find(|classes| *classes != first));
        if let (Some(first), Some(other)) = (first, other) {
            warnings.push(format!(
                "cases have different classes, such as {} and {}, so the mean mixes losses that are not comparable (--labels sets the classes of all cases)",
                listed(first),
                listed(other)
            ));
        }
        warnings.extend(ignored_in_vain(cases).into_iter().map(|label| {
            format!("--ignore-label {label} has no effect: no TARGET has this label")
        }));
        Self {
            run,
            scored: scored().count(),
            cases: cases.len(),
            classes: first.filter(|_| other.is_none()).cloned(),
            warnings,
        }
    }

    /// States which cases and classes the mean is over.
    fn mean_over(&self) -> String {
        let cases = self.part(self.scored);
        match &self.classes {
            Some(classes) => format!("mean over {cases}, classes {}", listed(classes)),
            None => format!("mean over {cases} of different classes"),
        }
    }

    /// States how many of the cases these are.
    fn part(&self, cases: usize) -> String {
        if cases == self.cases {
            format!("{cases} cases")
        } else {
            format!("{cases} of {} cases", self.cases)
        }
    }
}

/// The labels of `--ignore-label` that no target has.
fn ignored_in_vain(cases: &[(&Pair, &Score)]) -> Vec<i64> {
    let Some(((_, first), others)) = cases.split_first() else {
        return Vec::new();
    };
    let in_vain = first.account.ignored_in_vain.iter().filter(|label| {
        let mut others = others.iter();
        others.all(|(_, score)| score.account.ignored_in_vain.contains(label))
    });
    in_vain.copied().collect()
}

/// Means over the cases.
struct Mean {
    value: Option<f64>,
    per_class: Vec<ClassMean>,
}

/// The mean of a class over the cases in which it has a value.
#[derive(Debug, Serialize)]
struct ClassMean {
    class: classes::Name,
    value: Option<f64>,
    /// The number of cases with a value.
    cases: usize,
}

impl Mean {
    fn of<'a>(scores: impl Iterator<Item = &'a Score>, summary: &Summary<'_>) -> Self {
        let scores: Vec<&Score> = scores.collect();
        let names = summary.classes.clone().unwrap_or_else(|| {
            let all = scores.iter().flat_map(|score| &score.account.classes);
            let all: BTreeSet<classes::Name> = all.cloned().collect();
            all.into_iter().collect()
        });
        let of_class = |class: classes::Name| {
            let of_case = scores.iter().flat_map(|score| &score.per_class);
            let values = of_case.filter(|of_case| of_case.class == class);
            let values: Vec<Option<f64>> = values.map(|of_case| of_case.value).collect();
            ClassMean {
                class,
                value: mean(values.iter().copied()),
                cases: values.iter().flatten().count(),
            }
        };
        Self {
            value: mean(scores.iter().map(|score| score.value)),
            per_class: names.into_iter().map(of_class).collect(),
        }
    }
}

/// The mean of the values that are not `None`.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.flatten().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
