//! Classes that are annotated in some samples only, and options per region.

use unifocal_core::{
    AnyLoss, Classes, Dense, DenseMut, Error, Focal, Input, Labels, Layout, Pooling, Regions,
    Segmentation, UnifiedFocal,
    catalogue::Name,
    data::{Channels, Element},
    engine::BuffersMut,
    formula::{ClassSums, Float},
};

const CLASSES: usize = 4;
const VOXELS: usize = 9000;

/// Numbers that differ from voxel to voxel.
fn numbers(samples: usize) -> Vec<f64> {
    let len = samples * CLASSES * VOXELS;
    (0..len)
        .map(|i| ((i * 7919) % 1009) as f64 / 168.0 - 3.0)
        .collect()
}

/// Labels in runs, some of which fill chunks.
fn labels(samples: usize) -> Vec<u8> {
    let len = samples * VOXELS;
    (0..len).map(|i| ((i / 700) % CLASSES) as u8).collect()
}

/// Value and gradient of four classes, channels first.
fn evaluate<T: Element<Real = T> + Float>(
    loss: &AnyLoss,
    input: Input,
    [prediction, labels]: [&[f64]; 2],
    mask: Option<&[bool]>,
) -> Result<(f64, Vec<f64>), Error> {
    let prediction: Vec<T> = prediction.iter().map(|x| T::from_f64(*x)).collect();
    let labels: Vec<u8> = labels.iter().map(|label| *label as u8).collect();
    let samples = labels.len() / VOXELS;
    let shape = [samples, CLASSES, VOXELS];
    let target = Labels::new(Dense::per_voxel(&labels, [samples, VOXELS])?);
    let segmentation = Segmentation::new(Dense::channels_first(&prediction, shape)?, target)?
        .with_annotated(mask)?
        .with_input(input)?;
    let len = segmentation.buffers_len();
    let (mut sums, mut slopes) = (vec![ClassSums::default(); len], vec![[0.0; 4]; len]);
    let (mut gradient, classes) = (vec![T::default(); prediction.len()], Classes::default());
    let mut out = DenseMut::new(&mut gradient, shape, Layout::ChannelsFirst)?;
    let buffers = BuffersMut::new(&mut sums, &mut slopes);
    let evaluated = segmentation.evaluate_with_gradient(loss, &classes, buffers, &mut out)?;
    let value = evaluated.value();
    Ok((value, gradient.into_iter().map(Float::to_f64).collect()))
}

/// The numbers of a sample with class 2 merged into class 0 and left without any share.
fn merged(numbers: &[f64], merge: impl Fn(f64, f64) -> f64, nothing: f64) -> Vec<f64> {
    let mut merged = numbers.to_vec();
    for voxel in 0..VOXELS {
        merged[voxel] = merge(numbers[voxel], numbers[2 * VOXELS + voxel]);
        merged[2 * VOXELS + voxel] = nothing;
    }
    merged
}

#[test]
fn merging_in_the_engine_is_merging_before_it() {
    let (logits, labels) = (numbers(1), labels(1));
    let probabilities: Vec<f64> = logits.iter().map(|z| (z + 3.0) / 28.0).collect();
    let labels: Vec<f64> = labels.into_iter().map(f64::from).collect();
    let other: Vec<f64> = labels
        .iter()
        .map(|y| if *y == 2.0 { 0.0 } else { *y })
        .collect();
    let ln_sum = |a: f64, b: f64| a.max(b) + (-(a - b).abs()).exp().ln_1p();
    let mask = [true, true, false, true];
    // Class 2 has a weight of 0 in the reference: it does not exist.
    for (input, given, expected) in [
        (
            Input::Probabilities,
            &probabilities,
            merged(&probabilities, |a, b| a + b, 0.0),
        ),
        (Input::Softmax, &logits, merged(&logits, ln_sum, -1e30)),
    ] {
        let loss = AnyLoss::from(Name::CrossEntropy);
        let found = evaluate::<f64>(&loss, input, [given, &labels], Some(&mask)).unwrap();
        let (value, by) = evaluate::<f64>(&loss, input, [&expected, &other], None).unwrap();
        assert!(
            (found.0 - value).abs() < 1e-12,
            "{} is not {value}",
            found.0
        );
        let narrow = evaluate::<f32>(&loss, input, [given, &labels], Some(&mask)).unwrap();
        assert!(
            (narrow.0 - value).abs() < 1e-6,
            "{} is not {value} in f32",
            narrow.0
        );
        for voxel in 0..VOXELS {
            for class in 0..CLASSES {
                let (at, background) = (class * VOXELS + voxel, voxel);
                let share = match (class, input) {
                    (1 | 3, _) => by[at],
                    (_, Input::Softmax) => {
                        by[background] * (given[at] - expected[background]).exp()
                    }
                    _ => by[background],
                };
                assert!(
                    (found.1[at] - share).abs() < 1e-15,
                    "class {class}, voxel {voxel}"
                );
                let bound = 1e-6 * share.abs().max(1e-4);
                assert!(
                    (narrow.1[at] - share).abs() < bound,
                    "class {class}, voxel {voxel}: {} is not {share} in f32",
                    narrow.1[at]
                );
            }
        }
    }
}

#[test]
fn a_pooled_class_has_the_sums_of_the_samples_that_annotate_it() -> Result<(), Error> {
    let (prediction, labels) = (numbers(2), labels(2));
    let mask = [true, true, false, true, true, false, true, true];
    let sums_of = |samples: core::ops::Range<usize>, pooling: Pooling| -> Result<Vec<_>, Error> {
        let shape = [samples.len(), CLASSES, VOXELS];
        let size = CLASSES * VOXELS;
        let prediction = &prediction[samples.start * size..samples.end * size];
        let labels = &labels[samples.start * VOXELS..samples.end * VOXELS];
        let labels = Labels::new(Dense::per_voxel(labels, [samples.len(), VOXELS])?);
        let segmentation = Segmentation::new(Dense::channels_first(prediction, shape)?, labels)?
            .with_annotated(&mask[samples.start * CLASSES..samples.end * CLASSES])?
            .with_input(Input::Softmax)?
            .with_pooling(pooling);
        let mut sums = vec![ClassSums::<f64, 4>::default(); segmentation.buffers_len()];
        segmentation.add_sums(&UnifiedFocal::asymmetric(), &Classes::default(), &mut sums)?;
        Ok(sums)
    };
    let pooled = sums_of(0..2, Pooling::Batch)?;
    let mut merged = sums_of(0..1, Pooling::PerSample)?;
    assert_eq!(merged[2], ClassSums::default());
    for (sums, others) in merged.iter_mut().zip(sums_of(1..2, Pooling::PerSample)?) {
        sums.merge(&others);
    }
    for (class, (found, expected)) in pooled.iter().zip(&merged).enumerate() {
        assert_eq!(found.voxels, expected.voxels, "class {class}");
        assert_eq!(found.target, expected.target, "class {class}");
        for (found, expected) in found.terms.iter().zip(&expected.terms) {
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs(),
                "class {class}"
            );
        }
    }
    let voxels: Vec<f64> = pooled.iter().map(|sums| sums.voxels).collect();
    assert_eq!(voxels, [2.0, 1.0, 1.0, 2.0].map(|n| n * VOXELS as f64));
    Ok(())
}

#[test]
fn invalid_numbers_of_merged_classes_are_found_where_they_are() {
    let (mut prediction, labels) = (numbers(1), labels(1));
    prediction[2 * VOXELS + 5000] = f64::NAN;
    let labels: Vec<f64> = labels.into_iter().map(f64::from).collect();
    let mask = [true, true, false, true];
    let loss = AnyLoss::from(Name::Dice);
    let given = [&prediction[..], &labels];
    let error = evaluate::<f64>(&loss, Input::Softmax, given, Some(&mask)).unwrap_err();
    let Error::Value { at, .. } = error else {
        panic!("{error}");
    };
    assert_eq!((at.sample, at.channel, at.voxel), (0, 2, 5000));
}

#[test]
fn alphas_are_for_the_classes_or_for_each_region() -> Result<(), Error> {
    let probabilities = [0.5, 0.25, 0.125];
    let labels = [2_u8];
    let sets = [[1], [2], [2]];
    let target = Regions::new(Dense::per_voxel(&labels, [1, 1])?, &sets);
    let prediction = Dense::channels_first(&probabilities, [1, 3, 1])?;
    let regions = Segmentation::new(Channels::new(prediction), target)?.with_regions(3)?;
    let entropy = |alpha: &[f64]| {
        let (mut sums, mut slopes) = ([ClassSums::default(); 6], [[0.0]; 6]);
        let buffers = BuffersMut::new(&mut sums, &mut slopes);
        let classes = Classes::default().with_class_alpha(alpha);
        let evaluated = regions.evaluate(&Focal::cross_entropy(), &classes, buffers)?;
        let per_class: Vec<f64> = evaluated.per_class().collect();
        Ok::<_, Error>((evaluated.value(), per_class))
    };
    let (value, per_class) = entropy(&[3.0, 1.0, 1.0, 5.0, 1.0, 7.0])?;
    let each = [3.0 * 2_f64.ln(), 5.0 * 4_f64.ln(), 7.0 * 8_f64.ln()];
    assert!((value - each.iter().sum::<f64>() / 3.0).abs() < 1e-6);
    for (region, expected) in each.into_iter().enumerate() {
        let found = per_class[2 * region] + per_class[2 * region + 1];
        assert!((found - expected).abs() < 1e-6, "region {region}");
    }
    assert!(entropy(&[1.0, 2.0]).is_ok());
    for wrong in [1, 3, 4, 8] {
        let error = entropy(&vec![1.0; wrong]).expect_err("another number");
        assert!(error.to_string().contains("alpha"), "{error}");
    }
    let classes = Classes::default().with_class_alpha(&[1.0; 4]);
    assert!(classes.check(2).is_err());
    assert!(classes.check_regions(2, 2).is_ok());
    Ok(())
}
