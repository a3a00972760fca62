//! Improving the prediction of one voxel never raises the loss.
//!
//! With hard labels, every loss of the family falls as p of the right class rises, and never falls
//! as p of a wrong class rises: TI has TP in its numerator and FP and FN only in its denominator,
//! and (1−p)^γ·(−ln p) falls in p. Label smoothing gives the wrong classes a share of each voxel, so
//! it is left out. The noise-robust Dice loss is left out, too: wrong probabilities add to its
//! denominator. That of the hard voxels is, too: a voxel that becomes easy leaves their mean. So are the coefficients of Poly-1 below 0, whose terms cancel near p = 1.

use crate::draw::any_loss;
use proptest::prelude::*;
use proptest::sample::select;
use unifocal_core::{
    AbsentClass, AnyLoss, Buffers, Classes, Dense, Error, Input, Labels, Parameter, Segmentation,
    catalogue::Name,
    data::{Element, Field},
};

const CLASSES: usize = 3;
const VOXELS: usize = 5;

/// A prediction before and after one class of one voxel improved, with its labels.
#[derive(Clone, Debug)]
struct Better {
    before: Vec<f64>,
    after: Vec<f64>,
    labels: Vec<u8>,
    input: Input,
    absent: AbsentClass,
}

fn better(input: Input) -> impl Strategy<Value = Better> {
    let number = match input {
        Input::Probabilities => {
            prop_oneof![0.0..=1.0_f64, select(vec![0.0, 1e-7, 1e-3, 0.999, 1.0])].boxed()
        }
        Input::Softmax | Input::Sigmoid => (-30.0..30.0_f64).boxed(),
    };
    (
        prop::collection::vec(number, CLASSES * VOXELS),
        prop::collection::vec(0..CLASSES as u8, VOXELS),
        (0..VOXELS, 0..CLASSES, 0.0..=1.0_f64),
        select(vec![AbsentClass::Smooth, AbsentClass::Skip]),
    )
        .prop_map(move |(before, labels, (voxel, class, part), absent)| {
            let mut after = before.clone();
            let label = usize::from(labels[voxel]);
            // Through a softmax, lowering one wrong class raises the other wrong ones.
            let class = if input == Input::Softmax {
                label
            } else {
                class
            };
            let right = label == class;
            let x = &mut after[class * VOXELS + voxel];
            *x = match (input, right) {
                (Input::Probabilities, true) => (*x + part * (1.0 - *x)).clamp(*x, 1.0),
                (Input::Probabilities, false) => *x * (1.0 - part),
                (_, true) => *x + 10.0 * part,
                (_, false) => *x - 10.0 * part,
            };
            Better {
                before,
                after,
                labels,
                input,
                absent,
            }
        })
}

fn value<T: Element + Copy>(loss: AnyLoss, better: &Better, prediction: &[T]) -> Result<f64, Error>
where
    for<'a> Dense<'a, T>: Field<Item = T>,
{
    let classes = Classes::default().with_absent_class(better.absent);
    let target = Labels::new(Dense::per_voxel(&better.labels, [1, VOXELS])?);
    let prediction = Dense::channels_first(prediction, [1, CLASSES, VOXELS])?;
    let segmentation = Segmentation::new(prediction, target)?.with_input(better.input)?;
    let mut buffers = Buffers::with_len::<CLASSES>();
    Ok(segmentation
        .evaluate(&loss, &classes, &mut buffers)?
        .value())
}

fn assert_not_above(after: f64, before: f64, tolerance: f64, loss: AnyLoss) {
    // Losses with a negative part are differences, and are rounded like the numbers subtracted.
    let scale = match loss {
        AnyLoss::UnifiedFocal(_) => before.abs().max(1.0),
        _ => before,
    };
    assert!(
        after <= before + tolerance * scale,
        "{after} is above {before}: {loss:?}"
    );
}

fn may_rise(loss: &AnyLoss) -> bool {
    match loss {
        AnyLoss::Tversky(loss) => loss.noise_robust(),
        AnyLoss::HardVoxels(_) => true,
        _ => false,
    }
}

fn any_input() -> impl Strategy<Value = Better> {
    prop_oneof![
        better(Input::Probabilities),
        better(Input::Softmax),
        better(Input::Sigmoid),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_loss_in_f64(loss in any_loss(), better in any_input()) {
        let loss = loss.with(Parameter::LabelSmoothing, 0.0).unwrap_or(loss);
        if may_rise(&loss) {
            return Ok(());
        }
        let poly = loss.get(Parameter::Poly).ok().flatten().unwrap_or(0.0);
        let loss = loss.with(Parameter::Poly, poly.max(0.0)).unwrap_or(loss);
        let before = value(loss, &better, &better.before).unwrap();
        let after = value(loss, &better, &better.after).unwrap();
        assert_not_above(after, before, 1e-12, loss);
    }

    #[test]
    fn named_losses_in_f32(name in select(Name::ALL.to_vec()), better in any_input()) {
        if may_rise(&name.loss()) {
            return Ok(());
        }
        let narrow = |all: &[f64]| -> Vec<f32> { all.iter().map(|x| *x as f32).collect() };
        let before = value(name.loss(), &better, &narrow(&better.before)).unwrap();
        let after = value(name.loss(), &better, &narrow(&better.after)).unwrap();
        assert_not_above(after, before, 1e-6, name.loss());
    }
}
