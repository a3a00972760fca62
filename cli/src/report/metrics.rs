//! The metrics of classes as tables.

use comfy_table::Table;

use super::cells::{digits, table, voxels};
use super::summary::{Mean, file};
use crate::metrics::{Confusion, Empty, Metric, Metrics};
use crate::pair::Pair;
use crate::score::Score;

/// The metrics of each case; of several cases, also their means and the metrics of all voxels together.
pub(super) fn tables(cases: &[(&Pair, &Score)], mean: &Mean, empty: Empty) -> String {
    let mut table = head("case");
    let mut undefined = false;
    for (pair, score) in cases {
        let of_classes = score.per_class.iter();
        let of_classes = of_classes.filter_map(|class| Some((&class.class, class.sums?.confusion)));
        for (index, (class, confusion)) in of_classes.enumerate() {
            let case = if index == 0 {
                file(&pair.prediction)
            } else {
                String::new()
            };
            undefined |= is_undefined(&confusion);
            row(&mut table, case, class, &confusion.metrics(empty));
        }
    }
    let mut text = format!("\n{table}\n");
    if cases.len() > 1 {
        let mut table = head("over cases");
        for (index, class) in mean.per_class.iter().enumerate() {
            let first = |text: &str| (if index == 0 { text } else { "" }).to_owned();
            row(
                &mut table,
                first("mean"),
                &class.class,
                &class.metrics(empty),
            );
        }
        for (index, class) in mean.per_class.iter().enumerate() {
            let first = |text: &str| (if index == 0 { text } else { "" }).to_owned();
            let pooled = class.pooled();
            undefined |= is_undefined(&pooled);
            row(
                &mut table,
                first("pooled"),
                &class.class,
                &pooled.metrics(empty),
            );
        }
        text += &format!("\n{table}\n");
    }
    if undefined {
        text += &format!("{}\n", empty.convention());
    }
    text
}

fn is_undefined(confusion: &Confusion) -> bool {
    Metric::ALL
        .iter()
        .any(|metric| metric.of(confusion).is_none())
}

fn head(first: &str) -> Table {
    table(&[
        first,
        "class",
        "Dice",
        "IoU",
        "precision",
        "recall",
        "specificity",
        "PRED",
        "TARGET",
        "difference",
    ])
}

fn row(table: &mut Table, first: String, class: &impl ToString, metrics: &Metrics) {
    let values = metrics.iter().map(|(metric, value)| {
        if metric.is_volume() {
            voxels(value)
        } else {
            digits(value)
        }
    });
    table.add_row([first, class.to_string()].into_iter().chain(values));
}
