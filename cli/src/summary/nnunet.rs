//! The `summary.json` of nnU-Net's `evaluate_folder`.

use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Serializer, Value, json};

use crate::failure::Failure;
use crate::metrics::{Confusion, Metric};
use crate::reading::classes::Name;
use crate::results::{self, Record};

/// The names of the numbers of a class, in nnU-Net's order.
const FIELDS: [&str; 8] = ["Dice", "FN", "FP", "IoU", "TN", "TP", "n_pred", "n_ref"];

/// The numbers of a class.
type Numbers = [f64; FIELDS.len()];

fn numbers(confusion: &Confusion) -> Numbers {
    let Confusion { tp, fp, fn_, tn } = *confusion;
    // As in nnU-Net, a class that is nowhere has no score, whatever the convention of the run.
    let score = |metric: Metric| metric.of(confusion).unwrap_or(f64::NAN);
    [
        score(Metric::Dice),
        fn_,
        fp,
        score(Metric::Iou),
        tn,
        tp,
        tp + fp,
        tp + fn_,
    ]
}

/// The report of some files of results. Cases that failed are not in it, and neither is label 0, the background. As in nnU-Net, each
/// case has each class of the run.
pub(super) fn report(files: &[impl AsRef<Path>]) -> Result<Vec<u8>, Failure> {
    let mut records = Vec::new();
    let mut classes: Vec<Name> = Vec::new();
    for file in files {
        for found in results::read(file.as_ref())? {
            let (record, _) = found?;
            if record.error.is_some() {
                continue;
            }
            for class in &record.per_class {
                if class.class != Name::Label(0) && !classes.contains(&class.class) {
                    classes.push(class.class.clone());
                }
            }
            records.push(record);
        }
    }
    let mut of_classes: Vec<Vec<Numbers>> = vec![Vec::new(); classes.len()];
    let mut cases = Vec::with_capacity(records.len());
    for record in records {
        let mut metrics = Map::new();
        for (class, of_class) in classes.iter().zip(&mut of_classes) {
            let known = record
                .per_class
                .iter()
                .find(|of_case| of_case.class == *class);
            let confusion = known.map_or_else(|| absent(&record), |class| class.confusion);
            let numbers = numbers(&confusion);
            metrics.insert(class.to_string(), object(&numbers));
            of_class.push(numbers);
        }
        cases.push(json!({
            "metrics": metrics,
            "prediction_file": record.key.prediction,
            "reference_file": record.key.target,
        }));
    }
    let means: Vec<Numbers> = of_classes.iter().map(|numbers| mean(numbers)).collect();
    let by_class = classes.iter().zip(&means);
    let by_class = by_class.map(|(class, numbers)| (class.to_string(), object(numbers)));
    print(&json!({
        "foreground_mean": object(&mean(&means)),
        "mean": by_class.collect::<Map<_, _>>(),
        "metric_per_case": cases,
    }))
}

/// The counts of a class that a case does not have: no voxel is in it.
fn absent(record: &Record) -> Confusion {
    let voxels = record.per_class.first().map_or(0.0, |class| {
        let Confusion { tp, fp, fn_, tn } = class.confusion;
        tp + fp + fn_ + tn
    });
    Confusion {
        tn: voxels,
        ..Confusion::default()
    }
}

fn object(numbers: &Numbers) -> Value {
    let fields = FIELDS.into_iter().zip(numbers);
    let fields = fields.map(|(name, number)| (name.to_owned(), number_of(name, *number)));
    Value::Object(fields.collect())
}

/// Counts of voxels are integers, as in nnU-Net, unless they are means or sums over probabilities.
fn number_of(name: &str, number: f64) -> Value {
    let is_count = !matches!(name, "Dice" | "IoU");
    if is_count && number.fract() == 0.0 && number.abs() < 9e15 {
        json!(number as i64)
    } else {
        json!(number)
    }
}

/// The mean of each number over those that are not NaN.
fn mean(numbers: &[Numbers]) -> Numbers {
    std::array::from_fn(|field| {
        let of_field = numbers.iter().map(|numbers| numbers[field]);
        let of_field: Vec<f64> = of_field.filter(|number| !number.is_nan()).collect();
        of_field.iter().sum::<f64>() / of_field.len() as f64
    })
}

/// Prints with indentation, and `NaN` where JSON has `null`, as Python's `json` writes and reads it.
fn print(value: &Value) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let format = Python(PrettyFormatter::with_indent(b"    "));
    let mut serializer = Serializer::with_formatter(&mut text, format);
    value
        .serialize(&mut serializer)
        .map_err(|error| Failure::Report(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

struct Python<'a>(PrettyFormatter<'a>);

macro_rules! pass_on {
    ($($method:ident($($first:ident)?)),*) => { $(
        fn $method<W: ?Sized + io::Write>(&mut self, writer: &mut W $(, $first: bool)?) -> io::Result<()> {
            self.0.$method(writer $(, $first)?)
        }
    )* };
}

impl Formatter for Python<'_> {
    fn write_null<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"NaN")
    }

    pass_on!(
        begin_array(),
        end_array(),
        begin_array_value(first),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first),
        begin_object_value(),
        end_object_value()
    );
}
