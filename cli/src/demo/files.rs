//! The example as files, and what commands make of them.

use std::fs;
use std::io::Write;
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::{WritableElement, WriteNpyExt};
use unifocal_ndarray::core::catalogue::Name;

use super::phantom;
use crate::assemble;
use crate::failure::Failure;
use crate::html;
use crate::html::args::ReportArgs;
use crate::loss::Chosen;
use crate::metrics::Empty;
use crate::output::Complete;
use crate::overlay;
use crate::overlay::args::View;
use crate::pair::Pair;
use crate::pairs;
use crate::results::{Layout, Record, ResultsFile};
use crate::run_text;
use crate::score::{self, Wanted};
use crate::summary::RunArgs;

const IMAGE: &str = "image.npy";
const PREDICTION: &str = "prediction.npy";
const LABELS: &str = "labels.npy";
const RESULTS: &str = "results.csv";
const PICTURE: &str = "overlay.png";
const PAGE: &str = "report.html";

/// Writes the example to a new folder, with its results, a picture and a report. Returns what they are.
pub(crate) fn write(folder: &Path) -> Result<String, Failure> {
    fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::file(folder, "exists already: choose another name")
        }
        _ => Failure::file(folder, format!("cannot be created: {error}")),
    })?;
    if let Err(failure) = fill(folder) {
        // The folder is new, so nothing of the user's is in it.
        let _ = fs::remove_dir_all(folder);
        return Err(failure);
    }
    Ok(format!(
        "{}: wrote {IMAGE}, {PREDICTION} and {LABELS}, and what these commands give there:
  unifocal eval {PREDICTION} {LABELS} --output {RESULTS}
  unifocal overlay {PREDICTION} {LABELS} --image {IMAGE} --output {PICTURE}
  unifocal report {RESULTS} --output {PAGE}",
        folder.display()
    ))
}

fn fill(folder: &Path) -> Result<(), Failure> {
    let file = |name: &str| folder.join(name);
    npy(&file(IMAGE), &phantom::image())?;
    npy(&file(PREDICTION), &phantom::prediction())?;
    npy(&file(LABELS), &phantom::labels())?;
    // The results name the files as a run in the folder does.
    let named = Pair {
        name: pairs::stem(Path::new(PREDICTION)),
        prediction: PREDICTION.into(),
        target: LABELS.into(),
        annotated: None,
    };
    let pair = Pair {
        prediction: file(PREDICTION),
        target: file(LABELS),
        ..named.clone()
    };
    let data = super::data()?;
    let case = assemble::read_with_image(&pair, &data, Some(&file(IMAGE)))?;
    let losses = [Chosen::default_of(Name::default())];
    let wanted = Wanted {
        known_sums: true,
        ..Wanted::default()
    };
    let scored = score::score(&case, &pair, &data, &losses, wanted)?;
    let empty = Empty::default();
    let layout = Layout {
        run: run_text::of(&losses[0], empty, ""),
        empty,
    };
    let mut results = ResultsFile::create(&file(RESULTS), layout)?;
    results.append(&Record::scored(&named, &scored.scores[0]))?;
    results.finish()?;
    let drawn = overlay::draw(&pair, &case, &data, &losses[0], &View::default())?;
    save(&file(PICTURE), |png| drawn.picture.write(png))?;
    html::report(&ReportArgs {
        run: RunArgs::of(&file(RESULTS)),
        root: Some(folder.to_owned()),
        no_pictures: false,
        output: file(PAGE),
    })?;
    Ok(())
}

fn npy<T: WritableElement>(file: &Path, array: &ArrayD<T>) -> Result<(), Failure> {
    save(file, |npy| Ok(array.write_npy(npy)?))
}

fn save(
    file: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    write(&mut bytes)
        .map_err(|error| Failure::file(file, format!("cannot be written: {error}")))?;
    let mut written = Complete::new(file)?;
    written.append(&bytes)?;
    written.persist()?;
    Ok(())
}
