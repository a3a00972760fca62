//! Bad input gives an error that says what was found, what was expected, and where.

use ndarray::{ArrayD, IxDyn};
use unifocal_core::{AnyLoss, Input, catalogue::Name};

use crate::{Backend, Case, Target};

/// Every kind of bad input is rejected, with a message that names it.
pub fn bad_input(backend: &impl Backend) {
    let rejected = |what: &str, case: &Case, words: &[&str]| {
        let loss = AnyLoss::from(Name::AsymmetricUnifiedFocal);
        let Err(message) = backend.evaluate(&loss, case) else {
            panic!("{what} was accepted");
        };
        for word in words {
            assert!(
                message.contains(word),
                "{what}: {message:?} does not contain {word:?}"
            );
        }
    };
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = good();
        change(&mut case);
        case
    };
    let logits = |case: &mut Case| case.settings.input = Input::Softmax;

    let nan = with(&|case| case.prediction[[0, 1, 2]] = f64::NAN);
    rejected(
        "a NaN",
        &nan,
        &["NaN", "sample 0", "channel 1", "voxel 2", "[0, 1]"],
    );
    let infinite = with(&|case| {
        logits(case);
        case.prediction[[0, 0, 3]] = f64::INFINITY;
    });
    rejected(
        "an infinite logit",
        &infinite,
        &["inf", "voxel 3", "finite"],
    );
    let above = with(&|case| case.prediction[[0, 1, 0]] = 1.5);
    rejected(
        "a probability of 1.5",
        &above,
        &["1.5", "voxel 0", "[0, 1]"],
    );
    let region = with(&|case| {
        case.prediction[[0, 1, 0]] = 1.5;
        case.settings.multilabel = true;
    });
    let words = ["1.5", "sample 0", "channel 1", "voxel 0"];
    rejected("a probability of 1.5 of a region", &region, &words);
    let label = with(&|case| {
        case.target = Target::Labels(labels([0, 1, 2, 0]));
        case.settings.multilabel = true;
    });
    rejected("a label of no region", &label, &["2", "voxel 2", "0 to 1"]);
    let three = Case::new(
        ArrayD::from_elem(IxDyn(&[1, 3, 4]), 0.5),
        Target::Labels(labels([0, 1, 3, 2])),
    )
    .with_multilabel(true);
    let words = ["3", "voxel 2", "0 to 2"];
    rejected("a label of none of three regions", &three, &words);
    let below = with(&|case| case.prediction[[0, 1, 0]] = -0.25);
    rejected("a probability of -0.25", &below, &["-0.25"]);
    for label in [2, -1, 255] {
        let case = with(&|case| case.target = Target::Labels(labels([0, 1, label, 0])));
        rejected("a label", &case, &[&label.to_string(), "voxel 2", "0 to 1"]);
    }
    let soft = with(&|case| {
        let mut target = case.prediction.clone();
        target[[0, 0, 1]] = 2.0;
        case.target = Target::Soft(target);
    });
    rejected("a target of 2", &soft, &["2", "channel 0", "voxel 1"]);
    let shape = with(&|case| case.target = Target::Soft(ArrayD::zeros(IxDyn(&[1, 2, 5]))));
    rejected("another shape", &shape, &["target", "5", "4"]);
    let broadcastable = with(&|case| case.target = Target::Soft(ArrayD::zeros(IxDyn(&[1, 2, 1]))));
    rejected(
        "a shape that would broadcast",
        &broadcastable,
        &["target", "1", "4"],
    );
    let short = with(&|case| case.target = Target::Labels(ArrayD::zeros(IxDyn(&[1, 3]))));
    rejected("too few labels", &short, &["target", "3", "4"]);
    let weights = with(&|case| {
        case.voxel_weights = Some(ArrayD::from_elem(IxDyn(&[1, 4]), -1.0));
    });
    rejected("a negative weight", &weights, &["weight", "-1"]);
    let classes = with(&|case| case.settings.class_weights = Some(vec![1.0, 1.0, 1.0]));
    rejected(
        "three class weights",
        &classes,
        &["class weights", "3", "2"],
    );
    let none = with(&|case| case.settings.class_weights = Some(vec![0.0, 0.0]));
    rejected("no class left", &none, &["class weights"]);
    let rare = with(&|case| case.settings.rare_classes = Some(vec![2]));
    rejected("a rare class 2", &rare, &["2", "rare"]);
    let single = Case::new(
        ArrayD::zeros(IxDyn(&[1, 1, 4])),
        Target::Labels(labels([0; 4])),
    )
    .with_input(Input::Softmax);
    rejected("a softmax of one class", &single, &["softmax", "one class"]);
}

fn good() -> Case {
    let prediction = ArrayD::from_elem(IxDyn(&[1, 2, 4]), 0.5);
    Case::new(prediction, Target::Labels(labels([0, 1, 1, 0])))
}

fn labels(labels: [i64; 4]) -> ArrayD<i64> {
    ArrayD::from_shape_vec(IxDyn(&[1, 4]), labels.to_vec()).expect("one sample of four voxels")
}
