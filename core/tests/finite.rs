//! Every finite input in range gives a finite value and a finite gradient, whatever the parameters.

use crate::draw::{any_loss, unit};
use proptest::prelude::*;
use proptest::sample::select;
use unifocal_core::{
    AbsentClass, AnyLoss, Buffers, Classes, Dense, DenseMut, Error, Focal, Input, Labels, Layout,
    Pooling, Segmentation, Soft, Tversky, UnifiedFocal,
    data::{Element, Field},
    formula::{ClassSums, Float},
};

/// A logit of any magnitude.
fn logit() -> impl Strategy<Value = f64> {
    prop_oneof![
        -10.0..10.0_f64,
        select(vec![
            0.0, 88.0, -88.0, 104.0, 745.0, -745.0, 1e4, -1e4, 1e30, -1e30, 3e38, -3e38
        ]),
    ]
}

/// A full stretch of voxels and a partial one, made of four different voxels.
const VOXELS: usize = 68;

const DIFFERENT: usize = 4;

/// Random input: three channels of predictions, targets and weights.
#[derive(Clone, Debug)]
struct Given {
    prediction: Vec<f64>,
    target: Vec<f64>,
    weights: Option<Vec<f64>>,
    input: Input,
    skip: bool,
}

fn given(numbers: impl Strategy<Value = f64>, inputs: Vec<Input>) -> impl Strategy<Value = Given> {
    let weight = select(vec![0.0, 1.0, 0.5, 1e-300, 1e30]);
    (
        prop::collection::vec(numbers, 3 * DIFFERENT),
        prop::collection::vec(unit(), 3 * DIFFERENT),
        prop::option::of(prop::collection::vec(weight, DIFFERENT)),
        select(inputs),
        any::<bool>(),
    )
        .prop_map(|(prediction, target, weights, input, skip)| Given {
            prediction: repeat(&prediction),
            target: repeat(&target),
            weights: weights.map(|weights| repeat(&weights)),
            input,
            skip,
        })
}

/// Repeats the four voxels of every channel.
fn repeat(values: &[f64]) -> Vec<f64> {
    let channels = values.chunks(DIFFERENT);
    channels
        .flat_map(|channel| channel.repeat(VOXELS / DIFFERENT))
        .collect()
}

/// The value and the gradient, in the precision of `narrow`.
fn evaluate<T: Element<Real = T> + Float>(
    loss: &AnyLoss,
    given: &Given,
    narrow: impl Fn(f64) -> T,
) -> Result<(f64, Vec<f64>), Error> {
    let shape = [1, 3, VOXELS];
    let prediction: Vec<T> = given.prediction.iter().map(|x| narrow(*x)).collect();
    let target: Vec<T> = given.target.iter().map(|x| narrow(*x)).collect();
    let absent = if given.skip {
        AbsentClass::Skip
    } else {
        AbsentClass::Smooth
    };
    let classes = Classes::default().with_absent_class(absent);
    let segmentation = Segmentation::new(
        Dense::channels_first(&prediction, shape)?,
        Soft(Dense::channels_first(&target, shape)?),
    )?
    .with_input(given.input)?
    .with_pooling(Pooling::Batch);
    match &given.weights {
        None => finish(loss, classes, &segmentation),
        Some(weights) => {
            let weights = Dense::per_voxel(weights, [1, VOXELS])?;
            finish(loss, classes, &segmentation.with_voxel_weights(weights)?)
        }
    }
}

fn finish<T: Element<Real = T> + Float>(
    loss: &AnyLoss,
    classes: Classes<'_>,
    segmentation: &Segmentation<Dense<'_, T>, Soft<Dense<'_, T>>, impl Field<Item: Element>>,
) -> Result<(f64, Vec<f64>), Error> {
    let shape = segmentation.shape();
    let mut buffers = Buffers::with_len::<3>();
    let mut evaluated = segmentation.evaluate(loss, &classes, &mut buffers)?;
    let mut gradient = vec![T::default(); 3 * VOXELS];
    evaluated.gradient_into(&mut DenseMut::new(
        &mut gradient,
        shape,
        Layout::ChannelsFirst,
    )?)?;
    Ok((
        evaluated.value(),
        gradient.into_iter().map(Float::to_f64).collect(),
    ))
}

fn assert_finite(loss: &AnyLoss, given: &Given) -> Result<(), TestCaseError> {
    let outcomes = [
        evaluate(loss, given, |x| x as f32).unwrap(),
        evaluate(loss, given, |x| x).unwrap(),
    ];
    for (value, gradient) in outcomes {
        prop_assert!(value.is_finite(), "{value}");
        prop_assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    }
    Ok(())
}

/// Found by the property tests below: a slope that overflowed f64 became NaN when multiplied by 0.
#[test]
fn overflowing_slopes_stay_finite() {
    let loss = Tversky::focal()
        .with_weights(1.0, 1e-30)
        .and_then(|loss| loss.with_gamma(0.01)?.with_smooth(1e-30)?.with_clip(None))
        .expect("parameters in range");
    let mut given = Given {
        prediction: vec![0.0; 3 * VOXELS],
        target: vec![0.0; 3 * VOXELS],
        weights: None,
        input: Input::Probabilities,
        skip: false,
    };
    given.prediction[VOXELS] = 0.75;
    given.target[VOXELS] = 1.0 - 1e-16;
    let mut weights = vec![0.0; VOXELS];
    weights[0] = 1e-300;
    given.weights = Some(weights);
    assert_finite(&loss.into(), &given).unwrap();
}

/// The quotient of subnormal class weights and their sum overflowed.
#[test]
fn tiny_class_weights_stay_finite() {
    let weights = [1e-310, 0.0, 5e-324];
    let classes = Classes::default().with_class_weights(&weights);
    let values: Vec<f64> = (0..3 * VOXELS).map(|i| (i % 7) as f64 / 7.0).collect();
    let field = Dense::channels_first(&values, [1, 3, VOXELS]).unwrap();
    let segmentation = Segmentation::new(field, Soft(field)).unwrap();
    let (value, gradient) =
        finish(&UnifiedFocal::asymmetric().into(), classes, &segmentation).unwrap();
    assert!(value.is_finite() && value > 0.0, "{value}");
    assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
}

/// Found by fuzzing: γ is a factor of the derivative; a γ larger than every weight made it
/// infinite.
#[test]
fn too_large_gamma_is_rejected() {
    for gamma in [1.1e30, f64::MAX, f64::INFINITY, f64::NAN, -1e-300] {
        let found = [
            Tversky::focal().with_gamma(gamma).map(|_| ()),
            Focal::new().with_gamma(gamma).map(|_| ()),
        ];
        for error in found.map(|made| made.expect_err("out of range")) {
            assert!(error.to_string().contains("1e30"), "{error}");
        }
    }
    assert!(Focal::new().with_gamma(1e30).is_ok());
}

/// Found by fuzzing: where 1 − TI rounds to 1, its slope was the rounding error of a difference.
#[test]
fn slope_is_exact_where_the_loss_rounds_to_1() {
    let loss = Tversky::focal()
        .with_weights(1.0, 0.0)
        .and_then(|loss| loss.with_gamma(100.0))
        .and_then(|loss| loss.with_smooth(1e-30))
        .unwrap();
    let sums = ClassSums {
        terms: [0.0, 0.5, 0.0],
        target: 0.0,
        voxels: 1.0,
    };
    let mut slopes = [[0.0_f64; 3]];
    Classes::default().slopes(&loss, &[sums], &mut slopes);
    // γ·s/FP².
    let expected = 100.0 * 1e-30 / 0.25;
    assert!(
        (slopes[0][1] / expected - 1.0).abs() < 1e-14,
        "{slopes:?} is not {expected}"
    );
}

/// Found by fuzzing: with an overlap of 0, the bound of the odds cut off the errors above 1.
#[test]
fn logarithm_without_overlap_has_a_slope() {
    let loss = Tversky::log_dice().with_smooth(1e-30).unwrap();
    let loss = loss.with_smooth_numerator(0.0).unwrap();
    for errors in [0.5, 3.0, 1e6] {
        let sums = ClassSums {
            terms: [0.0, errors, 0.0],
            target: 0.0,
            voxels: 2e6,
        };
        let classes = Classes::default();
        let value: f64 = classes.value(&loss, &[sums]).unwrap();
        assert!(
            (value - f64::ln(0.5 * errors / 1e-30)).abs() < 1e-11,
            "{value}"
        );
        let mut slopes = [[0.0; 3]];
        classes.slopes(&loss, &[sums], &mut slopes);
        assert!((slopes[0][1] * errors - 1.0).abs() < 1e-12, "{slopes:?}");
    }
}

/// Found by fuzzing: label smoothing gave a value to a sample of which no class counts, so that two
/// of them had twice the value of one.
#[test]
fn smoothed_labels_of_absent_classes_do_not_count() {
    let loss = Focal::cross_entropy().with_label_smoothing(0.5).unwrap();
    let weights = [1.0, 0.0];
    let classes = Classes::default()
        .with_class_weights(&weights)
        .with_absent_class(AbsentClass::Skip);
    let background = ClassSums {
        terms: [0.3],
        target: 0.0,
        voxels: 1.0,
    };
    let foreground = ClassSums {
        target: 1.0,
        ..background
    };
    let sums = [background, foreground];
    assert_eq!(classes.value(&loss, &sums), Some(0.0));
    let mut slopes = [[1.0]; 2];
    classes.slopes(&loss, &sums, &mut slopes);
    assert_eq!(slopes, [[0.0]; 2]);
}

/// Found by fuzzing: the background of a single f32 probability is 1 − p, rounded once. A nearly
/// perfect score may be off by that much, but not more.
#[test]
fn background_of_a_single_probability_is_rounded_once() {
    const VOXELS: usize = 4000;
    let labels = [0_u8; VOXELS];
    for p in [1e-7_f32, 0.000_885_023_27, 0.25] {
        let (narrow, wide) = ([p; VOXELS], [f64::from(p); VOXELS]);
        let target = Labels::new(Dense::per_voxel(&labels, [1, VOXELS]).unwrap());
        let classes = Classes::default().with_absent_class(AbsentClass::Skip);
        let (loss, mut buffers) = (Tversky::dice(), Buffers::with_len::<2>());
        let narrow = Dense::channels_first(&narrow, [1, 1, VOXELS]).unwrap();
        let narrow = Segmentation::new(narrow, target).unwrap();
        let narrow = narrow.evaluate(&loss, &classes, &mut buffers);
        let narrow = narrow.unwrap().value();
        let wide = Dense::channels_first(&wide, [1, 1, VOXELS]).unwrap();
        let wide = Segmentation::new(wide, target).unwrap();
        let wide = wide.evaluate(&loss, &classes, &mut buffers);
        let wide = wide.unwrap().value();
        let error = (narrow - wide).abs();
        assert!(
            error <= f64::from(f32::EPSILON) / 2.0 + 2e-6 * wide,
            "{narrow} is not {wide}"
        );
    }
}

/// Found by fuzzing: for a soft target of one channel, the background's 1 − y is rounded to f32,
/// even with logits. This is the only loss of precision.
#[test]
fn background_of_a_single_soft_target_is_rounded_once() {
    const VOXELS: usize = 9;
    let (z, y) = (-7.435_294_f32, 0.001_f32);
    let (loss, mut buffers) = (Tversky::jaccard(), Buffers::with_len::<2>());
    let classes = Classes::default().with_class_weights(&[1.0, 0.0]);
    let narrow = {
        let (z, y) = ([z; VOXELS], [y; VOXELS]);
        let [z, y] = [&z, &y].map(|of| Dense::channels_first(of, [1, 1, VOXELS]).unwrap());
        let case = Segmentation::new(z, Soft(y)).unwrap();
        let case = case.with_input(Input::Sigmoid).unwrap();
        case.evaluate(&loss, &classes, &mut buffers)
            .unwrap()
            .value()
    };
    let mut wide = |rest: f64| {
        let [z, y] = [z, y].map(f64::from);
        let (z, y) = (both(-z, z), both(rest, y));
        let [z, y] = [&z, &y].map(|of| Dense::channels_first(of, [1, 2, VOXELS]).unwrap());
        let case = Segmentation::new(z, Soft(y)).unwrap();
        let case = case.with_input(Input::Sigmoid).unwrap();
        case.evaluate(&loss, &classes, &mut buffers)
            .unwrap()
            .value()
    };
    let (rounded, exact) = (wide(f64::from(1.0 - y)), wide(1.0 - f64::from(y)));
    let near = |a: f64, b: f64| (a - b).abs() <= 4e-6 * b;
    assert!(near(narrow, rounded), "{narrow} is not {rounded}");
    assert!(!near(rounded, exact), "the rounding does not show: {exact}");

    fn both(background: f64, foreground: f64) -> Vec<f64> {
        [vec![background; VOXELS], vec![foreground; VOXELS]].concat()
    }
}

/// Found by fuzzing: where no voxel counts, a large weight per class made the slope of the focal
/// side infinite, and multiplying it by that side's weight 0 gave NaN.
#[test]
fn infinite_slope_of_a_side_with_weight_0_is_ignored() {
    for lambda in [0.0, 0.5, 1.0] {
        let loss = UnifiedFocal::symmetric().with_lambda(lambda).unwrap();
        for input in [Input::Probabilities, Input::Sigmoid, Input::Softmax] {
            for y in [0.0, 0.3, 1.0] {
                let wide = of_nothing::<f64>(&loss, input, [0.2, y], |x| x);
                let narrow = of_nothing::<f32>(&loss, input, [0.2, y], |x| x as f32);
                assert_eq!(wide, [0.0; 2], "{lambda}, {input:?}, {y}");
                assert_eq!(narrow, [0.0; 2], "{lambda}, {input:?}, {y}");
            }
        }
    }
}

/// The gradient of a voxel that does not count, where class 1 has α = 10³⁰.
fn of_nothing<T: Element<Real = T> + Float>(
    loss: &UnifiedFocal,
    input: Input,
    [p, y]: [f64; 2],
    narrow: impl Fn(f64) -> T + Copy,
) -> Vec<f64> {
    let (prediction, target, weights) = ([narrow(p); 2], [narrow(y); 2], [narrow(0.0)]);
    let [prediction, target] =
        [&prediction, &target].map(|of| Dense::channels_first(of, [1, 2, 1]).unwrap());
    let weights = Dense::channels_first(&weights, [1, 1, 1]).unwrap();
    let segmentation = Segmentation::new(prediction, Soft(target)).unwrap();
    let segmentation = segmentation.with_input(input).unwrap();
    let segmentation = segmentation.with_voxel_weights(weights).unwrap();
    let alpha = [2.0, 1e30];
    let classes = Classes::default().with_class_alpha(&alpha);
    let mut buffers = Buffers::with_len::<2>();
    let mut evaluated = segmentation.evaluate(loss, &classes, &mut buffers).unwrap();
    let mut gradient = [T::default(); 2];
    let mut out =
        DenseMut::new(&mut gradient, segmentation.shape(), Layout::ChannelsFirst).unwrap();
    evaluated.gradient_into(&mut out).unwrap();
    gradient.into_iter().map(Float::to_f64).collect()
}

/// Found by fuzzing: in one channel, the contributions of a voxel to foreground and background can
/// cancel. The f32 gradient is then exact to the rounding of the contributions, about 1/voxels
/// each, not to its own.
#[test]
fn cancelled_gradient_is_exact_to_the_rounding_of_its_parts() {
    for voxels in [2, 66] {
        // Equal parts of foreground and background, and pairs of predictions that add up to 1 in
        // f32: the whole gradient cancels.
        let pair = |i: usize| [i as f64 / 70.0, 1.0 - i as f64 / 70.0];
        let predictions: Vec<f64> = (1..=voxels / 2).flat_map(pair).collect();
        let targets = vec![0.5; voxels];
        let narrow = of_one_channel::<f32>(&predictions, &targets, |x| x as f32);
        let wide = of_one_channel::<f64>(&predictions, &targets, |x| f64::from(x as f32));
        let part = 1.0 / voxels as f64;
        for (narrow, wide) in narrow.iter().zip(&wide) {
            let error = (narrow - wide).abs();
            assert!(error <= 2e-6 * part, "{narrow} is not {wide}");
        }
        let largest = wide.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        assert!(largest < 2e-6 * part, "not cancelled: {largest}");
    }
}

/// The gradient of the Dice loss.
fn of_one_channel<T: Element<Real = T> + Float>(
    prediction: &[f64],
    target: &[f64],
    narrow: impl Fn(f64) -> T + Copy,
) -> Vec<f64> {
    let [prediction, target] =
        [prediction, target].map(|of| of.iter().copied().map(narrow).collect::<Vec<T>>());
    let shape = [1, 1, prediction.len()];
    let [prediction, target] =
        [&prediction, &target].map(|of| Dense::channels_first(of, shape).unwrap());
    let segmentation = Segmentation::new(prediction, Soft(target)).unwrap();
    let (loss, classes) = (Tversky::dice(), Classes::default());
    let mut buffers = Buffers::with_len::<2>();
    let mut evaluated = segmentation
        .evaluate(&loss, &classes, &mut buffers)
        .unwrap();
    let mut gradient = vec![T::default(); shape[2]];
    let mut out =
        DenseMut::new(&mut gradient, segmentation.shape(), Layout::ChannelsFirst).unwrap();
    evaluated.gradient_into(&mut out).unwrap();
    gradient.into_iter().map(Float::to_f64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn from_probabilities(loss in any_loss(), given in given(unit(), vec![Input::Probabilities])) {
        assert_finite(&loss, &given)?;
    }

    #[test]
    fn from_logits(
        loss in any_loss(),
        given in given(logit(), vec![Input::Softmax, Input::Sigmoid]),
    ) {
        assert_finite(&loss, &given)?;
    }
}
