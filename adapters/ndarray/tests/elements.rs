//! Every element type, label type, layout and kind of target gives the same result.

use half::{bf16, f16};
use ndarray::{Array, Array4, Array5, Axis, IxDyn};
use unifocal_ndarray::core::{
    Input, Layout, Tversky, UnifiedFocal,
    data::{Element, Label},
    formula::Loss,
};
use unifocal_ndarray::{Evaluation, Simd};

const SHAPE: (usize, usize, usize, usize, usize) = (2, 3, 5, 10, 30);

/// Reproducible numbers in [0, 1).
fn numbers() -> impl FnMut() -> f32 {
    let mut seed = 1_u32;
    move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 24) as f32
    }
}

/// Probabilities, and labels in runs as in a mask.
fn volume() -> (Array5<f32>, Array4<u8>) {
    let mut next = numbers();
    let prediction = Array::from_shape_simple_fn(SHAPE, || 0.01 + 0.98 * next());
    let mut label = 0;
    let labels = Array::from_shape_simple_fn((2, 5, 10, 30), || {
        if next() < 0.02 {
            label = (3.0 * next()) as u8;
        }
        label
    });
    (prediction, labels)
}

#[test]
fn labels_of_every_type_give_the_same_result() {
    fn same<L: Label>(narrow: impl Fn(u8) -> L) {
        let (prediction, labels) = volume();
        let loss = UnifiedFocal::asymmetric();
        let expected = Evaluation::labels(prediction.view(), labels.view());
        let labels = labels.mapv(narrow);
        let found = Evaluation::labels(prediction.view(), labels.view());
        assert_eq!(
            found.value_and_gradient(&loss),
            expected.value_and_gradient(&loss)
        );
    }
    same(|x| x);
    same(u16::from);
    same(u32::from);
    same(|x| x as i8);
    same(i16::from);
    same(i32::from);
    same(i64::from);
}

#[test]
fn one_hot_targets_equal_labels() {
    let (prediction, labels) = volume();
    let loss = UnifiedFocal::asymmetric();
    let expected = Evaluation::labels(prediction.view(), labels.view()).value_and_gradient(&loss);
    let one_hot = Array5::from_shape_fn(SHAPE, |(n, c, z, y, x)| {
        u8::from(labels[[n, z, y, x]] == c as u8)
    });
    let hard = one_hot.mapv(|y| y == 1);
    let float = one_hot.mapv(f32::from);
    assert_eq!(
        Evaluation::soft(prediction.view(), one_hot.view()).value_and_gradient(&loss),
        expected
    );
    assert_eq!(
        Evaluation::soft(prediction.view(), hard.view()).value_and_gradient(&loss),
        expected
    );
    assert_eq!(
        Evaluation::soft(prediction.view(), float.view()).value_and_gradient(&loss),
        expected
    );
}

/// f16 and bf16 give the same result as their values in f32.
#[test]
fn half_precision_is_widened() {
    fn same<H: Element<Real = f32>>(narrow: impl Fn(f32) -> H, widen: impl Fn(H) -> f32) {
        let (prediction, labels) = volume();
        let halves = prediction.mapv(narrow);
        let widened = halves.mapv(widen);
        for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
            let loss = UnifiedFocal::asymmetric();
            let found = Evaluation::labels(halves.view(), labels.view()).with_input(input);
            let expected = Evaluation::labels(widened.view(), labels.view()).with_input(input);
            assert_eq!(
                found.value_and_gradient(&loss),
                expected.value_and_gradient(&loss)
            );
        }
    }
    same(f16::from_f32, f16::to_f32);
    same(bf16::from_f32, bf16::to_f32);
}

/// All 2¹⁶ bit patterns, compared with the conversions of `half`.
#[test]
fn every_half_widens_exactly() {
    for bits in 0..=u16::MAX {
        let [ours, theirs] = [f16::from_bits(bits).real(), f16::from_bits(bits).to_f32()];
        assert!(
            ours == theirs || ours.is_nan() && theirs.is_nan(),
            "{bits:#x}: {ours} is not {theirs}"
        );
        let [ours, theirs] = [bf16::from_bits(bits).real(), bf16::from_bits(bits).to_f32()];
        assert!(
            ours == theirs || ours.is_nan() && theirs.is_nan(),
            "{bits:#x}: {ours} is not {theirs}"
        );
    }
}

/// The class axis may be last, in the prediction and in the gradient.
#[test]
fn channels_last() {
    let (prediction, labels) = volume();
    let last = prediction
        .view()
        .permuted_axes([0, 2, 3, 4, 1])
        .as_standard_layout()
        .into_owned();
    for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
        let loss = UnifiedFocal::symmetric();
        let (expected, expected_gradient) = Evaluation::labels(prediction.view(), labels.view())
            .with_input(input)
            .value_and_gradient(&loss)
            .unwrap();
        let (value, gradient) = Evaluation::labels(last.view(), labels.view())
            .with_layout(Layout::ChannelsLast)
            .with_input(input)
            .value_and_gradient(&loss)
            .unwrap();
        assert_eq!(value, expected);
        assert_eq!(gradient.permuted_axes([0, 4, 1, 2, 3]), expected_gradient);
    }
}

/// Ignoring a label, masking by weights and cropping give the same result.
#[test]
fn masks_and_ignored_labels() {
    let (prediction, labels) = volume();
    let loss = UnifiedFocal::asymmetric();
    // Ignore two slices and the last rows of the others: whole stretches and parts of them.
    let ignored = Array4::from_shape_fn(labels.raw_dim(), |(n, z, y, x)| {
        if z < 2 || y > 6 {
            255
        } else {
            labels[[n, z, y, x]]
        }
    });
    let weights = ignored.mapv(|label| if label == 255 { 0.0 } else { 1.0 });
    let (value, gradient) = Evaluation::labels(prediction.view(), ignored.view())
        .with_ignore_label(255)
        .value_and_gradient(&loss)
        .unwrap();
    let (masked, masked_gradient) = Evaluation::labels(prediction.view(), labels.view())
        .with_voxel_weights(weights.view())
        .value_and_gradient(&loss)
        .unwrap();
    let cropped = Evaluation::labels(
        prediction.slice(ndarray::s![.., .., 2.., ..7, ..]),
        labels.slice(ndarray::s![.., 2.., ..7, ..]),
    );
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs();
    assert!(close(value, masked), "{value} is not {masked}");
    assert!(close(value, cropped.value(&loss).unwrap()));
    let largest = gradient
        .iter()
        .fold(0.0_f32, |largest, g| largest.max(g.abs()));
    for ((index, a), b) in gradient.indexed_iter().zip(&masked_gradient) {
        assert!(
            (a - b).abs() <= 1e-6 * largest,
            "{a} is not {b} at {index:?}"
        );
        let outside = index.2 < 2 || index.3 > 6;
        assert!(!outside || *a == 0.0, "{a} at {index:?}, which is ignored");
    }
}

/// NaN in ignored voxels has no effect.
#[test]
fn ignored_voxels_may_hold_nan() {
    let (mut prediction, mut labels) = volume();
    let loss = UnifiedFocal::asymmetric();
    labels.index_axis_mut(Axis(1), 1).fill(9);
    let expected = Evaluation::labels(prediction.view(), labels.view())
        .with_ignore_label(9)
        .value_and_gradient(&loss);
    prediction.index_axis_mut(Axis(2), 1).fill(f32::NAN);
    for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
        let evaluation = Evaluation::labels(prediction.view(), labels.view())
            .with_ignore_label(9)
            .with_input(input);
        let (value, gradient) = evaluation.value_and_gradient(&loss).unwrap();
        assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()));
        if input == Input::Probabilities {
            assert_eq!(Ok((value, gradient)), expected);
        }
    }
}

/// Every set of vector instructions of this processor gives the same bits.
#[test]
fn same_bits_with_every_vector() {
    fn same<P: Element, L: Loss<K>, const K: usize>(
        prediction: &Array<P, IxDyn>,
        labels: &Array4<u8>,
        loss: &L,
    ) where
        P::Real: std::fmt::Debug,
    {
        for input in [Input::Probabilities, Input::Softmax, Input::Sigmoid] {
            let evaluation = Evaluation::labels(prediction.view(), labels.view()).with_input(input);
            let expected = evaluation
                .clone()
                .with_simd(Simd::Baseline)
                .value_and_gradient(loss);
            for simd in Simd::available() {
                let found = evaluation.clone().with_simd(simd).value_and_gradient(loss);
                assert_eq!(found, expected, "{simd:?} {input:?}");
            }
        }
    }
    let (prediction, labels) = volume();
    let narrow = prediction.into_dyn();
    let wide = narrow.mapv(f64::from);
    let losses = [0.5, 0.2, 1.0].map(|gamma| UnifiedFocal::asymmetric().with_gamma(gamma).unwrap());
    for loss in &losses {
        same(&narrow, &labels, loss);
        same(&wide, &labels, loss);
    }
    same(&narrow, &labels, &Tversky::dice());
}
