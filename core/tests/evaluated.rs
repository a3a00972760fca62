//! Value, scores of the classes, merging and gradient of a loss, in the caller's buffers and in
//! memory of the allocator.

use core::fmt::Debug;

use unifocal_core::{catalogue::*, data::*, engine::*, formula::*, *};

const SAMPLES: usize = 2;
/// More than a stretch, and not a whole number of stretches.
const VOXELS: usize = 150;

/// Reproducible numbers in [0, 1).
fn numbers(count: usize) -> Vec<f64> {
    let mut seed = 5_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 8) / f64::from(1 << 24)
    };
    (0..count).map(|_| next()).collect()
}

fn labels(classes: usize) -> Vec<u8> {
    let draw = |x: f64| (x * classes as f64) as u8;
    numbers(SAMPLES * VOXELS).into_iter().map(draw).collect()
}

/// Every kind of prediction, with its number of channels.
const KINDS: [(Input, usize); 6] = [
    (Input::Probabilities, 1),
    (Input::Probabilities, 3),
    (Input::Softmax, 2),
    (Input::Softmax, 3),
    (Input::Sigmoid, 1),
    (Input::Sigmoid, 3),
];

fn prediction(input: Input, channels: usize) -> Vec<f64> {
    let numbers = numbers(SAMPLES * channels * VOXELS).into_iter();
    match input {
        Input::Probabilities => numbers.collect(),
        Input::Softmax | Input::Sigmoid => numbers.map(|x| 8.0 * x - 4.0).collect(),
    }
}

/// Buffers for more classes and samples than there are do no harm.
const ENOUGH: usize = SAMPLES * 3 + 1;

/// The two sweeps of `evaluate_with_gradient`, the three of `gradient_into` and the allocated
/// gradient have the same bits, for every loss and kind of prediction.
#[test]
fn every_way_gives_the_same_bits() -> Result<(), Error> {
    for (input, channels) in KINDS {
        let wide = prediction(input, channels);
        let narrow: Vec<f32> = wide.iter().map(|x| *x as f32).collect();
        for pooling in [Pooling::PerSample, Pooling::Batch] {
            for name in Name::ALL {
                same_bits(&wide, input, channels, pooling, &name.loss())?;
                same_bits(&narrow, input, channels, pooling, &name.loss())?;
            }
            // Of one term, and of three.
            same_bits(&wide, input, channels, pooling, &Focal::symmetric())?;
            same_bits(&wide, input, channels, pooling, &Tversky::focal())?;
        }
    }
    Ok(())
}

fn same_bits<T: Element<Real = T> + Float + Default + Debug, const K: usize>(
    prediction: &[T],
    input: Input,
    channels: usize,
    pooling: Pooling,
    loss: &impl Loss<K>,
) -> Result<(), Error> {
    let (shape, count) = ([SAMPLES, channels, VOXELS], class_count(channels));
    let labels = labels(count);
    let target = Labels::new(Dense::per_voxel(&labels, [SAMPLES, VOXELS])?);
    let segmentation = Segmentation::new(Dense::channels_first(prediction, shape)?, target)?
        .with_input(input)?
        .with_pooling(pooling);
    let weights: Vec<f64> = (1..=count).map(|class| class as f64).collect();
    let classes = Classes::default().with_class_weights(&weights);

    let allocated = evaluate(&segmentation, loss, &classes)?;
    let expected = allocated.gradient()?;
    let value = mean(loss, &classes, count, allocated.sums())?;
    assert!(value.is_finite() && expected.iter().any(|g| g.to_f64() != 0.0));

    let mut buffers = Buffers::with_len::<ENOUGH>();
    let mut found = vec![T::default(); expected.len()];
    let mut out = DenseMut::new(&mut found, shape, Layout::ChannelsFirst)?;
    let mut evaluated = segmentation.evaluate(loss, &classes, &mut buffers)?;
    evaluated.gradient_into(&mut out)?;
    assert_eq!(evaluated.value(), value);
    assert_eq!(evaluated.sums(), allocated.sums());
    assert_eq!(evaluated.sums().len(), segmentation.buffers_len());
    let scores: Vec<f64> = evaluated.per_class().collect();
    assert_eq!(scores, allocated.per_class().collect::<Vec<_>>());
    let first = loss.finalize(&classes.class(0, 2), &evaluated.sums()[0]);
    assert_eq!(scores[0], first.total());
    assert_eq!(evaluated.gradient()?, expected);
    assert_eq!(found, expected);

    let mut found = vec![T::default(); expected.len()];
    let mut out = DenseMut::new(&mut found, shape, Layout::ChannelsFirst)?;
    // The buffers hold the sums of before, which do not count.
    let evaluated = segmentation.evaluate_with_gradient(loss, &classes, &mut buffers, &mut out)?;
    assert_eq!(evaluated.value(), value);
    assert_eq!(evaluated.sums(), allocated.sums());
    assert_eq!(found, expected);
    Ok(())
}

/// Numbers that can be computed by hand.
#[test]
fn value_and_scores_of_a_dice_loss() -> Result<(), Error> {
    let prediction = Dense::channels_last(&[0.9, 0.1, 0.8, 0.2, 0.4, 0.6], [1, 2, 3])?;
    let target = Labels::new(Dense::per_voxel(&[0_u8, 0, 1], [1, 3])?);
    let segmentation = Segmentation::new(prediction, target)?;
    let dice = Tversky::dice().with_smooth(1e-9)?;
    let mut buffers = Buffers::with_len::<2>();
    let evaluated = segmentation.evaluate(&dice, &Classes::default(), &mut buffers)?;
    let scores: Vec<f64> = evaluated.per_class().collect();
    let expected = [1.0 - 2.0 * 1.7 / (2.1 + 2.0), 1.0 - 2.0 * 0.6 / (0.9 + 1.0)];
    for (found, expected) in scores.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }
    let mean = (expected[0] + expected[1]) / 2.0;
    assert!((evaluated.value() - mean).abs() < 1e-9);
    Ok(())
}

/// Two halves of a sample, each with its own buffers, know the value and their gradient of the
/// whole once their sums are merged.
#[test]
fn merged_halves_are_the_whole() -> Result<(), Error> {
    for (input, channels) in KINDS {
        let count = class_count(channels);
        let prediction = prediction(input, channels);
        let labels = labels(count);
        let voxels = labels.len();
        let of = |voxels: core::ops::Range<usize>| -> Result<_, Error> {
            let shape = [1, channels, voxels.len()];
            let prediction = &prediction[voxels.start * channels..voxels.end * channels];
            let target = Labels::new(Dense::per_voxel(&labels[voxels], [1, shape[2]])?);
            Segmentation::new(Dense::channels_last(prediction, shape)?, target)?.with_input(input)
        };
        let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
        let (whole, halves) = (
            of(0..voxels)?,
            [of(0..voxels / 3)?, of(voxels / 3..voxels)?],
        );

        let mut buffers = Buffers::with_len::<3>();
        let mut expected = vec![0.0; voxels * channels];
        let mut out = DenseMut::new(&mut expected, whole.shape(), Layout::ChannelsLast)?;
        let whole = whole.evaluate_with_gradient(&loss, &classes, &mut buffers, &mut out)?;

        let mut buffers = [Buffers::with_len::<3>(), Buffers::with_len::<3>()];
        let [near, far] = &mut buffers;
        let near = halves[0].evaluate(&loss, &classes, near)?;
        let far = halves[1].evaluate(&loss, &classes, far)?;
        let apart = near.value();
        let theirs = near.sums().to_vec();
        let merged = [near.merge(far.sums())?, far.merge(&theirs)?];
        assert!((apart - whole.value()).abs() > 1e-6, "the halves differ");

        let mut found = Vec::new();
        for (mut half, of) in merged.into_iter().zip(&halves) {
            assert!((half.value() - whole.value()).abs() < 1e-12);
            for (found, expected) in half.per_class().zip(whole.per_class()) {
                assert!(
                    (found - expected).abs() < 1e-12,
                    "{found} is not {expected}"
                );
            }
            let mut gradient = vec![0.0; of.shape().voxels * channels];
            let mut out = DenseMut::new(&mut gradient, of.shape(), Layout::ChannelsLast)?;
            half.gradient_into(&mut out)?;
            found.extend(gradient);
        }
        let scale = expected.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs();
            assert!(error < 1e-9 * scale, "{found} is not {expected}");
        }
    }
    Ok(())
}

/// Slices of a length that is known only at run time.
#[test]
fn slices_are_buffers() -> Result<(), Error> {
    let prediction = prediction(Input::Softmax, 3);
    let labels = labels(3);
    let target = Labels::new(Dense::per_voxel(&labels, [SAMPLES, VOXELS])?);
    let prediction = Dense::channels_first(&prediction, [SAMPLES, 3, VOXELS])?;
    let segmentation = Segmentation::new(prediction, target)?.with_input(Input::Softmax)?;
    let (loss, classes) = (Tversky::focal(), Classes::default());
    let expected = evaluate(&segmentation, &loss, &classes)?.value();

    let len = segmentation.buffers_len();
    let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![[0.0; 3]; len]);
    let mut slices = BuffersMut::new(&mut sums, &mut slopes);
    for _ in 0..2 {
        let evaluated = segmentation.evaluate(&loss, &classes, &mut slices)?;
        assert_eq!(evaluated.value(), expected);
    }
    Ok(())
}
