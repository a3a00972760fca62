//! Our side of the comparison with other implementations: times in milliseconds, as JSON on the standard output.
//!
//! `ours [THREADS]`; without a number, the processor's own number of threads.

use ndarray::Array3;
use rayon::ThreadPoolBuilder;
use serde_json::{Map, Value, json};
use unifocal_benches::{Phantom, Target, limit, shortest};
use unifocal_ndarray::core::{Activation, Focal, Loss, Tversky, UnifiedFocal};
use unifocal_ndarray::{Evaluation, Simd};

const RUNS: usize = 25;

/// [4, 2, 512, 512], as PyTorch would say it.
const IMAGES: (usize, usize, usize) = (4, 512 * 512, 512);

/// [1, 2, 128, 128, 128].
const VOLUME: (usize, usize, usize) = (1, 128 * 128 * 128, 128);

/// [1, 2, 512, 512, 512]: a prediction of 1 GiB in one sample, whose sums are known only after all of it was read.
const GIBIBYTE: (usize, usize, usize) = (1, 512 * 512 * 512, 512);

/// [128, 2, 1024, 1024]: a prediction of 1 GiB in many samples.
const GIBIBYTE_OF_SLICES: (usize, usize, usize) = (128, 1024 * 1024, 1024);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(0), |n| n.parse())?;
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()?;

    let unified = UnifiedFocal::asymmetric();
    let dice_focal = UnifiedFocal::sum(Tversky::dice(), Focal::new());
    let mut report = Map::new();
    let mut put = |key: &str, value: Value| report.insert(key.to_owned(), value);
    put("threads", json!(rayon::current_num_threads()));
    put("simd", json!(format!("{:?}", Simd::best())));
    let both = [("2d", IMAGES), ("3d", VOLUME)];
    for (name, size) in both {
        for (kind, target) in [("", Target::Lesions), ("_random", Target::Random)] {
            let phantom = Phantom::probabilities(size.0, size.1, size.2, target);
            let [time, limit] = times(&phantom, Activation::Identity, &unified, RUNS);
            put(&format!("unified_{name}{kind}"), json!(time));
            put(&format!("limit_{name}{kind}"), json!(limit));
            let phantom = Phantom::logits(size.0, size.1, size.2, target);
            let [time, _] = times(&phantom, Activation::Softmax, &dice_focal, RUNS);
            put(&format!("dicefocal_{name}{kind}"), json!(time));
        }
    }
    for (name, size) in [("1gib", GIBIBYTE), ("1gib_slices", GIBIBYTE_OF_SLICES)] {
        let phantom = Phantom::probabilities(size.0, size.1, size.2, Target::Lesions);
        let [time, limit] = times(&phantom, Activation::Identity, &unified, 5);
        put(&format!("unified_{name}"), json!(time));
        put(&format!("limit_{name}"), json!(limit));
    }
    println!("{}", Value::Object(report));
    Ok(())
}

/// Milliseconds of value and gradient, and of the limit, run by turns.
fn times<const K: usize>(
    phantom: &Phantom,
    activation: Activation,
    loss: &impl Loss<K>,
    runs: usize,
) -> [f64; 2] {
    let Phantom { prediction, labels } = phantom;
    let mut gradient = Array3::zeros(prediction.raw_dim());
    let evaluation = Evaluation::labels(prediction.view(), labels.view()).activation(activation);
    let mut best = [f64::INFINITY; 2];
    for _ in 0..runs {
        let ours = shortest(1, || {
            let value = evaluation.gradient_into(loss, gradient.view_mut());
            value.expect("a phantom without errors");
        });
        let least = shortest(1, || limit(prediction.view(), gradient.view_mut()));
        for (best, time) in best.iter_mut().zip([ours, least]) {
            *best = best.min(time.as_secs_f64() * 1e3);
        }
    }
    best
}
