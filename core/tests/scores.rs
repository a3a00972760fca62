//! Scores over an epoch are those of all its samples at once, whatever the batches and ranks.

use proptest::prelude::*;
use proptest::sample::select;
use unifocal_core::{
    AbsentClass, AnyLoss, Dense, Error, Focal, Labels, Overlap, Pooling, Scores, Segmentation,
    Settings, TensorLike, Tversky,
    catalogue::Name,
    data::OneHot,
    evaluate,
    formula::{ClassSums, Loss},
};

const CLASSES: usize = 3;
const VOXELS: usize = 7;
const IGNORED: u8 = 255;

/// The samples of an epoch.
#[derive(Clone, Debug)]
struct Epoch {
    prediction: Vec<f64>,
    labels: Vec<u8>,
}

type Batch<'a> = Segmentation<Dense<'a, f64>, Labels<Dense<'a, u8>>>;

impl Epoch {
    fn samples(&self) -> usize {
        self.labels.len() / VOXELS
    }

    /// Some of its samples.
    fn batch(&self, first: usize, end: usize, pooling: Pooling) -> Batch<'_> {
        let count = end - first;
        let prediction = &self.prediction[first * VOXELS * CLASSES..end * VOXELS * CLASSES];
        let labels = &self.labels[first * VOXELS..end * VOXELS];
        let prediction = Dense::channels_last(prediction, [count, CLASSES, VOXELS]).unwrap();
        let labels = Labels::new(Dense::per_voxel(labels, [count, VOXELS]).unwrap());
        let labels = labels.with_ignore_label(i64::from(IGNORED));
        let batch = Segmentation::new(prediction, labels).unwrap();
        batch.with_pooling(pooling)
    }
}

/// A sample: probabilities and labels, of which all, some or none are ignored.
fn sample() -> impl Strategy<Value = (Vec<f64>, Vec<u8>)> {
    let probabilities = prop::collection::vec(0.0..=1.0_f64, VOXELS * CLASSES);
    let labels = prop_oneof![
        4 => prop::collection::vec(select(vec![0, 0, 1, 2, IGNORED]), VOXELS),
        1 => prop::collection::vec(select(vec![0, 1]), VOXELS),
        1 => Just(vec![IGNORED; VOXELS]),
    ];
    (probabilities, labels)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    prop::collection::vec(sample(), 1..12).prop_map(|samples| Epoch {
        prediction: samples.iter().flat_map(|(p, _)| p.clone()).collect(),
        labels: samples
            .iter()
            .flat_map(|(_, labels)| labels.clone())
            .collect(),
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    let pooling = select(vec![Pooling::PerSample, Pooling::Batch]);
    let absent = select(vec![AbsentClass::Smooth, AbsentClass::Skip]);
    let weights = select(vec![None, Some([0.0, 1.0, 1.0]), Some([0.2, 1.0, 3.0])]);
    (pooling, absent, weights).prop_map(|(pooling, absent, weights)| {
        let settings = Settings::default()
            .with_pooling(pooling)
            .with_absent_class(absent);
        match weights {
            Some(weights) => settings.with_class_weights(weights),
            None => settings,
        }
    })
}

/// The value and the classes' scores of the whole epoch, evaluated at once.
fn at_once<L: Loss<4>>(
    loss: &L,
    epoch: &Epoch,
    settings: &Settings,
) -> (Option<f64>, Vec<Option<f64>>) {
    let batch = epoch.batch(0, epoch.samples(), settings.pooling);
    let classes = settings.classes();
    let evaluated = evaluate(&batch, loss, &classes).unwrap();
    let groups: Vec<_> = evaluated.sums().chunks(CLASSES).collect();
    let counts = groups.iter().any(|sums| classes.counts(sums) == Some(1.0));
    let of_class = |class: usize| {
        let sums = groups.iter().map(|sums| sums[class]);
        let counting: Vec<_> = sums
            .filter(|sums| match settings.absent_class {
                AbsentClass::Skip => sums.target > 0.0,
                _ => sums.voxels > 0.0,
            })
            .map(|sums| loss.finalize(&classes.class(class, CLASSES), &sums).total())
            .collect();
        let total: f64 = counting.iter().sum();
        (!counting.is_empty()).then(|| total / counting.len() as f64)
    };
    let per_class = (0..CLASSES).map(of_class).collect();
    (counts.then(|| evaluated.value()), per_class)
}

/// The scores of each rank: rank r takes every batch whose number is r modulo the number of ranks.
fn on_ranks<L: Loss<4>>(
    loss: &L,
    epoch: &Epoch,
    settings: &Settings,
    sizes: &[usize],
    ranks: usize,
) -> Vec<Scores<L>> {
    let empty = Scores::new(*loss, CLASSES, settings.clone()).unwrap();
    let mut scores = vec![empty; ranks];
    let (mut first, mut number) = (0, 0);
    for size in sizes.iter().cycle() {
        if first == epoch.samples() {
            break;
        }
        let end = (first + size).min(epoch.samples());
        let batch = epoch.batch(first, end, settings.pooling);
        let sums = batch.sums(loss, &settings.classes()).unwrap();
        scores[number % ranks].add(&sums).unwrap();
        (first, number) = (end, number + 1);
    }
    scores
}

fn is_close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a.abs().max(1e-3),
        (a, b) => a == b,
    }
}

fn check<L: Loss<4> + PartialEq + std::fmt::Debug>(
    loss: &L,
    epoch: &Epoch,
    settings: &Settings,
    sizes: &[usize],
    ranks: usize,
) -> Result<(), TestCaseError> {
    let (value, per_class) = at_once(loss, epoch, settings);

    // One rank adds the samples in the order of the epoch.
    let one = on_ranks(loss, epoch, settings, sizes, 1).remove(0);
    if settings.pooling == Pooling::PerSample {
        prop_assert_eq!(one.value(), value, "{:?}", loss);
        prop_assert_eq!(one.per_class(), per_class.clone(), "{:?}", loss);
    }

    let all = on_ranks(loss, epoch, settings, sizes, ranks);
    let mut merged = all[0].clone();
    for other in &all[1..] {
        merged.merge(other).unwrap();
    }
    let mut reduced = vec![0.0; merged.totals().len()];
    for scores in &all {
        for (total, own) in reduced.iter_mut().zip(scores.totals()) {
            *total += own;
        }
    }
    let mut summed = Scores::new(*loss, CLASSES, settings.clone()).unwrap();
    summed.add_totals(&reduced).unwrap();
    for scores in [&one, &merged, &summed] {
        prop_assert!(
            is_close(scores.value(), value),
            "{:?}: {:?} is not {:?}",
            loss,
            scores.value(),
            value
        );
        for (found, expected) in scores.per_class().into_iter().zip(&per_class) {
            prop_assert!(
                is_close(found, *expected),
                "{:?}: {:?} is not {:?}",
                loss,
                found,
                expected
            );
        }
        prop_assert_eq!(scores.counted() > 0, value.is_some());
    }
    Ok(())
}

proptest! {
    #[test]
    fn batches_and_ranks_do_not_matter(
        epoch in epoch(),
        settings in settings(),
        sizes in prop::collection::vec(1..5_usize, 1..5),
        ranks in 1..=4_usize,
    ) {
        for name in Name::ALL {
            check(&AnyLoss::from(name), &epoch, &settings, &sizes, ranks)?;
        }
        for overlap in Overlap::ALL {
            check(&overlap, &epoch, &settings, &sizes, ranks)?;
        }
    }

    /// TP, FP and FN of a compound loss without a clip are those of the overlap scores.
    #[test]
    fn overlap_follows_from_the_sums_of_a_loss(epoch in epoch(), settings in settings()) {
        let loss = AnyLoss::from(Tversky::new());
        let batch = epoch.batch(0, epoch.samples(), settings.pooling);
        let of_loss = batch.sums(&loss, &settings.classes()).unwrap();
        for overlap in Overlap::ALL {
            let mut scores = Scores::new(overlap, CLASSES, settings.clone()).unwrap();
            scores.add(&of_loss).unwrap();
            prop_assert_eq!(scores.value(), at_once(&overlap, &epoch, &settings).0);
        }
    }

    /// A hard segmentation has whole numbers as sums, which `f64` adds exactly.
    #[test]
    fn hard_segmentations_are_exact(
        voxels in prop::collection::vec((0..3_u8, 0..3_u8), 1..200),
        size in 1..20_usize,
    ) {
        let settings = Settings::default().with_pooling(Pooling::Batch);
        let predicted: Vec<u8> = voxels.iter().map(|(p, _)| *p).collect();
        let labels: Vec<u8> = voxels.iter().map(|(_, y)| *y).collect();
        let sums = |predicted: &[u8], labels: &[u8]| {
            let shape = [1, labels.len()];
            let predicted = OneHot::new(Dense::per_voxel(predicted, shape).unwrap(), CLASSES).unwrap();
            let labels = Labels::new(Dense::per_voxel(labels, shape).unwrap());
            let batch = Segmentation::new(predicted, labels).unwrap();
            batch.sums(&Overlap::Dice, &settings.classes()).unwrap()
        };
        let mut scores = Scores::new(Overlap::Dice, CLASSES, settings.clone()).unwrap();
        for (predicted, labels) in predicted.chunks(size).zip(labels.chunks(size)) {
            scores.add(&sums(predicted, labels)).unwrap();
        }
        let count = |of: &dyn Fn(u8, u8) -> bool| voxels.iter().filter(|(p, y)| of(*p, *y)).count() as f64;
        for (class, found) in (0..).zip(scores.per_class()) {
            let both = count(&|p, y| p == class && y == class);
            let either = count(&|p, _| p == class) + count(&|_, y| y == class);
            let expected = if either == 0.0 { 1.0 } else { 2.0 * both / either };
            prop_assert_eq!(found, Some(expected));
        }
    }
}

/// The mean of the batches' values, and the mean weighted by their sizes, are other numbers.
#[test]
fn the_mean_of_batches_is_wrong() {
    // One foreground voxel, found; then four that are not there.
    let batches = [[1.0, 0.0, 0.0], [0.0, 4.0, 0.0]];
    let settings = Settings::default().with_pooling(Pooling::Batch);
    let mut epoch = Scores::new(Overlap::Dice, 1, settings.clone()).unwrap();
    let mut of_batches = Vec::new();
    for [tp, fp, fn_] in batches {
        let sums = [ClassSums {
            terms: [tp, fp, fn_, 0.0],
            target: tp + fn_,
            voxels: 4.0,
        }];
        let mut batch = Scores::new(Overlap::Dice, 1, settings.clone()).unwrap();
        batch.add(&sums).unwrap();
        of_batches.push(batch.value().unwrap());
        epoch.add(&sums).unwrap();
    }
    assert_eq!(of_batches, [1.0, 0.0]);
    assert_eq!(epoch.value(), Some(2.0 / 6.0));
}

/// 0/0 is 1 without an error and 0 otherwise, or is left out.
#[test]
fn nothing_over_nothing() {
    let class = |[tp, fp, fn_]: [f64; 3]| {
        let terms = [tp, fp, fn_, 0.0];
        [ClassSums {
            terms,
            target: tp + fn_,
            voxels: 9.0,
        }]
    };
    // Absent and not predicted, absent and predicted, present and not predicted.
    let cases = [
        class([0.0; 3]),
        class([0.0, 2.0, 0.0]),
        class([0.0, 0.0, 2.0]),
    ];
    for overlap in Overlap::ALL {
        for (absent, expected) in [
            (AbsentClass::Smooth, [Some(1.0), Some(0.0), Some(0.0)]),
            (AbsentClass::Skip, [None, None, Some(0.0)]),
        ] {
            let settings = Settings::default().with_absent_class(absent);
            let found = cases.map(|sums| {
                let mut scores = Scores::new(overlap, 1, settings.clone()).unwrap();
                scores.add(&sums).unwrap();
                assert_eq!(scores.per_class(), [scores.value()]);
                scores.value()
            });
            assert_eq!(found, expected, "{overlap}, {absent:?}");
        }
    }
}

/// Sums without TP, FP and FN have no overlap score.
#[test]
fn sums_of_a_focal_loss_are_no_overlap() {
    let epoch = Epoch {
        prediction: vec![0.3; VOXELS * CLASSES],
        labels: vec![0, 1, 2, 0, 1, 2, 0],
    };
    let batch = epoch.batch(0, 1, Pooling::PerSample);
    let focal = AnyLoss::from(Focal::new());
    let sums = batch.sums(&focal, &Default::default()).unwrap();
    for pooling in [Pooling::PerSample, Pooling::Batch] {
        let settings = Settings::default().with_pooling(pooling);
        let mut scores = Scores::new(Overlap::Iou, CLASSES, settings).unwrap();
        scores.add(&sums).unwrap();
        assert!(scores.value().is_some_and(f64::is_nan));
        assert!(
            scores
                .per_class()
                .iter()
                .all(|score| score.is_some_and(f64::is_nan))
        );
    }
}

#[test]
fn scores_of_nothing() {
    for pooling in [Pooling::PerSample, Pooling::Batch] {
        let settings = Settings::default().with_pooling(pooling);
        let mut scores = Scores::new(Overlap::Dice, 2, settings).unwrap();
        let empty = scores.clone();
        assert_eq!((scores.value(), scores.counted()), (None, 0));
        assert_eq!(scores.per_class(), [None, None]);
        let sums = ClassSums {
            terms: [1.0, 0.0, 1.0, 0.0],
            target: 2.0,
            voxels: 3.0,
        };
        scores.add(&[sums; 2]).unwrap();
        assert_eq!((scores.value(), scores.counted()), (Some(2.0 / 3.0), 1));
        scores.clear();
        assert_eq!(scores, empty);
    }
}

#[test]
fn mistakes_are_errors() {
    let settings = Settings::default();
    let dice = || Scores::new(Overlap::Dice, 2, settings.clone()).unwrap();
    let error = dice().add(&[ClassSums::default(); 3]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number of class sums is 3, expected 2"
    );
    let error = dice().add_totals(&[0.0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "the number of totals is 5, expected 6");
    let of_three = Scores::new(Overlap::Dice, 3, settings.clone()).unwrap();
    let error = dice().merge(&of_three).unwrap_err();
    assert_eq!(error.to_string(), "the number of classes is 3, expected 2");
    let iou = Scores::new(Overlap::Iou, 2, settings.clone()).unwrap();
    let error = dice().merge(&iou).unwrap_err();
    assert_eq!(
        error.to_string(),
        "scores with different losses cannot be merged"
    );
    let batch = Scores::new(
        Overlap::Dice,
        2,
        settings.clone().with_pooling(Pooling::Batch),
    )
    .unwrap();
    let error = dice().merge(&batch).unwrap_err();
    assert_eq!(error, Error::Merge { what: "settings" });
    let weights = settings.clone().with_class_weights([1.0]);
    assert!(Scores::new(Overlap::Dice, 2, weights).is_err());
    let mut none = Scores::new(Overlap::Dice, 0, settings).unwrap();
    assert!(none.add(&[ClassSums::default()]).is_err());
    assert_eq!(none.value(), None);
}
