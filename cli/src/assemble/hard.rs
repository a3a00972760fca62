//! A label map as the prediction, and one as the target.

use super::draft::Draft;
use crate::arrange::arrange;
use crate::case::{Case, Content, Maps};
use crate::counts::{Count, Meetings};
use crate::failure::Failure;
use crate::labels::with_labels;
use crate::read::Volume;
use crate::reading::classes::Classes;
use crate::reading::{Reading, Turn};

pub(super) fn assemble(
    mut draft: Draft<'_>,
    prediction: Volume,
    target: Volume,
) -> Result<Case, Failure> {
    let ours = draft.labels("PRED", &draft.pair.prediction, prediction)?;
    let theirs = draft.labels("TARGET", &draft.pair.target, target)?;
    let meetings = {
        let wanted = draft.voxels();
        let Reading {
            prediction,
            target,
            turn,
            ..
        } = &draft.reading;
        let inside = draft.inside.as_ref().map(|inside| inside.view());
        with_labels!(&ours, ours => with_labels!(&theirs, theirs => Meetings::count(
            &arrange(ours.view(), prediction, &Turn::NONE, &wanted),
            &arrange(theirs.view(), target, turn, &wanted),
            inside.as_ref(),
            draft.slab.as_ref(),
        )))
    };
    let meetings = draft.data.merged(meetings, Meetings::merged);
    let ignored = draft.data.ignore_label.clone();
    let [in_prediction, in_target] = meetings.occurring(&ignored);
    let classes = Classes::for_labels(&draft.options(), &in_prediction, &in_target);
    let classes = draft.classes(classes)?;
    draft.note_ignored(&in_target);
    let mut counts = meetings.counts(&ignored, &classes);
    if let Some(annotated) = &draft.annotated {
        for (index, count) in counts.iter_mut().enumerate() {
            if !annotated.has(index % classes.len()) {
                *count = Count::default();
            }
        }
    }
    let maps = Maps {
        counts,
        prediction: ours,
        target: theirs,
        reading: draft.reading.clone(),
        classes,
        ignored,
        inside: draft.inside.take(),
    };
    Ok(draft.finish(Content::Maps(Box::new(maps))))
}
