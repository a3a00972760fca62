//! Results as rows of a table: a row per class of a case, and then one without a class for the case as a whole.

use serde::Deserialize;

use super::format::Layout;
use super::record::{ClassRecord, Key, Record};
use crate::metrics::{Confusion, Empty, Metric};
use crate::reading::classes::Name;

/// The columns before and after those of the metrics, in every format of a table.
const FIRST: [&str; 10] = [
    "case",
    "prediction",
    "target",
    "class",
    "value",
    "tp",
    "fp",
    "fn",
    "tn",
    "cross_entropy",
];
const LAST: [&str; 4] = ["empty", "reading", "run", "error"];

pub(super) fn columns() -> Vec<&'static str> {
    let mut columns = FIRST.to_vec();
    columns.extend(Metric::ALL.map(Metric::name));
    columns.extend(LAST);
    columns
}

/// The columns of a row that are read.
#[derive(Default, Deserialize)]
pub(super) struct Row {
    pub(super) case: String,
    pub(super) prediction: String,
    pub(super) target: String,
    pub(super) class: String,
    pub(super) value: Option<f64>,
    pub(super) tp: Option<f64>,
    pub(super) fp: Option<f64>,
    #[serde(rename = "fn")]
    pub(super) fn_: Option<f64>,
    pub(super) tn: Option<f64>,
    pub(super) cross_entropy: Option<f64>,
    pub(super) reading: String,
    pub(super) empty: String,
    pub(super) run: String,
    pub(super) error: String,
}

/// Collects the rows of a case.
#[derive(Default)]
pub(super) struct Rows(Vec<(Key, ClassRecord)>);

impl Rows {
    /// Adds a row. The last row of a case gives its record, and what it has in common with others.
    pub(super) fn add(&mut self, row: Row) -> Result<Option<(Record, Layout)>, String> {
        let key = Key {
            case: row.case,
            prediction: row.prediction,
            target: row.target,
        };
        if self.0.iter().any(|(other, _)| *other != key) {
            return Err(format!(
                "found a row of the case {} before the last row of another case",
                key.case
            ));
        }
        if row.class.is_empty() {
            let classes = self.0.drain(..);
            let record = Record {
                key,
                value: row.value,
                per_class: classes.map(|(_, class)| class).collect(),
                reading: row.reading,
                error: Some(row.error).filter(|error| !error.is_empty()),
            };
            let empty = Empty::by_name(&row.empty)?;
            return Ok(Some((
                record,
                Layout {
                    run: row.run,
                    empty,
                },
            )));
        }
        let (Some(tp), Some(fp), Some(fn_), Some(tn), Some(cross_entropy)) =
            (row.tp, row.fp, row.fn_, row.tn, row.cross_entropy)
        else {
            return Err(format!("found no counts of the class {}", row.class));
        };
        let class = row
            .class
            .parse()
            .map_or(Name::Region(row.class), Name::Label);
        let class = ClassRecord {
            class,
            value: row.value,
            confusion: Confusion { tp, fp, fn_, tn },
            cross_entropy,
        };
        self.0.push((key, class));
        Ok(None)
    }
}
