//! Reports as CSV: one row per case and loss, and per class with `--per-class`. A missing value is an empty cell.

use super::summary::{Compared, shown};
use crate::failure::Failure;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::score::Score;

const HEAD: [&str; 4] = ["prediction", "target", "loss", "value"];
const CLASSES: [&str; 6] = ["class", "class_value", "tp", "fp", "fn", "cross_entropy"];
const READING: &str = "reading";

pub(super) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    per_class: bool,
) -> Result<Vec<u8>, Failure> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let columns = if per_class { CLASSES.as_slice() } else { &[] };
    csv.write_record(HEAD.iter().chain(columns).chain([&READING]))
        .map_err(unwritable)?;
    for (pair, score) in cases {
        let reading = score.account.text();
        let head = (
            shown(&pair.prediction),
            shown(&pair.target),
            loss.name.as_str(),
            score.value,
        );
        if !per_class {
            csv.serialize((&head, &reading)).map_err(unwritable)?;
            continue;
        }
        for class in &score.per_class {
            let sums = class.sums;
            let numbers = (
                class.class.to_string(),
                class.value,
                sums.map(|sums| sums.tp),
                sums.map(|sums| sums.fp),
                sums.map(|sums| sums.fn_),
                sums.map(|sums| sums.cross_entropy),
            );
            csv.serialize((&head, numbers, &reading))
                .map_err(unwritable)?;
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
                shown(&pair.prediction),
                shown(&pair.target),
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
