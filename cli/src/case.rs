//! A prediction and its target as they are scored: what their files hold, by the one reading that fits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD};
use unifocal_ndarray::core::Activation;

use crate::account::{Account, Input as InputAccount};
use crate::args::{ActivationArg, Batch, Data, Input, LayoutArg};
use crate::arrange::{arrange, with_classes, without_classes};
use crate::counts::{self, Coded, Count};
use crate::failure::Failure;
use crate::pairs::{self, Pair};
use crate::read::{self, AxisOrder, Format, Numbers, Values, Volume};
use crate::reading::classes::{self, Classes, Name};
use crate::reading::numbers::{self, Summary, Treatment};
use crate::reading::{self, Axes, Axis, ClassAxis, Facts, Order, Reading, Turn};
use crate::survey::{self, LabelMap, with_numbers};

/// What is scored.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) prediction: Prediction,
    pub(crate) truth: Truth,
    pub(crate) activation: Activation,
    /// The label of voxels that do not count.
    pub(crate) void: Option<i64>,
    /// Where to look, as [sample, voxels…]: weights of 0 and 1.
    weights: Option<ArrayD<f64>>,
    reading: Reading,
    pub(crate) names: Vec<Name>,
    /// The numbers of the prediction, summarized.
    summary: Option<Summary>,
    pub(crate) account: Arc<Account>,
}

/// A prediction, in the precision of its file.
#[derive(Debug)]
pub(crate) enum Prediction {
    F32(Numbers<f32>),
    F64(Numbers<f64>),
    /// A hard segmentation beside its target: the counts of each class, sample by sample.
    Counts(Vec<Count>),
}

/// A target, in the axes of its file.
#[derive(Debug)]
pub(crate) enum Truth {
    /// Labels that are the classes themselves.
    U8(Numbers<u8>),
    U16(Numbers<u16>),
    I32(Numbers<i32>),
    I64(Numbers<i64>),
    Soft(Numbers<f64>),
    /// It is in the counts.
    Counted,
}

/// The label of voxels that do not count, where labels are mapped to classes.
const VOID: i32 = -1;

/// Reads a case.
pub(crate) fn read(pair: &Pair, data: &Data) -> Result<Case, Failure> {
    check_options(pair, data)?;
    let prediction = read::read(&pair.prediction)?;
    let target = read::read(&pair.target)?;
    let mask = match &data.mask {
        Some(mask) => Some(read::read(mask_of(mask, pair)?)?),
        None => None,
    };
    assemble(pair, data, prediction, target, mask)
}

/// A case from what its files hold.
pub(crate) fn assemble(
    pair: &Pair,
    data: &Data,
    prediction: Volume,
    target: Volume,
    mask: Option<Volume>,
) -> Result<Case, Failure> {
    if data.ignore_geometry && (prediction.geometry.is_none() || target.geometry.is_none()) {
        return Err(pair.failure(
            "--ignore-geometry is for two files that say where they lie, found one that does not",
        ));
    }
    let scale = data.scale.unwrap_or(1.0);
    let target_scale = data.target_scale.unwrap_or(1.0);
    let reading = {
        let ours = |axis| survey::sums_to(&prediction.values, axis, scale);
        let theirs = |axis| survey::sums_to(&target.values, axis, target_scale);
        let is_unit = || {
            let summary = survey::summarize(&target);
            let slack = if data.clamp { 0.5 } else { 1e-6 };
            summary.min >= -slack && summary.max <= target_scale * (1.0 + slack)
        };
        let unused = || true;
        reading::read(
            &asked(data),
            &facts(&prediction, &ours, &unused),
            &facts(&target, &theirs, &is_unit),
        )
        .map_err(|fault| pair.failure(fault.to_string()))?
    };
    let inside = match mask {
        Some(mask) => Some(inside(pair, data, &prediction, &reading, &mask)?),
        None => None,
    };
    let mut building = Building {
        pair,
        data,
        inside,
        void: None,
        account: account(data, &prediction, &target, &reading),
        reading,
    };
    building.account_turn();
    if data.input == Input::Labels {
        building.hard(prediction, target)
    } else {
        building.soft(prediction, target)
    }
}

/// Refuses options that do not apply.
fn check_options(pair: &Pair, data: &Data) -> Result<(), Failure> {
    let fault = |option: &str, is_for: &str| {
        let message = format!("{option} is for {is_for}, expected --input {is_for} beside it");
        Err(Failure::file(&pair.prediction, message))
    };
    if data.input != Input::Logits && data.activation.is_some() {
        return fault("--activation", "logits");
    }
    let given = [("--scale", data.scale.is_some()), ("--clamp", data.clamp)];
    for (option, given) in given {
        if given && data.input != Input::Probabilities {
            return fault(option, "probabilities");
        }
    }
    if data.input == Input::Labels {
        let given = [
            ("--layout", data.layout.is_some()),
            ("--foreground", data.foreground),
            ("--target-scale", data.target_scale.is_some()),
        ];
        if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
            let message = format!(
                "{option} is for probabilities and logits, expected none beside --input labels"
            );
            return Err(Failure::file(&pair.prediction, message));
        }
    }
    for (option, scale) in [
        ("--scale", data.scale),
        ("--target-scale", data.target_scale),
    ] {
        if let Some(scale) = scale.filter(|scale| !(scale.is_finite() && *scale > 0.0)) {
            let message = format!("{option} is {scale}, expected a number above 0");
            return Err(Failure::file(&pair.prediction, message));
        }
    }
    Ok(())
}

/// The mask of a case: the file, or that of the case's name in the folder.
fn mask_of(mask: &Path, pair: &Pair) -> Result<PathBuf, Failure> {
    if !mask.is_dir() {
        return Ok(mask.to_owned());
    }
    let entries = mask
        .read_dir()
        .map_err(|error| Failure::file(mask, format!("cannot be read: {error}")))?;
    let stem = pairs::stem;
    let names = [
        pair.name.clone(),
        stem(&pair.target),
        stem(&pair.prediction),
    ];
    let files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| Format::by_name(file).is_some())
        .collect();
    let named = |name: &String| files.iter().find(|file| stem(file) == *name);
    names.iter().find_map(named).cloned().ok_or_else(|| {
        Failure::file(
            mask,
            format!("found no mask of the name {} in it", names[0]),
        )
    })
}

fn asked(data: &Data) -> reading::Asked {
    reading::Asked {
        axes: data.axes.clone(),
        target_axes: data.target_axes.clone(),
        class_axis: data.layout.map(|layout| match layout {
            LayoutArg::ChannelsFirst => ClassAxis::First,
            LayoutArg::ChannelsLast => ClassAxis::Last,
        }),
        batch: match data.batch {
            Batch::Auto => None,
            Batch::Yes => Some(true),
            Batch::No => Some(false),
        },
        foreground: data.foreground,
        labels: data.input == Input::Labels,
        logits: data.input == Input::Logits,
        labels_target: !data.regions.is_empty() || data.labels.is_some(),
        ignore_geometry: data.ignore_geometry,
    }
}

fn facts<'a>(
    volume: &'a Volume,
    sums_to_one: &'a dyn Fn(usize) -> bool,
    is_unit: &'a dyn Fn() -> bool,
) -> Facts<'a> {
    Facts {
        shape: volume.values.shape(),
        order: match (volume.format, volume.key.as_deref()) {
            (Format::Npz, Some("probabilities")) => Order::ClassFirst,
            (format, _) => match format.axes() {
                AxisOrder::Unsaid => Order::Unsaid,
                AxisOrder::XyzFirst => Order::XyzFirst,
                AxisOrder::Picture => Order::Picture,
            },
        },
        geometry: volume.geometry,
        sums_to_one,
        is_unit,
    }
}

fn account(data: &Data, prediction: &Volume, target: &Volume, reading: &Reading) -> Account {
    let input = |volume: &Volume, axes: &Axes, numbers| InputAccount {
        format: match &volume.key {
            Some(key) => format!("{}:{key}", volume.format.name()),
            None => volume.format.name().to_owned(),
        },
        shape: volume.values.shape().to_vec(),
        axes: axes.clone(),
        numbers,
    };
    let samples = reading.prediction.position(Axis::Sample);
    Account {
        prediction: input(
            prediction,
            &reading.prediction,
            match data.input {
                Input::Labels => "labels",
                Input::Logits => "logits",
                Input::Probabilities => "probabilities",
            },
        ),
        target: input(
            target,
            &reading.target,
            if reading.target.has(Axis::Class) {
                "one-hot or soft"
            } else {
                "labels"
            },
        ),
        samples: samples.map_or(1, |axis| prediction.values.shape()[axis]),
        classes: Vec::new(),
        notes: reading
            .evidence
            .map(|evidence| format!("axes chosen since {evidence}"))
            .into_iter()
            .collect(),
        warnings: Vec::new(),
    }
}

/// Where a mask is not 0, as [sample, voxels…] of the prediction.
fn inside(
    pair: &Pair,
    data: &Data,
    prediction: &Volume,
    reading: &Reading,
    mask: &Volume,
) -> Result<ArrayD<bool>, Failure> {
    let no = |_: usize| false;
    let unused = || true;
    let ours = facts(prediction, &no, &unused);
    let theirs = facts(mask, &no, &unused);
    let asked = reading::Asked {
        axes: Some(reading.prediction.clone()),
        labels_target: true,
        ignore_geometry: data.ignore_geometry,
        ..reading::Asked::default()
    };
    let found = reading::read(&asked, &ours, &theirs).or_else(|fault| {
        // One mask for all samples.
        let Some(samples) = reading.prediction.position(Axis::Sample) else {
            return Err(fault);
        };
        let mut shape = ours.shape.to_vec();
        let mut axes = reading.prediction.0.clone();
        shape.remove(samples);
        axes.remove(samples);
        let asked = reading::Asked {
            axes: Some(Axes(axes)),
            ..asked
        };
        reading::read(
            &asked,
            &Facts {
                shape: &shape,
                ..ours
            },
            &theirs,
        )
    });
    let found = found.map_err(|fault| pair.failure(format!("the mask: {fault}")))?;
    let mask: ArrayD<bool> = with_numbers!(&mask.values, numbers => {
        numbers.view().mapv(|number| survey::Number::to_f64(number) != 0.0)
    });
    let wanted = without_classes(&reading.prediction);
    let mask = arrange(mask.view(), &found.target, &found.turn, &wanted);
    let shape = prediction.values.shape();
    let whole: Vec<usize> = wanted
        .iter()
        .map(|axis| {
            reading
                .prediction
                .position(*axis)
                .map_or(1, |position| shape[position])
        })
        .collect();
    match mask.broadcast(whole) {
        Some(mask) => Ok(mask.to_owned()),
        None => Err(pair.failure("the mask has another shape than the voxels of PRED")),
    }
}

/// What is known while a case is put together.
struct Building<'a> {
    pair: &'a Pair,
    data: &'a Data,
    reading: Reading,
    inside: Option<ArrayD<bool>>,
    void: Option<i64>,
    account: Account,
}

impl Building<'_> {
    fn note(&mut self, note: impl Into<String>) {
        self.account.notes.push(note.into());
    }

    fn account_turn(&mut self) {
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
            let note = format!(
                "TARGET's axes run along PRED's {}, by their affines, and were turned",
                axes.join(", ")
            );
            self.note(note);
        }
        if let Some(inside) = &self.inside {
            let (within, all) = (
                inside.iter().filter(|inside| **inside).count(),
                inside.len(),
            );
            self.note(format!("the mask keeps {within} of {all} voxels"));
        }
    }

    fn file(&self, file: &Path, message: impl Into<String>) -> Failure {
        Failure::file(file, message)
    }

    /// What the user says of labels.
    fn asked(&self) -> classes::Asked {
        classes::Asked {
            labels: self.data.labels.clone(),
            regions: self.data.regions.clone(),
            ignored: self.data.ignore_label.clone(),
        }
    }

    fn label_map(&mut self, file: &Path, volume: Volume, what: &str) -> Result<LabelMap, Failure> {
        let map = survey::label_map(volume.values, volume.scaling).map_err(|(found, index)| {
            let message = format!(
                "found {found} at index {index:?}, expected integer labels (or a one-hot target of PRED's shape)"
            );
            self.file(file, message)
        })?;
        if let Some(distance) = map.rounded {
            self.note(format!(
                "{what}'s labels were rounded by up to {distance:.1e}, which its header's scaling explains"
            ));
        }
        Ok(map)
    }

    fn note_ignored(&mut self, occurring: &[i64]) {
        let ignored: Vec<String> = (self.data.ignore_label.iter())
            .filter(|label| occurring.contains(label))
            .map(i64::to_string)
            .collect();
        if !ignored.is_empty() {
            self.note(format!(
                "voxels of TARGET's label {} are left out",
                ignored.join(", ")
            ));
        }
    }

    fn classes(&mut self, classes: Result<Classes, classes::Fault>) -> Result<Classes, Failure> {
        let classes = classes.map_err(|fault| self.pair.failure(fault.to_string()))?;
        self.account.notes.extend(classes.notes.iter().cloned());
        self.account.warnings.extend(classes.warning.clone());
        self.account.classes.clone_from(&classes.names);
        Ok(classes)
    }

    /// Labels against labels.
    fn hard(mut self, prediction: Volume, target: Volume) -> Result<Case, Failure> {
        let ours = self.label_map(&self.pair.prediction.clone(), prediction, "PRED")?;
        let theirs = self.label_map(&self.pair.target.clone(), target, "TARGET")?;
        let classes = Classes::for_labels(&self.asked(), &ours.occurring, &theirs.occurring);
        let classes = self.classes(classes)?;
        self.note_ignored(&theirs.occurring);
        let wanted = without_classes(&self.reading.prediction);
        let [our_codes, their_codes] = [&ours, &theirs].map(survey::codes);
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        let counts = counts::count(
            Coded {
                codes: &arrange(our_codes.view(), prediction, &Turn::NONE, &wanted),
                labels: &ours.occurring,
            },
            Coded {
                codes: &arrange(their_codes.view(), target, turn, &wanted),
                labels: &theirs.occurring,
            },
            self.inside.as_ref().map(|inside| inside.view()).as_ref(),
            &self.data.ignore_label,
            &classes,
        );
        self.finish(
            Prediction::Counts(counts),
            Truth::Counted,
            None,
            Activation::Identity,
            None,
        )
    }

    /// Probabilities or logits.
    fn soft(mut self, prediction: Volume, target: Volume) -> Result<Case, Failure> {
        let summary = survey::summarize(&prediction);
        let foreground = !self.reading.prediction.has(Axis::Class);
        let channels = self.reading.prediction.position(Axis::Class);
        let channels = channels.map_or(1, |axis| prediction.values.shape()[axis]);
        let activation = self.activation(foreground)?;
        let treatment = self.treatment(&prediction, &summary)?;
        let prediction = match treated(prediction.values, treatment) {
            Values::F32(numbers) => Prediction::F32(numbers),
            other => Prediction::F64(as_f64(other)),
        };
        let class_axis = self.reading.target.has(Axis::Class);
        let is_soft =
            class_axis || self.data.target_scale.is_some() || (foreground && self.is_soft(&target));
        let (truth, weights) = if is_soft {
            self.soft_target(target, channels)?
        } else {
            self.label_target(target, channels)?
        };
        self.finish(prediction, truth, weights, activation, Some(summary))
    }

    fn activation(&self, foreground: bool) -> Result<Activation, Failure> {
        let sigmoid = foreground || !self.data.regions.is_empty();
        match (self.data.input, self.data.activation) {
            (Input::Logits, Some(ActivationArg::Softmax)) if !self.data.regions.is_empty() => Err(self.pair.failure(
                "regions may overlap, so they have a sigmoid each, expected --activation sigmoid",
            )),
            (Input::Logits, Some(ActivationArg::Sigmoid)) => Ok(Activation::Sigmoid),
            (Input::Logits, None) if sigmoid => Ok(Activation::Sigmoid),
            (Input::Logits, _) => Ok(Activation::Softmax),
            _ => Ok(Activation::Identity),
        }
    }

    /// What is done to the numbers of the prediction.
    fn treatment(&mut self, prediction: &Volume, summary: &Summary) -> Result<Treatment, Failure> {
        let fault = |fault: numbers::Fault| Failure::file(&self.pair.prediction, fault.to_string());
        if self.data.input == Input::Logits {
            let class_axis = self.reading.prediction.position(Axis::Class);
            let sums =
                || class_axis.is_some_and(|axis| survey::sums_to(&prediction.values, axis, 1.0));
            numbers::logits(summary, sums).map_err(fault)?;
            if summary.min >= 0.0 && summary.max <= 1.0 {
                self.account.warnings.push(
                    "all logits are in [0, 1], as probabilities are: --input probabilities, if they are".to_owned(),
                );
            }
            return Ok(Treatment::default());
        }
        let treatment =
            numbers::probabilities(summary, self.data.scale, self.data.clamp).map_err(fault)?;
        self.note_treatment("PRED", summary, treatment);
        Ok(treatment)
    }

    fn note_treatment(&mut self, what: &str, summary: &Summary, treatment: Treatment) {
        let factor = treatment.scale.unwrap_or(1.0);
        if let Some(scale) = treatment.scale {
            self.note(format!("{what}'s numbers were divided by {scale}"));
        }
        let (min, max) = (summary.min / factor, summary.max / factor);
        if treatment.clamp && (min < 0.0 || max > 1.0) {
            self.note(format!(
                "{what}'s numbers from {min} to {max} were clamped to [0, 1]"
            ));
        }
    }

    /// Whether a target without a class axis is soft: between 0 and 1, and not all integers.
    fn is_soft(&self, target: &Volume) -> bool {
        let summary = survey::summarize(target);
        let slack = if self.data.clamp { 0.5 } else { 0.0 };
        let floats = !summary.integers && summary.min >= -slack && summary.max <= 1.0 + slack;
        floats && survey::label_map(target.values.clone(), target.scaling).is_err()
    }

    fn soft_target(
        &mut self,
        target: Volume,
        channels: usize,
    ) -> Result<(Truth, Option<ArrayD<f64>>), Failure> {
        if !self.data.ignore_label.is_empty() {
            let message = "holds no labels but a one-hot or soft target, so --ignore-label leaves nothing out, \
                           expected --mask with a file of the voxels that count";
            return Err(self.file(&self.pair.target, message));
        }
        if !self.data.regions.is_empty() {
            let message = "holds no labels but a one-hot or soft target, expected a label map beside --regions";
            return Err(self.file(&self.pair.target, message));
        }
        let summary = survey::summarize(&target);
        let treatment = Treatment {
            scale: self.data.target_scale,
            clamp: self.data.clamp,
        };
        self.note_treatment("TARGET", &summary, treatment);
        self.account.target.numbers = "one-hot or soft";
        let classes = match &self.data.labels {
            Some(_) => Classes::for_channels(&self.asked(), &[], channels),
            None => Ok(Classes::of_channels(channels.max(2))),
        };
        self.classes(classes)?;
        let weights = self
            .inside
            .take()
            .map(|inside| inside.mapv(|inside| f64::from(u8::from(inside))));
        Ok((
            Truth::Soft(as_f64(treated(target.values, treatment))),
            weights,
        ))
    }

    fn label_target(
        &mut self,
        target: Volume,
        channels: usize,
    ) -> Result<(Truth, Option<ArrayD<f64>>), Failure> {
        let map = self.label_map(&self.pair.target.clone(), target, "TARGET")?;
        let classes =
            Classes::for_channels(&self.asked(), &map.occurring, channels).map_err(|fault| {
                let place = match &fault {
                    classes::Fault::NoClass { label, .. } => self.place(&map, *label),
                    _ => None,
                };
                let place = place.map(|place| format!(" (first at {place})"));
                self.pair
                    .failure(format!("{fault}{}", place.unwrap_or_default()))
            })?;
        let classes = self.classes(Ok(classes))?;
        self.note_ignored(&map.occurring);
        let is_ignored = |label: i64| self.data.ignore_label.contains(&label);
        if classes.regions {
            return Ok(self.regions(&map, &classes));
        }
        let ignored: Vec<i64> = map
            .occurring
            .iter()
            .copied()
            .filter(|label| is_ignored(*label))
            .collect();
        if classes.plain && ignored.len() <= 1 && self.inside.is_none() {
            self.void = ignored.first().copied();
            return Ok((
                match map.values {
                    Values::U8(labels) => Truth::U8(labels),
                    Values::U16(labels) => Truth::U16(labels),
                    Values::I32(labels) => Truth::I32(labels),
                    Values::I64(labels) => Truth::I64(labels),
                    Values::F32(_) | Values::F64(_) => unreachable!("label maps hold integers"),
                },
                None,
            ));
        }
        self.void = Some(VOID.into());
        let mut labels = survey::each_label(&map.values, VOID, |label| match classes.of(label) {
            [class, ..] if !is_ignored(label) => *class as i32,
            _ => VOID,
        });
        if let Some(inside) = self.inside.take() {
            let wanted = without_classes(&self.reading.prediction);
            let arranged = arrange(
                labels.view_mut(),
                &self.reading.target,
                &self.reading.turn,
                &wanted,
            );
            ndarray::Zip::from(arranged)
                .and(&inside)
                .for_each(|label, inside| {
                    if !inside {
                        *label = VOID;
                    }
                });
        }
        Ok((Truth::I32(labels.into()), None))
    }

    /// Where a label first is.
    fn place(&self, map: &LabelMap, label: i64) -> Option<String> {
        let wanted = without_classes(&self.reading.prediction);
        let labels = survey::each_label(&map.values, false, |found| found == label);
        let labels = arrange(
            labels.view(),
            &self.reading.target,
            &self.reading.turn,
            &wanted,
        );
        let first = labels.iter().position(|found| *found)?;
        let voxels = labels.len() / labels.len_of(ndarray::Axis(0)).max(1);
        Some(format!(
            "sample {}, voxel {}",
            first / voxels,
            first % voxels
        ))
    }

    /// The regions of labels as channels, in the axes of PRED, and which voxels count.
    fn regions(&mut self, map: &LabelMap, classes: &Classes) -> (Truth, Option<ArrayD<f64>>) {
        let wanted = without_classes(&self.reading.prediction);
        let Reading { target, turn, .. } = &self.reading;
        let channel = |class: usize| {
            let channel = survey::each_label(&map.values, 0.0, |label| {
                if classes.of(label).contains(&class) {
                    1.0
                } else {
                    0.0
                }
            });
            arrange(channel.view(), target, turn, &wanted).to_owned()
        };
        let channels: Vec<ArrayD<f64>> = (0..classes.len()).map(channel).collect();
        let views: Vec<ArrayViewD<'_, f64>> =
            channels.iter().map(|channel| channel.view()).collect();
        let stacked = ndarray::stack(ndarray::Axis(1), &views).unwrap_or_default();
        let mut weights = self
            .inside
            .take()
            .map(|inside| inside.mapv(|inside| f64::from(u8::from(inside))));
        if map
            .occurring
            .iter()
            .any(|label| self.data.ignore_label.contains(label))
        {
            let counted = survey::each_label(&map.values, 1.0, |label| {
                if self.data.ignore_label.contains(&label) {
                    0.0
                } else {
                    1.0
                }
            });
            let counted = arrange(counted.view(), target, turn, &wanted).to_owned();
            weights = Some(match weights {
                Some(weights) => weights * counted,
                None => counted,
            });
        }
        // The target now has the axes of the prediction.
        self.reading.target = Axes(with_classes(&self.reading.prediction));
        self.reading.turn = Turn::NONE;
        (Truth::Soft(stacked.into()), weights)
    }

    fn finish(
        self,
        prediction: Prediction,
        truth: Truth,
        weights: Option<ArrayD<f64>>,
        activation: Activation,
        summary: Option<Summary>,
    ) -> Result<Case, Failure> {
        Ok(Case {
            prediction,
            truth,
            activation,
            void: self.void,
            weights,
            reading: self.reading,
            names: self.account.classes.clone(),
            summary,
            account: Arc::new(self.account),
        })
    }
}

impl Case {
    /// A prediction as [sample, class, voxels…].
    pub(crate) fn prediction<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let axes = &self.reading.prediction;
        arrange(array, axes, &Turn::NONE, &with_classes(axes))
    }

    /// An array of the prediction's shape, to be written to, as [sample, class, voxels…].
    pub(crate) fn prediction_mut<'a, T>(
        &self,
        array: ArrayViewMutD<'a, T>,
    ) -> ArrayViewMutD<'a, T> {
        let axes = &self.reading.prediction;
        arrange(array, axes, &Turn::NONE, &with_classes(axes))
    }

    /// A soft target as [sample, class, voxels…].
    pub(crate) fn target<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        arrange(array, target, turn, &with_classes(prediction))
    }

    /// Labels as [sample, voxels…].
    pub(crate) fn labels<'a, T>(&self, array: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &self.reading;
        arrange(array, target, turn, &without_classes(prediction))
    }

    pub(crate) fn weights(&self) -> Option<ArrayViewD<'_, f64>> {
        self.weights.as_ref().map(|weights| weights.view())
    }

    /// What often is behind a number that is none.
    pub(crate) fn hint(&self, found: f64) -> &'static str {
        match (self.activation, &self.summary) {
            (Activation::Identity, Some(summary)) if found.is_finite() => numbers::beyond(summary),
            (Activation::Identity, _) => "",
            (_, _) if found == f64::NEG_INFINITY => {
                " (write a finite logit such as -10000 for a class that cannot be: its probability is 0 as well)"
            }
            _ => "",
        }
    }
}

impl Pair {
    pub(crate) fn failure(&self, message: impl Into<String>) -> Failure {
        Failure::Pair {
            prediction: self.prediction.clone(),
            target: self.target.clone(),
            message: message.into(),
        }
    }
}

/// Numbers scaled and clamped.
fn treated(values: Values, treatment: Treatment) -> Values {
    let Treatment { scale, clamp } = treatment;
    if scale.is_none() && !clamp {
        return values;
    }
    // What is not finite stays, to be told of.
    let clamped = |number: f64| match number {
        number if clamp && number.is_finite() => number.clamp(0.0, 1.0),
        number => number,
    };
    match (scale, values) {
        (None, Values::F32(numbers)) => Values::F32(
            numbers
                .mapv(|x| if x.is_finite() { x.clamp(0.0, 1.0) } else { x })
                .into(),
        ),
        (scale, values) => {
            let scale = scale.unwrap_or(1.0);
            let numbers = with_numbers!(&values, numbers => {
                numbers.view().mapv(|number| clamped(survey::Number::to_f64(number) / scale))
            });
            Values::F64(numbers.into())
        }
    }
}

fn as_f64(values: Values) -> Numbers<f64> {
    match values {
        Values::F64(numbers) => numbers,
        values => {
            with_numbers!(&values, numbers => numbers.view().mapv(survey::Number::to_f64)).into()
        }
    }
}
