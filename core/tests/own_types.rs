//! User-defined fields, targets and gradients with only the required methods give the same results
//! as arrays.

use unifocal_core::{data::*, formula::*, *};

/// Wraps a field and offers only its required methods.
struct OneByOne<T>(T);

impl<F: Field> Field for OneByOne<F> {
    type Item = F::Item;

    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn get(&self, sample: usize, channel: usize, voxel: usize) -> F::Item {
        self.0.get(sample, channel, voxel)
    }
}

impl<F: FieldMut> FieldMut for OneByOne<F> {
    type Item = F::Item;

    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn get(&self, sample: usize, channel: usize, voxel: usize) -> F::Item {
        self.0.get(sample, channel, voxel)
    }

    fn set(&mut self, sample: usize, channel: usize, voxel: usize, value: F::Item) {
        self.0.set(sample, channel, voxel, value);
    }
}

impl<T: Target> Target for OneByOne<T> {
    fn shape(&self) -> Shape {
        self.0.shape()
    }

    fn expected_shape(&self, prediction: Shape) -> Shape {
        self.0.expected_shape(prediction)
    }

    fn check(&self, sample: usize, voxel: usize, classes: usize) -> Result<bool, Error> {
        self.0.check(sample, voxel, classes)
    }

    fn get<R: Float>(&self, sample: usize, class: usize, voxel: usize, classes: usize) -> R {
        self.0.get(sample, class, voxel, classes)
    }
}

/// Reproducible numbers in [0, 1).
fn numbers(count: usize) -> Vec<f64> {
    let mut next = crate::numbers::numbers(7);
    (0..count).map(|_| next()).collect()
}

const SAMPLES: usize = 2;

/// The value and the gradient.
type Outcome = Result<(f64, Vec<f64>), Error>;

/// Evaluates one by one, and from arrays.
fn both<T: Target + Copy>(
    prediction: &[f64],
    target: T,
    weights: &[f64],
    input: Input,
) -> Result<[Outcome; 2], Error> {
    let voxels = weights.len() / SAMPLES;
    let shape = [SAMPLES, prediction.len() / weights.len(), voxels];
    let mut gradients = [
        vec![f64::NAN; prediction.len()],
        vec![f64::NAN; prediction.len()],
    ];
    let [one_by_one, of_arrays] = &mut gradients;
    let out = |gradient| DenseMut::new(gradient, shape, Layout::ChannelsFirst);
    let (one_by_one, of_arrays) = (OneByOne(out(one_by_one)?), out(of_arrays)?);
    let prediction = Dense::channels_first(prediction, shape)?;
    let weights = Dense::per_voxel(weights, [SAMPLES, voxels])?;
    let found = evaluate(
        OneByOne(prediction),
        OneByOne(target),
        OneByOne(weights),
        input,
        one_by_one,
    );
    let expected = evaluate(prediction, target, weights, input, of_arrays);
    let [one_by_one, of_arrays] = gradients;
    Ok([
        found.map(|value| (value, one_by_one)),
        expected.map(|value| (value, of_arrays)),
    ])
}

fn evaluate(
    prediction: impl Field<Item = f64>,
    target: impl Target,
    weights: impl Field<Item = f64>,
    input: Input,
    mut gradient: impl FieldMut<Item = f64>,
) -> Result<f64, Error> {
    let (loss, classes) = (UnifiedFocal::asymmetric(), Classes::default());
    let segmentation = Segmentation::new(prediction, target)?
        .with_input(input)?
        .with_voxel_weights(weights)?;
    let mut buffers = Buffers::with_len::<{ SAMPLES * 3 }>();
    let mut evaluated = segmentation.evaluate(&loss, &classes, &mut buffers)?;
    evaluated.gradient_into(&mut gradient)?;
    Ok(evaluated.value())
}

#[track_caller]
fn assert_close([found, expected]: [Outcome; 2]) {
    let (found, expected) = (found.expect("valid"), expected.expect("valid"));
    let scale = expected.1.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    assert!((found.0 - expected.0).abs() <= 1e-12 * expected.0);
    for (found, expected) in found.1.iter().zip(&expected.1) {
        let error = (found - expected).abs();
        assert!(error <= 1e-12 * scale, "{found} is not {expected}");
    }
}

#[test]
fn required_methods_give_the_results_of_arrays() -> Result<(), Error> {
    for voxels in [1, 63, 64, 1500] {
        for (channels, input) in [
            (1, Input::Probabilities),
            (1, Input::Sigmoid),
            (2, Input::Probabilities),
            (3, Input::Softmax),
        ] {
            let prediction = numbers(SAMPLES * channels * voxels);
            let drawn = numbers(SAMPLES * voxels);
            let label = |x: &f64| if *x < 0.1 { 255 } else { u8::from(*x > 0.8) };
            let labels: Vec<u8> = drawn.iter().map(label).collect();
            let labels =
                Labels::new(Dense::per_voxel(&labels, [SAMPLES, voxels])?).with_ignore_label(255);
            let weights: Vec<f64> = drawn
                .iter()
                .map(|x| if *x > 0.9 { 0.0 } else { 2.0 * x })
                .collect();
            let ones = vec![1.0; weights.len()];
            for weights in [&weights, &ones] {
                assert_close(both(&prediction, labels, weights, input)?);
            }
            let soft = Dense::channels_first(&prediction, [SAMPLES, channels, voxels])?;
            assert_close(both(&prediction, Soft(soft), &weights, input)?);
        }
    }
    Ok(())
}

/// At any position, with any data before it.
#[test]
fn required_methods_give_the_errors_of_arrays() -> Result<(), Error> {
    const VOXELS: usize = 1500;
    let prediction = numbers(SAMPLES * 2 * VOXELS);
    let weights = vec![1.0; SAMPLES * VOXELS];
    for at in [0, 63, 64, 1499, 1500, 2999] {
        let (mut labels, mut wrong, mut heavy) = (
            vec![0_u8; SAMPLES * VOXELS],
            prediction.clone(),
            weights.clone(),
        );
        labels[at] = 2;
        wrong[at / VOXELS * 2 * VOXELS + at % VOXELS] = 1.5;
        heavy[at] = f64::INFINITY;
        let clean = vec![1_u8; SAMPLES * VOXELS];
        for (prediction, labels, weights) in [
            (&prediction, &labels, &weights),
            (&wrong, &clean, &weights),
            (&prediction, &clean, &heavy),
        ] {
            let labels = Labels::new(Dense::per_voxel(labels, [SAMPLES, VOXELS])?);
            let outcomes = both(prediction, labels, weights, Input::Probabilities)?;
            let [found, expected] =
                outcomes.map(|outcome| outcome.expect_err("invalid").to_string());
            assert_eq!(found, expected);
            assert!(found.contains(&(at % VOXELS).to_string()), "{found}");
        }
    }
    Ok(())
}
