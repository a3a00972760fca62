//! The loss of each voxel against the value of a segmentation of that voxel alone.

use unifocal_core::{
    AnyLoss, Buffers, Classes, Dense, DenseMut, Error, Focal, Input, Labels, Layout, Segmentation,
    UnifiedFocal,
    data::Element,
    engine::{VoxelLoss, Workspace},
    formula::Float,
};

use crate::numbers::numbers;

/// A prediction [2, C, M] with labels in runs, some of which are ignored, and voxel weights.
struct Case<P> {
    input: Input,
    channels: usize,
    voxels: usize,
    prediction: Vec<P>,
    labels: Vec<u8>,
    weights: Vec<f64>,
}

const IGNORED: u8 = 255;

fn case<P>(input: Input, channels: usize, voxels: usize, convert: fn(f64) -> P) -> Case<P> {
    let mut next = numbers((channels + voxels) as u32);
    let mut label = 0;
    let classes = channels.max(2);
    let labels = (0..2 * voxels).map(|_| {
        if next() < 0.02 {
            label = (classes as f64 * next()) as u8;
        }
        label
    });
    let mut labels: Vec<u8> = labels.collect();
    for index in (5..labels.len()).step_by(11) {
        labels[index] = IGNORED;
    }
    let weights = (0..2 * voxels).map(|index| match index / 100 % 3 {
        0 => 1.0,
        1 => 0.0,
        _ => 3.0 * next(),
    });
    let weights = weights.collect();
    let mut number = || match input {
        Input::Probabilities => next(),
        _ => 12.0 * next() - 6.0,
    };
    Case {
        input,
        channels,
        voxels,
        prediction: (0..2 * channels * voxels)
            .map(|_| convert(number()))
            .collect(),
        labels,
        weights,
    }
}

fn losses<P: Element<Real = P> + Float + Into<f64>>(
    case: &Case<P>,
    loss: &VoxelLoss,
    classes: &Classes<'_>,
) -> Result<Vec<f64>, Error> {
    let shape = [2, case.channels, case.voxels];
    let size = [2, case.voxels];
    let labels = Labels::new(Dense::per_voxel(&case.labels, size)?);
    let segmentation = Segmentation::new(
        Dense::channels_first(&case.prediction, shape)?,
        labels.with_ignore_label(Some(IGNORED.into())),
    )?
    .with_input(case.input)?
    .with_voxel_weights(Dense::per_voxel(&case.weights, size)?)?;
    // Numbers that must be overwritten.
    let mut losses = vec![case.prediction[0]; 2 * case.voxels];
    let mut out = DenseMut::new(&mut losses, [2, 1, case.voxels], Layout::ChannelsFirst)?;
    segmentation.voxel_losses(loss, classes, &mut out, &mut Workspace::new())?;
    Ok(losses.into_iter().map(Into::into).collect())
}

fn check<P: Element<Real = P> + Float + Into<f64>>(convert: fn(f64) -> P, tolerance: f64) {
    let smoothed = UnifiedFocal::asymmetric()
        .with_label_smoothing(0.1)
        .expect("in range");
    let all: [AnyLoss; 4] = [
        Focal::cross_entropy().into(),
        Focal::poly1().into(),
        UnifiedFocal::dice_focal().into(),
        smoothed.into(),
    ];
    for (input, channels, voxels) in [
        (Input::Probabilities, 1, 70),
        (Input::Probabilities, 3, 5000),
        (Input::Softmax, 2, 1000),
        (Input::Softmax, 3, 1300),
        (Input::Sigmoid, 1, 640),
        (Input::Sigmoid, 3, 130),
    ] {
        let case = case(input, channels, voxels, convert);
        let weights = [0.5, 2.0, 1.25];
        let classes = Classes::default().with_class_alpha(&weights[..channels.max(2)]);
        for loss in all {
            let of_voxels = VoxelLoss::new(loss).expect("a distribution-based part");
            let found = losses(&case, &of_voxels, &classes).expect("valid data");
            for (index, found) in found.into_iter().enumerate() {
                let (weight, label) = (case.weights[index], case.labels[index]);
                let what = format!("{loss} of {input:?}, {channels} channels, voxel {index}");
                if weight == 0.0 || label == IGNORED {
                    assert_eq!(found, 0.0, "{what}");
                    continue;
                }
                let (sample, voxel) = (index / voxels, index % voxels);
                let place = |c: usize| (sample * channels + c) * voxels + voxel;
                let numbers: Vec<P> = (0..channels).map(|c| case.prediction[place(c)]).collect();
                let expected = alone(&numbers, label, input, &of_voxels, &classes);
                let difference = (found - weight * expected.expect("valid data")).abs();
                assert!(difference <= tolerance * found.abs().max(1e-3), "{what}");
            }
        }
    }
}

/// The distribution-based part of the loss of one voxel.
fn alone<P: Element<Real = P>>(
    numbers: &[P],
    label: u8,
    input: Input,
    loss: &VoxelLoss,
    classes: &Classes<'_>,
) -> Result<f64, Error> {
    let labels = [label];
    let segmentation = Segmentation::new(
        Dense::channels_first(numbers, [1, numbers.len(), 1])?,
        Labels::new(Dense::per_voxel(&labels, [1, 1])?),
    )?
    .with_input(input)?;
    let mut buffers = Buffers::with_len::<3>();
    let count = segmentation.class_count();
    let evaluated = segmentation.evaluate(&loss.focal(), classes, &mut buffers)?;
    let sums = evaluated.sums()[..count].iter().enumerate();
    Ok(sums
        .map(|(index, sums)| loss.factor(classes, index, count) * sums.terms[0])
        .sum())
}

#[test]
fn the_loss_of_a_voxel_is_that_of_the_voxel_alone() {
    check(|x| x, 1e-13);
    check(|x| x as f32, 1e-6);
}

/// At the ends of all ranges, losses are finite.
#[test]
fn losses_of_voxels_are_finite() -> Result<(), Error> {
    let logits = [f32::MAX, -f32::MAX, 0.0, -f32::MAX, f32::MAX, 0.0];
    let labels = [1_u8, 1, 0];
    let segmentation = Segmentation::new(
        Dense::channels_first(&logits, [1, 2, 3])?,
        Labels::new(Dense::per_voxel(&labels, [1, 3])?),
    )?;
    for input in [Input::Softmax, Input::Sigmoid] {
        let segmentation = segmentation.with_input(input)?;
        let segmentation =
            segmentation.with_voxel_weights(Dense::per_voxel(&[1e30, 1e30, 1e30], [1, 3])?)?;
        let alpha = [1e30; 2];
        let classes = Classes::default().with_class_alpha(&alpha);
        let loss = VoxelLoss::new(Focal::new().with_alpha(1e30)?)?;
        let mut losses = [f32::NAN; 3];
        let mut out = DenseMut::new(&mut losses, [1, 1, 3], Layout::ChannelsFirst)?;
        segmentation.voxel_losses(&loss, &classes, &mut out, &mut Workspace::new())?;
        assert_eq!(losses, [f32::MAX, 0.0, f32::MAX], "{input:?}");
    }
    Ok(())
}

/// An invalid number is found where its voxel counts, and losses need as many places as there are voxels.
#[test]
fn wrong_data_are_errors() -> Result<(), Error> {
    let prediction = [0.5, 2.0, 0.5, 0.5];
    let labels = [0_u8, 0];
    let segmentation = Segmentation::new(
        Dense::channels_first(&prediction, [1, 2, 2])?,
        Labels::new(Dense::per_voxel(&labels, [1, 2])?),
    )?;
    let loss = VoxelLoss::new(Focal::new())?;
    let mut losses = [0.0; 2];
    let mut run = |shape: [usize; 3], classes: &Classes<'_>| {
        let mut out = DenseMut::new(&mut losses[..shape[2]], shape, Layout::ChannelsFirst)?;
        segmentation.voxel_losses(&loss, classes, &mut out, &mut Workspace::new())
    };
    let found = run([1, 1, 2], &Classes::default());
    assert!(matches!(found, Err(Error::Value { found: 2.0, .. })));
    let found = run([1, 1, 1], &Classes::default());
    assert!(matches!(
        found,
        Err(Error::Shape {
            what: "voxel losses",
            ..
        })
    ));
    let found = run([1, 1, 2], &Classes::default().with_class_weights(&[1.0; 3]));
    assert!(matches!(found, Err(Error::Length { .. })));
    Ok(())
}
