//! Results as Parquet: the rows and columns of the CSV file, with empty cells as nulls.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::{Field, Row as Fields};
use parquet::schema::types::Type;

use super::format::Layout;
use super::reader::Read;
use super::record::{ClassRecord, Record};
use super::rows::{Row, Rows, columns};
use crate::failure::Failure;
use crate::metrics::Metric;
use crate::output::Complete;

/// A row group is written when it has so many rows.
const ROWS: usize = 1 << 16;

/// The columns of text; the others hold numbers.
const TEXT: [&str; 8] = [
    "case",
    "prediction",
    "target",
    "class",
    "empty",
    "reading",
    "run",
    "error",
];

/// The cells of a column of the group that is being collected.
enum Cells {
    Text(Vec<Option<String>>),
    Numbers(Vec<Option<f64>>),
}

/// A file that appears when it is complete.
pub(super) struct Table {
    path: PathBuf,
    writer: SerializedFileWriter<Complete>,
    columns: Vec<Cells>,
    rows: usize,
}

impl Table {
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let schema = schema().map_err(|error| unwritable(path, &error))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let writer = SerializedFileWriter::new(
            Complete::new(path)?,
            Arc::new(schema),
            Arc::new(properties.build()),
        );
        let mut table = Self {
            path: path.to_owned(),
            writer: writer.map_err(|error| unwritable(path, &error))?,
            columns: Vec::new(),
            rows: 0,
        };
        table.clear();
        Ok(table)
    }

    /// Starts a group.
    fn clear(&mut self) {
        let cells = columns().into_iter().map(|name| {
            if TEXT.contains(&name) {
                Cells::Text(Vec::new())
            } else {
                Cells::Numbers(Vec::new())
            }
        });
        self.columns = cells.collect();
        self.rows = 0;
    }

    /// Adds the rows of a case.
    pub(super) fn add(&mut self, record: &Record, layout: &Layout) -> Result<(), Failure> {
        for class in &record.per_class {
            self.row(record, Some(class), layout);
        }
        self.row(record, None, layout);
        if self.rows < ROWS {
            return Ok(());
        }
        self.flush().map_err(|error| unwritable(&self.path, &error))
    }

    /// Adds the row of a class, or the last one of a case.
    fn row(&mut self, record: &Record, class: Option<&ClassRecord>, layout: &Layout) {
        let counts = class.map(|class| class.confusion);
        let metrics = counts.map(|counts| counts.metrics(layout.empty).0);
        let of_case = |text: &str| class.is_none().then(|| text.to_owned());
        for (name, cells) in columns().into_iter().zip(&mut self.columns) {
            match cells {
                Cells::Text(cells) => cells.push(match name {
                    "case" => Some(record.key.case.clone()),
                    "prediction" => Some(record.key.prediction.clone()),
                    "target" => Some(record.key.target.clone()),
                    "class" => class.map(|class| class.class.to_string()),
                    "empty" => Some(layout.empty.name().to_owned()),
                    "reading" => of_case(&record.reading),
                    "run" => of_case(&layout.run),
                    _ => record.error.as_deref().and_then(of_case),
                }),
                Cells::Numbers(cells) => cells.push(match name {
                    "value" => class.map_or(record.value, |class| class.value),
                    "tp" => counts.map(|counts| counts.tp),
                    "fp" => counts.map(|counts| counts.fp),
                    "fn" => counts.map(|counts| counts.fn_),
                    "tn" => counts.map(|counts| counts.tn),
                    "cross_entropy" => class.map(|class| class.cross_entropy),
                    metric => metrics.and_then(|metrics| {
                        let place = Metric::ALL.iter().position(|own| own.name() == metric)?;
                        metrics[place]
                    }),
                }),
            }
        }
        self.rows += 1;
    }

    /// Writes the group.
    fn flush(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for cells in &self.columns {
            let Some(mut column) = group.next_column()? else {
                break;
            };
            match cells {
                Cells::Text(cells) => {
                    let texts = cells.iter().flatten();
                    let texts: Vec<ByteArray> = texts.map(|text| text.as_str().into()).collect();
                    let typed = column.typed::<ByteArrayType>();
                    typed.write_batch(&texts, Some(&present(cells)), None)?;
                }
                Cells::Numbers(cells) => {
                    let numbers: Vec<f64> = cells.iter().flatten().copied().collect();
                    let typed = column.typed::<DoubleType>();
                    typed.write_batch(&numbers, Some(&present(cells)), None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
        self.clear();
        Ok(())
    }

    /// Moves the file into place.
    pub(super) fn persist(mut self) -> Result<(), Failure> {
        let path = self.path.clone();
        let failure = |error: ParquetError| unwritable(&path, &error);
        if self.rows > 0 {
            self.flush().map_err(failure)?;
        }
        self.writer.into_inner().map_err(failure)?.persist()?;
        Ok(())
    }
}

/// 1 for a cell and 0 for an empty one.
fn present<T>(cells: &[Option<T>]) -> Vec<i16> {
    let cells = cells.iter();
    cells.map(|cell| i16::from(cell.is_some())).collect()
}

fn schema() -> Result<Type, ParquetError> {
    let column = |name: &str| {
        let (physical, logical) = if TEXT.contains(&name) {
            (Physical::BYTE_ARRAY, Some(LogicalType::String))
        } else {
            (Physical::DOUBLE, None)
        };
        let column = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL);
        column.build().map(Arc::new)
    };
    let fields = columns().into_iter().map(column);
    Type::group_type_builder("results")
        .with_fields(fields.collect::<Result<_, _>>()?)
        .build()
}

/// The records of a file, in order.
pub(super) fn read(path: &Path) -> Result<impl Iterator<Item = Read> + use<>, Failure> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::file(path, format!("cannot be read: {error}"))
    };
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let file = SerializedFileReader::new(file).map_err(|error| unreadable(path, &error))?;
    let schema = file.metadata().file_metadata().schema().get_fields();
    let found: Vec<&str> = schema.iter().map(|field| field.name()).collect();
    if found != columns() {
        return Err(Failure::file(
            path,
            format!(
                "is not a file of results of this program: found the columns {}, expected {}",
                found.join(","),
                columns().join(",")
            ),
        ));
    }
    let path = path.to_owned();
    let mut rows = Rows::default();
    Ok(file.into_iter().filter_map(move |fields| {
        let fields = match fields {
            Ok(fields) => fields,
            Err(error) => return Some(Err(unreadable(&path, &error))),
        };
        let record = rows.add(row(fields)).map_err(|message| {
            let message = format!("is not a file of results of this program: {message}");
            Failure::file(&path, message)
        });
        record.transpose()
    }))
}

/// The cells of a row. An empty text is no text.
fn row(fields: Fields) -> Row {
    let mut row = Row::default();
    for (name, field) in fields.into_columns() {
        match field {
            Field::Str(text) => match name.as_str() {
                "case" => row.case = text,
                "prediction" => row.prediction = text,
                "target" => row.target = text,
                "class" => row.class = text,
                "empty" => row.empty = text,
                "reading" => row.reading = text,
                "run" => row.run = text,
                "error" => row.error = text,
                _ => {}
            },
            Field::Double(number) => match name.as_str() {
                "value" => row.value = Some(number),
                "tp" => row.tp = Some(number),
                "fp" => row.fp = Some(number),
                "fn" => row.fn_ = Some(number),
                "tn" => row.tn = Some(number),
                "cross_entropy" => row.cross_entropy = Some(number),
                _ => {}
            },
            _ => {}
        }
    }
    row
}

fn unwritable(path: &Path, error: &ParquetError) -> Failure {
    Failure::file(path, format!("cannot be written: {error}"))
}
