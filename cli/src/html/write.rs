//! Collects what the page of a run shows, and writes it.

use std::path::{Path, PathBuf};

use super::args::ReportArgs;
use super::cases;
use super::content::{Chart, Content, Worst};
use super::facts::{self, Facts};
use super::page;
use crate::failure::Failure;
use crate::grid::curve_picture;
use crate::output::Complete;
use crate::plot::{self, Strip, Titles};
use crate::run_text;
use crate::summary::{ScoreName, Summary, count};

/// Writes the page, and returns what to print and the notes.
pub(crate) fn report(arguments: &ReportArgs) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let ReportArgs { run, output, .. } = arguments;
    let same = |file: &PathBuf| {
        let [file, output] = [file, output].map(|path| path.canonicalize());
        matches!((file, output), (Ok(file), Ok(output)) if file == output)
    };
    if run.results.iter().any(same) {
        return Err(Failure::file(
            output,
            "is a file of results: choose another name",
        ));
    }
    let summary = Summary::of(run)?;
    let indices: Vec<u32> = summary.worst.iter().map(|(case, _)| *case).collect();
    let Facts { readings, records } = facts::read(&run.results, &indices)?;
    let parsed = run_text::parse(&summary.run.run);
    let curve = parsed.as_ref().map(|run| curve_picture(&run.loss));
    let scores = &run.statistics.scores;
    let charts = scores
        .iter()
        .filter_map(|score| chart(*score, &summary).transpose());
    let worst = records.into_iter().map(|record| Worst {
        picture: (!arguments.no_pictures).then(|| {
            let run = parsed
                .as_ref()
                .ok_or("the options of the run cannot be read")?;
            let root = arguments.root.as_deref().unwrap_or(Path::new(""));
            cases::draw(&record, run, root)
        }),
        record,
    });
    let content = Content {
        files: &run.results,
        scores,
        curve: curve.transpose()?,
        readings,
        charts: charts.collect::<Result<_, _>>()?,
        worst: worst.collect(),
        run: parsed,
        summary,
    };
    let mut written = Complete::new(output)?;
    written.append(page::render(&content).as_bytes())?;
    written.persist()?;
    let notes = content.worst.iter().filter_map(|worst| {
        let reason = worst.picture.as_ref()?.as_ref().err()?;
        Some(format!(
            "no picture of the case {}: {reason}",
            worst.record.key.case
        ))
    });
    let notes = notes.collect();
    let run = &content.summary.run;
    let cases = count(run.cases.len(), run.failed.len());
    let text = format!("{}: {cases}\n", output.display());
    Ok((text.into_bytes(), notes))
}

/// The chart of a score; `None` if no case has a finite value.
fn chart(score: ScoreName, summary: &Summary) -> Result<Option<Chart>, Failure> {
    // The first rows are those of the columns, over all cases.
    let columns = summary.run.columns.iter().zip(&summary.rows);
    let of_score = columns.filter(|(column, _)| column.score == score);
    let mut left_out = 0;
    let strips = of_score.map(|(column, row)| {
        let values = column.values.iter().map(|(_, value)| *value);
        let numbers: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        left_out += column.values.len() - numbers.len();
        let median = row.described.as_ref().map(|row| row.numbers.median);
        Strip {
            name: column
                .class
                .as_ref()
                .map_or("all".to_owned(), ToString::to_string),
            numbers,
            line: median.filter(|median| median.is_finite()),
        }
    });
    let strips: Vec<Strip> = strips.collect();
    if strips.iter().all(|strip| strip.numbers.is_empty()) {
        return Ok(None);
    }
    let titles = Titles {
        title: score.name(),
        x: "class",
        y: score.name(),
    };
    Ok(Some(Chart {
        score,
        svg: plot::strips(titles, &strips)?,
        left_out,
    }))
}
