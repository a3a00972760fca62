//! Times forward and backward of the asymmetric Unified Focal loss of [4, 2, 512, 512] f32 probabilities and Uint8 labels: every route, and the
//! operations of the common PyTorch port, written with tch. The candidates take turns, each once untimed and once timed; the best time counts.
//! On Linux, then measures each one's peak memory, without its inputs, for [4, 2, 2048, 2048].
//!
//! `cargo bench --manifest-path adapters/tch/Cargo.toml --bench routes -- [--json]`

use std::time::Instant;

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};
use unifocal_benches::memory::peak;
use unifocal_tch::core::UnifiedFocal;
use unifocal_tch::{Route, SegmentationLoss};

const SIZE: i64 = 512;
const THREADS: usize = 2;
const TURNS: usize = 25;

const WEIGHT: f64 = 0.5;
const DELTA: f64 = 0.6;
const GAMMA: f64 = 0.5;
const EPSILON: f64 = 1e-7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tch::set_num_threads(THREADS as i32);
    rayon::ThreadPoolBuilder::new()
        .num_threads(THREADS)
        .build_global()?;

    let on = |route| SegmentationLoss::new(UnifiedFocal::asymmetric()).with_route(route);
    let [fused, operations, composed] = [Route::Fused, Route::Operations, Route::Composed].map(on);
    let of = |criterion: &SegmentationLoss, inputs: &Inputs, leaf: &Tensor| {
        let value = criterion.forward(leaf, &inputs.labels);
        value.expect("the probabilities and labels are valid")
    };
    let all: [Loss<'_>; 6] = [
        &|inputs, leaf| of(&fused, inputs, leaf),
        &|inputs, leaf| of(&operations, inputs, leaf),
        &|inputs, leaf| of(&composed, inputs, leaf),
        &|inputs, leaf| by_dot(&of(&fused, inputs, leaf), leaf),
        &|inputs, leaf| port(leaf, &inputs.one_hot),
        &|inputs, leaf| {
            fused
                .forward(leaf, &inputs.wide)
                .expect("the probabilities and labels are valid")
        },
    ];

    let inputs = Inputs::new(SIZE);
    let (mut times, mut values) = ([f64::INFINITY; 6], [0.0; 6]);
    for _ in 0..TURNS {
        for (index, loss) in all.iter().enumerate() {
            // An untimed run first: the previous candidate has filled the caches and the allocator.
            inputs.run(loss);
            let start = Instant::now();
            values[index] = inputs.run(loss);
            times[index] = times[index].min(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    let of_port = values[4];
    assert!(
        values.iter().all(|value| (value - of_port).abs() < 1e-4),
        "{values:?}"
    );

    let large = Inputs::new(2048);
    let gradient = large.probabilities.numel() as f64 * 4.0;
    let memory = all.map(|loss| {
        peak(|| {
            large.run(&loss);
        })
        .map(|bytes| bytes / gradient)
    });

    let ratios = times.map(|time| time / times[0]);
    if std::env::args().any(|argument| argument == "--json") {
        let mut report = Map::new();
        for (name, ratio) in NAMES.iter().zip(ratios).skip(1) {
            report.insert(format!("{name}_2d"), json!(ratio));
        }
        report.insert("fused_2d_ms".to_owned(), json!(times[0]));
        for (name, memory) in NAMES.iter().zip(memory) {
            report.insert(format!("{name}_memory"), json!(memory));
        }
        println!("{}", Value::Object(report));
    } else {
        println!(
            "{:12} {:>8} {:>8} {:>18}",
            "", "ms", "/ fused", "memory / gradient"
        );
        for (index, name) in NAMES.iter().enumerate() {
            let memory = memory[index].unwrap_or(f64::NAN);
            let (time, ratio) = (times[index], ratios[index]);
            println!("{name:12} {time:8.2} {ratio:8.1} {memory:18.1}");
        }
    }
    Ok(())
}

const NAMES: [&str; 6] = [
    "fused",
    "operations",
    "composed",
    "dot",
    "port",
    "fused_int64",
];

type Loss<'a> = &'a dyn Fn(&Inputs, &Tensor) -> Tensor;

struct Inputs {
    probabilities: Tensor,
    labels: Tensor,
    /// The labels in Int64.
    wide: Tensor,
    one_hot: Tensor,
}

impl Inputs {
    /// Four images of size × size pixels, with disc-shaped lesions that cover 1 %.
    fn new(size: i64) -> Self {
        let on = (Kind::Float, Device::Cpu);
        tch::manual_seed(1);
        let at = Tensor::arange(size, on).remainder(284) - 142;
        let square = at.square();
        let lesions = (square.unsqueeze(0) + square.unsqueeze(1)).lt(16 * 16);
        let lesions = lesions.expand([4, size, size], false);
        let labels = lesions.to_kind(Kind::Uint8).contiguous();
        // Mostly right, never certain.
        let error = Tensor::rand([4, size, size], on) * 0.5 + 0.01;
        let lesion = error.where_self(&lesions.logical_not(), &(1.0 - &error));
        let wide = labels.to_kind(Kind::Int64);
        let one_hot = wide.one_hot(2).movedim_int(-1, 1);
        Self {
            probabilities: Tensor::stack(&[&(1.0 - &lesion), &lesion], 1),
            one_hot: one_hot.to_kind(Kind::Float).contiguous(),
            labels,
            wide,
        }
    }

    /// Runs forward and backward; returns the value.
    fn run(&self, loss: Loss<'_>) -> f64 {
        let leaf = self.probabilities.detach().set_requires_grad(true);
        let value = loss(self, &leaf);
        value.backward();
        value.double_value(&[])
    }
}

/// Attaches a known gradient by a dot product: the alternative to a custom autograd function with plain tch.
fn by_dot(value: &Tensor, leaf: &Tensor) -> Tensor {
    let gradient = &Tensor::run_backward(&[value], &[leaf], false, false)[0];
    let dot = leaf.reshape([-1]).dot(&gradient.reshape([-1]));
    value.detach() + (&dot - dot.detach())
}

/// The steps of the common PyTorch port, on probabilities and a one-hot target.
fn port(prediction: &Tensor, target: &Tensor) -> Tensor {
    let clipped = prediction.clamp(EPSILON, 1.0 - EPSILON);
    let entropy = -(target * clipped.log());
    let background = clipped
        .select(1, 0)
        .rsub_scalar(1.0)
        .pow_tensor_scalar(GAMMA)
        * entropy.select(1, 0);
    let background = background * (1.0 - DELTA);
    let lesion = entropy.select(1, 1) * DELTA;
    let focal =
        Tensor::stack(&[background, lesion], -1).sum_dim_intlist([-1_i64].as_slice(), false, None);
    let focal = focal.mean(None);

    let clipped = prediction.clamp(EPSILON, 1.0 - EPSILON);
    let sum = |of: Tensor| of.sum_dim_intlist([2_i64, 3].as_slice(), false, None);
    let tp = sum(target * &clipped);
    let fn_ = sum(target * (1.0 - &clipped));
    let fp = sum((1.0 - target) * &clipped);
    let index = (&tp + EPSILON) / (&tp + fn_ * DELTA + fp * (1.0 - DELTA) + EPSILON);
    let background = 1.0 - index.select(1, 0);
    let miss = index.select(1, 1).rsub_scalar(1.0);
    let lesion = &miss * miss.pow_tensor_scalar(-GAMMA);
    let tversky = Tensor::stack(&[background, lesion], -1).mean(None);
    tversky * WEIGHT + focal * (1.0 - WEIGHT)
}
