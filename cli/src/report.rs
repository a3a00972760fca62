//! Tables for people, JSON and CSV for programs.

use std::path::Path;

use anstyle::Style;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use unifocal_ndarray::core::Name;

use crate::args::Format;
use crate::failure::{Failed, Failure};
use crate::loss::Chosen;
use crate::pairs::Pair;
use crate::score::Score;

/// The report of one loss.
pub(crate) fn eval(
    loss: &Chosen,
    cases: &[(Pair, Score)],
    failed: &[Failed],
    per_class: bool,
    format: Format,
) -> Result<Vec<u8>, Failure> {
    let mean = mean(cases.iter().map(|(_, score)| score.value));
    match format {
        Format::Table => Ok(eval_table(loss, cases, per_class, mean).into_bytes()),
        Format::Json => {
            let case = |(pair, score): &(Pair, Score)| {
                json!({
                    "prediction": shown(&pair.prediction),
                    "target": shown(&pair.target),
                    "value": score.value,
                    "per_class": score.per_class,
                })
            };
            line(&json!({
                "loss": loss.name.as_str(),
                "parameters": loss.parameters,
                "cases": cases.iter().map(case).collect::<Vec<_>>(),
                "failed": failed.iter().map(Failed::to_json).collect::<Vec<_>>(),
                "mean": mean,
            }))
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(Vec::new());
            let head = ["prediction", "target", "loss", "value"];
            let classes = ["class", "class_value", "tp", "fp", "fn", "cross_entropy"];
            let columns = if per_class { classes.as_slice() } else { &[] };
            csv.write_record(head.iter().chain(columns))
                .map_err(unwritable)?;
            for (pair, score) in cases {
                let head = (
                    shown(&pair.prediction),
                    shown(&pair.target),
                    loss.name.as_str(),
                    score.value,
                );
                if !per_class {
                    csv.serialize(head).map_err(unwritable)?;
                    continue;
                }
                for class in &score.per_class {
                    let numbers = (
                        class.class,
                        class.value,
                        class.tp,
                        class.fp,
                        class.fn_,
                        class.cross_entropy,
                    );
                    csv.serialize((&head, numbers)).map_err(unwritable)?;
                }
            }
            csv.into_inner()
                .map_err(|error| Failure::Report(error.to_string()))
        }
    }
}

/// The report of every loss.
pub(crate) fn compare(
    cases: &[(Pair, Vec<(Name, Score)>)],
    failed: &[Failed],
    format: Format,
) -> Result<Vec<u8>, Failure> {
    let means: Vec<(Name, f64)> = (Name::ALL.into_iter().enumerate())
        .map(|(index, name)| {
            (
                name,
                mean(cases.iter().map(|(_, values)| values[index].1.value)),
            )
        })
        .collect();
    match format {
        Format::Table => Ok(compare_table(cases, &means).into_bytes()),
        Format::Json => {
            let case = |(pair, values): &(Pair, Vec<(Name, Score)>)| {
                let losses = values
                    .iter()
                    .map(|(name, score)| (name.to_string(), score.value.into()));
                json!({
                    "prediction": shown(&pair.prediction),
                    "target": shown(&pair.target),
                    "losses": Value::Object(losses.collect()),
                })
            };
            let mean = means
                .iter()
                .map(|(name, mean)| (name.to_string(), (*mean).into()));
            line(&json!({
                "cases": cases.iter().map(case).collect::<Vec<_>>(),
                "failed": failed.iter().map(Failed::to_json).collect::<Vec<_>>(),
                "mean": Value::Object(mean.collect()),
            }))
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["prediction", "target", "loss", "value"])
                .map_err(unwritable)?;
            for (pair, values) in cases {
                for (name, score) in values {
                    let row = (
                        shown(&pair.prediction),
                        shown(&pair.target),
                        name.as_str(),
                        score.value,
                    );
                    csv.serialize(row).map_err(unwritable)?;
                }
            }
            csv.into_inner()
                .map_err(|error| Failure::Report(error.to_string()))
        }
    }
}

fn eval_table(loss: &Chosen, cases: &[(Pair, Score)], per_class: bool, mean: f64) -> String {
    let bold = Style::new().bold();
    let parameters: Vec<String> = (loss.parameters.iter())
        .map(|(name, value)| match value {
            Value::Null => format!("{name} none"),
            value => format!("{name} {value}"),
        })
        .collect();
    let mut text = format!("{bold}{}{bold:#}  {}\n", loss.name, parameters.join(", "));
    let head: &[&str] = if per_class {
        &[
            "case",
            "loss",
            "class",
            "class loss",
            "TP",
            "FP",
            "FN",
            "cross entropy",
        ]
    } else {
        &["case", "loss"]
    };
    let mut table = table(head);
    for (pair, score) in cases {
        let case = shown(&pair.prediction);
        if !per_class {
            table.add_row([case, digits(score.value)]);
            continue;
        }
        for class in &score.per_class {
            let first = class.class == 0;
            table.add_row([
                if first { case.clone() } else { String::new() },
                if first {
                    digits(score.value)
                } else {
                    String::new()
                },
                class.class.to_string(),
                digits(class.value),
                voxels(class.tp),
                voxels(class.fp),
                voxels(class.fn_),
                digits(class.cross_entropy),
            ]);
        }
    }
    if cases.len() > 1 {
        table.add_row(["mean".to_owned(), digits(mean)]);
    }
    text += &format!("{table}\n");
    text
}

fn compare_table(cases: &[(Pair, Vec<(Name, Score)>)], means: &[(Name, f64)]) -> String {
    let classes = cases
        .first()
        .map_or(0, |(_, values)| values[0].1.per_class.len());
    let single = cases.len() == 1;
    let mut head = vec![
        "loss".to_owned(),
        if single { "value" } else { "mean" }.to_owned(),
    ];
    if single && classes <= 8 {
        head.extend((0..classes).map(|class| format!("class {class}")));
    }
    let mut table = table(&head.iter().map(String::as_str).collect::<Vec<_>>());
    for (index, (name, mean)) in means.iter().enumerate() {
        let mut row = vec![name.to_string(), digits(*mean)];
        if single && classes <= 8 {
            let score = &cases[0].1[index].1;
            row.extend(score.per_class.iter().map(|class| digits(class.value)));
        }
        table.add_row(row);
    }
    let bold = Style::new().bold();
    let title = match cases {
        [(pair, _)] => format!(
            "{} against {}",
            shown(&pair.prediction),
            shown(&pair.target)
        ),
        cases => format!("{} cases", cases.len()),
    };
    format!("{bold}{title}{bold:#}\n{table}\n")
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn line(value: &Value) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec(value).map_err(|error| Failure::Report(error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

/// Six digits for people.
fn digits(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-4 {
        format!("{value:.3e}")
    } else {
        format!("{value:.6}")
    }
}

fn voxels(value: f64) -> String {
    format!("{value:.1}")
}

fn shown(file: &Path) -> String {
    file.display().to_string()
}

fn unwritable(error: csv::Error) -> Failure {
    Failure::Report(error.to_string())
}
