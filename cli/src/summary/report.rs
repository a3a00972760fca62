//! Summaries as a table, JSON or CSV.

use std::fmt::Write;

use serde_json::{Value, json};

use super::rows::{Row, Summary};
use crate::failure::Failure;
use crate::report::cells::{digits, table as new_table};

pub(super) fn table(summary: &Summary) -> String {
    let Summary {
        run,
        resampling,
        by,
        rows,
        ..
    } = summary;
    let mut text = format!(
        "{}\n{}\n",
        run.run,
        count(run.cases.len(), run.failed.len())
    );
    let interval = format!("{} % interval", 100.0 * resampling.confidence);
    let mut head: Vec<&str> = by.iter().map(String::as_str).collect();
    head.extend([
        "class",
        "score",
        "cases",
        "mean",
        &interval,
        "median",
        "sd",
        "pooled",
        "worst",
        "worst case",
    ]);
    let mut table = new_table(&head);
    for row in rows {
        let mut cells = Vec::new();
        if by.is_some() {
            cells.push(row.group.clone().unwrap_or_else(|| "all cases".to_owned()));
        }
        let class = row
            .class
            .as_ref()
            .map_or("all".to_owned(), ToString::to_string);
        cells.extend([class, row.score.name().to_owned(), row.cases.to_string()]);
        let described = row.described.as_ref();
        let numbers = described.map(|described| described.numbers);
        let interval = described.and_then(|described| described.interval);
        cells.extend([
            digits(numbers.map(|numbers| numbers.mean)),
            interval.map_or(String::new(), |[low, high]| {
                format!("{} to {}", digits(Some(low)), digits(Some(high)))
            }),
            digits(numbers.map(|numbers| numbers.median)),
            digits(numbers.and_then(|numbers| numbers.sd)),
            digits(row.pooled),
            digits(described.map(|described| described.worst.0)),
            described.map_or(String::new(), |described| described.worst.1.clone()),
        ]);
        table.add_row(cells);
    }
    let _ = writeln!(text, "\n{table}");
    if summary.worst.len() > 1 {
        let mut table = new_table(&["worst cases", "loss"]);
        for (case, loss) in summary.worst() {
            table.add_row([case.to_owned(), digits(Some(loss))]);
        }
        let _ = writeln!(text, "\n{table}");
    }
    if !run.failed.is_empty() {
        let _ = writeln!(text, "\nwithout a score");
        for (case, error) in &run.failed {
            let _ = writeln!(text, "  {case}: {error}");
        }
    }
    text
}

/// The number of cases, and of those without a score.
pub(crate) fn count(scored: usize, failed: usize) -> String {
    let cases = if scored == 1 { "case" } else { "cases" };
    match failed {
        0 => format!("{scored} {cases}"),
        failed => format!("{scored} {cases}, and {failed} without a score"),
    }
}

pub(super) fn json(summary: &Summary) -> Result<Vec<u8>, Failure> {
    let Summary {
        run,
        resampling,
        by,
        rows,
        ..
    } = summary;
    let row = |row: &Row| {
        let described = row.described.as_ref();
        let numbers = described.map(|described| described.numbers);
        json!({
            "group": row.group,
            "class": row.class,
            "score": row.score.name(),
            "cases": row.cases,
            "mean": numbers.map(|numbers| numbers.mean),
            "interval": described.and_then(|described| described.interval),
            "median": numbers.map(|numbers| numbers.median),
            "sd": numbers.and_then(|numbers| numbers.sd),
            "min": numbers.map(|numbers| numbers.min),
            "max": numbers.map(|numbers| numbers.max),
            "pooled": row.pooled,
            "worst": described.map(|described| described.worst.0),
            "worst_case": described.map(|described| &described.worst.1),
        })
    };
    let failed = run.failed.iter();
    let failed: Vec<Value> = failed
        .map(|(case, message)| json!({ "case": case, "message": message }))
        .collect();
    let worst: Vec<Value> = summary
        .worst()
        .map(|(case, loss)| json!({ "case": case, "loss": loss }))
        .collect();
    let mut text = json!({
        "run": run.run,
        "empty": run.empty.name(),
        "cases": run.cases.len(),
        "failed": failed,
        "by": by,
        "resamples": resampling.times,
        "seed": resampling.seed,
        "confidence": resampling.confidence,
        "scores": rows.iter().map(row).collect::<Vec<_>>(),
        "worst_cases": worst,
    })
    .to_string();
    text.push('\n');
    Ok(text.into_bytes())
}

pub(super) fn csv(summary: &Summary) -> Result<Vec<u8>, Failure> {
    let unwritable = |error: csv::Error| Failure::Report(error.to_string());
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([
        "group",
        "class",
        "score",
        "cases",
        "mean",
        "low",
        "high",
        "median",
        "sd",
        "min",
        "max",
        "pooled",
        "worst",
        "worst_case",
    ])
    .map_err(unwritable)?;
    for row in &summary.rows {
        let described = row.described.as_ref();
        let numbers = described.map(|described| described.numbers);
        let interval = described.and_then(|described| described.interval);
        let cells = (
            (&row.group, row.class.as_ref().map(ToString::to_string)),
            (row.score.name(), row.cases),
            numbers.map(|numbers| numbers.mean),
            interval.map(|[low, _]| low),
            interval.map(|[_, high]| high),
            numbers.map(|numbers| numbers.median),
            numbers.and_then(|numbers| numbers.sd),
            numbers.map(|numbers| numbers.min),
            numbers.map(|numbers| numbers.max),
            row.pooled,
            described.map(|described| described.worst.0),
            described.map(|described| &described.worst.1),
        );
        csv.serialize(cells).map_err(unwritable)?;
    }
    csv.into_inner()
        .map_err(|error| Failure::Report(error.to_string()))
}
