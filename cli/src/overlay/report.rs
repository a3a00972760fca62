//! `overlay` prints a report: the contents of each picture, and how its case was read.

use serde_json::{Map, json};

use super::args::{OverlayArgs, OverlayFormat};
use super::cases::Saved;
use super::draw::{Drawn, Shown};
use crate::failure::{Failed, Failure};
use crate::loss::Chosen;
use crate::outcome::Outcome;
use crate::pair::Pair;
use crate::report::cells::digits;

/// The report of the pictures that were written; empty if there is none.
pub(crate) fn report(
    loss: &Chosen,
    arguments: &OverlayArgs,
    drawn: &Outcome<Saved>,
) -> Result<Vec<u8>, Failure> {
    if drawn.good.is_empty() {
        return Ok(Vec::new());
    }
    match arguments.format {
        OverlayFormat::Text => Ok(text(loss, &drawn.good).into_bytes()),
        OverlayFormat::Json => json(loss, arguments, drawn),
    }
}

fn text(loss: &Chosen, cases: &[(Pair, Saved)]) -> String {
    let mut text = String::new();
    for (pair, saved) in cases {
        let Drawn {
            picture,
            planes,
            errors,
            legend,
            loss: value,
        } = &saved.drawn;
        let (width, height) = (picture.width, picture.height);
        let value = value.map_or("none".to_owned(), |value| digits(Some(value)));
        text += &format!(
            "{}: {width} × {height} pixels, {} against {}\n  {planes}\n  {errors}; {} {value}\n  {legend}\nread as\n",
            saved.file.display(),
            pair.prediction.display(),
            pair.target.display(),
            loss.name,
        );
        for line in saved.account.lines() {
            text += &format!("  {line}\n");
        }
    }
    text
}

fn json(
    loss: &Chosen,
    arguments: &OverlayArgs,
    drawn: &Outcome<Saved>,
) -> Result<Vec<u8>, Failure> {
    let plane = |Shown { name, at }: &Shown| {
        let at = at
            .iter()
            .map(|(axis, index)| (axis.to_string(), json!(index)));
        json!({ "name": name, "at": at.collect::<Map<_, _>>() })
    };
    let picture = |(pair, saved): &(Pair, Saved)| {
        let Drawn {
            picture,
            planes,
            errors,
            legend,
            loss,
        } = &saved.drawn;
        json!({
            "file": saved.file.display().to_string(),
            "prediction": pair.prediction.display().to_string(),
            "target": pair.target.display().to_string(),
            "width": picture.width,
            "height": picture.height,
            "sample": planes.sample,
            "planes": planes.planes.iter().map(plane).collect::<Vec<_>>(),
            "errors": errors,
            "value": loss,
            "legend": legend,
            "reading": *saved.account,
        })
    };
    let report = json!({
        "loss": loss.name.as_str(),
        "parameters": loss.parameters(),
        "map": arguments.view.map,
        "pictures": drawn.good.iter().map(picture).collect::<Vec<_>>(),
        "failed": drawn.failed.iter().map(Failed::to_json).collect::<Vec<_>>(),
        "notes": drawn.notes,
    });
    let mut text = report.to_string();
    text.push('\n');
    Ok(text.into_bytes())
}
