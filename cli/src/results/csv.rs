//! Results as CSV: a row per class of a case, and then one without a class for the case as a whole.

use csv::{Reader, ReaderBuilder, StringRecord, Writer, WriterBuilder};
use serde::Deserialize;

use super::format::Layout;
use super::record::{ClassRecord, Key, Record};
use crate::failure::Failure;
use crate::metrics::{Confusion, Empty, Metric};
use crate::reading::classes::Name;

/// The columns before and after those of the metrics.
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

fn columns() -> Vec<&'static str> {
    let mut columns = FIRST.to_vec();
    columns.extend(Metric::ALL.map(Metric::name));
    columns.extend(LAST);
    columns
}

pub(super) fn head() -> Result<Vec<u8>, Failure> {
    let mut csv = Writer::from_writer(Vec::new());
    csv.write_record(columns()).map_err(unwritable)?;
    finished(csv)
}

pub(super) fn lines(record: &Record, layout: &Layout) -> Result<Vec<u8>, Failure> {
    let mut csv = WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    let Key {
        case,
        prediction,
        target,
    } = &record.key;
    let empty = layout.empty.name();
    let nothing: Option<f64> = None;
    for class in &record.per_class {
        let row = (
            (case, prediction, target, class.class.to_string()),
            (class.value, class.confusion, class.cross_entropy),
            class.confusion.metrics(layout.empty).0,
            (empty, "", "", ""),
        );
        csv.serialize(row).map_err(unwritable)?;
    }
    let row = (
        (case, prediction, target, ""),
        (record.value, [nothing; 5]),
        [nothing; Metric::ALL.len()],
        (empty, &record.reading, &layout.run, &record.error),
    );
    csv.serialize(row).map_err(unwritable)?;
    finished(csv)
}

fn finished(csv: Writer<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    csv.into_inner()
        .map_err(|error| Failure::Report(error.to_string()))
}

fn unwritable(error: csv::Error) -> Failure {
    Failure::Report(error.to_string())
}

/// The columns of a row that are read.
#[derive(Deserialize)]
struct Row {
    case: String,
    prediction: String,
    target: String,
    class: String,
    value: Option<f64>,
    tp: Option<f64>,
    fp: Option<f64>,
    #[serde(rename = "fn")]
    fn_: Option<f64>,
    tn: Option<f64>,
    cross_entropy: Option<f64>,
    reading: String,
    empty: String,
    run: String,
    error: String,
}

/// Reads the rows of a file, and collects those of a case.
pub(super) struct Rows {
    columns: StringRecord,
    classes: Vec<(Key, ClassRecord)>,
}

impl Rows {
    /// Reads the first line of a file.
    pub(super) fn new(head: &str) -> Result<Self, String> {
        let columns = record(head)?;
        let expected = columns_text();
        if columns.iter().eq(self::columns()) {
            Ok(Self {
                columns,
                classes: Vec::new(),
            })
        } else {
            Err(format!("found the columns {head}, expected {expected}"))
        }
    }

    /// Adds a line. The last line of a case gives its record, and what it has in common with others.
    pub(super) fn add(&mut self, line: &str) -> Result<Option<(Record, Layout)>, String> {
        let row: Row = record(line)?
            .deserialize(Some(&self.columns))
            .map_err(|error| error.to_string())?;
        let key = Key {
            case: row.case,
            prediction: row.prediction,
            target: row.target,
        };
        if self.classes.iter().any(|(other, _)| *other != key) {
            return Err(format!(
                "found a row of the case {} before the last row of another case",
                key.case
            ));
        }
        if row.class.is_empty() {
            let classes = self.classes.drain(..);
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
        self.classes.push((key, class));
        Ok(None)
    }
}

fn columns_text() -> String {
    columns().join(",")
}

/// The cells of a line.
fn record(line: &str) -> Result<StringRecord, String> {
    let mut reader: Reader<&[u8]> = ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line.as_bytes());
    let mut cells = StringRecord::new();
    reader
        .read_record(&mut cells)
        .map_err(|error| error.to_string())?;
    Ok(cells)
}
