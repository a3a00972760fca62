//! The parts of a report beside the scores of its cases: means, warnings, failures.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use unifocal_ndarray::core::catalogue::Name;

use crate::failure::Failed;
use crate::format::Format;
use crate::listed::listed;
use crate::metrics::{Confusion, Empty, Metric, Metrics};
use crate::pair::Pair;
use crate::reading::classes::Name as ClassName;
use crate::score::Score;

/// A case scored with every loss.
pub(super) type Compared = (Pair, Vec<(Name, Score)>);

/// The cases with their scores by the first loss.
pub(super) fn firsts(cases: &[Compared]) -> Vec<(&Pair, &Score)> {
    let cases = cases.iter();
    cases.map(|(pair, scores)| (pair, &scores[0].1)).collect()
}

/// The contents of a report besides the scores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) failed: &'a [Failed],
    /// Notes about how the cases were found.
    pub(crate) notes: &'a [String],
    pub(crate) format: Format,
}

/// The cases that means are over, and the warnings.
pub(super) struct Summary<'a> {
    pub(super) run: Run<'a>,
    /// The number of cases that have a value.
    pub(super) scored: usize,
    pub(super) cases: usize,
    /// The classes, if all cases have the same ones.
    pub(super) classes: Option<Vec<ClassName>>,
    pub(super) warnings: Vec<String>,
}

impl<'a> Summary<'a> {
    pub(super) fn of(cases: &[(&Pair, &Score)], run: Run<'a>) -> Self {
        let mut warnings = Vec::new();
        for (pair, score) in cases {
            let case = file(&pair.prediction);
            let of_case = score.account.warnings.iter();
            warnings.extend(of_case.map(|warning| format!("{case}: {warning}")));
            if score.value.is_none() {
                warnings.push(format!(
                    "{case}: no voxels are left to score, so the case has no score and is left out of the mean"
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
    pub(super) fn mean_over(&self) -> String {
        let cases = self.part(self.scored);
        match &self.classes {
            Some(classes) => format!("mean over {cases}, classes {}", listed(classes)),
            None => format!("mean over {cases} of different classes"),
        }
    }

    /// States how many of the cases these are.
    pub(super) fn part(&self, cases: usize) -> String {
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
pub(super) struct Mean {
    pub(super) value: Option<f64>,
    pub(super) per_class: Vec<ClassMean>,
}

/// The mean of a class over the cases in which it has a value.
#[derive(Debug, Serialize)]
pub(super) struct ClassMean {
    pub(super) class: ClassName,
    pub(super) value: Option<f64>,
    /// The number of cases with a value.
    pub(super) cases: usize,
    /// The counts of the class in each case, if requested.
    #[serde(skip)]
    confusions: Vec<Confusion>,
}

impl ClassMean {
    /// The mean of each metric over the cases in which it has a value.
    pub(super) fn metrics(&self, empty: Empty) -> Metrics {
        let of_cases: Vec<Metrics> = (self.confusions.iter())
            .map(|confusion| confusion.metrics(empty))
            .collect();
        let mut means = Metrics([None; Metric::ALL.len()]);
        for (index, value) in means.0.iter_mut().enumerate() {
            *value = mean(of_cases.iter().map(|metrics| metrics.0[index]));
        }
        means
    }

    /// The counts of all cases together.
    pub(super) fn pooled(&self) -> Confusion {
        let mut all = Confusion::default();
        for confusion in &self.confusions {
            all.merge(confusion);
        }
        all
    }
}

impl Mean {
    pub(super) fn of<'a>(scores: impl Iterator<Item = &'a Score>, summary: &Summary<'_>) -> Self {
        let scores: Vec<&Score> = scores.collect();
        let names = summary.classes.clone().unwrap_or_else(|| {
            let all = scores.iter().flat_map(|score| &score.account.classes);
            let all: BTreeSet<ClassName> = all.cloned().collect();
            all.into_iter().collect()
        });
        let of_class = |class: ClassName| {
            let of_case = scores.iter().flat_map(|score| &score.per_class);
            let of_class: Vec<_> = of_case.filter(|of_case| of_case.class == class).collect();
            let values: Vec<Option<f64>> = of_class.iter().map(|of_case| of_case.value).collect();
            let sums = of_class.iter().filter_map(|of_case| of_case.sums);
            ClassMean {
                class,
                value: mean(values.iter().copied()),
                cases: values.iter().flatten().count(),
                confusions: sums.map(|sums| sums.confusion).collect(),
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

/// A file, for a report.
pub(super) fn file(file: &Path) -> String {
    file.display().to_string()
}
