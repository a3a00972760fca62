//! Scores over an epoch, from the sums of its batches, on every route.

use std::thread;

use proptest::prelude::*;
use proptest::sample::select;
use tch::{Device, Kind, Tensor};
use unifocal_conformance::{Case, Target, scores, tolerance};
use unifocal_tch::core::{
    AbsentClass, AnyLoss, Input, Overlap, Pooling, Scores, Settings, Tversky, UnifiedFocal,
    catalogue::Name,
};
use unifocal_tch::{AllReduce, Error, Route, SegmentationLoss, Threads};

const ROUTES: [Route; 3] = [Route::Fused, Route::Operations, Route::Composed];

/// TP, FP and FN as MONAI and scikit-learn count them.
#[test]
fn monai_and_scikit_learn_agree() {
    for route in ROUTES {
        for kind in [Kind::Half, Kind::Float, Kind::Double] {
            scores(|case: &Case| {
                let shape: Vec<i64> = case.prediction.shape().iter().map(|n| *n as i64).collect();
                let numbers: Vec<f64> = case.prediction.iter().copied().collect();
                let prediction = Tensor::from_slice(&numbers)
                    .view(shape.as_slice())
                    .to_kind(kind);
                let Target::Labels(labels) = &case.target else {
                    panic!("the cases have labels");
                };
                let numbers: Vec<i64> = labels.iter().copied().collect();
                let labels = Tensor::from_slice(&numbers).view([shape[0], shape[2], shape[3]]);
                SegmentationLoss::new(UnifiedFocal::asymmetric())
                    .with_settings(case.settings.clone())
                    .with_route(route)
                    .hard_sums(&prediction.set_requires_grad(true), &labels)?
                    .to_vec()
            });
        }
    }
}

fn foreground(sums: &unifocal_tch::Sums) -> [f64; 3] {
    let [tp, fp, fn_, f] = sums.to_vec().unwrap()[1].terms;
    assert_eq!(f, 0.0);
    [tp, fp, fn_]
}

/// One channel is the foreground above ½, or above a logit of 0. Weights of 0 leave voxels out.
#[test]
fn one_channel_is_the_foreground() {
    let labels = Tensor::from_slice(&[1_u8, 1, 1]).view([1, 3]);
    let weights = Tensor::from_slice(&[0_u8, 1, 1]).view([1, 3]);
    for route in ROUTES {
        for (input, numbers) in [
            (Input::Probabilities, [0.4, 0.5, 0.6]),
            (Input::Sigmoid, [-0.1, 0.0, 0.1]),
        ] {
            let prediction = Tensor::from_slice(&numbers).view([1, 1, 3]);
            let loss = SegmentationLoss::new(Tversky::dice())
                .with_input(input)
                .with_route(route);
            let sums = loss.hard_sums(&prediction, &labels).unwrap();
            assert_eq!(foreground(&sums), [1.0, 0.0, 2.0]);
            assert!(!sums.tensor().requires_grad());
            let weighted = loss.with_voxel_weights(&weights);
            let sums = weighted.hard_sums(&prediction, &labels).unwrap();
            assert_eq!(foreground(&sums), [1.0, 0.0, 1.0]);
        }
        let softmax = SegmentationLoss::new(Tversky::dice()).with_input(Input::Softmax);
        let logits = Tensor::zeros([1, 1, 3], (Kind::Float, Device::Cpu));
        let error = softmax.hard_sums(&logits, &labels).unwrap_err().to_string();
        assert!(error.starts_with("a softmax over one class"), "{error}");
    }
}

/// An invalid number is an error where the voxel counts, whatever the most probable class.
#[test]
fn invalid_numbers_are_found() {
    for route in [Route::Fused, Route::Operations] {
        for invalid in [f64::NAN, f64::INFINITY, -0.5, 1.5] {
            for channel in 0..2 {
                let mut numbers = [0.3, 0.3, 0.7, 0.7];
                numbers[2 * channel + 1] = invalid;
                let prediction = Tensor::from_slice(&numbers).view([1, 2, 2]);
                let loss = SegmentationLoss::new(Tversky::dice()).with_route(route);
                let labels = Tensor::from_slice(&[1_u8, 255]).view([1, 2]);
                let ignoring = loss.clone().with_ignore_label(255);
                let sums = ignoring.hard_sums(&prediction, &labels).unwrap();
                assert_eq!(foreground(&sums), [1.0, 0.0, 0.0]);
                let labels = Tensor::from_slice(&[1_u8, 1]).view([1, 2]);
                let error = loss
                    .hard_sums(&prediction, &labels)
                    .unwrap_err()
                    .to_string();
                let at = format!("at sample 0, channel {channel}, voxel 1");
                assert!(error.contains(&at), "{error}");
            }
        }
    }
}

/// Logits [N, 3, 4] and labels of N samples, of which 255 is ignored.
#[derive(Clone, Debug)]
struct Epoch {
    logits: Vec<f64>,
    labels: Vec<i64>,
}

impl Epoch {
    fn samples(&self) -> usize {
        self.labels.len() / 4
    }

    fn batch(&self, first: usize, count: usize) -> (Tensor, Tensor) {
        let logits = Tensor::from_slice(&self.logits[12 * first..12 * (first + count)]);
        let labels = Tensor::from_slice(&self.labels[4 * first..4 * (first + count)]);
        (logits.view([-1, 3, 4]), labels.view([-1, 4]))
    }
}

fn epoch() -> impl Strategy<Value = Epoch> {
    let labels = prop_oneof![
        4 => prop::collection::vec(select(vec![0, 1, 2, 255]), 4),
        1 => Just(vec![255; 4]),
    ];
    let sample = (prop::collection::vec(-4.0..4.0_f64, 12), labels);
    prop::collection::vec(sample, 1..10).prop_map(|samples| Epoch {
        logits: samples
            .iter()
            .flat_map(|(logits, _)| logits.clone())
            .collect(),
        labels: samples
            .iter()
            .flat_map(|(_, labels)| labels.clone())
            .collect(),
    })
}

/// The scores of the loss and the Dice score over some batches, each of so many samples.
fn add_up(
    loss: &SegmentationLoss,
    [losses, dice]: [&Settings; 2],
    name: Name,
    epoch: &Epoch,
    firsts: &[usize],
    size: usize,
) -> Result<(Scores, Scores<Overlap>), Error> {
    let mut losses = Scores::new(AnyLoss::from(name), 3, losses.clone())?;
    let mut dice = Scores::new(Overlap::Dice, 3, dice.clone())?;
    for first in firsts {
        let count = size.min(epoch.samples() - first);
        let (logits, labels) = epoch.batch(*first, count);
        losses.add(&loss.sums(&logits, &labels)?.to_vec()?)?;
        dice.add(&loss.hard_sums(&logits, &labels)?.to_vec()?)?;
    }
    Ok((losses, dice))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any batches on 1 to 4 ranks, which are threads, give each rank the loss of the whole epoch.
    #[test]
    fn batches_and_ranks_do_not_matter(
        epoch in epoch(),
        name in select(Name::ALL.to_vec()),
        pooling in select(vec![Pooling::PerSample, Pooling::Batch]),
        absent in select(vec![AbsentClass::Smooth, AbsentClass::Skip]),
        route in select(ROUTES.to_vec()),
        size in 1..4_usize,
        ranks in 1..=4_usize,
    ) {
        let settings = Settings::default()
            .with_input(Input::Softmax)
            .with_pooling(pooling)
            .with_absent_class(absent)
            .with_ignore_label(255);
        let loss = SegmentationLoss::new(name).with_settings(settings.clone()).with_route(route);
        let (logits, labels) = epoch.batch(0, epoch.samples());
        let whole = loss.forward(&logits, &labels).unwrap().double_value(&[]);
        let both = [&settings; 2];
        let (_, hard) = add_up(&loss, both, name, &epoch, &[0], epoch.samples()).unwrap();

        let firsts: Vec<usize> = (0..epoch.samples()).step_by(size).collect();
        let of_ranks: Vec<_> = Threads::new(ranks)
            .into_iter()
            .enumerate()
            .map(|(number, rank)| {
                let (loss, epoch, settings) = (loss.clone(), epoch.clone(), settings.clone());
                let own: Vec<usize> = firsts.iter().copied().skip(number).step_by(ranks).collect();
                thread::spawn(move || {
                    let (losses, dice) = add_up(&loss, [&settings; 2], name, &epoch, &own, size)?;
                    Ok::<_, Error>((rank.scores(&losses)?, rank.scores(&dice)?))
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
