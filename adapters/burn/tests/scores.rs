//! Scores over an epoch, from the sums of its batches, on every device and route.

mod common;

use std::thread;

use common::devices;
use proptest::prelude::*;
use proptest::sample::select;
use unifocal_burn::burn::tensor::{DType, Device, Int, Tensor, TensorData};
use unifocal_burn::core::{
    AnyLoss, Overlap, Scores, UnifiedFocal, catalogue::Name, formula::ClassSums,
};
use unifocal_burn::{
    AbsentClass, AllReduce, Error, Input, Pooling, Route, SegmentationLoss, Settings, Targets,
    Threads,
};
use unifocal_conformance::{Case, Target, scores, tolerance};

/// TP, FP and FN as MONAI and scikit-learn count them.
#[test]
fn monai_and_scikit_learn_agree() {
    for (device, dtype) in devices() {
        for route in [Route::Auto, Route::Composed] {
            scores(|case: &Case| {
                let shape = case.prediction.shape();
                let data = TensorData::new(case.prediction.iter().copied().collect(), shape);
                let prediction = Tensor::<4>::from_data(data, (&device, dtype));
                let Target::Labels(labels) = &case.target else {
                    panic!("the cases have labels");
                };
                let data = TensorData::new(labels.iter().copied().collect(), labels.shape());
                let labels = Tensor::<3, Int>::from_data(data, (&device, DType::I64));
                let loss = SegmentationLoss::new(UnifiedFocal::asymmetric());
                let loss = loss.with_settings(case.settings.clone()).with_route(route);
                let sums = loss.try_hard_sums(prediction, labels)?;
                Ok::<_, Error>(sums.to_vec())
            });
        }
    }
}

fn foreground(sums: &unifocal_burn::Sums) -> [f64; 3] {
    let [tp, fp, fn_, f] = sums.to_vec()[1].terms;
    assert_eq!(f, 0.0);
    [tp, fp, fn_]
}

/// One channel is the foreground above ½, or above a logit of 0.
#[test]
fn one_channel_is_the_foreground() {
    for (device, dtype) in devices() {
        let labels = Tensor::<2, Int>::from_data([[1, 1, 1]], &device);
        for (input, numbers) in [
            (Input::Probabilities, [0.4, 0.5, 0.6]),
            (Input::Sigmoid, [-0.1, 0.0, 0.1]),
        ] {
            let prediction = Tensor::<3>::from_data([[numbers]], (&device, dtype));
            let loss = SegmentationLoss::new(Name::Dice).with_input(input);
            assert_eq!(
                foreground(&loss.hard_sums(prediction, labels.clone())),
                [1.0, 0.0, 2.0]
            );
        }
    }
}

/// An invalid number is an error, or NaN, where the voxel counts, whatever the most probable class.
#[test]
fn invalid_numbers_are_found() {
    for (device, dtype) in devices() {
        for route in [Route::Auto, Route::Composed] {
            for invalid in [f64::NAN, f64::INFINITY, -0.5, 1.5] {
                for channel in 0..2 {
                    let mut numbers = [[0.3, 0.3], [0.7, 0.7]];
                    numbers[channel][1] = invalid;
                    let prediction = Tensor::<3>::from_data([numbers], (&device, dtype));
                    let labels = Tensor::<2, Int>::from_data([[1, 255]], &device);
                    let loss = SegmentationLoss::new(Name::Dice).with_route(route);
                    let ignoring = loss.clone().with_ignore_label(255);
                    let sums = ignoring.hard_sums(prediction.clone(), labels);
                    assert_eq!(foreground(&sums), [1.0, 0.0, 0.0]);
                    let labels = Tensor::<2, Int>::from_data([[1, 1]], &device);
                    match loss.try_hard_sums(prediction, labels) {
                        Err(error) => {
                            let at = format!("at sample 0, channel {channel}, voxel 1");
                            assert!(error.to_string().contains(&at), "{error}");
                        }
                        Ok(sums) => {
                            let sums = sums.to_vec();
                            assert!(
                                sums.iter()
                                    .any(|sums| sums.terms.iter().any(|sum| sum.is_nan()))
                            );
                        }
                    }
                }
            }
        }
    }
}

/// A prediction [N, 3, 4] and labels of N samples, of which 255 is ignored.
#[derive(Clone, Debug)]
struct Epoch {
    prediction: Vec<f64>,
    labels: Vec<i64>,
}

impl Epoch {
    fn samples(&self) -> usize {
        self.labels.len() / 4
    }

    fn batch(&self, first: usize, count: usize, device: &Device) -> (Tensor<3>, Targets) {
        let prediction = self.prediction[12 * first..12 * (first + count)].to_vec();
        let labels = self.labels[4 * first..4 * (first + count)].to_vec();
        let prediction = TensorData::new(prediction, [count, 3, 4]);
        let labels = TensorData::new(labels, [count, 4]);
        let labels = Tensor::<2, Int>::from_data(labels, (device, DType::I64));
        (
            Tensor::from_data(prediction, (device, DType::F64)),
            labels.into(),
        )
    }
}

fn epoch() -> impl Strategy<Value = Epoch> {
    let labels = prop_oneof![
        4 => prop::collection::vec(select(vec![0, 1, 2, 255]), 4),
        1 => Just(vec![255; 4]),
    ];
    let sample = (prop::collection::vec(-4.0..4.0_f64, 12), labels);
    prop::collection::vec(sample, 1..10).prop_map(|samples| Epoch {
        prediction: samples
            .iter()
            .flat_map(|(numbers, _)| numbers.clone())
            .collect(),
        labels: samples
            .iter()
            .flat_map(|(_, labels)| labels.clone())
            .collect(),
    })
}

#[cfg(feature = "flex")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any batches on 1 to 4 ranks, which are threads, give the loss of the whole epoch.
    #[test]
    fn batches_and_ranks_do_not_matter(
        epoch in epoch(),
        name in select(Name::ALL.to_vec()),
        pooling in select(vec![Pooling::PerSample, Pooling::Batch]),
        absent in select(vec![AbsentClass::Smooth, AbsentClass::Skip]),
        size in 1..4_usize,
        ranks in 1..=4_usize,
    ) {
        let device = Device::flex();
        let settings = Settings::default()
            .with_input(Input::Softmax)
            .with_pooling(pooling)
            .with_absent_class(absent)
            .with_ignore_label(255);
        let loss = SegmentationLoss::new(name).with_settings(settings.clone());
        let (prediction, targets) = epoch.batch(0, epoch.samples(), &device);
        let whole: f64 = loss.forward(prediction.clone(), targets.clone()).into_scalar();
        let mut hard = Scores::new(Overlap::Dice, 3, settings.clone()).unwrap();
        hard.add(&loss.hard_sums(prediction, targets).to_vec()).unwrap();

        let firsts: Vec<usize> = (0..epoch.samples()).step_by(size).collect();
        let of_ranks: Vec<_> = Threads::new(ranks)
            .into_iter()
            .enumerate()
            .map(|(number, rank)| {
                let (loss, epoch, settings) = (loss.clone(), epoch.clone(), settings.clone());
                let own: Vec<usize> = firsts.iter().copied().skip(number).step_by(ranks).collect();
                thread::spawn(move || {
                    let device = Device::flex();
                    let mut losses = Scores::new(AnyLoss::from(name), 3, settings.clone())?;
                    let mut dice = Scores::new(Overlap::Dice, 3, settings)?;
                    for first in own {
                        let count = size.min(epoch.samples() - first);
                        let (prediction, targets) = epoch.batch(first, count, &device);
                        let hard = loss.try_hard_sums(prediction.clone(), targets.clone())?;
                        dice.add(&hard.to_vec())?;
                        losses.add(&loss.try_sums(prediction, targets)?.to_vec())?;
                    }
                    Ok::<_, Error>((rank.scores(&losses, &device)?, rank.scores(&dice, &device)?))
                })
            })
            .collect();
        let close = |a: f64, b: f64| (a - b).abs() <= tolerance::F64_OURS * a.abs().max(1e-3);
        for rank in of_ranks {
            let (losses, dice) = rank.join().unwrap().unwrap();
            let found = losses.value();
            // The loss is 0 if nothing counts.
            prop_assert!(close(found.unwrap_or(0.0), whole), "{}: {:?} is not {}", name, found, whole);
            prop_assert!(close(dice.value().unwrap_or(2.0), hard.value().unwrap_or(2.0)));
            prop_assert_eq!(dice.counted_per_class(), hard.counted_per_class());
        }
    }
}

/// A rank whose communication loses numbers.
struct Lossy;

impl AllReduce for Lossy {
    fn ranks(&self) -> usize {
        2
    }

    fn sum(&self, own: Tensor<3>) -> Tensor<3> {
        own.narrow(2, 0, 1)
    }
}

/// On every device, one rank gets its own scores back; a sum of another length is an error.
#[test]
fn scores_pass_through_the_device() {
    let [rank] = <[Threads; 1]>::try_from(Threads::new(1)).expect("there is one rank");
    for (device, _) in devices() {
        let mut own = Scores::new(Overlap::Dice, 2, Settings::default()).unwrap();
        let sums = |tp, fp| ClassSums {
            terms: [tp, fp, 0.0, 0.0],
            target: tp,
            voxels: 8.0,
        };
        own.add(&[sums(3.0, 2.0), sums(4.0, 0.0)]).unwrap();
        let all = rank.scores(&own, &device).unwrap();
        assert!((all.value().unwrap() - own.value().unwrap()).abs() < 1e-6);
        assert_eq!(all.counted_per_class(), own.counted_per_class());
        assert_eq!(
            Lossy.scores(&own, &device).unwrap_err().to_string(),
            "the number of totals is 1, expected 6"
        );
    }
}

/// Sums over the ranks of a step are those of one batch.
#[cfg(feature = "flex")]
#[test]
fn sums_of_all_ranks_are_one_batch() {
    let device = Device::flex();
    let loss = SegmentationLoss::new(Name::Dice).with_pooling(Pooling::Batch);
    let rank = Threads::new(1).remove(0);
    assert_eq!(rank.ranks(), 1);
    let prediction = Tensor::<3>::from_data([[[0.2], [0.8]], [[0.6], [0.4]]], &device);
    let labels = Tensor::<2, Int>::from_data([[1], [1]], &device);
    let sums = loss.sums(prediction, labels).all_reduce(&rank).unwrap();
    let mut scores = Scores::new(
        AnyLoss::from(Name::Dice),
        2,
        Settings::default().with_pooling(Pooling::Batch),
    )
    .unwrap();
    scores.add(&sums.to_vec()).unwrap();
    let value: f64 = sums.values().into_scalar();
    assert!((scores.value().unwrap() - value).abs() < 1e-6);
}
