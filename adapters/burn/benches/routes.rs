//! Times forward and backward of the asymmetric Unified Focal loss with f32 predictions and labels on Burn's CPU backend: fused, composed, and
//! `unifocal-ndarray` on the same data. The three take turns on two threads; the best time of each counts. On Linux, then measures the peak
//! memory of the two routes, without their inputs, for [4, 2, 1024, 1024].
//!
//! `cargo bench --package unifocal-burn --bench routes -- [--json]`

use std::time::Instant;

use ndarray::Array2;
use serde_json::{Map, Value, json};
use unifocal_benches::memory::peak;
use unifocal_benches::{Phantom, Target};
use unifocal_burn::burn::tensor::{Device, Int, Tensor, TensorData};
use unifocal_burn::{
    AsymmetricUnifiedFocalLossConfig, Input, Route, SegmentationLoss, core::UnifiedFocal,
};
use unifocal_ndarray::Evaluation;

const THREADS: usize = 2;
const RUNS: usize = 31;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .build_global()?;

    let mut rows = Vec::new();
    for (name, shape, input) in [
        ("2d", &[4, 2, 512, 512][..], Input::Probabilities),
        ("3d", &[1, 2, 128, 128, 128], Input::Probabilities),
        ("logits_2d", &[4, 2, 512, 512], Input::Softmax),
        ("logits_3d", &[1, 2, 128, 128, 128], Input::Softmax),
    ] {
        rows.push((name, timed(&Inputs::new(shape, input))));
    }
    let large = Inputs::new(&[4, 2, 1024, 1024], Input::Probabilities);
    let gradient = large.phantom.prediction.len() as f64 * 4.0;
    let memory = [Route::Auto, Route::Composed].map(|route| {
        let loss = large.loss(route);
        let taken = peak(|| {
            large.run(&loss);
        });
        taken.map(|bytes| bytes / gradient)
    });

    if std::env::args().any(|argument| argument == "--json") {
        let mut report = Map::new();
        for (name, [fused, composed, ndarray]) in rows {
            report.insert(format!("composed_{name}"), json!(composed / fused));
            report.insert(format!("ndarray_{name}"), json!(fused / ndarray));
            report.insert(format!("fused_{name}_ms"), json!(fused));
        }
        report.insert("fused_memory".to_owned(), json!(memory[0]));
        report.insert("composed_memory".to_owned(), json!(memory[1]));
        println!("{}", Value::Object(report));
    } else {
        println!(
            "{:10} {:>9} {:>17} {:>16}",
            "", "fused, ms", "composed / fused", "fused / ndarray"
        );
        for (name, [fused, composed, ndarray]) in rows {
            let (gain, loss) = (composed / fused, fused / ndarray);
            println!("{name:10} {fused:9.2} {gain:17.1} {loss:16.2}");
        }
        for (name, taken) in ["fused", "composed"].iter().zip(memory) {
            let taken = taken.unwrap_or(f64::NAN);
            println!("{name}: {taken:.2} times the gradient's memory");
        }
    }
    Ok(())
}

/// The best times in ms: fused, composed, `unifocal-ndarray`.
fn timed(inputs: &Inputs) -> [f64; 3] {
    let [fused, composed] = [Route::Auto, Route::Composed].map(|route| inputs.loss(route));
    let all: [&dyn Fn() -> f64; 3] = [&|| inputs.run(&fused), &|| inputs.run(&composed), &|| {
        inputs.run_ndarray()
    }];
    let (mut times, mut values) = ([f64::INFINITY; 3], [0.0; 3]);
    for _ in 0..RUNS {
        for (index, run) in all.iter().enumerate() {
            let start = Instant::now();
            values[index] = run();
            times[index] = times[index].min(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [expected, ..] = values;
    assert!(
        values.iter().all(|value| (value - expected).abs() < 1e-4),
        "{values:?}"
    );
    times
}

/// The same data for all candidates.
struct Inputs {
    input: Input,
    phantom: Phantom,
    labels: Array2<i32>,
    prediction: Tensor<3>,
    targets: Tensor<2, Int>,
}

impl Inputs {
    /// A batch of this shape whose lesions cover 1 % of the voxels.
    fn new(shape: &[usize], input: Input) -> Self {
        let device = Device::flex().autodiff();
        let width = shape[shape.len() - 1];
        let voxels = shape[2..].iter().product();
        let make = match input {
            Input::Probabilities => Phantom::probabilities,
            _ => Phantom::logits,
        };
        let phantom = make(shape[0], voxels, width, Target::Lesions);
        let labels = phantom.labels.mapv(i32::from);
        let values: Vec<f32> = phantom.prediction.iter().copied().collect();
        let classes: Vec<i32> = labels.iter().copied().collect();
        Self {
            input,
            prediction: Tensor::from_data(
                TensorData::new(values, [shape[0], shape[1], voxels]),
                &device,
            ),
            targets: Tensor::from_data(TensorData::new(classes, [shape[0], voxels]), &device),
            phantom,
            labels,
        }
    }

    fn loss(&self, route: Route) -> SegmentationLoss {
        AsymmetricUnifiedFocalLossConfig::new()
            .with_input(self.input)
            .with_route(route)
            .init()
    }

    /// Runs forward and backward; returns the value.
    fn run(&self, loss: &SegmentationLoss) -> f64 {
        let prediction = self.prediction.clone().require_grad();
        let value = loss.forward(prediction.clone(), self.targets.clone());
        let gradients = value.backward();
        let gradient = prediction.grad(&gradients);
        assert!(gradient.is_some(), "the prediction has no gradient");
        value.into_scalar()
    }

    /// Runs `unifocal-ndarray` on the same data.
    fn run_ndarray(&self) -> f64 {
        let prediction = self.phantom.prediction.view();
        let evaluation = Evaluation::labels(prediction, self.labels.view()).with_input(self.input);
        let found = evaluation.value_and_gradient(&UnifiedFocal::asymmetric());
        found.expect("the data are valid").0
    }
}
