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
            .filter(|(class, name)| !is_background(name) && case.has(*class))
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
    let prediction = Hard::new(hard, regions);
    Ok(match &arrays.target {
        Target::Classes {
            classes: numbers,
            void,
        } => match numbers {
            ClassNumbers::U8(numbers) => {
                prediction.beside_labels(&arrays.labels(numbers.view()), *void, classes)
            }
            ClassNumbers::I32(numbers) => {
                prediction.beside_labels(&arrays.labels(numbers.view()), *void, classes)
            }
        },
        Target::Soft { target, weights } => {
            let soft = arrays.soft(target.view());
            let target = Evaluation::soft(soft.view(), soft.view()).with_multilabel(regions);
            let target = target.hard()?;
            prediction.beside(&Hard::new(&target, regions), weights.as_ref(), classes)
        }
    })
}

/// 1 for the classes that a voxel has, and 0 for the others, as [sample, channel, voxels…].
struct Hard<'a> {
    numbers: &'a ArrayD<f32>,
    /// Whether the only channel is the foreground, class 1, and what is not in it class 0.
    foreground: bool,
}

impl<'a> Hard<'a> {
    fn new(numbers: &'a ArrayD<f32>, regions: bool) -> Self {
        Self {
            numbers,
            foreground: numbers.len_of(Axis(1)) == 1 && !regions,
        }
    }

    /// The channel of a class, and whether a number of it means that the voxel has the class.
    fn class(&self, class: usize) -> (ArrayViewD<'a, f32>, impl Fn(f32) -> bool + use<>) {
        let channel = if self.foreground { 0 } else { class };
        let complement = self.foreground && class == 0;
        let channel = self.numbers.index_axis(Axis(1), channel);
        (channel, move |number| (number > 0.5) != complement)
    }

    fn beside_labels<L: Copy + Into<i64>>(
        &self,
        labels: &ArrayViewD<'_, L>,
        void: Option<i64>,
        classes: &[usize],
    ) -> ArrayD<Mark> {
        let mut found: ArrayD<Found> = ArrayD::default(labels.raw_dim());
        for class in classes {
            let (numbers, has) = self.class(*class);
            Zip::from(&mut found)
                .and(&numbers)
                .and(labels)
                .for_each(|found, ours, theirs| {
                    found.add(has(*ours), (*theirs).into() == *class as i64);
                });
        }
        Zip::from(&found).and(labels).map_collect(|found, label| {
            match Some((*label).into()) == void {
                true => Mark::Unscored,
                false => found.mark(),
            }
        })
    }

    fn beside(
        &self,
        target: &Hard<'_>,
        weights: Option<&ArrayD<f64>>,
        classes: &[usize],
    ) -> ArrayD<Mark> {
        let voxels = self.numbers.index_axis(Axis(1), 0).raw_dim();
        let mut found: ArrayD<Found> = ArrayD::default(voxels);
        for class in classes {
            let ((ours, we_have), (theirs, they_have)) = (self.class(*class), target.class(*class));
            Zip::from(&mut found)
                .and(&ours)
                .and(&theirs)
                .for_each(|found, ours, theirs| found.add(we_have(*ours), they_have(*theirs)));
        }
        let mut marks = found.mapv(Found::mark);
        if let Some(weights) = weights {
            marks.zip_mut_with(weights, |mark, weight| {
                if *weight <= 0.0 {
                    *mark = Mark::Unscored;
                }
            });
        }
        marks
    }
}
