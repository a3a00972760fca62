//! Our side of the comparison with other implementations. Reads the name of a measurement from each line of standard input, runs it once,
//! and prints a line of JSON: milliseconds of value and gradient, milliseconds of the limit, and peak memory without the inputs, in sizes of
//! the gradient.
//!
//! `ours [THREADS]`; by default, one thread per processor thread.

use ndarray::{Array3, ArrayViewMut3};
use rayon::ThreadPoolBuilder;
use serde_json::json;
use std::io::{BufRead, stdin};
use unifocal_benches::{Phantom, Target, limit, memory, shortest};
use unifocal_ndarray::core::{Focal, Input, Tversky, UnifiedFocal, formula::Loss};
use unifocal_ndarray::{Evaluation, Simd};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(0), |n| n.parse())?;
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()?;

    let mut names = stdin().lock().lines().peekable();
    while let Some(name) = names.next().transpose()? {
        let (kind, size) = name
            .split_once('_')
            .ok_or(format!("found {name:?}, expected LOSS_SIZE"))?;
        let (phantom, input) =
            phantom(kind, size).ok_or(format!("{kind} has no size named {size}"))?;
        // Keep the phantom while the same measurement is requested again.
        let mut again = || {
            let same = names.next_if(|next| next.as_ref().is_ok_and(|next| *next == name));
            same.is_some()
        };
        let mut time = Measurement {
            phantom: &phantom,
            input,
            again: &mut again,
        };
        match kind {
            "unified" => time.of(&UnifiedFocal::asymmetric()),
            "gamma02" => time.of(&UnifiedFocal::asymmetric().with_gamma(0.2)?),
            "dice" => time.of(&Tversky::dice()),
            "dicefocal" => time.of(&UnifiedFocal::sum(Tversky::dice(), Focal::new())),
            "dicece" => time.of(&UnifiedFocal::sum(Tversky::dice(), Focal::cross_entropy())),
            "ce" => time.of(&Focal::cross_entropy()),
            _ => return Err(format!("no loss is named {kind}").into()),
        }
    }
    Ok(())
}

/// The data of a measurement: lesions of two classes, or logits of organs, named by their number of classes.
fn phantom(kind: &str, size: &str) -> Option<(Phantom, Input)> {
    let (samples, voxels, width) = match size {
        "2d" => (4, 512 * 512, 512),
        "3d" => (1, 128 * 128 * 128, 128),
        // 1 GiB in one sample, whose gradient can only start when all of it has been read, and in many samples.
        "1gib" => (1, 512 * 512 * 512, 512),
        "1gib-slices" => (128, 1024 * 1024, 1024),
        _ => {
            let organs = match size {
                "2" => Phantom::organs(4, &[512, 512], 2),
                "4" => Phantom::organs(2, &[256, 256], 4),
                "5" => Phantom::organs(2, &[256, 256], 5),
                "14" => Phantom::organs(1, &[96, 96, 96], 14),
                "117" => Phantom::organs(1, &[64, 64, 64], 117),
                _ => return None,
            };
            return Some((organs, Input::Softmax));
        }
    };
    Some(if kind == "dicefocal" {
        let logits = Phantom::logits(samples, voxels, width, Target::Lesions);
        (logits, Input::Softmax)
    } else {
        let probabilities = Phantom::probabilities(samples, voxels, width, Target::Lesions);
        (probabilities, Input::Probabilities)
    })
}

/// A phantom to be timed with any loss.
struct Measurement<'a> {
    phantom: &'a Phantom,
    input: Input,
    /// Whether the same measurement is requested again.
    again: &'a mut dyn FnMut() -> bool,
}

impl Measurement<'_> {
    /// Measures once, then again as long as requested.
    fn of<const K: usize>(&mut self, loss: &impl Loss<K>) {
        let Phantom { prediction, labels } = self.phantom;
        let evaluation =
            Evaluation::labels(prediction.view(), labels.view()).with_input(self.input);
        let evaluate = |gradient: ArrayViewMut3<'_, f32>| {
            let value = evaluation.value_and_gradient_into(loss, gradient);
            value.expect("the phantom is valid");
        };
        // A run that allocates its gradient.
        let bytes = memory::peak(|| evaluate(Array3::zeros(prediction.raw_dim()).view_mut()));
        let memory = bytes.map(|bytes| bytes / (4 * prediction.len()) as f64);
        let mut gradient = Array3::zeros(prediction.raw_dim());
        loop {
            // The first run of each warms the caches and is not timed.
            let [ours, limit] = [false, true].map(|is_limit| {
                let mut run = || {
                    if is_limit {
                        limit(prediction.view(), gradient.view_mut());
                    } else {
                        evaluate(gradient.view_mut());
                    }
                };
                run();
                shortest(1, run).as_secs_f64() * 1e3
            });
            let simd = format!("{:?}", Simd::best());
            println!(
                "{}",
                json!({ "ours": ours, "limit": limit, "memory": memory, "simd": simd })
            );
            if !(self.again)() {
                return;
            }
        }
    }
}
