//! Pictures of cases, from their files.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;

use crate::args::{Cli, Command, Data};
use crate::assemble;
use crate::failure::Failure;
use crate::overlay::args::View;
use crate::overlay::{self, Drawn};
use crate::pair::Pair;
use crate::results::Record;
use crate::run_text::Run;

/// A picture of a case, as a page holds it.
pub(super) struct Shown {
    /// The URI of the PNG file.
    pub(super) data: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) planes: String,
    pub(super) errors: String,
}

/// A loss that is read again may differ this much: other versions may add in another order.
const TOLERANCE: f64 = 1e-9;

/// Draws a case whose files are looked for in `root`. They must give the loss that the record has.
pub(super) fn draw(record: &Record, run: &Run, root: &Path) -> Result<Shown, String> {
    // A record has the classes that were annotated.
    let annotated = record.per_class.iter().map(|class| class.class.to_string());
    let annotated = Some(annotated.collect()).filter(|names: &Vec<String>| !names.is_empty());
    let pair = Pair {
        name: record.key.case.clone(),
        prediction: root.join(&record.key.prediction),
        target: root.join(&record.key.target),
        annotated,
    };
    let mut data = data(run)?;
    data.mask = data.mask.map(|mask| root.join(mask));
    let drawn = drawn(&pair, &data, run).map_err(|failure| failure.to_string())?;
    let same = match (record.value, drawn.loss) {
        (Some(ours), Some(theirs)) => {
            (ours - theirs).abs() <= TOLERANCE * ours.abs().max(theirs.abs())
                || ours.to_bits() == theirs.to_bits()
        }
        (ours, theirs) => ours == theirs,
    };
    if !same {
        let number =
            |value: Option<f64>| value.map_or("none".to_owned(), |value| value.to_string());
        return Err(format!(
            "its files now have the loss {}, expected {}: they are not those of the run",
            number(drawn.loss),
            number(record.value)
        ));
    }
    let mut png = Vec::new();
    let written = drawn.picture.write(&mut png);
    written.map_err(|error| error.to_string())?;
    Ok(Shown {
        data: format!("data:image/png;base64,{}", STANDARD.encode(png)),
        width: drawn.picture.width,
        height: drawn.picture.height,
        planes: drawn.planes.to_string(),
        errors: drawn.errors.to_string(),
    })
}

fn drawn(pair: &Pair, data: &Data, run: &Run) -> Result<Drawn, Failure> {
    let case = assemble::read(pair, data)?;
    overlay::draw(pair, &case, data, &run.loss, &View::default())
}

/// The options about reading of a run.
fn data(run: &Run) -> Result<Data, String> {
    let options = run.reading.split_whitespace();
    // The files are named by the records.
    let arguments = ["unifocal", "compare"]
        .into_iter()
        .chain(options)
        .chain(["--", "PRED", "TARGET"]);
    match Cli::try_parse_from(arguments) {
        Ok(Cli {
            command: Command::Compare { data, .. },
        }) => Ok(data),
        _ => Err(format!(
            "the options of the run cannot be read again: {:?}",
            run.reading
        )),
    }
}
