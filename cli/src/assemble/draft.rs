//! A case under construction, and the account of how it is read.

use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};

use crate::account::{Account, Input as InputAccount};
use crate::annotated::Annotated;
use crate::args::Data;
use crate::arrange::without_classes;
use crate::case::{Case, Content, Grid};
use crate::failure::Failure;
use crate::input::Input;
use crate::labels::{Labels, NoLabel};
use crate::listed::listed;
use crate::pair::Pair;
use crate::read::{Volume, Whole};
use crate::reading::classes::{Classes, Fault, Options};
use crate::reading::numbers::{Summary, Treatment};
use crate::reading::{Axes, Axis, Reading, Turn};
use crate::slab::Slab;

pub(super) struct Draft<'a> {
    pub(super) pair: &'a Pair,
    pub(super) data: &'a Data,
    pub(super) reading: Reading,
    /// The voxels to score, as [sample, voxels…] of the prediction.
    pub(super) inside: Option<ArrayD<bool>>,
    pub(super) account: Account,
    /// The classes that are annotated, if not all are.
    pub(super) annotated: Option<Annotated>,
    /// The part of the case that this process holds; `None` if it holds all of it.
    pub(super) slab: Option<Slab>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        pair: &'a Pair,
        data: &'a Data,
        prediction: &Volume,
        target: &Volume,
        reading: Reading,
        inside: Option<ArrayD<bool>>,
        slab: Option<Slab>,
    ) -> Self {
        let account = account(data, prediction, target, &reading);
        let mut draft = Self {
            pair,
            data,
            reading,
            inside,
            account,
            annotated: None,
            slab,
        };
        draft.note_reading();
        draft
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.account.notes.push(note.into());
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.account.warnings.push(warning.into());
    }

    /// Notes how the axes were chosen, how the target was reoriented, and how many voxels the mask keeps.
    fn note_reading(&mut self) {
        if let Some(evidence) = self.reading.evidence {
            self.note(format!("axes chosen because {evidence}"));
        }
        if self.reading.turn != Turn::NONE {
            let Turn { along, flipped } = &self.reading.turn;
            let axes: Vec<String> = (along.iter().zip(flipped))
                .map(|(axis, flipped)| {
                    let letter = Axes(vec![*axis]).to_string();
                    if *flipped {
                        format!("−{letter}")
                    } else {
                        letter
                    }
                })
                .collect();
            self.note(format!(
                "TARGET was reoriented to PRED: by their affines, its axes run along PRED's {}",
                axes.join(", ")
            ));
        }
        if let Some(inside) = &self.inside {
            let counts = |inside: ArrayViewD<'_, bool>| {
                let within = inside.iter().filter(|inside| **inside).count();
                [within, inside.len()]
            };
            let own = match &self.slab {
                Some(slab) => slab
                    .own_parts(inside.view())
                    .map(counts)
                    .fold([0; 2], |[within, all], [more, of_more]| {
                        [within + more, all + of_more]
                    }),
                None => counts(inside.view()),
            };
            let [within, all] = self.data.merged(own, |[within, all], [more, of_more]| {
                [within + more, all + of_more]
            });
            self.note(format!("the mask keeps {within} of {all} voxels"));
        }
    }

    /// Notes how numbers were scaled and clamped.
    pub(super) fn note_treatment(&mut self, side: &str, summary: &Summary, treatment: Treatment) {
        let factor = treatment.scale.unwrap_or(1.0);
        if let Some(scale) = treatment.scale {
            self.note(format!("{side}'s numbers were divided by {scale}"));
            if scale > 1.0 && !summary.integers && summary.max <= 1.0 {
                self.warn(format!(
                    "{side}'s numbers were at most {} before the division by {scale}, so they may not need it",
                    summary.max
                ));
            }
        }
        let (min, max) = (summary.min / factor, summary.max / factor);
        if treatment.clamp && (min < 0.0 || max > 1.0) {
            self.note(format!(
                "{side}'s numbers from {min} to {max} were clamped to [0, 1]"
            ));
        }
    }

    /// Notes which ignored labels occur in the target, and keeps those that do not for a warning.
    pub(super) fn note_ignored(&mut self, occurring: &[i64]) {
        let (ignored, missing): (Vec<i64>, Vec<i64>) =
            (self.data.ignore_label.iter()).partition(|label| occurring.contains(label));
        if !ignored.is_empty() {
            let ignored: Vec<String> = ignored.iter().map(i64::to_string).collect();
            let ignored = ignored.join(", ");
            self.note(format!("voxels with label {ignored} in TARGET are ignored"));
        }
        self.account.ignored_in_vain = missing;
    }

    /// Reads the numbers of a file as labels.
    pub(super) fn labels(
        &mut self,
        side: &str,
        file: &Path,
        volume: Volume,
    ) -> Result<Labels, Failure> {
        match Labels::of(volume.values, volume.scaling) {
            Ok((labels, distance)) => {
                self.note_rounding(side, self.data.merged(distance, f64::max));
                Ok(labels)
            }
            Err(wrong) => Err(no_labels(file, &wrong.1, volume.whole.as_ref())),
        }
    }

    /// Notes by how much labels were rounded, if at all.
    pub(super) fn note_rounding(&mut self, side: &str, distance: f64) {
        if distance > 0.0 {
            self.note(format!(
                "{side}'s labels were rounded by up to {distance:.1e}, within the precision of its header's scaling"
            ));
        }
    }

    /// The options about labels.
    pub(super) fn options(&self) -> Options {
        Options {
            labels: self.data.labels.clone(),
            regions: self.data.regions.clone(),
            ignored: self.data.ignore_label.clone(),
        }
    }

    /// Sets the classes of the case. Labels of classes that are not annotated become part of the background.
    pub(super) fn classes(&mut self, classes: Result<Classes, Fault>) -> Result<Classes, Failure> {
        let mut classes = classes.map_err(|fault| self.pair.failure(fault.to_string()))?;
        self.account.notes.extend(classes.notes.iter().cloned());
        self.account.warnings.extend(classes.warning.clone());
        self.account.classes.clone_from(&classes.names);
        self.annotated = Annotated::of(self.pair, self.data, &classes)?;
        if let Some(annotated) = &self.annotated {
            let others = listed(&annotated.others(&classes.names));
            self.account.notes.push(match classes.regions {
                true => format!("without annotations, so not scored: {others}"),
                false => format!(
                    "without annotations, so part of class {}: {others}",
                    classes.names[0]
                ),
            });
            classes.merge(|class| annotated.has(class));
        }
        Ok(classes)
    }

    /// The axes of [sample, voxels…].
    pub(super) fn voxels(&self) -> Vec<Axis> {
        without_classes(&self.reading.prediction)
    }

    /// The voxels to score as weights of 0 and 1.
    pub(super) fn weights(&mut self) -> Option<ArrayD<f64>> {
        let inside = self.inside.take()?;
        Some(inside.mapv(|inside| f64::from(u8::from(inside))))
    }

    pub(super) fn finish(self, content: Content) -> Case {
        Case {
            content,
            names: self.account.classes.clone(),
            annotated: self.annotated,
            account: Arc::new(self.account),
            grid: Grid::default(),
            image: None,
        }
    }
}

/// The error for a number that is not a label.
pub(super) fn no_labels(file: &Path, wrong: &NoLabel, whole: Option<&Whole>) -> Failure {
    let NoLabel { found, index } = wrong;
    let mut index = index.clone();
    for (index, first) in index
        .iter_mut()
        .zip(whole.iter().flat_map(|whole| &whole.first))
    {
        *index += first;
    }
    let message = format!(
        "found {found} at index {index:?}, expected integer labels (or a one-hot target with PRED's shape)"
    );
    Failure::file(file, message).at(index)
}

/// The account of the files as they were read, before scaling or clamping.
fn account(data: &Data, prediction: &Volume, target: &Volume, reading: &Reading) -> Account {
    let input = |volume: &Volume, axes: &Axes, numbers| InputAccount {
        format: match &volume.key {
            Some(key) => format!("{}:{key}", volume.format.name()),
            None => volume.format.name().to_owned(),
        },
        shape: volume.shape().to_vec(),
        axes: axes.clone(),
        numbers,
    };
    let numbers = match data.input {
        Input::Labels => "labels",
        Input::Softmax | Input::Sigmoid | Input::Logits => "logits",
        Input::Probabilities => "probabilities",
    };
    let samples = reading.prediction.position(Axis::Sample);
    Account {
        prediction: input(prediction, &reading.prediction, numbers),
        target: input(target, &reading.target, "labels"),
        samples: samples.map_or(1, |axis| prediction.shape()[axis]),
        classes: Vec::new(),
        notes: Vec::new(),
        warnings: Vec::new(),
        ignored_in_vain: Vec::new(),
    }
}
