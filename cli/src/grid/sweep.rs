//! The mean loss over cases at each point of a grid.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::args::{GridArgs, GridOutput};
use super::axis::Shown;
use crate::failure::Failure;
use crate::format::Format;
use crate::loss::Chosen;
use crate::plot::{self, Line, Titles};
use crate::report::Point;
use crate::report::cells::{digits, table as new_table};
use unifocal_ndarray::core::Parameter;

/// Refuses a picture of a grid that has none.
pub(crate) fn check(grid: &GridArgs, output: &GridOutput) -> Result<(), Failure> {
    let varied = grid.varied().len();
    if output.plot.is_some() && !(1..=2).contains(&varied) {
        return Err(Failure::Option(format!(
            "--plot draws one or two parameters with several values, found {varied}"
        )));
    }
    Ok(())
}

/// Reports the points of a grid, in the order of its losses, and draws them if wanted.
pub(crate) fn report(
    grid: &GridArgs,
    losses: &[Chosen],
    points: &[Point],
    output: &GridOutput,
) -> Result<Vec<u8>, Failure> {
    let varied = grid.varied();
    if let Some(file) = &output.plot {
        let name = losses[0].name.as_str();
        let title = format!("{name}, {}", of_cases(points[0].cases));
        let of = |parameter: Parameter| -> Vec<Option<f64>> {
            losses.iter().map(|loss| value(loss, parameter)).collect()
        };
        match varied[..] {
            [x] => {
                let values = of(x).into_iter().zip(points);
                let values = values.filter_map(|(x, point)| Some((x?, point.value?)));
                let line = Line {
                    name: name.to_owned(),
                    points: values.collect(),
                };
                let titles = Titles {
                    title: &title,
                    x: x.as_str(),
                    y: "loss",
                };
                plot::save(file, &plot::lines(&[(titles, vec![line])])?)?;
            }
            // The last parameter varies fastest, so it is x.
            [y, x] => {
                let distinct = |parameter| {
                    let mut names: Vec<String> = Vec::new();
                    for value in of(parameter) {
                        let name = Shown(value).to_string();
                        if !names.contains(&name) {
                            names.push(name);
                        }
                    }
                    names
                };
                let titles = Titles {
                    title: &title,
                    x: x.as_str(),
                    y: y.as_str(),
                };
                let values: Vec<Option<f64>> = points.iter().map(|point| point.value).collect();
                let names = [&distinct(x)[..], &distinct(y)];
                plot::save(file, &plot::heat_map(titles, names, &values)?)?;
            }
            _ => check(grid, output)?,
        }
    }
    match output.format {
        Format::Table => Ok(table(&varied, losses, points).into_bytes()),
        Format::Json => Ok(json(losses, points)),
        Format::Csv => csv(losses, points),
    }
}

/// The cases that the numbers are means of, in words.
fn of_cases(cases: usize) -> String {
    match cases {
        1 => "1 case".to_owned(),
        cases => format!("mean over {cases} cases"),
    }
}

/// The value of a parameter of a loss, which has it.
fn value(loss: &Chosen, parameter: Parameter) -> Option<f64> {
    loss.loss.get(parameter).ok().flatten()
}

/// More classes than this do not fit on a line.
const MOST_CLASSES: usize = 8;

fn table(varied: &[Parameter], losses: &[Chosen], points: &[Point]) -> String {
    let Point { classes, cases, .. } = &points[0];
    let classes = if classes.len() <= MOST_CLASSES {
        &classes[..]
    } else {
        &[]
    };
    let mut text = format!("{}, {}\n", losses[0].name, of_cases(*cases));
    let mut head: Vec<String> = varied
        .iter()
        .map(|varied| varied.as_str().to_owned())
        .collect();
    head.push("loss".to_owned());
    head.extend(classes.iter().map(|(class, _)| format!("class {class}")));
    let mut table = new_table(&head.iter().map(String::as_str).collect::<Vec<_>>());
    for (loss, point) in losses.iter().zip(points) {
        let parameters = varied.iter();
        let mut row: Vec<String> = parameters
            .map(|parameter| Shown(value(loss, *parameter)).to_string())
            .collect();
        row.push(digits(point.value));
        row.extend(
            point
                .classes
                .iter()
                .take(classes.len())
                .map(|(_, value)| digits(*value)),
        );
        table.add_row(row);
    }
    let _ = writeln!(text, "{table}");
    text
}

fn json(losses: &[Chosen], points: &[Point]) -> Vec<u8> {
    let point = |(loss, point): (&Chosen, &Point)| {
        let classes = point.classes.iter();
        let classes: Map<String, Value> = classes
            .map(|(class, value)| (class.clone(), json!(value)))
            .collect();
        json!({
            "parameters": loss.parameters(),
            "mean": point.value,
            "mean_per_class": classes,
            "cases": point.cases,
        })
    };
    let mut text = json!({
        "loss": losses[0].name.as_str(),
        "points": losses.iter().zip(points).map(point).collect::<Vec<_>>(),
    })
    .to_string();
    text.push('\n');
    text.into_bytes()
}

fn csv(losses: &[Chosen], points: &[Point]) -> Result<Vec<u8>, Failure> {
    let unwritable = |error: csv::Error| Failure::Report(error.to_string());
    let mut csv = csv::Writer::from_writer(Vec::new());
    let mut head = vec!["loss".to_owned()];
    head.extend(losses[0].parameters().into_iter().map(|(name, _)| name));
    head.extend(["mean", "cases"].map(str::to_owned));
    let classes = points[0].classes.iter();
    head.extend(classes.map(|(class, _)| format!("class_{class}")));
    csv.write_record(&head).map_err(unwritable)?;
    for (loss, point) in losses.iter().zip(points) {
        let mut row = vec![loss.name.as_str().to_owned()];
        let parameters = loss.parameters();
        row.extend(parameters.values().map(|value| match value {
            Value::Null => "none".to_owned(),
            value => value.to_string(),
        }));
        let number =
            |value: Option<f64>| value.map_or(String::new(), |value| json!(value).to_string());
        row.push(number(point.value));
        row.push(point.cases.to_string());
        row.extend(point.classes.iter().map(|(_, value)| number(*value)));
        csv.write_record(&row).map_err(unwritable)?;
    }
    csv.into_inner()
        .map_err(|error| Failure::Report(error.to_string()))
}
