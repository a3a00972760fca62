//! Tables for people, JSON and CSV for programs. Each says how its inputs were read.

mod csv;
mod json;
mod table;

use std::path::Path;

use unifocal_ndarray::core::Name;

use crate::account::{Account, listed};
use crate::args::Format;
use crate::failure::{Failed, Failure};
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::reading::classes;
use crate::score::Score;

/// What a command prints, and what it warns of.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) text: Vec<u8>,
    pub(crate) warnings: Vec<String>,
}

/// Cases scored with every loss.
type Compared = (Pair, Vec<(Name, Score)>);

/// The report of one loss.
pub(crate) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    failed: &[Failed],
    per_class: bool,
    format: Format,
) -> Result<Report, Failure> {
    let accounts = cases.iter().map(|(pair, score)| (pair, &*score.account));
    let summary = Summary::of(accounts, cases.iter().map(|(_, score)| score.value));
    let mean = mean(cases.iter().map(|(_, score)| score.value));
    let text = match format {
        Format::Table => table::eval(loss, cases, per_class, mean, &summary).into_bytes(),
        Format::Json => json::eval(loss, cases, failed, mean, &summary)?,
        Format::Csv => csv::eval(loss, cases, per_class)?,
    };
    Ok(Report {
        text,
        warnings: summary.warnings,
    })
}

/// The report of every loss.
pub(crate) fn compare(
    cases: &[Compared],
    failed: &[Failed],
    format: Format,
) -> Result<Report, Failure> {
    let first = |values: &Vec<(Name, Score)>| values[0].1.value;
    let accounts = cases
        .iter()
        .map(|(pair, values)| (pair, &*values[0].1.account));
    let summary = Summary::of(accounts, cases.iter().map(|(_, values)| first(values)));
    let means: Vec<(Name, Option<f64>)> = (Name::ALL.into_iter().enumerate())
        .map(|(index, name)| {
            let values = cases.iter().map(|(_, values)| values[index].1.value);
            (name, mean(values))
        })
        .collect();
    let text = match format {
        Format::Table => table::compare(cases, &means, &summary).into_bytes(),
        Format::Json => json::compare(cases, failed, &means, &summary)?,
        Format::Csv => csv::compare(cases)?,
    };
    Ok(Report {
        text,
        warnings: summary.warnings,
    })
}

/// What a mean is over, and what is to be warned of.
struct Summary {
    /// How many cases have a value.
    scored: usize,
    cases: usize,
    /// The classes, if they are those of every case.
    classes: Option<Vec<classes::Name>>,
    warnings: Vec<String>,
}

impl Summary {
    fn of<'a>(
        accounts: impl Iterator<Item = (&'a Pair, &'a Account)>,
        values: impl Iterator<Item = Option<f64>>,
    ) -> Self {
        let values: Vec<Option<f64>> = values.collect();
        let accounts: Vec<_> = accounts.collect();
        let mut warnings = Vec::new();
        for ((pair, account), value) in accounts.iter().zip(&values) {
            let file = shown(&pair.prediction);
            warnings.extend(
                account
                    .warnings
                    .iter()
                    .map(|warning| format!("{file}: {warning}")),
            );
            if value.is_none() {
                warnings.push(format!(
                    "{file}: no voxel counts, so it has no score and is in no mean"
                ));
            }
        }
        let counted = || {
            accounts
                .iter()
                .zip(&values)
                .filter(|(_, value)| value.is_some())
        };
        let mut classes = counted().map(|((_, account), _)| &account.classes);
        let first = classes.next();
        let other = first.and_then(|first| classes.find(|classes| *classes != first));
        if let (Some(first), Some(other)) = (first, other) {
            warnings.push(format!(
                "cases have different classes, {} and {}, so the mean is over unlike things (--labels lists the classes of a run)",
                listed(first),
                listed(other)
            ));
        }
        Self {
            scored: counted().count(),
            cases: values.len(),
            classes: first.filter(|_| other.is_none()).cloned(),
            warnings,
        }
    }

    /// What the mean is over, in words.
    fn mean_over(&self) -> String {
        let cases = if self.scored == self.cases {
            format!("{} cases", self.cases)
        } else {
            format!("{} of {} cases", self.scored, self.cases)
        };
        match &self.classes {
            Some(classes) => format!("mean over {cases}, classes {}", listed(classes)),
            None => format!("mean over {cases} of different classes"),
        }
    }
}

/// The mean of the values that there are.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.flatten().collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}
