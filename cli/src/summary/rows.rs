//! The statistics of a run, one row per group of cases, class and score.

use std::collections::BTreeMap;
use std::path::PathBuf;

use unifocal_ndarray::core::catalogue::Name as LossName;

use super::args::{RunArgs, Statistics, SummaryArgs, SummaryFormat};
use super::gather::{self, Column, Gathered};
use super::score_name::ScoreName;
use super::{nnunet, report};
use crate::failure::Failure;
use crate::format::Format;
use crate::metrics::{Confusion, Empty};
use crate::pairs;
use crate::reading::classes::Name;
use crate::run_text;
use crate::statistics::{Description, Resampling, describe, interval_of_mean};

/// The statistics of a run.
pub(crate) struct Summary {
    pub(crate) run: Gathered,
    pub(crate) resampling: Resampling,
    /// The column of the manifest that groups the cases.
    pub(crate) by: Option<String>,
    pub(crate) rows: Vec<Row>,
    /// The cases with the largest losses, by their index among those with a score, and these.
    pub(crate) worst: Vec<(u32, f64)>,
}

/// The statistics of a score.
pub(crate) struct Row {
    /// The group; `None` for all cases.
    pub(crate) group: Option<String>,
    pub(crate) class: Option<Name>,
    pub(crate) score: ScoreName,
    /// The number of cases that have a value.
    pub(crate) cases: usize,
    pub(crate) described: Option<Described>,
    /// The metric of all cases' counts together.
    pub(crate) pooled: Option<f64>,
}

pub(crate) struct Described {
    pub(crate) numbers: Description,
    pub(crate) interval: Option<[f64; 2]>,
    /// The worst value, and the first case that has it.
    pub(crate) worst: (f64, String),
}

/// The report of `summary`.
pub(crate) fn summarize(arguments: &SummaryArgs) -> Result<Vec<u8>, Failure> {
    if arguments.format == SummaryFormat::Nnunet {
        return nnunet::report(&arguments.run.results);
    }
    report(&Summary::of(&arguments.run)?, arguments.format)
}

fn report(summary: &Summary, format: SummaryFormat) -> Result<Vec<u8>, Failure> {
    match format {
        SummaryFormat::Csv => report::csv(summary),
        SummaryFormat::Json => report::json(summary),
        _ => Ok(report::table(summary).into_bytes()),
    }
}

/// The report of runs of the same cases with several losses: the statistics of each loss, over all classes.
pub(crate) fn of_losses(files: &[(LossName, PathBuf)], format: Format) -> Result<Vec<u8>, Failure> {
    let resampling = Statistics::default().resampling()?;
    let mut all = Gathered::default();
    let mut rows = Vec::new();
    for (name, file) in files {
        let mut run = gather::gather(&[file], &[ScoreName::Loss], None)?;
        run.columns.retain(|column| column.class.is_none());
        rows.extend(self::rows(&run, Some(name.as_str()), &|_| true, resampling));
        all = run;
    }
    // The options that the runs have in common.
    if let Some(run) = run_text::parse(&all.run) {
        let empty = all.empty.name();
        let text = format!("unifocal {}: --empty {empty} {}", run.version, run.reading);
        all.run = text.trim_end().to_owned();
    }
    report(
        &Summary {
            run: all,
            resampling,
            by: Some("loss".to_owned()),
            rows,
            worst: Vec::new(),
        },
        format.into(),
    )
}

impl Summary {
    pub(crate) fn of(arguments: &RunArgs) -> Result<Self, Failure> {
        let Statistics { scores, .. } = &arguments.statistics;
        let resampling = arguments.statistics.resampling()?;
        let run = gather::gather(&arguments.results, scores, arguments.empty)?;
        if run.cases.is_empty() && run.failed.is_empty() {
            return Err(Failure::file(
                &arguments.results[0],
                "has no results: no case was complete",
            ));
        }
        let all = |_: u32| true;
        let mut rows = rows(&run, None, &all, resampling);
        if let (Some(by), Some(manifest)) = (&arguments.by, &arguments.manifest) {
            let values = pairs::manifest_column(manifest, by)?;
            let mut groups: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
            for (index, case) in run.cases.iter().enumerate() {
                let Some(value) = values.get(case) else {
                    return Err(Failure::file(
                        manifest,
                        format!("has no row for the case {case} of the results"),
                    ));
                };
                let of_group = groups.entry(value).or_default();
                of_group.resize(run.cases.len(), false);
                of_group[index] = true;
            }
            for (group, members) in groups {
                let member = |case: u32| members[case as usize];
                rows.extend(self::rows(&run, Some(group), &member, resampling));
            }
        }
        let worst = worst_cases(&run, arguments.worst);
        Ok(Self {
            run,
            resampling,
            by: arguments.by.clone(),
            rows,
            worst,
        })
    }
}

impl Summary {
    /// The names of the cases with the largest losses, and these.
    pub(super) fn worst(&self) -> impl Iterator<Item = (&str, f64)> {
        let worst = self.worst.iter();
        worst.map(|(case, loss)| (self.run.cases[*case as usize].as_str(), *loss))
    }
}

/// The rows of the cases of a group.
fn rows(
    run: &Gathered,
    group: Option<&str>,
    member: &dyn Fn(u32) -> bool,
    resampling: Resampling,
) -> Vec<Row> {
    let of_column = |column: &Column| {
        let values = column.values.iter().filter(|(case, _)| member(*case));
        let values: Vec<(u32, f64)> = values.copied().collect();
        let numbers: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
        let described = describe(&numbers).and_then(|described| {
            let (case, value) = worst(column.score, &values)?;
            Some(Described {
                numbers: described,
                interval: interval_of_mean(&numbers, resampling),
                worst: (value, run.cases[case as usize].clone()),
            })
        });
        Row {
            group: group.map(str::to_owned),
            class: column.class.clone(),
            score: column.score,
            cases: numbers.len(),
            described,
            pooled: pooled(column, member, run.empty),
        }
    };
    run.columns.iter().map(of_column).collect()
}

/// The worst value and its case; of equal ones the first.
fn worst(score: ScoreName, values: &[(u32, f64)]) -> Option<(u32, f64)> {
    let worse = |one: (u32, f64), other: &(u32, f64)| {
        if score.badness(other.1) > score.badness(one.1) {
            *other
        } else {
            one
        }
    };
    let (first, rest) = values.split_first()?;
    Some(rest.iter().fold(*first, worse))
}

fn pooled(column: &Column, member: &dyn Fn(u32) -> bool, empty: Empty) -> Option<f64> {
    let metric = column.score.metric()?;
    let mut all = Confusion::default();
    for (_, confusion) in column.confusions.iter().filter(|(case, _)| member(*case)) {
        all.merge(confusion);
    }
    empty.value(metric.of(&all))
}

/// The cases with the largest loss.
fn worst_cases(run: &Gathered, most: usize) -> Vec<(u32, f64)> {
    let loss = |column: &&Column| column.class.is_none();
    let Some(loss) = run.columns.iter().find(loss) else {
        return Vec::new();
    };
    let mut values = loss.values.clone();
    values.sort_by(|one, other| other.1.total_cmp(&one.1));
    values.truncate(most);
    values
}
