//! Results as JSON Lines: an object per case.

use serde::Deserialize;
use serde_json::{Value, json};

use super::format::Layout;
use super::record::Record;
use crate::failure::Failure;
use crate::metrics::Empty;

#[derive(Deserialize)]
struct Line {
    #[serde(flatten)]
    record: Record,
    run: String,
    empty: String,
}

pub(super) fn line(record: &Record, layout: &Layout) -> Result<Vec<u8>, Failure> {
    let unwritable = |error: serde_json::Error| Failure::Report(error.to_string());
    let mut line = serde_json::to_value(record).map_err(unwritable)?;
    if let Value::Array(classes) = &mut line["per_class"] {
        for (entry, class) in classes.iter_mut().zip(&record.per_class) {
            entry["metrics"] = (&class.confusion.metrics(layout.empty)).into();
        }
    }
    line["empty"] = json!(layout.empty.name());
    line["run"] = json!(layout.run);
    let mut line = serde_json::to_vec(&line).map_err(unwritable)?;
    line.push(b'\n');
    Ok(line)
}

/// The record of a line, and what it has in common with others.
pub(super) fn parse(line: &str) -> Result<(Record, Layout), String> {
    let Line { record, run, empty } =
        serde_json::from_str(line).map_err(|error| error.to_string())?;
    let empty = Empty::by_name(&empty)?;
    Ok((record, Layout { run, empty }))
}
