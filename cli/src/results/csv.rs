//! Results as CSV: a row per class of a case, and then one without a class for the case as a whole.

use super::format::Layout;
use super::record::{Key, Record};
use super::rows::{Row, Rows, columns};
use crate::failure::Failure;
use crate::metrics::Metric;
use csv::{Reader, ReaderBuilder, StringRecord, Writer, WriterBuilder};

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

/// Reads the lines of a file.
pub(super) struct Lines {
    columns: StringRecord,
    rows: Rows,
}

impl Lines {
    /// Reads the first line of a file.
    pub(super) fn new(head: &str) -> Result<Self, String> {
        let columns = record(head)?;
        let expected = columns_text();
        if columns.iter().eq(super::rows::columns()) {
            let rows = Rows::default();
            Ok(Self { columns, rows })
        } else {
            Err(format!("found the columns {head}, expected {expected}"))
        }
    }

    /// Adds a line. The last line of a case gives its record, and what it has in common with others.
    pub(super) fn add(&mut self, line: &str) -> Result<Option<(Record, Layout)>, String> {
        let row: Row = record(line)?
            .deserialize(Some(&self.columns))
            .map_err(|error| error.to_string())?;
        self.rows.add(row)
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
