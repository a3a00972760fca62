//! Scores over an epoch.

use ndarray::{Array3, array};
use unifocal_conformance::{Case, Target, scores};
use unifocal_core::{Input, Layout, Overlap, Pooling, Scores, Settings, formula::ClassSums};
use unifocal_ndarray::{Error, Evaluation};

fn hard_sums(case: &Case) -> Result<Vec<ClassSums<f64, 4>>, Error> {
    let Target::Labels(labels) = &case.target else {
        panic!("the cases have labels");
    };
    let evaluation = Evaluation::labels(case.prediction.view(), labels.view());
    let evaluation = evaluation.with_layout(case.layout);
    evaluation.with_settings(case.settings.clone()).hard_sums()
}

#[test]
fn monai_and_scikit_learn_agree() {
    scores(hard_sums);
    scores(|case| hard_sums(&case.channels_last()));
}

/// TP, FP and FN of class 1.
fn foreground(sums: &[ClassSums<f64, 4>]) -> [f64; 3] {
    let [tp, fp, fn_, f] = sums[1].terms;
    assert_eq!(f, 0.0);
    [tp, fp, fn_]
}

/// One channel is the foreground above ½ or above a logit of 0; two equal classes are the first one.
#[test]
fn the_border_is_background() {
    let labels = array![[1_u8, 1, 1]];
    let probabilities: Array3<f32> = array![[[0.4, 0.5, 0.6]]];
    let logits: Array3<f64> = array![[[-0.1, 0.0, 0.1]]];
    let two: Array3<f64> = array![[[0.6, 0.5], [0.5, 0.5], [0.4, 0.6]]];
    let of = Evaluation::labels(probabilities.view(), labels.view()).hard_sums();
    assert_eq!(foreground(&of.unwrap()), [1.0, 0.0, 2.0]);
    let of = Evaluation::labels(logits.view(), labels.view()).with_input(Input::Sigmoid);
    assert_eq!(foreground(&of.hard_sums().unwrap()), [1.0, 0.0, 2.0]);
    let of = Evaluation::labels(two.view(), labels.view()).with_layout(Layout::ChannelsLast);
    assert_eq!(foreground(&of.hard_sums().unwrap()), [1.0, 0.0, 2.0]);
}

/// Each of several regions is thresholded by itself, and their mean is one over samples and regions.
#[test]
fn regions_are_thresholded_each_by_itself() {
    let labels = array![[1_u8, 2, 0]];
    let logits: Array3<f32> = array![[[3.0, 2.0, 1.0], [-1.0, 5.0, -2.0]]];
    let settings = Settings::default().with_input(Input::Sigmoid);
    let settings = settings.with_regions([[1, 2].as_slice(), &[2]]);
    let evaluation = Evaluation::labels(logits.view(), labels.view());
    let sums = evaluation
        .with_settings(settings.clone())
        .hard_sums()
        .unwrap();
    assert_eq!(foreground(&sums[..2]), [2.0, 1.0, 0.0]);
    assert_eq!(foreground(&sums[2..]), [1.0, 0.0, 0.0]);

    let inside = settings.with_class_weights([0.0, 1.0]);
    let mut dice = Scores::new(Overlap::Dice, 2, inside.clone()).unwrap();
    dice.add(&sums).unwrap();
    assert_eq!(dice.value(), Some((4.0 / 5.0 + 1.0) / 2.0));
    let pooled = inside.with_pooling(Pooling::Batch);
    let error = Scores::new(Overlap::Dice, 2, pooled).unwrap_err();
    assert!(
        error.to_string().contains("a score for each region"),
        "{error}"
    );
}

/// An invalid number is an error where the voxel counts, whatever the most probable class.
#[test]
fn invalid_numbers_are_found() {
    let labels = array![[1_u8, 255]];
    for invalid in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5, 1.5] {
        for channel in 0..2 {
            let mut prediction: Array3<f64> = array![[[0.3, 0.3], [0.7, 0.7]]];
            prediction[[0, channel, 1]] = invalid;
            let evaluation = Evaluation::labels(prediction.view(), labels.view());
            let counting = evaluation.clone().with_ignore_label(255);
            assert_eq!(foreground(&counting.hard_sums().unwrap()), [1.0, 0.0, 0.0]);
            let labels = array![[1_u8, 1]];
            let evaluation = Evaluation::labels(prediction.view(), labels.view());
            let error = evaluation.hard_sums().unwrap_err().to_string();
            let at = format!("at sample 0, channel {channel}, voxel 1, expected a probability");
            assert!(error.contains(&at), "{error}");
        }
    }
    let logits: Array3<f64> = array![[[-7.0, f64::NAN], [9.0, 0.0]]];
    let evaluation = Evaluation::labels(logits.view(), labels.view());
    let softmax = evaluation.with_input(Input::Softmax).with_ignore_label(255);
    assert_eq!(foreground(&softmax.hard_sums().unwrap()), [1.0, 0.0, 0.0]);
}

#[test]
fn a_softmax_needs_two_channels() {
    let (logits, labels): (Array3<f32>, _) = (array![[[1.0, 2.0]]], array![[1_u8, 0]]);
    let evaluation = Evaluation::labels(logits.view(), labels.view()).with_input(Input::Softmax);
    let error = evaluation.hard_sums().unwrap_err().to_string();
    assert!(error.starts_with("a softmax over one class"), "{error}");
}
