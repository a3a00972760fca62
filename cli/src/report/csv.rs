//! Reports as CSV: one row per case and loss, and per class with `--per-class` or `--metrics`. A missing value is an empty cell.

use super::summary::{Compared, file};
use crate::args::Shown;
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::metrics::Metric;
use crate::pair::Pair;
use crate::score::Score;

const HEAD: [&str; 4] = ["prediction", "target", "loss", "value"];
const CLASSES: [&str; 6] = ["class", "class_value", "tp", "fp", "fn", "cross_entropy"];
const TRUE_NEGATIVES: &str = "tn";
const EMPTY: &str = "empty";
const READING: &str = "reading";

pub(super) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    shown: &Shown,
) -> Result<Vec<u8>, Failure> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let Shown {
        per_class, metrics, ..
    } = *shown;
    let mut columns = HEAD.to_vec();
    if per_class || metrics {
        columns.extend(CLASSES);
    }
    if metrics {
        columns.extend(
            [TRUE_NEGATIVES]
                .into_iter()
                .chain(Metric::ALL.map(Metric::name)),
        );
        columns.push(EMPTY);
    }
    columns.push(READING);
    csv.write_record(columns).map_err(unwritable)?;
    for (pair, score) in cases {
        let reading = score.account.text();
        let head = (
            file(&pair.prediction),
            file(&pair.target),
            loss.name.as_str(),
            score.value,
        );
        if !(per_class || metrics) {
            csv.serialize((&head, &reading)).map_err(unwritable)?;
            continue;
        }
        for class in &score.per_class {
            let confusion = class.sums.map(|sums| sums.confusion);
            let numbers = (
                class.class.to_string(),
                class.value,
                confusion.map(|confusion| confusion.tp),
                confusion.map(|confusion| confusion.fp),
                confusion.map(|confusion| confusion.fn_),
                class.sums.map(|sums| sums.cross_entropy),
            );
            let written = match confusion {
                Some(confusion) if metrics => {
                    let metrics = confusion.metrics(shown.empty()).0;
                    let named = (confusion.tn, metrics, shown.empty().name());
                    csv.serialize((&head, numbers, named, &reading))
                }
                _ => csv.serialize((&head, numbers, &reading)),
            };
            written.map_err(unwritable)?;
        }
    }
    finished(csv)
}

pub(super) fn compare(cases: &[Compared]) -> Result<Vec<u8>, Failure> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEAD.iter().chain([&READING]))
        .map_err(unwritable)?;
    for (pair, values) in cases {
        for (name, score) in values {
            let row = (
                file(&pair.prediction),
                file(&pair.target),
                name.as_str(),
                score.value,
                score.account.text(),
            );
            csv.serialize(row).map_err(unwritable)?;
        }
    }
    finished(csv)
}

fn finished(csv: csv::Writer<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    csv.into_inner()
        .map_err(|error| Failure::Report(error.to_string()))
}

fn unwritable(error: csv::Error) -> Failure {
    Failure::Report(error.to_string())
}
