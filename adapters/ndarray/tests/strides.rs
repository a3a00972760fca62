//! Any strides in and out: transposed, sliced, reversed and broadcast views give the same as their copies.

use ndarray::{Array, Array4, Array5, ArrayView, Axis, Dimension, Slice, s};
use proptest::prelude::*;
use unifocal_ndarray::Evaluation;
use unifocal_ndarray::core::{Input, Layout, Tversky, UnifiedFocal};

/// Value and gradient of a view equal those of its copy in standard layout.
fn same_as_copy<D: Dimension, E: Dimension>(
    prediction: ArrayView<'_, f64, D>,
    labels: ArrayView<'_, u8, E>,
) {
    let loss = UnifiedFocal::asymmetric();
    let copy = prediction.as_standard_layout().into_owned();
    let labels_copy = labels.as_standard_layout().into_owned();
    let (value, gradient) = Evaluation::labels(prediction, labels)
        .value_and_gradient(&loss)
        .unwrap();
    let (expected, expected_gradient) = Evaluation::labels(copy.view(), labels_copy.view())
        .value_and_gradient(&loss)
        .unwrap();
    assert!((value - expected).abs() <= 1e-14);
    let close = gradient
        .iter()
        .zip(&expected_gradient)
        .all(|(a, b)| (a - b).abs() <= 1e-13);
    assert!(close, "{gradient} is not {expected_gradient}");
}

fn volume() -> (Array5<f64>, Array4<u8>) {
    let mut seed = 1_u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 8) / f64::from(1 << 24)
    };
    let prediction = Array::from_shape_simple_fn((2, 3, 4, 5, 6), || 0.01 + 0.98 * next());
    let labels = Array::from_shape_simple_fn((2, 4, 5, 6), || (3.0 * next()) as u8);
    (prediction, labels)
}

#[test]
fn transposed_views() {
    let (prediction, labels) = volume();
    same_as_copy(
        prediction.view().permuted_axes([0, 1, 4, 2, 3]),
        labels.view().permuted_axes([0, 3, 1, 2]),
    );
    // Only the prediction is transposed.
    let swapped = labels
        .view()
        .permuted_axes([0, 3, 1, 2])
        .as_standard_layout()
        .into_owned();
    same_as_copy(
        prediction.view().permuted_axes([0, 1, 4, 2, 3]),
        swapped.view(),
    );
}

#[test]
fn sliced_and_reversed_views() {
    let (prediction, labels) = volume();
    same_as_copy(
        prediction.slice(s![.., .., 1..;2, ..;-1, 2..5]),
        labels.slice(s![.., 1..;2, ..;-1, 2..5]),
    );
    same_as_copy(
        prediction.slice(s![..;-1, .., ..;-1, ..;-1, ..;-1]),
        labels.slice(s![..;-1, ..;-1, ..;-1, ..;-1]),
    );
}

#[test]
fn broadcast_views() {
    let (prediction, labels) = volume();
    let one = prediction.slice(s![..1, .., .., .., ..]);
    let repeated = one.broadcast((2, 3, 4, 5, 6)).unwrap();
    same_as_copy(repeated, labels.view());
    let plane = labels.slice(s![.., ..1, .., ..]);
    same_as_copy(prediction.view(), plane.broadcast((2, 4, 5, 6)).unwrap());
}

#[test]
fn gradient_into_a_strided_array() {
    let (prediction, labels) = volume();
    let evaluation = Evaluation::labels(prediction.view(), labels.view());
    let (value, expected) = evaluation.value_and_gradient(&Tversky::dice()).unwrap();
    let mut memory = Array::from_elem((6, 5, 4, 3, 4), 7.0);
    let out = memory
        .slice_mut(s![.., .., .., .., ..;2])
        .permuted_axes([4, 3, 2, 1, 0]);
    // These rows cannot be merged, so the order of summation differs.
    let found = evaluation
        .value_and_gradient_into(&Tversky::dice(), out)
        .unwrap();
    assert!((found - value).abs() <= 1e-14);
    let written = memory.slice(s![.., .., .., .., ..;2]);
    let written = written.permuted_axes([4, 3, 2, 1, 0]);
    for (a, b) in written.iter().zip(&expected) {
        assert!((a - b).abs() <= 1e-14, "{a} is not {b}");
    }
    assert!(
        memory
            .slice(s![.., .., .., .., 1..;2])
            .iter()
            .all(|untouched| *untouched == 7.0)
    );
}

#[test]
fn a_gradient_of_another_shape_is_rejected() {
    let (prediction, labels) = volume();
    let mut memory = Array5::zeros((2, 3, 4, 5, 5));
    let error = Evaluation::labels(prediction.view(), labels.view())
        .value_and_gradient_into(&Tversky::dice(), memory.view_mut())
        .unwrap_err();
    assert!(error.to_string().contains("gradient"), "{error}");
}

#[test]
fn an_empty_array_is_rejected() {
    let prediction = Array4::<f32>::zeros((1, 2, 0, 3));
    let labels = ndarray::Array3::<u8>::zeros((1, 0, 3));
    let error = Evaluation::labels(prediction.view(), labels.view())
        .value(&Tversky::dice())
        .unwrap_err();
    assert!(error.to_string().contains("[1, 2, 0, 3]"), "{error}");
}

/// Found by fuzzing: an empty gradient was indexed at its first voxel.
#[test]
fn an_empty_gradient_is_rejected() {
    for shape in [(1, 2, 0, 3), (1, 2, 3, 0), (0, 2, 3, 3)] {
        let prediction = Array4::<f32>::zeros(shape);
        let labels = ndarray::Array3::<u8>::zeros((shape.0, shape.2, shape.3));
        let error = Evaluation::labels(prediction.view(), labels.view())
            .value_and_gradient(&Tversky::dice())
            .unwrap_err();
        let expected = format!("{:?}", prediction.shape());
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

/// Positions in errors count the sample's voxels in logical order, whatever the strides.
#[test]
fn an_error_names_its_voxel() {
    let (prediction, mut labels) = volume();
    labels[[1, 2, 3, 4]] = 9;
    let sliced = prediction.slice(s![.., .., .., .., ..;-1]);
    let labels = labels.slice(s![.., .., .., ..;-1]);
    let voxel = (2 * 5 + 3) * 6 + (5 - 4);
    let error = Evaluation::labels(sliced, labels)
        .value(&Tversky::dice())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&format!("sample 1, voxel {voxel}")),
        "{error}"
    );
}

proptest! {
    /// Slices along every spatial axis, in either layout.
    #[test]
    fn any_slice(ranges in prop::array::uniform3((0..3_isize, 1..3_isize, any::<bool>())), last in any::<bool>()) {
        let (prediction, labels) = volume();
        let (mut p, mut y) = (prediction.view(), labels.view());
        for (axis, (start, step, reverse)) in ranges.into_iter().enumerate() {
            let step = if reverse { -step } else { step };
            p.slice_axis_inplace(Axis(axis + 2), Slice::new(start, None, step));
            y.slice_axis_inplace(Axis(axis + 1), Slice::new(start, None, step));
        }
        if last {
            let logits = p.permuted_axes([0, 2, 3, 4, 1]);
            let copy = logits.as_standard_layout().into_owned();
            let value = |p: ArrayView<'_, f64, _>| {
                Evaluation::labels(p, y)
                    .with_layout(Layout::ChannelsLast)
                    .with_input(Input::Softmax)
                    .value(&UnifiedFocal::symmetric())
                    .unwrap()
            };
            prop_assert!((value(logits) - value(copy.view())).abs() < 1e-14);
        } else {
            same_as_copy(p, y);
        }
    }
}
