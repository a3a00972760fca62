//! Mismatched lengths and shapes return an error with what was found and what was expected.

use unifocal_core::{engine::*, formula::*, *};

const P: [f32; 12] = [0.25; 12];
const LABELS: [u8; 6] = [0, 1, 0, 1, 1, 0];

#[track_caller]
fn assert_says<T>(outcome: Result<T, Error>, says: &str) {
    match outcome {
        Ok(_) => panic!("accepted, expected the error: {says}"),
        Err(error) => assert_eq!(error.to_string(), says),
    }
}

#[test]
fn wrong_slice_lengths_are_rejected() {
    assert_says(
        Dense::channels_first(&P, [1, 2, 7]),
        "the number of values in the slice is 12, expected 14",
    );
    assert_says(
        Dense::per_voxel(&LABELS, [1, 5]),
        "the number of values in the slice is 6, expected 5",
    );
    assert_says(
        DenseMut::new(&mut [0.0; 3], [1, 2, 2], Layout::ChannelsLast),
        "the number of values in the slice is 3, expected 4",
    );
    // Modulo 2⁶⁴, the product of these numbers is 0, the length of the slice.
    assert!(Dense::channels_first(&P[..0], [1 << 32, 1 << 31, 2]).is_err());
}

#[test]
fn mismatched_shapes_are_rejected() -> Result<(), Error> {
    let prediction = Dense::channels_first(&P, [1, 2, 6])?;
    let labels = Labels::new(Dense::per_voxel(&LABELS, [2, 3])?);
    assert_says(
        Segmentation::new(prediction, labels).map(|_| ()),
        "the shape of the target is [2, 1, 3], expected [1, 1, 6] (samples, channels, voxels)",
    );
    let labels = Labels::new(Dense::per_voxel(&LABELS, [1, 6])?);
    let segmentation = Segmentation::new(prediction, labels)?;
    let weights = Dense::per_voxel(&P, [1, 12])?;
    assert!(segmentation.with_voxel_weights(weights).is_err());
    for empty in [[0, 2, 6], [1, 0, 6], [1, 2, 0]] {
        let none: [f32; 0] = [];
        let none = Dense::channels_first(&none, empty)?;
        let error = Segmentation::new(none, Soft(none)).map(|_| ());
        assert!(matches!(error, Err(Error::Empty { .. })), "{error:?}");
    }
    Ok(())
}

#[test]
fn wrong_buffer_sizes_are_rejected() -> Result<(), Error> {
    let prediction = Dense::channels_first(&P, [1, 2, 6])?;
    let labels = Labels::new(Dense::per_voxel(&LABELS, [1, 6])?);
    let segmentation = Segmentation::new(prediction, labels)?;
    let (loss, classes) = (Tversky::dice(), Classes::default());
    let mut three = [ClassSums::default(); 3];
    let says = "the number of class sums is 3, expected 2";
    assert_says(segmentation.add_sums(&loss, &classes, &mut three), says);

    let mut one = Buffers::with_len::<1>();
    let says = "the number of entries in the buffers is 1, expected 2";
    let outcome = segmentation.evaluate(&loss, &classes, &mut one);
    assert_says(outcome.map(|_| ()), says);
    let (mut numbers, mut one_slope) = ([f32::NAN; 12], [[0.0; 3]; 1]);
    let mut out = DenseMut::new(&mut numbers, [1, 2, 6], Layout::ChannelsFirst)?;
    let outcome = segmentation.evaluate_with_gradient(&loss, &classes, &mut one, &mut out);
    assert_says(outcome.map(|_| ()), says);
    let few = BuffersMut::new(&mut three, &mut one_slope);
    assert_says(
        segmentation.evaluate(&loss, &classes, few).map(|_| ()),
        says,
    );
    assert_says(
        segmentation.gradient_by(&loss, &classes, &one_slope, &mut out),
        "the number of slopes is 1, expected 2",
    );

    let mut buffers = Buffers::with_len::<2>();
    let mut other = DenseMut::new(&mut numbers, [1, 3, 4], Layout::ChannelsFirst)?;
    let says =
        "the shape of the gradient is [1, 3, 4], expected [1, 2, 6] (samples, channels, voxels)";
    let outcome = segmentation.evaluate_with_gradient(&loss, &classes, &mut buffers, &mut other);
    assert_says(outcome.map(|_| ()), says);
    let mut evaluated = segmentation.evaluate(&loss, &classes, &mut buffers)?;
    assert_says(evaluated.gradient_into(&mut other), says);
    assert_says(
        evaluated.merge(&three).map(|_| ()),
        "the number of class sums is 3, expected 2",
    );
    assert!(numbers.iter().all(|x| x.is_nan()), "nothing is written");
    Ok(())
}

/// With the sums of other data, a gradient of invalid data can be computed. It is 0 around the
/// invalid values.
#[test]
fn gradient_of_invalid_data_is_finite() -> Result<(), Error> {
    const VOXELS: usize = 12_000;
    let mut labels = [1_u8; VOXELS];
    let p = [0.5_f32; 2 * VOXELS];
    let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
    let prediction = Dense::channels_first(&p, [1, 2, VOXELS])?;
    let target = Labels::new(Dense::per_voxel(&labels, [1, VOXELS])?);
    let valid = Segmentation::new(prediction, target)?;
    let (mut sums, mut by) = ([ClassSums::default(); 2], [[0.0; 4]; 2]);
    valid.add_sums(&loss, &classes, &mut sums)?;
    slopes(&loss, &classes, 2, &sums, &mut by)?;
    labels[6000] = 9;
    let target = Labels::new(Dense::per_voxel(&labels, [1, VOXELS])?);
    let segmentation = Segmentation::new(prediction, target)?;
    let mut gradient = [f32::NAN; 2 * VOXELS];
    let mut out = DenseMut::new(&mut gradient, [1, 2, VOXELS], Layout::ChannelsFirst)?;
    segmentation.gradient_by(&loss, &classes, &by, &mut out)?;
    assert!(gradient.iter().all(|g| g.is_finite()));
    assert_eq!([gradient[6000], gradient[VOXELS + 6000]], [0.0; 2]);
    assert!(gradient[0] != 0.0 && gradient[VOXELS - 1] != 0.0);
    Ok(())
}

#[test]
fn class_options_of_another_number_of_classes() -> Result<(), Error> {
    let prediction = Dense::channels_first(&P, [1, 2, 6])?;
    let labels = Labels::new(Dense::per_voxel(&LABELS, [1, 6])?);
    let segmentation = Segmentation::new(prediction, labels)?;
    let loss = UnifiedFocal::asymmetric();
    let alpha = Classes::default().with_class_alpha(&[1.0]);
    let weights = Classes::default().with_class_weights(&[1.0]);
    for (classes, what) in [(alpha, "values of alpha"), (weights, "class weights")] {
        let says = format!("the number of {what} is 1, expected 2");
        let mut sums = [ClassSums::default(); 2];
        let mut buffers = Buffers::with_len::<2>();
        let outcome = segmentation.evaluate(&loss, &classes, &mut buffers);
        assert_says(outcome.map(|_| ()), &says);
        assert_says(segmentation.add_sums(&loss, &classes, &mut sums), &says);
        assert_says(mean(&loss, &classes, 2, &sums), &says);
        let mut numbers = [0.0; 12];
        let mut out = DenseMut::new(&mut numbers, [1, 2, 6], Layout::ChannelsFirst)?;
        let slopes = [[0.0; 4]; 2];
        assert_says(
            segmentation.gradient_by(&loss, &classes, &slopes, &mut out),
            &says,
        );
    }
    Ok(())
}
