//! Reports as CSV: one row per case and loss, and per class with `--per-class` or `--metrics`. A missing value is an empty cell.

use unifocal_ndarray::core::catalogue::Name;

use super::summary::{Compared, file};
use crate::args::{Shown, ShownMetrics};
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
    let cases = cases.iter();
    rows(cases.map(|(pair, score)| (pair, loss.name, score)), shown)
}

pub(super) fn compare(cases: &[Compared], shown: &ShownMetrics) -> Result<Vec<u8>, Failure> {
    let shown = Shown {
        per_class: false,
        metrics: *shown,
    };
    let scores = cases.iter().flat_map(|(pair, scores)| {
        let scores = scores.iter();
        scores.map(move |(name, score)| (pair, *name, score))
    });
    rows(scores, &shown)
}

fn rows<'a>(
    scores: impl Iterator<Item = (&'a Pair, Name, &'a Score)>,
    shown: &Shown,
) -> Result<Vec<u8>, Failure> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let Shown { per_class, metrics } = *shown;
    let empty = metrics.empty();
    let classes = per_class || metrics.shown;
    let mut columns = HEAD.to_vec();
    if classes {
        columns.extend(CLASSES);
    }
    if metrics.shown {
        columns.push(TRUE_NEGATIVES);
        columns.extend(Metric::ALL.map(Metric::name));
        columns.push(EMPTY);
    }
    columns.push(READING);
    csv.write_record(columns).map_err(unwritable)?;
    for (pair, loss, score) in scores {
        let reading = score.account.text();
        let head = (
            file(&pair.prediction),
            file(&pair.target),
            loss.as_str(),
            score.value,
        );
        if !classes {
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
                Some(confusion) if metrics.shown => {
                    let named = (confusion.tn, confusion.metrics(empty).0, empty.name());
                    csv.serialize((&head, numbers, named, &reading))
                }
                _ => csv.serialize((&head, numbers, &reading)),
            };
            written.map_err(unwritable)?;
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
