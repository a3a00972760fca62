//! Quantised numbers are the real numbers that they stand for.

use unifocal_core::{
    Buffers, Classes, Dense, DenseMut, Error, Input, Labels, Layout, Quantized, Segmentation,
    UnifiedFocal,
    data::{Element, Field},
};

const SHAPE: [usize; 3] = [1, 2, 300];

/// Value and gradient of a prediction, channels last.
fn evaluate(prediction: impl Field<Item: Element<Real = f32>>) -> Result<(f64, Vec<f32>), Error> {
    let labels: Vec<u8> = (0..300).map(|voxel| u8::from(voxel % 7 > 4)).collect();
    let labels = Labels::new(Dense::per_voxel(&labels, [1, 300])?);
    let segmentation = Segmentation::new(prediction, labels)?.with_input(Input::Softmax)?;
    let mut gradient = vec![0.0; 600];
    let mut out = DenseMut::new(&mut gradient, SHAPE, Layout::ChannelsLast)?;
    let (loss, mut buffers) = (UnifiedFocal::asymmetric(), Buffers::with_len::<2>());
    let classes = Classes::default();
    let value = segmentation
        .evaluate_with_gradient(&loss, &classes, &mut buffers, &mut out)?
        .value();
    Ok((value, gradient))
}

/// Compares quantised numbers with the floats that they stand for, bit by bit.
fn check<T: Copy + Into<i32>>(numbers: Vec<T>) -> Result<(), Error> {
    let (scales, zero_points) = ([0.05_f32, 0.02], [-3, 11]);
    let real = |(i, q): (usize, &T)| scales[i % 2] * ((*q).into() - zero_points[i % 2]) as f32;
    let floats: Vec<f32> = numbers.iter().enumerate().map(real).collect();
    let expected = evaluate(Dense::channels_last(&floats, SHAPE)?)?;
    let field = Dense::channels_last(&numbers, SHAPE)?;
    let found = evaluate(Quantized::per_channel(field, &scales, &zero_points)?)?;
    assert_eq!(found, expected);

    let floats: Vec<f32> = numbers
        .iter()
        .map(|q| 0.05 * ((*q).into() + 3) as f32)
        .collect();
    let expected = evaluate(Dense::channels_last(&floats, SHAPE)?)?;
    assert_eq!(evaluate(Quantized::new(field, 0.05, -3)?)?, expected);
    Ok(())
}

#[test]
fn numbers_are_what_they_stand_for() -> Result<(), Error> {
    let number = |i: i32| (i * 37 + i / 5) % 101;
    check((0..600).map(|i| number(i) as u8).collect())?;
    check((0..600).map(|i| (number(i) - 50) as i8).collect())?;
    check((0..600).map(|i| (number(i) - 50) as i16).collect())
}

#[test]
fn wrong_scales_are_refused() -> Result<(), Error> {
    let field = Dense::channels_last(&[0_i8; 600], SHAPE)?;
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = Quantized::new(field, scale, 0).expect_err("no scale");
        assert!(error.to_string().contains("scale"), "{error}");
    }
    let error = Quantized::per_channel(field, &[1.0], &[0, 0]).expect_err("one scale");
    assert_eq!(error.to_string(), "the number of scales is 1, expected 2");
    let error = Quantized::per_channel(field, &[1.0, 0.0], &[0, 0]).expect_err("a scale of 0");
    assert!(error.to_string().contains("expected"), "{error}");
    Ok(())
}
