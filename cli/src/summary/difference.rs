//! Two runs of the same cases, compared pair by pair.

use std::fmt::Write;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::args::DiffArgs;
use super::gather::{self, Column, Gathered};
use super::score_name::ScoreName;
use crate::failure::Failure;
use crate::format::Format;
use crate::reading::classes::Name;
use crate::report::cells::{digits, table as new_table};
use crate::statistics::{Resampling, SignedRank, describe, interval_of_mean, signed_rank};

/// A score of the cases that have it in both runs.
struct Row {
    class: Option<Name>,
    score: ScoreName,
    cases: usize,
    /// The means of the first and the second run.
    means: Option<[f64; 2]>,
    /// The mean of second minus first.
    difference: Option<f64>,
    /// Its paired bootstrap interval.
    interval: Option<[f64; 2]>,
    test: Option<SignedRank>,
}

struct Difference {
    runs: [Gathered; 2],
    resampling: Resampling,
    /// The number of cases in both runs.
    cases: usize,
    rows: Vec<Row>,
}

/// The report of `diff`, and notes.
pub(crate) fn difference(arguments: &DiffArgs) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let files = [&arguments.first, &arguments.second];
    let resampling = arguments.statistics.resampling()?;
    let gather = |file| gather::gather(&[file], &arguments.statistics.scores, arguments.empty);
    let runs = [gather(files[0])?, gather(files[1])?];
    let mut places = Vec::new();
    for (file, run) in files.into_iter().zip(&runs) {
        let mut of_run: FxHashMap<&str, u32> = FxHashMap::default();
        for (place, case) in (0..).zip(&run.cases) {
            if of_run.insert(case, place).is_some() {
                return Err(Failure::file(
                    file,
                    format!(
                        "has two cases with the name {case}, so it is not clear which belongs to which case of the other run"
                    ),
                ));
            }
        }
        places.push(of_run);
    }
    // For each case of the second run, its place in the first one.
    let pairs: Vec<Option<u32>> = (runs[1].cases.iter())
        .map(|case| places[0].get(case.as_str()).copied())
        .collect();
    let cases = pairs.iter().flatten().count();
    if cases == 0 {
        return Err(Failure::file(
            files[1],
            format!(
                "has no case of {}: cases are paired by their names",
                files[0].display()
            ),
        ));
    }
    if runs[0].empty != runs[1].empty {
        return Err(Failure::Option(format!(
            "the runs have --empty {} and --empty {}: set --empty for both",
            runs[0].empty.name(),
            runs[1].empty.name()
        )));
    }
    let mut notes = Vec::new();
    for (file, run) in files.into_iter().zip(&runs) {
        let alone = run.cases.len() - cases;
        if alone > 0 {
            notes.push(format!(
                "{}: {alone} of {} cases are left out, because the other run does not have them",
                file.display(),
                run.cases.len()
            ));
        }
    }
    let rows = (runs[0].columns.iter())
        .filter_map(|first| {
            let same =
                |second: &&Column| second.class == first.class && second.score == first.score;
            let second = runs[1].columns.iter().find(same)?;
            Some(row(first, second, &pairs, resampling))
        })
        .collect();
    let difference = Difference {
        runs,
        resampling,
        cases,
        rows,
    };
    let text = match arguments.format {
        Format::Table => difference.table().into_bytes(),
        Format::Json => difference.json(),
        Format::Csv => difference.csv()?,
    };
    Ok((text, notes))
}

fn row(first: &Column, second: &Column, pairs: &[Option<u32>], resampling: Resampling) -> Row {
    let of_first: FxHashMap<u32, f64> = first.values.iter().copied().collect();
    let both = second.values.iter().filter_map(|(case, value)| {
        let other = of_first.get(&pairs[*case as usize]?)?;
        Some([*other, *value])
    });
    let both: Vec<[f64; 2]> = both.collect();
    let of = |run: usize| -> Vec<f64> { both.iter().map(|pair| pair[run]).collect() };
    let differences: Vec<f64> = both.iter().map(|[one, other]| other - one).collect();
    let mean = |numbers: &[f64]| describe(numbers).map(|described| described.mean);
    Row {
        class: first.class.clone(),
        score: first.score,
        cases: both.len(),
        means: mean(&of(0)).zip(mean(&of(1))).map(<[f64; 2]>::from),
        difference: mean(&differences),
        interval: interval_of_mean(&differences, resampling),
        test: signed_rank(&differences),
    }
}

impl Difference {
    fn table(&self) -> String {
        let Self {
            runs: [first, second],
            ..
        } = self;
        let mut text = format!("first   {}\nsecond  {}\n", first.run, second.run);
        let _ = writeln!(text, "{} cases in both", self.cases);
        let interval = format!("{} % interval", 100.0 * self.resampling.confidence);
        let mut table = new_table(&[
            "class",
            "score",
            "cases",
            "first",
            "second",
            "difference",
            &interval,
            "p (Wilcoxon)",
        ]);
        for row in &self.rows {
            table.add_row([
                row.class
                    .as_ref()
                    .map_or("all".to_owned(), ToString::to_string),
                row.score.name().to_owned(),
                row.cases.to_string(),
                digits(row.means.map(|[first, _]| first)),
                digits(row.means.map(|[_, second]| second)),
                digits(row.difference),
                row.interval.map_or(String::new(), |[low, high]| {
                    format!("{} to {}", digits(Some(low)), digits(Some(high)))
                }),
                digits(row.test.map(|test| test.p)),
            ]);
        }
        let _ = writeln!(text, "\n{table}");
        text
    }

    fn json(&self) -> Vec<u8> {
        let row = |row: &Row| -> Value {
            json!({
                "class": row.class,
                "score": row.score.name(),
                "cases": row.cases,
                "first": row.means.map(|[first, _]| first),
                "second": row.means.map(|[_, second]| second),
                "difference": row.difference,
                "interval": row.interval,
                "wilcoxon": row.test.map(|test| json!({ "statistic": test.statistic, "p": test.p })),
            })
        };
        let [first, second] = &self.runs;
        let mut text = json!({
            "first": first.run,
            "second": second.run,
            "empty": first.empty.name(),
            "cases": self.cases,
            "resamples": self.resampling.times,
            "seed": self.resampling.seed,
            "confidence": self.resampling.confidence,
            "scores": self.rows.iter().map(row).collect::<Vec<_>>(),
        })
        .to_string();
        text.push('\n');
        text.into_bytes()
    }

    fn csv(&self) -> Result<Vec<u8>, Failure> {
        let unwritable = |error: csv::Error| Failure::Report(error.to_string());
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record([
            "class",
            "score",
            "cases",
            "first",
            "second",
            "difference",
            "low",
            "high",
            "statistic",
            "p",
        ])
        .map_err(unwritable)?;
        for row in &self.rows {
            let cells = (
                row.class.as_ref().map(ToString::to_string),
                (row.score.name(), row.cases),
                row.means.map(|[first, _]| first),
                row.means.map(|[_, second]| second),
                row.difference,
                row.interval.map(|[low, _]| low),
                row.interval.map(|[_, high]| high),
                row.test.map(|test| test.statistic),
                row.test.map(|test| test.p),
            );
            csv.serialize(cells).map_err(unwritable)?;
        }
        csv.into_inner()
            .map_err(|error| Failure::Report(error.to_string()))
    }
}
