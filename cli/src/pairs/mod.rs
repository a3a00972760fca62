//! Pairs of a prediction and its target: two files, the files of two folders, or the rows of a manifest.

mod align;
mod args;
mod folder;
mod manifest;
mod naming;
mod pattern;
mod unclear;

use std::path::Path;

pub(crate) use args::Pairing;
pub(crate) use manifest::column as manifest_column;
pub(crate) use pattern::stem;

use crate::failure::{Failed, Failure};
use crate::input::Input;
use crate::pair::Pair;
use crate::read;
use folder::{File, Kind, Side};

/// The cases in order, and notes on how they were found.
#[derive(Debug)]
pub(crate) struct Cases {
    pub(crate) cases: Vec<Result<Pair, Failed>>,
    pub(crate) notes: Vec<String>,
}

/// Finds the cases of PRED and TARGET or of a manifest. If a case has several files, `input` decides which is the prediction.
pub(crate) fn find(pairing: &Pairing, input: Input) -> Result<Cases, Failure> {
    match pairing {
        Pairing {
            manifest: Some(manifest),
            ..
        } => manifest::read(manifest).map(Cases::without_notes),
        Pairing {
            prediction: Some(prediction),
            target: Some(target),
            ..
        } => of_paths(prediction, target, pairing, input),
        _ => Err(Failure::file(
            "PRED and TARGET",
            "found only one of them, expected both or --manifest",
        )),
    }
}

fn of_paths(
    prediction: &Path,
    target: &Path,
    pairing: &Pairing,
    input: Input,
) -> Result<Cases, Failure> {
    let (prediction_folder, prediction_key) = read::split_key(prediction);
    let (target_folder, target_key) = read::split_key(target);
    match (prediction_folder.is_dir(), target_folder.is_dir()) {
        (true, true) => {}
        (true, false) => {
            let message = "must be a folder, because PRED is one";
            return Err(Failure::file(target, message));
        }
        (false, true) => {
            let message = "must be a folder, because TARGET is one";
            return Err(Failure::file(prediction, message));
        }
        (false, false) => return of_files(prediction, target, pairing),
    }
    let predictions = Side {
        folder: &prediction_folder,
        key: prediction_key.as_deref(),
        pattern: pairing.prediction_pattern.as_ref(),
        recursive: pairing.recursive,
        preferred: match input {
            Input::Labels => Some(Kind::Image),
            Input::Probabilities => Some(Kind::Archive),
            Input::Softmax | Input::Sigmoid | Input::Logits => None,
        },
        option: "--prediction-pattern",
    };
    let targets = Side {
        folder: &target_folder,
        key: target_key.as_deref(),
        pattern: pairing.target_pattern.as_ref(),
        recursive: pairing.recursive,
        preferred: Some(Kind::Image),
        option: "--target-pattern",
    };
    of_folders(&predictions, &targets)
}

fn of_files(prediction: &Path, target: &Path, pairing: &Pairing) -> Result<Cases, Failure> {
    if let Some(option) = pairing.for_folders() {
        let message = format!("is not a folder, but {option} applies to folders only");
        return Err(Failure::file(prediction, message));
    }
    let pair = Pair {
        name: pattern::stem(prediction),
        prediction: prediction.to_owned(),
        target: target.to_owned(),
        annotated: None,
    };
    Ok(Cases::without_notes(vec![Ok(pair)]))
}

fn of_folders(predictions: &Side<'_>, targets: &Side<'_>) -> Result<Cases, Failure> {
    let mut notes = Vec::new();
    let [prediction_files, target_files] = [predictions, targets].map(|side| {
        let (files, note) = side.files()?;
        notes.extend(note);
        Ok::<_, Failure>(files)
    });
    let (prediction_files, target_files) = (prediction_files?, target_files?);
    let names = |files: &[File]| -> Vec<String> {
        let names = files.iter().map(|file| file.name.clone());
        names.collect()
    };
    let (ours, theirs) = (names(&prediction_files), names(&target_files));
    // Patterns name the cases exactly, so only equal names match.
    let aligned = if predictions.pattern.is_some() || targets.pattern.is_some() {
        align::by_equal_names(&ours, &theirs)
    } else {
        align::align(&ours, &theirs)
    };
    let aligned = aligned
        .map_err(|unclear| Failure::file(predictions.folder, unclear.message(targets.folder)))?;
    notes.extend(aligned.note());
    let cases = aligned.cases.into_iter().map(|(name, found)| {
        let prediction = found.prediction.map(|index| &prediction_files[index].path);
        let target = found.target.map(|index| &target_files[index].path);
        match (prediction, target) {
            (Some(prediction), Some(target)) => Ok(Pair {
                name,
                prediction: prediction.clone(),
                target: target.clone(),
                annotated: None,
            }),
            (file, other) => {
                let (missing, folder) = if file.is_some() {
                    ("target", targets.folder)
                } else {
                    ("prediction", predictions.folder)
                };
                let message = format!(
                    "found no {missing} for the case {name} in {}",
                    folder.display()
                );
                let found = file.or(other).cloned().unwrap_or_default();
                Err(Failed {
                    case: name,
                    prediction: prediction.cloned(),
                    target: target.cloned(),
                    failure: Failure::file(found, message).into(),
                })
            }
        }
    });
    let cases: Vec<_> = cases.collect();
    let itself =
        |case: &Result<Pair, Failed>| matches!(case, Ok(pair) if pair.prediction == pair.target);
    if cases.iter().all(itself) {
        notes.push(
            "every file is scored against itself, because PRED and TARGET are the same".to_owned(),
        );
    }
    Ok(Cases { cases, notes })
}

impl Cases {
    fn without_notes(cases: Vec<Result<Pair, Failed>>) -> Self {
        let notes = Vec::new();
        Self { cases, notes }
    }
}
