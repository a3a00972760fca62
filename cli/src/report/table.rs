//! Reports as tables.

use std::fmt::Write;

use anstyle::Style;
use comfy_table::Table;
use serde_json::Value;
use unifocal_ndarray::core::catalogue::Name;

use super::{
    cells::{digits, table, voxels},
    metrics,
    summary::{ClassMean, Compared, Mean, Summary, file, firsts},
};
use crate::account::Account;
use crate::args::{Shown, ShownMetrics};
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::score::Score;

/// More class columns than this do not fit on a line.
const MOST_COLUMNS: usize = 8;

/// More classes than this are listed only with `--per-class`.
const MOST_ROWS: usize = 12;

pub(super) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    shown: &Shown,
    mean: &Mean,
    summary: &Summary<'_>,
) -> String {
    let per_class = shown.per_class;
    let bold = Style::new().bold();
    // Options that are off, and by default, are left out.
    let defaults = Chosen::default_of(loss.name).parameters();
    let parameters: Vec<String> = (loss.parameters().iter())
        .filter(|(name, value)| !value.is_null() || !defaults[*name].is_null())
        .map(|(name, value)| match value {
            Value::Null => format!("{name} none"),
            value => format!("{name} {value}"),
        })
        .collect();
    let mut text = format!("{bold}{}{bold:#}  {}\n", loss.name, parameters.join(", "));
    let head: &[&str] = if per_class {
        &[
            "case",
            "loss",
            "class",
            "class loss",
            "TP",
            "FP",
            "FN",
            "cross entropy",
        ]
    } else {
        &["case", "loss"]
    };
    let mut table = table(head);
    for (pair, score) in cases {
        let case = file(&pair.prediction);
        if !per_class {
            table.add_row([case, digits(score.value)]);
            continue;
        }
        for (index, class) in score.per_class.iter().enumerate() {
            let first = |text: String| if index == 0 { text } else { String::new() };
            table.add_row([
                first(case.clone()),
                first(digits(score.value)),
                class.class.to_string(),
                digits(class.value),
                voxels(class.sums.map(|sums| sums.confusion.tp)),
                voxels(class.sums.map(|sums| sums.confusion.fp)),
                voxels(class.sums.map(|sums| sums.confusion.fn_)),
                digits(class.sums.map(|sums| sums.cross_entropy)),
            ]);
        }
    }
    if cases.len() > 1 {
        table.add_row(["mean".to_owned(), digits(mean.value)]);
    }
    let _ = writeln!(text, "{table}");
    if cases.len() > 1 && (per_class || mean.per_class.len() <= MOST_ROWS) {
        let _ = writeln!(text, "\n{}", class_means(&mean.per_class));
    }
    if shown.metrics.shown {
        let scores: Vec<_> = cases.iter().map(|(pair, score)| (pair, score)).collect();
        text += &metrics::tables(&scores, mean, shown.metrics.empty());
    }
    let accounts = cases.iter().map(|(pair, score)| (pair, &*score.account));
    text + &readings(accounts, summary)
}

pub(super) fn compare(
    cases: &[Compared],
    shown: &ShownMetrics,
    means: &[(Name, Mean)],
    summary: &Summary<'_>,
) -> String {
    let classes = means.first().map_or(&[][..], |(_, mean)| &mean.per_class);
    let classes = if classes.len() <= MOST_COLUMNS {
        classes
    } else {
        &[]
    };
    let value = if cases.len() == 1 { "value" } else { "mean" };
    let mut head = vec!["loss".to_owned(), value.to_owned()];
    head.extend(classes.iter().map(|class| format!("class {}", class.class)));
    let mut table = table(&head.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, mean) in means {
        let mut row = vec![name.to_string(), digits(mean.value)];
        let of_classes = mean.per_class.iter().take(classes.len());
        row.extend(of_classes.map(|class| digits(class.value)));
        table.add_row(row);
    }
    let bold = Style::new().bold();
    let title = match cases {
        [(pair, _)] => format!("{} against {}", file(&pair.prediction), file(&pair.target)),
        cases => format!("{} cases", cases.len()),
    };
    let accounts = cases
        .iter()
        .map(|(pair, values)| (pair, &*values[0].1.account));
    let mut text = format!("{bold}{title}{bold:#}\n{table}\n");
    for class in classes.iter().filter(|class| class.cases < summary.cases) {
        let cases = summary.part(class.cases);
        let _ = writeln!(text, "class {}: mean over {cases}", class.class);
    }
    // Metrics do not depend on the loss.
    if let (true, Some((_, mean))) = (shown.shown, means.first()) {
        text += &metrics::tables(&firsts(cases), mean, shown.empty());
    }
    text + &readings(accounts, summary)
}

/// The mean of each class and the number of cases it is over.
fn class_means(means: &[ClassMean]) -> Table {
    let mut table = table(&["class", "mean class loss", "cases"]);
    for ClassMean {
        class,
        value,
        cases,
        ..
    } in means
    {
        table.add_row([class.to_string(), digits(*value), cases.to_string()]);
    }
    table
}

/// States how the cases were read; once if all were read alike.
fn readings<'a>(
    accounts: impl Iterator<Item = (&'a Pair, &'a Account)>,
    summary: &Summary<'_>,
) -> String {
    let accounts: Vec<_> = accounts
        .map(|(pair, account)| (file(&pair.prediction), account.lines()))
        .collect();
    let mut text = String::from("\n");
    if accounts.len() > 1 {
        let _ = writeln!(text, "{}", summary.mean_over());
    }
    let alike = accounts.windows(2).all(|pair| pair[0].1 == pair[1].1);
    for (case, lines) in accounts.iter().take(if alike { 1 } else { usize::MAX }) {
        let _ = match (accounts.len(), alike) {
            (1, _) => writeln!(text, "read as"),
            (_, true) => writeln!(text, "all read as"),
            (_, false) => writeln!(text, "{case} read as"),
        };
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}
