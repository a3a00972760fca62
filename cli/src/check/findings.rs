//! The findings of a check, and their report.

use serde_json::{Value, json};

use super::args::CheckArgs;
use super::{gradient, reference, saturation};
use crate::args::Data;
use crate::case::{Case, Content};
use crate::failure::Failure;
use crate::format::Format;
use crate::listed::listed;
use crate::loss::Chosen;
use crate::pair::Pair;
use crate::reading::classes::Name;
use crate::score::{self, Score, Wanted};

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The check passed.
    Good,
    /// It is as it should be, but may surprise.
    Note,
    /// It is wrong.
    Problem,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// A sentence about the case.
#[derive(Debug)]
pub(super) struct Finding {
    level: Level,
    text: String,
}

impl Finding {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { level, text }
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }
}

/// The report of a check, and the number of problems.
pub(crate) fn check(
    pair: &Pair,
    mut case: Case,
    data: &Data,
    loss: &Chosen,
    arguments: &CheckArgs,
) -> Result<(Vec<u8>, usize), Failure> {
    let soft = matches!(case.content, Content::Arrays(_));
    let wanted = Wanted {
        gradient: soft,
        known_sums: true,
        ..Wanted::default()
    };
    let losses = std::slice::from_ref(loss);
    // A number that is not finite, or no probability, and a label without a class are errors here.
    let scored = score::score(&case, pair, data, losses, wanted)?;
    let score = &scored.scores[0];
    let mut findings: Vec<Finding> = case
        .account
        .warnings
        .iter()
        .map(|warning| Finding::new(Level::Note, warning))
        .collect();
    findings.push(match score.value {
        Some(value) if value.is_finite() => Finding::new(
            Level::Good,
            format!("every number is valid, and the loss is {value}"),
        ),
        Some(value) => Finding::new(Level::Problem, format!("the loss is {value}")),
        None => Finding::new(Level::Note, "no voxel is scored, so there is no loss"),
    });
    findings.extend(classes(score));
    if let Content::Arrays(arrays) = &case.content {
        findings.extend(saturation::find(arrays));
    }
    findings.extend(reference::find(&loss.loss, score));
    if let (Some(slopes), Some(value)) = (scored.gradient, score.value) {
        findings.extend(gradient::find(
            pair, &mut case, data, loss, &slopes, value, arguments,
        )?);
    }
    let problems = findings
        .iter()
        .filter(|finding| finding.level() == Level::Problem);
    let problems = problems.count();
    Ok((
        report(pair, loss, &case, &findings, arguments.format)?,
        problems,
    ))
}

/// Which classes are absent.
fn classes(score: &Score) -> Vec<Finding> {
    let classes = || {
        let classes = score.per_class.iter();
        classes.filter_map(|class| Some((&class.class, class.sums?.confusion)))
    };
    let names = |absent: &dyn Fn(f64, f64) -> bool| -> Vec<&Name> {
        let classes =
            classes().filter(|(_, class)| absent(class.tp + class.fn_, class.tp + class.fp));
        classes.map(|(name, _)| name).collect()
    };
    let mut findings = Vec::new();
    let nowhere = names(&|target, prediction| target <= 0.0 && prediction <= 0.0);
    if !nowhere.is_empty() {
        findings.push(Finding::new(
            Level::Note,
            format!(
                "in neither file: class {}. A region-based loss scores it as perfect, a metric is 0/0 (--absent-class skip, --empty)",
                listed(&nowhere)
            ),
        ));
    }
    let predicted = names(&|target, prediction| target <= 0.0 && prediction > 0.0);
    if !predicted.is_empty() {
        findings.push(Finding::new(
            Level::Note,
            format!(
                "not in TARGET, but in PRED: class {}. A region-based loss scores it as wholly wrong, however little is predicted (--absent-class skip leaves it out)",
                listed(&predicted)
            ),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::new(Level::Good, "every class is in TARGET"));
    }
    findings
}

fn report(
    pair: &Pair,
    loss: &Chosen,
    case: &Case,
    findings: &[Finding],
    format: Format,
) -> Result<Vec<u8>, Failure> {
    let files = [&pair.prediction, &pair.target].map(|file| file.display().to_string());
    let [prediction, target] = &files;
    match format {
        Format::Table => {
            let mut text = format!("{prediction} against {target}, {}\n", loss.loss);
            for finding in findings {
                text += &format!("{:8} {}\n", finding.level().name(), finding.text);
            }
            text += "\nread as\n";
            for line in case.account.lines() {
                text += &format!("  {line}\n");
            }
            Ok(text.into_bytes())
        }
        Format::Json => {
            let findings = findings.iter();
            let findings: Vec<Value> = findings
                .map(|finding| json!({ "level": finding.level().name(), "text": finding.text }))
                .collect();
            let mut text = json!({
                "prediction": prediction,
                "target": target,
                "loss": loss.loss.to_string(),
                "findings": findings,
                "reading": *case.account,
            })
            .to_string();
            text.push('\n');
            Ok(text.into_bytes())
        }
        Format::Csv => {
            let unwritable = |error: csv::Error| Failure::Report(error.to_string());
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["prediction", "target", "loss", "level", "text"])
                .map_err(unwritable)?;
            for finding in findings {
                let loss = loss.loss.to_string();
                csv.serialize((
                    prediction,
                    target,
                    loss,
                    finding.level().name(),
                    &finding.text,
                ))
                .map_err(unwritable)?;
            }
            csv.into_inner()
                .map_err(|error| Failure::Report(error.to_string()))
        }
    }
}
