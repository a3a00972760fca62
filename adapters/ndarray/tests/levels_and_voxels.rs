//! Deep supervision and the loss of each voxel, beside the conformance suite.

use ndarray::{Array3, Array4, ArrayView, IxDyn, s};
use unifocal_core::{Focal, Input, Layout, LevelWeights, Tversky, UnifiedFocal};
use unifocal_ndarray::{DeepSupervision, Error, Evaluation};

/// A prediction whose parts go to several threads, in memory of any order, with the class axis first or last.
#[test]
fn losses_of_voxels_do_not_depend_on_the_layout() {
    let logits = Array4::from_shape_fn((2, 3, 150, 301), |(n, c, y, x)| {
        ((31 * n + 17 * c + 7 * y + 3 * x) % 23) as f32 / 4.0 - 2.5
    });
    let labels =
        Array3::from_shape_fn((2, 150, 301), |(n, y, x)| ((n + y / 40 + x / 90) % 4) as u8);
    let loss = UnifiedFocal::asymmetric();
    let of = |logits: ArrayView<'_, f32, ndarray::Ix4>, labels: &Array3<u8>, layout| {
        Evaluation::labels(logits, labels.view())
            .with_layout(layout)
            .with_input(Input::Softmax)
            .with_ignore_label(3)
            .voxel_losses_and_derivatives(loss)
            .expect("valid data")
    };
    let (losses, derivatives) = of(logits.view(), &labels, Layout::ChannelsFirst);
    assert_eq!(losses.dim(), labels.dim());
    let last = logits.view().permuted_axes([0, 2, 3, 1]);
    let (others, of_last) = of(last, &labels, Layout::ChannelsLast);
    assert_eq!(losses, others);
    assert_eq!(derivatives.view().permuted_axes([0, 2, 3, 1]), of_last);

    // Each voxel alone.
    for index in [(0, 0, 0), (1, 149, 300), (0, 70, 99), (1, 3, 256)] {
        let (n, y, x) = index;
        let one = logits.slice(s![n..=n, .., y..=y, x..=x]);
        let label = labels.slice(s![n..=n, y..=y, x..=x]).to_owned();
        let (alone, _) = of(one, &label, Layout::ChannelsFirst);
        assert_eq!(alone[[0, 0, 0]], losses[index]);
        assert_eq!(labels[index] == 3, losses[index] == 0.0);
    }
}

/// Views of the target: nothing is copied, in any memory order.
#[test]
fn levels_of_channels_last() {
    let target = Array4::from_shape_fn((1, 6, 9, 2), |(_, y, x, c)| ((y + x + c) % 2) as f64);
    let full = Array4::from_shape_fn(target.raw_dim(), |(_, y, x, c)| {
        ((3 * y + x + c) % 5) as f64 / 5.0
    });
    let small = Array4::from_shape_fn((1, 3, 3, 2), |(_, y, x, c)| {
        ((y + 2 * x + c) % 3) as f64 / 3.0
    });
    let loss = Tversky::dice();
    let of =
        |prediction, target| Evaluation::soft(prediction, target).with_layout(Layout::ChannelsLast);
    let levels = of(full.view(), target.view()).with_deep_supervision([small.view()]);
    let levels = levels
        .expect("sizes that divide")
        .with_level_weights(LevelWeights::Exponential);
    // Every second row from 1 on, every third column from 1 on.
    let resized = target.slice(s![.., 1..;2, 1..;3, ..]);
    let expected = of(full.view(), target.view())
        .value(&loss)
        .expect("a value")
        + 0.5 * of(small.view(), resized).value(&loss).expect("a value");
    assert_eq!(levels.value(&loss).expect("a value"), expected);
}

/// Sizes, levels and values that do not fit are errors that name the level.
#[test]
fn levels_that_do_not_fit() {
    let labels = Array3::<u8>::zeros((1, 4, 6));
    let [full, uneven, small] =
        [[4, 6], [2, 4], [2, 3]].map(|[y, x]| Array4::from_elem((1, 2, y, x), 0.5));
    let evaluation = Evaluation::labels(full.view(), labels.view());
    let error = evaluation
        .clone()
        .with_deep_supervision([small.view(), uneven.view()])
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "level 2: the spatial size is [2, 4], expected one that divides [4, 6], the size of the full prediction: for any other, make its target with `nearest`, and use `DeepSupervision::new`"
    );
    let larger = Array4::from_elem((1, 2, 8, 12), 0.5);
    let error = evaluation
        .clone()
        .with_deep_supervision([larger.view()])
        .unwrap_err();
    assert!(matches!(error, Error::Level { level: 1, .. }), "{error}");

    let mut wrong = small.clone();
    wrong[[0, 1, 1, 2]] = f64::NAN;
    let levels = evaluation
        .with_deep_supervision([wrong.view()])
        .expect("sizes that divide");
    let levels = levels.with_level_weights(LevelWeights::Same);
    let error = levels.value(&Focal::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "level 1: the prediction is NaN at sample 0, channel 1, voxel 5, expected a probability in [0, 1]"
    );
    // A level of weight 0 is not looked at.
    let levels = levels.with_level_weights(LevelWeights::Nnunet);
    assert!(levels.value(&Focal::new()).is_ok());

    type Labels<'a> = unifocal_ndarray::LabelArray<'a, u8>;
    let none = DeepSupervision::<f64, IxDyn, Labels<'_>>::new([]);
    let error = none.value(&Focal::new()).unwrap_err();
    assert_eq!(error.to_string(), "the number of levels is 0, expected 1");
}
