//! The target of probabilities or logits: labels, regions of labels, or a one-hot or soft target.

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use unifocal_ndarray::core::formula::class_count;

use super::draft::{Draft, no_labels};
use super::treated::{as_f64, treated};
use crate::arrange::{arrange, with_classes};
use crate::case::{ClassNumbers, Target};
use crate::failure::Failure;
use crate::labels::{self, Labels, with_labels};
use crate::read::Values;
use crate::reading::classes::{Classes, Fault};
use crate::reading::numbers::Treatment;
use crate::reading::{Axes, Axis, Turn};
use crate::survey::Surveyed;

/// The class index of ignored voxels, where labels are mapped to classes.
const VOID: i32 = -1;

pub(super) fn assemble(
    draft: &mut Draft<'_>,
    mut target: Surveyed,
    channels: usize,
) -> Result<Target, Failure> {
    if draft.reading.target.has(Axis::Class) || draft.data.target_scale.is_some() {
        return soft(draft, target, channels);
    }
    // Without a class axis, a target in [0, 1] that is not all integers is soft.
    let may_be_soft = !draft.reading.prediction.has(Axis::Class) && is_unit(draft, &target);
    let scaling = target.volume.scaling;
    // A slab of a soft target can be all integers.
    if may_be_soft && draft.data.team.is_some() {
        let are_labels = labels::are_labels(&target.volume.values, scaling);
        if !draft.data.merged(are_labels, |ours, theirs| ours && theirs) {
            return soft(draft, target, channels);
        }
    }
    match Labels::of(target.volume.values, scaling) {
        Ok((labels, distance)) => {
            draft.note_rounding("TARGET", draft.data.merged(distance, f64::max));
            hard(draft, labels, channels)
        }
        Err(other) if may_be_soft => {
            target.volume.values = other.0;
            soft(draft, target, channels)
        }
        Err(wrong) => Err(no_labels(
            &draft.pair.target,
            &wrong.1,
            target.volume.whole.as_ref(),
        )),
    }
}

/// Whether the target holds floats in [0, 1], or near it with `--clamp`.
fn is_unit(draft: &Draft<'_>, target: &Surveyed) -> bool {
    if !matches!(target.volume.values, Values::F32(_) | Values::F64(_)) {
        return false;
    }
    let summary = target.summary(draft.data);
    let slack = if draft.data.clamp { 0.5 } else { 0.0 };
    summary.min >= -slack && summary.max <= 1.0 + slack
}

/// A one-hot or soft target.
fn soft(draft: &mut Draft<'_>, target: Surveyed, channels: usize) -> Result<Target, Failure> {
    let refused = |message: &str| Err(Failure::file(&draft.pair.target, message));
    if !draft.data.ignore_label.is_empty() {
        return refused(
            "is a one-hot or soft target, so it has no labels for --ignore-label: use --mask to select the \
             voxels to score",
        );
    }
    if !draft.data.regions.is_empty() {
        return refused("is a one-hot or soft target, expected a label map with --regions");
    }
    let treatment = Treatment {
        scale: draft.data.target_scale,
        clamp: draft.data.clamp,
    };
    draft.note_treatment("TARGET", &target.summary(draft.data), treatment);
    draft.account.target.numbers = "one-hot or soft";
    let classes = match &draft.data.labels {
        Some(_) => Classes::for_channels(&draft.options(), &[], channels),
        None => Ok(Classes::of_channels(class_count(channels))),
    };
    draft.classes(classes)?;
    let weights = draft.weights();
    let target = as_f64(treated(target.volume.values, treatment));
    Ok(Target::Soft { target, weights })
}

/// A target of labels, mapped to classes.
fn hard(draft: &mut Draft<'_>, labels: Labels, channels: usize) -> Result<Target, Failure> {
    let occurring = with_labels!(&labels, labels => {
        let inside = draft.inside.as_ref().map(|inside| inside.view());
        labels::occurring(&arranged(draft, labels.view()), inside.as_ref())
    });
    let occurring: Vec<i64> = draft.data.merged(occurring, |mut ours, theirs| {
        ours.extend(theirs);
        ours.sort_unstable();
        ours.dedup();
        ours
    });
    let classes = Classes::for_channels(&draft.options(), &occurring, channels);
    let classes = classes.map_err(|fault| {
        let place = match &fault {
            Fault::NoClass { label, .. } => place(draft, &labels, *label),
            _ => None,
        };
        let place = place.map_or(String::new(), |place| format!(" (first at {place})"));
        draft.pair.failure(format!("{fault}{place}"))
    })?;
    let classes = draft.classes(Ok(classes))?;
    draft.note_ignored(&occurring);
    let ignored = &draft.data.ignore_label;
    if classes.regions {
        let any_ignored = occurring.iter().any(|label| ignored.contains(label));
        return Ok(regions(draft, &labels, &classes, any_ignored));
    }
    let mut voids = occurring.iter().filter(|label| ignored.contains(label));
    let (void, other) = (voids.next().copied(), voids.next());
    // Labels that equal their classes are not copied.
    let labels = match labels {
        Labels::U8(labels) if classes.plain && other.is_none() && draft.inside.is_none() => {
            let classes = ClassNumbers::U8(labels);
            return Ok(Target::Classes { classes, void });
        }
        other => other,
    };
    let class = |label: i64| match classes.of(label) {
        [class, ..] if !ignored.contains(&label) => *class as i32,
        _ => VOID,
    };
    let mut mapped = with_labels!(&labels, labels => labels::mapped(&labels.view(), class));
    if let Some(inside) = draft.inside.take() {
        let arranged = arrange(
            mapped.view_mut(),
            &draft.reading.target,
            &draft.reading.turn,
            &draft.voxels(),
        );
        ndarray::Zip::from(arranged)
            .and(&inside)
            .for_each(|label, inside| {
                if !inside {
                    *label = VOID;
                }
            });
    }
    Ok(Target::Classes {
        classes: ClassNumbers::I32(mapped.into()),
        void: Some(VOID.into()),
    })
}

/// Views labels as [sample, voxels…].
fn arranged<'a, T>(draft: &Draft<'_>, labels: ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {
    let reading = &draft.reading;
    arrange(labels, &reading.target, &reading.turn, &draft.voxels())
}

/// The position of the first voxel with a label.
fn place(draft: &Draft<'_>, labels: &Labels, label: i64) -> Option<String> {
    let (first, shape) = with_labels!(labels, labels => {
        let labels = arranged(draft, labels.view());
        let is_found = labels::mapped(&labels, |found| found == label);
        (is_found.iter().position(|found| *found), labels.shape().to_vec())
    });
    let voxels: usize = shape[1..].iter().product();
    let first = first.map(|first| {
        let (sample, voxel) = (first / voxels, first % voxels);
        match &draft.slab {
            Some(slab) => slab.whole_place(sample, voxel),
            None => [sample, voxel],
        }
    });
    let [sample, voxel] = draft
        .data
        .merged(first, |ours, theirs| ours.into_iter().chain(theirs).min())?;
    Some(format!("sample {sample}, voxel {voxel}"))
}

/// Regions of labels as channels in the axes of PRED, with weights for the voxels to score.
fn regions(draft: &mut Draft<'_>, labels: &Labels, classes: &Classes, any_ignored: bool) -> Target {
    let ignored = &draft.data.ignore_label;
    let mut weights = draft.weights();
    let target = with_labels!(labels, labels => {
        let labels = arranged(draft, labels.view());
        let mut shape = labels.shape().to_vec();
        shape.insert(1, classes.len());
        let mut target = ArrayD::zeros(IxDyn(&shape));
        for (class, region) in target.axis_iter_mut(ndarray::Axis(1)).enumerate() {
            let is_in = |label| f64::from(u8::from(classes.of(label).contains(&class)));
            labels::map_into(&labels, region, is_in);
        }
        if any_ignored {
            let counts = |label| f64::from(u8::from(!ignored.contains(&label)));
            let counted = labels::mapped(&labels, counts);
            weights = Some(match weights {
                Some(weights) => weights * counted,
                None => counted,
            });
        }
        target
    });
    // The target now has the axes of the prediction.
    draft.reading.target = Axes(with_classes(&draft.reading.prediction));
    draft.reading.turn = Turn::NONE;
    Target::Soft {
        target: target.into(),
        weights,
    }
}
