//! Any number of slabs gives the bits of the whole array, whatever its shape and its order in memory.

use std::num::NonZeroUsize;

use ndarray::{ArrayD, Axis, IxDyn, Slice};
use unifocal_ndarray::core::{
    Error as CoreError, Layout, Pooling, Settings, UnifiedFocal, data::Position,
};
use unifocal_ndarray::{Error, Evaluation, Slabs};

/// Probabilities and labels, [N, C, spatial…] and [N, spatial…].
fn arrays(shape: &[usize]) -> (ArrayD<f32>, ArrayD<u8>) {
    let mut seed = 7_u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    let prediction = ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        0.01 + 0.98 * next() as f32 / (1 << 24) as f32
    });
    let labels = ArrayD::from_shape_simple_fn(IxDyn(&without_classes(shape)), || {
        (next() as usize % shape[1]) as u8
    });
    (prediction, labels)
}

fn slabs_of(prediction: &ArrayD<f32>, count: usize) -> Slabs {
    let count = NonZeroUsize::new(count).expect("a slab");
    Slabs::new(prediction.shape(), count).expect("an array")
}

fn without_classes(shape: &[usize]) -> Vec<usize> {
    [&shape[..1], &shape[2..]].concat()
}

/// The slab of an array whose first spatial axis is this one, in memory of its own.
fn slab<T: Clone>(array: &ArrayD<T>, axis: usize, slabs: &Slabs, index: usize) -> ArrayD<T> {
    let [samples, slices] = slabs.range(index);
    let slab = array.slice_axis(Axis(0), Slice::from(samples));
    let slab = slab.slice_axis(Axis(axis), Slice::from(slices));
    // Memory in the same order as the array's.
    let mut order: Vec<usize> = (0..array.ndim()).collect();
    order.sort_by_key(|axis| std::cmp::Reverse(array.strides()[*axis]));
    let mut back = vec![0; order.len()];
    for (place, axis) in order.iter().enumerate() {
        back[*axis] = place;
    }
    let slab = slab.permuted_axes(order);
    slab.as_standard_layout().into_owned().permuted_axes(back)
}

const SHAPES: [&[usize]; 7] = [
    &[1, 2, 24, 80, 81],
    &[1, 3, 2, 200, 211],
    &[1, 2, 1, 300, 301],
    &[1, 2, 131_313],
    &[3, 2, 11, 64, 65],
    &[70, 2, 21, 40],
    &[2, 17, 50, 100],
];

#[track_caller]
fn check(prediction: &ArrayD<f32>, labels: &ArrayD<u8>, settings: &Settings) {
    let loss = UnifiedFocal::asymmetric();
    let whole =
        Evaluation::labels(prediction.view(), labels.view()).with_settings(settings.clone());
    let expected = whole.sums(&loss).expect("sums");
    for count in [1, 2, 3, 7] {
        let slabs = slabs_of(prediction, count);
        let mut halves = Vec::new();
        let mut own = 0;
        for index in 0..count {
            let ours = slab(prediction, 2, &slabs, index);
            let theirs = slab(labels, 1, &slabs, index);
            let held =
                Evaluation::labels(ours.view(), theirs.view()).with_settings(settings.clone());
            halves.extend(held.slab_sums(&loss, &slabs, index).expect("sums"));
            for sample in 0..prediction.shape()[0] {
                let slices = slabs.own(index, sample);
                let [samples, held] = slabs.range(index);
                let is_held = samples.contains(&sample)
                    && held.start <= slices.start
                    && slices.end <= held.end;
                assert!(slices.is_empty() || is_held);
                own += slices.len();
            }
        }
        assert_eq!(own, prediction.shape()[0] * prediction.shape()[2]);
        let merged = whole.merge_slabs(&slabs, halves).expect("all halves");
        assert_eq!(merged, expected, "{:?}, {count} slabs", prediction.shape());
    }
}

#[test]
fn slabs_have_the_sums_of_the_whole() {
    for shape in SHAPES {
        let (prediction, labels) = arrays(shape);
        check(&prediction, &labels, &Settings::default());
        check(
            &prediction,
            &labels,
            &Settings::default().with_pooling(Pooling::Batch),
        );
        check(
            &prediction,
            &labels,
            &Settings::default().with_multilabel(true),
        );
    }
}

/// The voxels of one array lie in another order in memory, so that some axes, or none, merge.
#[test]
fn rows_have_the_sums_of_the_whole() {
    for shape in [
        &[1, 2, 24, 80, 81][..],
        &[2, 2, 5, 120, 81],
        &[1, 2, 3, 300, 100],
    ] {
        let (prediction, labels) = arrays(shape);
        let transposed = labels.view().permuted_axes(vec![0, 1, 3, 2]);
        let transposed = transposed.as_standard_layout().into_owned();
        check(
            &prediction,
            &transposed.permuted_axes(vec![0, 1, 3, 2]),
            &Settings::default(),
        );
        let reversed = labels
            .view()
            .reversed_axes()
            .as_standard_layout()
            .into_owned();
        check(&prediction, &reversed.reversed_axes(), &Settings::default());
        let last = prediction.view().permuted_axes(vec![0, 2, 3, 4, 1]);
        let last = last.as_standard_layout().into_owned();
        check(
            &last.permuted_axes(vec![0, 4, 1, 2, 3]),
            &labels,
            &Settings::default(),
        );
    }
}

#[test]
fn an_error_names_the_voxel_of_the_whole() {
    let (mut prediction, labels) = arrays(&[1, 2, 24, 80, 81]);
    prediction[[0, 1, 20, 3, 4]] = f32::NAN;
    let at = Position {
        sample: 0,
        channel: 1,
        voxel: (20 * 80 + 3) * 81 + 4,
    };
    let slabs = slabs_of(&prediction, 3);
    let sums = |index| {
        let (ours, theirs) = (
            slab(&prediction, 2, &slabs, index),
            slab(&labels, 1, &slabs, index),
        );
        Evaluation::labels(ours.view(), theirs.view()).slab_sums(
            &UnifiedFocal::asymmetric(),
            &slabs,
            index,
        )
    };
    assert!(sums(0).is_ok() && sums(1).is_ok());
    let refused = sums(2).expect_err("a number that is no probability");
    assert!(
        matches!(refused, Error::Core(CoreError::Value { at: found, .. }) if found == at),
        "{refused}"
    );
}

#[test]
fn other_shapes_and_missing_halves_are_refused() {
    let (prediction, labels) = arrays(&[1, 2, 24, 80, 81]);
    let whole = Evaluation::labels(prediction.view(), labels.view());
    let slabs = slabs_of(&prediction, 2);
    let refused = whole.slab_sums(&UnifiedFocal::asymmetric(), &slabs, 0);
    assert!(matches!(
        refused,
        Err(Error::Shape {
            what: "prediction",
            ..
        })
    ));
    let refused = whole.merge_slabs::<4>(&slabs, Vec::new());
    assert!(matches!(
        refused,
        Err(Error::Shape {
            what: "list of halves",
            ..
        })
    ));
    let one = NonZeroUsize::MIN;
    assert!(matches!(Slabs::new(&[3], one), Err(Error::Rank { .. })));
    assert!(matches!(
        Slabs::new(&[3, 2, 0], one),
        Err(Error::Empty { .. })
    ));
    let channels_last = prediction.view().permuted_axes(vec![0, 2, 3, 4, 1]);
    let whole = Evaluation::labels(channels_last, labels.view()).with_layout(Layout::ChannelsLast);
    assert!(
        whole
            .slab_sums(&UnifiedFocal::asymmetric(), &slabs_of(&prediction, 1), 0)
            .is_ok()
    );
}
