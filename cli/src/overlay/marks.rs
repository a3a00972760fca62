//! How the predicted classes of each voxel compare with those of the target.

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Zip};
use unifocal_ndarray::Evaluation;

use crate::arrange::{arrange, without_classes};
use crate::case::{Arrays, Case, ClassNumbers, Content, Maps, Target};
use crate::labels::{Label, with_labels};
use crate::reading::Turn;
use crate::reading::classes::Name;

/// A voxel's predicted classes beside the true ones. The background, label 0, is no class here, unless it is the one that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    #[default]
    Unscored,
    /// No class is there, and none is predicted.
    TrueNegative,
    TruePositive,
    FalsePositive,
    FalseNegative,
    /// A class is missing, and another one predicted.
    OtherClass,
}

impl Mark {
    pub(super) fn is_error(self) -> bool {
        matches!(
            self,
            Self::FalsePositive | Self::FalseNegative | Self::OtherClass
        )
    }
}

/// The mark of each voxel as [sample, voxels…], for one class or for all. `hard` has the predicted classes, unless the case is one of
/// label maps.
pub(super) fn of(
    case: &Case,
    hard: Option<&ArrayD<f32>>,
    class: Option<usize>,
) -> Result<ArrayD<Mark>, unifocal_ndarray::Error> {
    let is_background = |name: &Name| *name == Name::Label(0);
    let classes: Vec<usize> = match class {
        Some(class) => vec![class],
        None => (case.names.iter().enumerate())
            .filter(|(_, name)| !is_background(name))
            .map(|(class, _)| class)
            .collect(),
    };
    match (&case.content, hard) {
        (Content::Maps(maps), _) => Ok(of_maps(maps, &classes)),
        (Content::Arrays(arrays), Some(hard)) => {
            let regions = matches!(case.names.first(), Some(Name::Region(_)));
            of_arrays(arrays, hard, &classes, regions)
        }
        // Without a scored voxel there are no predicted classes.
        (Content::Arrays(arrays), None) => Ok(ArrayD::default(IxDyn(&arrays.voxels()))),
    }
}

/// Which kinds of classes a voxel has.
#[derive(Clone, Copy, Default)]
struct Found {
    shared: bool,
    extra: bool,
    missing: bool,
}

impl Found {
    fn add(&mut self, predicted: bool, actual: bool) {
        self.shared |= predicted && actual;
        self.extra |= predicted && !actual;
        self.missing |= actual && !predicted;
    }

    fn mark(self) -> Mark {
        match (self.extra, self.missing) {
            (true, true) => Mark::OtherClass,
            (true, false) => Mark::FalsePositive,
            (false, true) => Mark::FalseNegative,
            (false, false) if self.shared => Mark::TruePositive,
            (false, false) => Mark::TrueNegative,
        }
    }
}

fn of_maps(maps: &Maps, classes: &[usize]) -> ArrayD<Mark> {
    let reading = &maps.reading;
    let wanted = without_classes(&reading.prediction);
    let mut marks = with_labels!(&maps.prediction, ours => with_labels!(&maps.target, theirs => {
        let ours = arrange(ours.view(), &reading.prediction, &Turn::NONE, &wanted);
        let theirs = arrange(theirs.view(), &reading.target, &reading.turn, &wanted);
        of_labels(maps, &ours, &theirs, classes)
    }));
    if let Some(inside) = &maps.inside {
        Zip::from(&mut marks).and(inside).for_each(|mark, inside| {
            if !inside {
                *mark = Mark::Unscored;
            }
        });
    }
    marks
}

fn of_labels<P: Label, T: Label>(
    maps: &Maps,
    ours: &ArrayViewD<'_, P>,
    theirs: &ArrayViewD<'_, T>,
    wanted: &[usize],
) -> ArrayD<Mark> {
    let mark = |ours: i64, theirs: i64| {
        if maps.ignored.contains(&theirs) {
            return Mark::Unscored;
        }
        let actual = maps.classes.of(theirs);
        // A predicted label that is ignored belongs to no class.
        let predicted = match maps.ignored.contains(&ours) {
            true => &[],
            false => maps.classes.of(ours),
        };
        let mut found = Found::default();
        for class in predicted.iter().chain(actual) {
            if wanted.contains(class) {
                found.add(predicted.contains(class), actual.contains(class));
            }
        }
        found.mark()
    };
    // Neighbouring voxels mostly have the same labels.
    let mut last: Option<((P, T), Mark)> = None;
    Zip::from(ours).and(theirs).map_collect(|ours, theirs| {
        let labels = (*ours, *theirs);
        match last {
            Some((same, mark)) if same == labels => mark,
            _ => {
                let mark = mark(labels.0.into(), labels.1.into());
                last = Some((labels, mark));
                mark
            }
        }
    })
}

fn of_arrays(
    arrays: &Arrays,
    hard: &ArrayD<f32>,
    classes: &[usize],
    regions: bool,
) -> Result<ArrayD<Mark>, unifocal_ndarray::Error> {
    // A single channel that is no region is the probability of class 1.
    let single = hard.len_of(Axis(1)) == 1 && !regions;
    let channel = |class: usize| if single { 0 } else { class };
    let is_in = |number: f32, class: usize| (number > 0.5) != (single && class == 0);
    let mut found: ArrayD<Found> = ArrayD::default(IxDyn(&arrays.voxels()));
    let mut scored = ArrayD::from_elem(found.raw_dim(), true);
    match &arrays.target {
        Target::Classes {
            classes: numbers,
            void,
        } => {
            let numbers: ArrayD<i64> = match numbers {
                ClassNumbers::U8(numbers) => arrays.labels(numbers.view()).mapv(i64::from),
                ClassNumbers::I32(numbers) => arrays.labels(numbers.view()).mapv(i64::from),
            };
            scored.zip_mut_with(&numbers, |scored, number| *scored = Some(*number) != *void);
            for class in classes {
                Zip::from(&mut found)
                    .and(hard.index_axis(Axis(1), channel(*class)))
                    .and(&numbers)
                    .for_each(|found, ours, theirs| {
                        found.add(is_in(*ours, *class), *theirs == *class as i64);
                    });
            }
        }
        Target::Soft { target, weights } => {
            let soft = arrays.soft(target.view());
            let target = Evaluation::soft(soft.view(), soft.view()).with_multilabel(regions);
            let target = target.hard()?;
            if let Some(weights) = weights {
                scored.zip_mut_with(weights, |scored, weight| *scored = *weight > 0.0);
            }
            for class in classes {
                Zip::from(&mut found)
                    .and(hard.index_axis(Axis(1), channel(*class)))
                    .and(target.index_axis(Axis(1), channel(*class)))
                    .for_each(|found, ours, theirs| {
                        found.add(is_in(*ours, *class), is_in(*theirs, *class));
                    });
            }
        }
    }
    Ok(Zip::from(&found)
        .and(&scored)
        .map_collect(|found, scored| match scored {
            true => found.mark(),
            false => Mark::Unscored,
        }))
}
