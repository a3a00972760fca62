//! Invariances: layout, kind of target, order of voxels, repetition of the batch, scale of class weights.

use fastrand::Rng;
use ndarray::{ArrayD, Axis, Slice, concatenate};
use unifocal_core::{AnyLoss, Input, Parameter, Pooling, catalogue::Name};

use super::{assert_close, assert_close_gradient, by_precision, losses, outcome};
use crate::backend::last;
use crate::{Backend, Case, Target, random, tolerance};

/// Values and gradients do not depend on how the same data are passed. With a backend of few rounds, the losses take turns with the kinds
/// of input.
pub fn invariances(backend: &impl Backend) {
    let mut rng = Rng::with_seed(7);
    let tight = by_precision(backend, tolerance::F64_IDENTITY, tolerance::F32_IDENTITY);
    let inputs = [Input::Probabilities, Input::Sigmoid, Input::Softmax];
    for (first, loss) in losses().enumerate() {
        let in_turn = inputs.into_iter().cycle().skip(first % inputs.len());
        for input in in_turn.take(backend.rounds(inputs.len())) {
            let shape = [2, 3, 4, 3];
            let mut case = Case::new(
                random::prediction(&mut rng, &shape, input),
                Target::Labels(random::labels(&mut rng, &shape)),
            );
            case.settings.input = input;
            let whole = outcome(backend, &loss, &case);

            let what = format!("{loss}: the layout matters");
            let other = outcome(backend, &loss, &case.channels_last());
            assert_close(other.value, whole.value, tight, &what);
            assert_close_gradient(&other.gradient, &last(&whole.gradient), tight, &what);

            let what = format!("{loss}: the kind of target matters");
            let other = outcome(backend, &loss, &case.one_hot());
            assert_close(other.value, whole.value, tight, &what);
            assert_close_gradient(&other.gradient, &whole.gradient, tight, &what);

            let what = format!("{loss}: the order of voxels matters");
            let other = outcome(
                backend,
                &loss,
                &case.map(|array| reversed(array, 2), |array| reversed(array, 1)),
            );
            assert_close(other.value, whole.value, tight, &what);
            let moved = reversed(&whole.gradient, 2);
            assert_close_gradient(&other.gradient, &moved, tight, &what);

            let what = format!("{loss}: a second copy of the batch matters");
            let other = outcome(backend, &loss, &case.map(twice, twice));
            assert_close(other.value, whole.value, tight, &what);

            let what = format!("{loss}: one sample is not its own batch");
            let first = case.map(first_sample, first_sample);
            let batch = first.clone().with_pooling(Pooling::Batch);
            let [first, batch] = [first, batch].map(|case| outcome(backend, &loss, &case));
            assert_close(first.value, batch.value, tight, &what);
        }
        one_channel(backend, &loss, &mut rng, tight);
        class_weights(backend, &loss, &mut rng, tight);
    }
}

/// One channel is the foreground of two classes; its sigmoid equals their softmax.
fn one_channel(backend: &impl Backend, loss: &AnyLoss, rng: &mut Rng, tight: f64) {
    let shape = [2, 1, 9];
    let labels = Target::Labels(random::labels(rng, &shape));
    for input in [Input::Probabilities, Input::Sigmoid] {
        let prediction = random::prediction(rng, &shape, input);
        let one = Case::new(prediction, labels.clone()).with_input(input);
        let background = one.prediction.mapv(|x| match input {
            Input::Probabilities => 1.0 - x,
            Input::Softmax | Input::Sigmoid => 0.0,
        });
        let two = Case {
            prediction: concatenate![Axis(1), background, one.prediction],
            ..one.clone()
        }
        .with_input(match input {
            Input::Probabilities => Input::Probabilities,
            Input::Softmax | Input::Sigmoid => Input::Softmax,
        });
        let what = format!("{loss:?}: one channel is not the foreground of two");
        let one_hot = outcome(backend, loss, &one.one_hot());
        let [one, two] = [one, two].map(|case| outcome(backend, loss, &case));
        // Combo is a difference, and is rounded like the numbers subtracted.
        let least = match loss.name() {
            Some(Name::Combo) => 0.5,
            _ => 0.0,
        };
        let [one_value, two_value, one_hot] =
            [&one, &two, &one_hot].map(|outcome| outcome.value + least);
        assert_close(one_value, two_value, 2.0 * tight, &what);
        assert_close(one_hot, two_value, 2.0 * tight, &what);
        let [g0, g1] = [0, 1].map(|class| two.gradient.index_axis(Axis(1), class).to_owned());
        let expected = match input {
            Input::Probabilities => &g1 - &g0,
            Input::Softmax | Input::Sigmoid => g1,
        };
        let expected = expected.insert_axis(Axis(1));
        assert_close_gradient(&one.gradient, &expected, 4.0 * tight, &what);
    }
}

/// Class weights are normalized, and a class of weight 0 has no effect.
fn class_weights(backend: &impl Backend, loss: &AnyLoss, rng: &mut Rng, tight: f64) {
    let shape = [2, 3, 7];
    let weighted = |weights: [f64; 3], case: &Case| case.clone().with_class_weights(weights);
    let whole = Case::new(
        random::prediction(rng, &shape, Input::Probabilities),
        Target::Soft(random::soft(rng, &shape)),
    );
    let value = |case: &Case| outcome(backend, loss, case).value;

    let what = format!("{loss}: equal weights matter");
    assert_close(
        value(&weighted([5.0; 3], &whole)),
        value(&whole),
        tight,
        &what,
    );
    let what = format!("{loss}: the scale of the weights matters");
    let [once, thrice] =
        [[0.5, 1.0, 2.0], [1.5, 3.0, 6.0]].map(|weights| value(&weighted(weights, &whole)));
    assert_close(thrice, once, tight, &what);

    // A class of weight 0 still has its share of a smoothed label.
    if loss
        .get(Parameter::LabelSmoothing)
        .is_ok_and(|t| t != Some(0.0))
    {
        return;
    }
    let what = format!("{loss}: a class of weight 0 matters");
    let rest = |array: &ArrayD<f64>| array.slice_axis(Axis(1), Slice::from(1..)).to_owned();
    let without = whole.map(rest, Clone::clone).with_rare_classes([0, 1]);
    assert_close(
        value(&weighted([0.0, 2.0, 2.0], &whole)),
        value(&without),
        tight,
        &what,
    );
}

fn reversed<T: Clone>(array: &ArrayD<T>, axis: usize) -> ArrayD<T> {
    array
        .slice_axis(Axis(axis), Slice::new(0, None, -1))
        .to_owned()
}

fn twice<T: Clone>(array: &ArrayD<T>) -> ArrayD<T> {
    concatenate![Axis(0), array.view(), array.view()]
}

pub(super) fn first_sample<T: Clone>(array: &ArrayD<T>) -> ArrayD<T> {
    array.slice_axis(Axis(0), Slice::from(..1)).to_owned()
}

impl Case {
    /// The same case with its prediction and its labels changed.
    pub(super) fn map(
        &self,
        prediction: impl Fn(&ArrayD<f64>) -> ArrayD<f64>,
        labels: impl Fn(&ArrayD<i64>) -> ArrayD<i64>,
    ) -> Self {
        let target = match &self.target {
            Target::Labels(array) => Target::Labels(labels(array)),
            Target::Soft(target) => Target::Soft(prediction(target)),
        };
        Self {
            prediction: prediction(&self.prediction),
            target,
            ..self.clone()
        }
    }
}
