//! The sweeps against the formulas voxel by voxel: over whole and partial chunks and stretches,
//! with and without weights.

use unifocal_core::{data::Valid, formula::*, *};

use crate::numbers::numbers;

/// Labels in runs, some longer than a stretch and some shorter.
fn labels(voxels: usize, classes: usize) -> Vec<u8> {
    let mut next = numbers(3);
    let mut label = 0;
    let mut draw = || {
        if next() < 0.01 {
            label = (classes as f64 * next()) as u8;
        }
        label
    };
    (0..voxels).map(|_| draw()).collect()
}

/// Σ weight·terms of each class, from the probability of each voxel.
fn expected(
    labels: &[u8],
    classes: usize,
    weight: impl Fn(usize) -> f64,
    seen: impl Fn(usize, usize) -> Probability<f64>,
) -> Vec<ClassSums<f64, 4>> {
    let mut all = vec![ClassSums::default(); classes];
    for (index, sums) in all.iter_mut().enumerate() {
        let class = Classes::default().class(index, classes);
        for (voxel, label) in labels.iter().enumerate() {
            let v = weight(voxel);
            if v == 0.0 {
                continue;
            }
            let y = if usize::from(*label) == index {
                1.0
            } else {
                0.0
            };
            let terms = UnifiedFocal::asymmetric().terms(&class, &seen(index, voxel), &y);
            sums.merge(&ClassSums {
                terms: terms.map(|term| v * term),
                target: v * y,
                voxels: v,
            });
        }
    }
    all
}

#[track_caller]
fn assert_close(found: &[ClassSums<f64, 4>], expected: &[ClassSums<f64, 4>], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        let pairs = found.terms.iter().zip(&expected.terms);
        let others = [
            (&found.target, &expected.target),
            (&found.voxels, &expected.voxels),
        ];
        for (found, expected) in pairs.chain(others) {
            let error = (found - expected).abs();
            assert!(
                error <= tolerance * expected.abs(),
                "{found} is not {expected}"
            );
        }
    }
}

/// Weights of 0, 1 and other values, in runs and one by one.
fn weights(voxels: usize) -> Vec<f64> {
    let mut next = numbers(3);
    let weight = |voxel: usize| match voxel / 150 % 5 {
        0 => 1.0,
        1 => 0.0,
        2 => 1e-3 + 1e3 * next(),
        3 => 2.0,
        _ => f64::from(u8::from(next() < 0.5)),
    };
    (0..voxels).map(weight).collect()
}

#[test]
fn weighted_voxels() -> Result<(), Error> {
    for voxels in [1, 64, 1024, 2500] {
        let labels = labels(voxels, 2);
        let weights = weights(voxels);
        let mut next = numbers(3);
        // Voxels of weight 0 are ignored, so NaN must not matter.
        let first = |voxel: usize, p: f64| if weights[voxel] == 0.0 { f64::NAN } else { p };
        let p: Vec<f64> = (0..2 * voxels).map(|i| first(i % voxels, next())).collect();
        let narrow: Vec<f32> = p.iter().map(|p| *p as f32).collect();
        let target = Labels::new(Dense::per_voxel(&labels, [1, voxels])?);
        let given = Dense::per_voxel(&weights, [1, voxels])?;
        let wanted = expected(
            &labels,
            2,
            |voxel| weights[voxel],
            |class, voxel| Probability::new(p[class * voxels + voxel]),
        );
        let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());

        let shape = [1, 2, voxels];
        let wide = Segmentation::new(Dense::channels_first(&p, shape)?, target)?;
        let mut sums = [ClassSums::default(); 2];
        wide.with_voxel_weights(given)?
            .add_sums(&loss, &classes, &mut sums)?;
        assert_close(&sums, &wanted, 1e-12);

        let narrow = Segmentation::new(Dense::channels_first(&narrow, shape)?, target)?;
        let narrow = narrow.with_voxel_weights(given)?;
        let mut buffers = Buffers::with_len::<2>();
        let mut evaluated = narrow.evaluate(&loss, &classes, &mut buffers)?;
        assert_close(evaluated.sums(), &wanted, 2e-6);

        let mut gradient = vec![f32::NAN; 2 * voxels];
        let mut out = DenseMut::new(&mut gradient, shape, Layout::ChannelsFirst)?;
        evaluated.gradient_into(&mut out)?;
        for (i, g) in gradient.iter().enumerate() {
            assert_eq!(*g == 0.0, weights[i % voxels] == 0.0, "{g} at {i}");
        }
    }
    Ok(())
}

/// An invalid weight anywhere in a chunk is reported with its position; −0 is a valid 0.
#[test]
fn invalid_weights_are_reported_with_their_position() -> Result<(), Error> {
    const VOXELS: usize = 2500;
    let p = [0.5_f32; VOXELS];
    let labels = [0_u8; VOXELS];
    for (found, at) in [
        (f64::NAN, 0),
        (-1.0, 777),
        (1.1e30, 1023),
        (f64::INFINITY, 2499),
    ] {
        let mut weights = vec![0.25; VOXELS];
        weights[at] = found;
        weights[at / 2 + 1] = -0.0;
        let target = Labels::new(Dense::per_voxel(&labels, [1, VOXELS])?);
        let error = Segmentation::new(Dense::channels_first(&p, [1, 1, VOXELS])?, target)?
            .with_voxel_weights(Dense::per_voxel(&weights, [1, VOXELS])?)?
            .add_sums(
                &Tversky::dice(),
                &Classes::default(),
                &mut [ClassSums::default(); 2],
            )
            .unwrap_err();
        let Error::Value {
            expected,
            found: reported,
            at: place,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((expected, place.voxel), (Valid::VoxelWeight, at));
        assert_eq!(reported.to_bits(), found.to_bits());
    }
    Ok(())
}

/// More classes than a softmax keeps exponentials for, some of them equally likely, in both
/// layouts.
#[test]
fn softmax_of_many_classes() -> Result<(), Error> {
    const CLASSES: usize = 11;
    for voxels in [1, 200, 512, 1100] {
        let mut next = numbers(3);
        // Multiples of ½, so that the largest logit often occurs twice.
        let z: Vec<f64> = (0..CLASSES * voxels)
            .map(|_| (16.0 * next()).floor() / 2.0)
            .collect();
        let labels = labels(voxels, CLASSES);
        let target = Labels::new(Dense::per_voxel(&labels, [1, voxels])?);
        let wanted = expected(
            &labels,
            CLASSES,
            |_| 1.0,
            |class, voxel| {
                let at = |class: usize| z[class * voxels + voxel];
                let total: f64 = (0..CLASSES)
                    .map(|other| (at(other) - at(class)).exp())
                    .sum();
                let p = 1.0 / total;
                Probability::from_ln(p, (total - 1.0) / total, -total.ln())
            },
        );
        let shape = [1, CLASSES, voxels];
        let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
        let first = Segmentation::new(Dense::channels_first(&z, shape)?, target)?
            .with_input(Input::Softmax)?;
        let mut buffers = Buffers::with_len::<CLASSES>();
        let mut evaluated = first.evaluate(&loss, &classes, &mut buffers)?;
        let value = evaluated.value();
        assert_close(evaluated.sums(), &wanted, 1e-10);
        let mut gradient = vec![f64::NAN; CLASSES * voxels];
        let mut out = DenseMut::new(&mut gradient, shape, Layout::ChannelsFirst)?;
        evaluated.gradient_into(&mut out)?;

        // The other layout gives the same bits.
        let transposed: Vec<f64> = (0..voxels)
            .flat_map(|voxel| (0..CLASSES).map(move |class| (class, voxel)))
            .map(|(class, voxel)| z[class * voxels + voxel])
            .collect();
        let last = Segmentation::new(Dense::channels_last(&transposed, shape)?, target)?
            .with_input(Input::Softmax)?;
        let mut evaluated = last.evaluate(&loss, &classes, &mut buffers)?;
        assert_eq!(evaluated.value(), value);
        let mut other = vec![f64::NAN; CLASSES * voxels];
        let mut out = DenseMut::new(&mut other, shape, Layout::ChannelsLast)?;
        evaluated.gradient_into(&mut out)?;
        for (i, g) in gradient.iter().enumerate() {
            assert_eq!(*g, other[i % voxels * CLASSES + i / voxels]);
        }

        // Compare some entries with central differences.
        let largest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        let step = 1e-5;
        for i in (0..z.len()).step_by(1 + z.len() / 40) {
            let value_at = |shift: f64| -> Result<f64, Error> {
                let mut z = z.clone();
                z[i] += shift;
                let moved = Segmentation::new(Dense::channels_first(&z, shape)?, target)?
                    .with_input(Input::Softmax)?;
                Ok(evaluate(&moved, &loss, &classes)?.value())
            };
            let difference = (value_at(step)? - value_at(-step)?) / (2.0 * step);
            let error = (gradient[i] - difference).abs();
            assert!(
                error <= 1e-6 * largest + 1e-9,
                "{} is not {difference}",
                gradient[i]
            );
        }
    }
    Ok(())
}

/// 1 − p of a class that a softmax is certain of is the sum of the other classes, not the result of
/// a subtraction.
#[test]
fn softmax_complement_does_not_cancel() -> Result<(), Error> {
    let logits = [30.0_f32, -30.0, -30.0];
    let target = Labels::new(Dense::per_voxel(&[0_u8], [1, 1])?);
    let segmentation = Segmentation::new(Dense::channels_first(&logits, [1, 3, 1])?, target)?
        .with_input(Input::Softmax)?;
    let mut sums = [ClassSums::default(); 3];
    segmentation.add_sums(&Tversky::dice(), &Classes::default(), &mut sums)?;
    let [_, _, missed] = sums[0].terms;
    let expected = 2.0 * (-60.0_f64).exp();
    assert!(
        (missed - expected).abs() <= 1e-5 * expected,
        "{missed} is not {expected}"
    );
    Ok(())
}

/// Found by fuzzing: a NaN soft target at a voxel of weight 0 made the value NaN.
#[test]
fn values_at_weight_0_do_not_matter() -> Result<(), Error> {
    let loss = UnifiedFocal::asymmetric();
    for voxels in [1, 2, 64, 100, 1500] {
        let mut next = numbers(3);
        let prediction: Vec<f64> = (0..voxels).map(|_| next()).collect();
        let target: Vec<f64> = (0..voxels).map(|_| next()).collect();
        let weights: Vec<f64> = (0..voxels)
            .map(|voxel| f64::from(u8::from(voxel % 3 > 0)))
            .collect();
        let outcome = |instead: Option<f64>| -> Result<(f64, Vec<f64>), Error> {
            let put = |all: &[f64]| -> Vec<f64> {
                let pairs = all.iter().zip(&weights);
                pairs
                    .map(|(x, weight)| {
                        if *weight == 0.0 {
                            instead.unwrap_or(*x)
                        } else {
                            *x
                        }
                    })
                    .collect()
            };
            let (prediction, target) = (put(&prediction), put(&target));
            let shape = [1, 1, voxels];
            let target = Soft(Dense::channels_first(&target, shape)?);
            let segmentation =
                Segmentation::new(Dense::channels_first(&prediction, shape)?, target)?
                    .with_voxel_weights(Dense::per_voxel(&weights, [1, voxels])?)?;
            let evaluated = evaluate(&segmentation, &loss, &Classes::default())?;
            Ok((evaluated.value(), evaluated.gradient()?))
        };
        let expected = outcome(None)?;
        for anything in [f64::NAN, f64::INFINITY, -1e300, 7.0] {
            assert_eq!(
                outcome(Some(anything))?,
                expected,
                "{anything} in {voxels} voxels"
            );
        }
    }
    Ok(())
}
